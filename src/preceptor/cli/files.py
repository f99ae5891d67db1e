"""Files that commands write for the user: never over something that is there, all or nothing."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from preceptor.core.errors import InputError


def write_text(path: Path, text: str, *, overwrite: bool) -> None:
    """Writes a file. InputError where one is there and not ``overwrite``, or it cannot be written."""
    if path.exists() and (path.is_dir() or not overwrite):
        raise InputError(f"{path} is already there", hint="name another, or replace it: --overwrite")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_folder(folder: Path, files: Mapping[str, str], *, overwrite: bool, made_by_us: str) -> None:
    """Writes a folder of files, whole or not at all.

    Args:
        overwrite: replace a folder that is there; only one whose ``SKILL.md`` says that ``made_by_us`` made it.

    Raises:
        InputError: something is there, or it cannot be written.
    """
    if folder.exists() and not (overwrite and _ours(folder, made_by_us)):
        hint = "name another place: --out" if overwrite else "name another place, or replace it: --overwrite"
        was = "is already there, and we did not make it" if overwrite else "is already there"
        raise InputError(f"{folder} {was}", hint=hint)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        for name, text in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise _cannot(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _ours(folder: Path, mark: str) -> bool:
    try:
        front = (folder / "SKILL.md").read_text(encoding="utf-8").split("---\n")[1]
        found = yaml.safe_load(front)
        return found["metadata"]["generator"] == mark
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return False


def _cannot(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror or error}", hint="name another place with: --out")
