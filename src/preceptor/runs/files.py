"""Files that are either the old or the new one, whatever happens in between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from preceptor.core.errors import RunError
from preceptor.core.ids import plain

MAX_BYTES = 256 * 2**20
"""A larger JSON file is not ours."""


def write_json(path: Path, value: Any) -> None:
    """Writes ``value`` beside ``path``, to the disk, and then puts it in the place of ``path``.

    Raises:
        RunError: not JSON (also NaN), or the file cannot be written; ``path`` is then as it was.
    """
    try:
        text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{path.name} cannot be written as JSON ({error})", hint="store plain values only"
        ) from error
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            # Lone surrogates become JSON escapes: what a model wrote must not stop a run from being saved.
            file.write(text.encode("utf-8", "backslashreplace") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written ({error.strerror})", hint="see to space and rights there"
        ) from error


def read_json(path: Path) -> Any:
    """The JSON in ``path``.

    Raises:
        RunError: missing, not readable, or not JSON; the message names the file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path} is too large to be a run's file", hint="move it away")
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing", hint="see: preceptor runs list") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror})", hint="see to its rights") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error})", hint="restore it, or move the run's folder away") from error


def sync_folder(folder: Path) -> None:
    """Makes names in ``folder`` (new files, renames) survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
