"""The files of a new project folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preceptor.core.config import FILE
from preceptor.core.errors import InputError
from preceptor.core.fields import Setting, sections, settings

_HEAD = """\
# Settings of this project. Every line that begins with # shows a default; remove the # to change it.
# Any setting can be overridden by environment (PRECEPTOR_LEARN__ATTEMPTS=3) or flag (--set learn.attempts=3).
# What holds, and where it came from: preceptor config
# Secrets do not belong here: name the environment variable that holds the key, as in api_key_env = "MY_KEY".
"""

_IGNORE = "library.db*\nruns/\n"


def check_free(folder: Path) -> None:
    """Raises InputError when ``folder`` already holds something: nothing of the user's is ever overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} is already there and is not empty", hint="name a folder that does not exist yet"
        )


def write_settings(folder: Path, chosen: Mapping[str, object]) -> None:
    """``preceptor.toml`` with every setting commented, those in ``chosen`` (dotted keys) and the models set."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(settings_text(chosen), encoding="utf-8", newline="\n")
    (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8", newline="\n")


def settings_text(chosen: Mapping[str, object]) -> str:
    """The text of ``preceptor.toml``."""
    parts = [_HEAD]
    known = settings()
    for section, meaning in sections():
        parts.append(f"\n# {meaning.replace('``', '')}")
        mine = [s for s in known if s.key.startswith(f"{section}.")]
        if section == "seats":
            parts += _seats(mine, chosen)
        else:
            parts.append(f"[{section}]")
            parts += [_line(s, chosen) for s in mine]
    return "\n".join(parts) + "\n"


def _seats(mine: list[Setting], chosen: Mapping[str, object]) -> list[str]:
    lines = [
        "# model: practice:NAME (embedded, offline), http://HOST/v1#MODEL (Ollama, vLLM, llama.cpp, ...),",
        "# or PROVIDER:MODEL (openai:..., anthropic:...; needs the extra: providers).",
    ]
    seat = ""
    for setting in mine:
        _, name, leaf = setting.key.split(".")
        if name != seat:
            lines.append(f"\n[seats.{name}]" if seat else f"[seats.{name}]")
        seat, full = name, name == "student" or setting.key in chosen
        if leaf == "model":
            value = chosen.get(setting.key, setting.default)
            lines.append(f"model = {toml(value)}  # {setting.description.partition(':')[0]}")
        elif full:
            lines.append(_line(setting, chosen))
    return lines


def _line(setting: Setting, chosen: Mapping[str, object]) -> str:
    leaf = setting.key.rpartition(".")[2]
    note = f"  # {setting.description}" + ("" if setting.allowed == "text" else f" ({setting.allowed})")
    if setting.key in chosen:
        return f"{leaf} = {toml(chosen[setting.key])}{note}"
    return f"# {leaf} = {toml(setting.default)}{note}"


def toml(value: Any) -> str:
    """A setting's value in TOML; empty text for None, which loading reads as empty again."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
