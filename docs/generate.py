"""Fills the generated parts of the docs from the code: ``make docs``. A test fails when they are not current.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. With ``--picture`` the demo is run and its
screen is drawn to ``docs/demo.svg``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from preceptor.cli.app import app
from preceptor.cli.commands.demo import CUSTOMERS
from preceptor.cli.screens import evaluated, heading, learned
from preceptor.core import errors
from preceptor.core.fields import sections, settings
from preceptor.project import Project
from preceptor.project.prompt_examples import rendered
from preceptor.project.scaffold import toml
from preceptor.prompts import NAMES, load_prompts

DOCS = Path(__file__).resolve().parent
_PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-label="The end of preceptor demo">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px; }}
{styles}
</style>
<rect width="100%" height="100%" rx="8" fill="#292929"/>
<g transform="translate(10, 10)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
<defs>{lines}</defs>
</svg>
"""


def config_table() -> str:
    """Every setting, section by section."""
    parts: list[str] = []
    known = settings()
    for section, meaning in sections():
        parts.append(f"### `[{section}]`\n\n{meaning.replace('``', '`')}\n")
        parts.append("| setting | default | allowed | meaning |\n|---|---|---|---|")
        seen: set[str] = set()
        for s in known:
            if not s.key.startswith(f"{section}."):
                continue
            key, description = s.key, s.description
            if section == "seats" and not key.endswith(".model"):
                key = f"seats.SEAT.{key.rpartition('.')[2]}"
                if key in seen:
                    continue
                seen.add(key)
            default = "empty" if s.default is None or s.default == "" else f"`{toml(s.default)}`"
            parts.append(f"| `{key}` | {default} | {s.allowed} | {description} |")
        parts.append("")
    return "\n".join(parts)


def commands(group: click.Command = app, path: tuple[str, ...] = ("preceptor",)) -> Iterator[tuple[str, str]]:
    """Every command with its help, depth first."""
    context = click.Context(
        group, info_name=" ".join(path), terminal_width=96, max_content_width=96, help_option_names=["-h", "--help"]
    )
    yield " ".join(path), group.get_help(context)
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            inner = group.get_command(context, name)
            if inner is not None:
                yield from commands(inner, (*path, name))


def cli_reference() -> str:
    """The help of every command."""
    return "\n".join(f"### `{path}`\n\n```text\n{text}\n```\n" for path, text in commands())


def prompt_pages() -> str:
    """Every prompt: what it is for, and an example as a model reads it."""
    prompts = load_prompts()
    parts: list[str] = []
    for name in NAMES:
        prompt = prompts[name]
        places = ", ".join(f"`{p}`" for p in sorted(prompt.placeholders))
        head = f"- Purpose: {prompt.header['purpose']}\n- Reader: {prompt.header['reader']}\n"
        head += f"- Output: {prompt.header['output']}\n- Placeholders: {places}\n"
        parts.append(f"### `{name}`\n\n{head}\n~~~text\n{rendered(prompt)}\n~~~\n")
    return "\n".join(parts)


def error_tree() -> str:
    """The family of errors, as its module draws it."""
    tree = (errors.__doc__ or "").partition("::\n")[2].partition("Every message")[0]
    return f"```text\n{_dedent(tree)}\n```\n"


def _dedent(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").splitlines()).strip()


def page_list() -> str:
    """Every page with its title."""
    pages = sorted(p for p in DOCS.glob("*.md") if p.name != "index.md")
    titles = [p.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for p in pages]
    return "\n".join(f"- [{title}]({p.name})" for title, p in zip(titles, pages, strict=True))


def example(path: Path) -> str:
    """A file of examples/, as it runs in the tests."""
    return f"```python\n{path.read_text(encoding='utf-8').rstrip()}\n```"


EXAMPLES = DOCS.parent / "examples"
PARTS: dict[str, Callable[[], str]] = {
    "config": config_table,
    "cli": cli_reference,
    "prompts": prompt_pages,
    "errors": error_tree,
    "pages": page_list,
    **{f"example-{p.stem.replace('_', '-')}": partial(example, p) for p in sorted(EXAMPLES.glob("*.py"))},
}


def filled(text: str) -> str:
    """A page with its generated parts made anew."""
    return _PART.sub(lambda m: f"{m.group(1)}{PARTS[m.group(2)]().rstrip()}\n{m.group(3)}", text)


def draw(path: Path) -> None:
    """Runs the demo and draws its end."""
    with tempfile.TemporaryDirectory() as place:
        project = Project.create(Path(place) / "demo", settings={"evaluate.profiles": CUSTOMERS}, environ={})
        result = project.learn()
        measured = project.evaluate()
    screen = Console(
        record=True, width=100, highlight=False, markup=False, file=sys.stderr, color_system="truecolor"
    )
    screen.print(Text("$ preceptor demo", style="bold"))
    screen.print(heading("what was learned"), *learned(result, Path("demo-airline")), sep="\n")
    screen.print(heading("before and after"), *evaluated(measured.evaluation), sep="\n")
    path.write_text(screen.export_svg(title="preceptor demo", code_format=_SVG, unique_id="demo"), encoding="utf-8")


def main() -> None:
    """Writes every page that has generated parts."""
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        if new != text:
            page.write_text(new, encoding="utf-8")
    if "--picture" in sys.argv:
        draw(DOCS / "demo.svg")


if __name__ == "__main__":
    main()
