"""Loading prompt files and filling their placeholders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from preceptor.core.errors import PromptError, unreadable

NAMES = (
    *("primer", "agent", "customer", "compare", "teach", "merge", "generalise", "screen", "rate", "advice"),
    *("guide", "guidance", "examples", "service", "breaches", "prefer"),
)
"""Every prompt there is, in the order in which a run meets them."""

_PLACEHOLDER = re.compile(r"\{\{ *([a-z_]+) *\}\}")
_SECTION = re.compile(r"\{\{#([a-z_]+)\}\}\n(.*?)\{\{/\1\}\}\n?", re.DOTALL)
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt file."""

    name: str
    header: Mapping[str, str]
    """``purpose``, ``reader``, ``output``: one line each."""
    body: str
    source: str
    """``built-in`` or the path of the override."""

    @property
    def placeholders(self) -> frozenset[str]:
        """Names between double braces in the body."""
        sections = (m.group(1) for m in _SECTION.finditer(self.body))
        return frozenset(_PLACEHOLDER.findall(self.body)) | frozenset(sections)

    @property
    def hash(self) -> str:
        """16 hex digits of the body's SHA-256: the provenance of what was asked."""
        return hashlib.sha256(self.body.encode()).hexdigest()[:16]

    def render(self, **values: str) -> str:
        """The body with every placeholder filled, in one pass: braces inside a value stay as they are.

        What stands between ``{{#name}}`` and ``{{/name}}`` lines is left out where ``name`` is empty.

        Raises:
            PromptError: a placeholder has no value; the message names it.
        """
        missing = sorted(self.placeholders - values.keys())
        if missing:
            raise PromptError(
                f"prompt '{self.name}' ({self.source}) uses {{{{ {missing[0]} }}}}, which has no value",
                hint=f"it may use: {', '.join(sorted(values))}",
            )
        text = _SECTION.sub(lambda m: m.group(2) if values[m.group(1)] else "", self.body)
        text = _PLACEHOLDER.sub(lambda m: values[m.group(1)], text)
        return _BLANKS.sub("\n\n", text).strip()


class PromptSet:
    """All prompts of a run: the built-in ones, each replaced by a file of the user's folder where there is one."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._prompts = dict(prompts)

    def __getitem__(self, name: str) -> Prompt:
        return self._prompts[name]

    def hashes(self) -> dict[str, str]:
        """Prompt name to :attr:`Prompt.hash`, for a run's provenance."""
        return {name: prompt.hash for name, prompt in self._prompts.items()}


def load_prompts(folder: Path | None = None) -> PromptSet:
    """The built-in prompts, overridden by ``folder/<name>.md`` where such a file exists.

    Raises:
        PromptError: the folder or a file in it cannot be used; names the file and what is wrong.
    """
    built_in = {name: _parse(name, _packaged(name), "built-in") for name in NAMES}
    if folder is None:
        return PromptSet(built_in)
    if not folder.is_dir():
        raise PromptError(
            f"prompts folder {folder} does not exist", hint="make it, or remove the setting prompts.folder"
        )
    prompts = dict(built_in)
    for path in sorted(folder.glob("*.md")):
        name = path.stem
        if name not in built_in:
            raise PromptError(f"{path}: there is no prompt '{name}'", hint=f"prompts are: {', '.join(NAMES)}")
        prompts[name] = _override(built_in[name], path)
    return PromptSet(prompts)


def _override(original: Prompt, path: Path) -> Prompt:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"{path} cannot be read: {unreadable(error)}", hint="save the prompt as UTF-8 text"
        ) from error
    prompt = _parse(original.name, text, str(path))
    unknown = sorted(prompt.placeholders - original.placeholders)
    if unknown:
        raise PromptError(
            f"{path}: unknown placeholder {{{{ {unknown[0]} }}}}",
            hint=f"prompt '{original.name}' may use: {', '.join(sorted(original.placeholders))}",
        )
    return prompt


def _packaged(name: str) -> str:
    return resources.files("preceptor.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")


def _parse(name: str, text: str, source: str) -> Prompt:
    header: dict[str, str] = {}
    body = text
    if text.startswith("---\n"):
        head, mark, body = text[4:].partition("\n---\n")
        if not mark:
            raise PromptError(f"{source}: prompt '{name}' opens a header with --- and never closes it")
        for line in head.splitlines():
            key, _, value = line.partition(":")
            header[key.strip()] = value.strip()
    if not body.strip():
        raise PromptError(f"{source}: prompt '{name}' is empty")
    return Prompt(name=name, header=header, body=body.strip() + "\n", source=source)
