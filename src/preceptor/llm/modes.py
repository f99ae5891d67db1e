"""How a model is made to answer in a wanted form, and which way worked: remembered by seat string."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

Mode = Literal["native", "tool", "object", "prompt"]
"""``native``: a JSON schema that the server enforces; ``tool``: a call to a tool of that shape; ``object``: any
JSON object; ``prompt``: the prompt's words alone. Best first."""

MODES: tuple[Mode, ...] = get_args(Mode)


class ModeMemory:
    """The mode that worked last, by seat string. With a file it outlives the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._modes: dict[str, Mode] = {} if path is None else _read(path)

    def of(self, spec: str) -> Mode:
        """Where to begin: ``native`` for models that were never asked."""
        return self._modes.get(spec, "native")

    def worked(self, spec: str, mode: Mode) -> None:
        """Remember it. A file that cannot be written is no reason to stop: the mode is then found anew."""
        if self._modes.get(spec) == mode:
            return
        self._modes[spec] = mode
        if self._path is None:
            return
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            new.write_text(json.dumps(self._modes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            new.replace(self._path)
        except OSError:
            return


def _read(path: Path) -> dict[str, Mode]:
    try:
        value: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    found = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {spec: mode for spec, mode in found.items() if mode in MODES}


def portable(schema: Any) -> Any:
    """The schema without what many servers choke on: lengths of texts become rules of a grammar in llama.cpp, one
    for each character, which it refuses or dies of. Answers are checked against the whole shape all the same."""
    if isinstance(schema, dict):
        fields = cast("dict[str, Any]", schema)
        text = fields.get("type") == "string"
        return {k: portable(v) for k, v in fields.items() if not (text and k in ("maxLength", "minLength"))}
    return [portable(v) for v in cast("list[Any]", schema)] if isinstance(schema, list) else schema


def wanted(mode: Mode, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a mode adds to the body of a chat completion."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title", "answer")))[:60] or "answer"
    shape = portable(dict(schema))
    if mode == "native":
        return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": shape}}}
    if mode == "tool":
        function = {"name": name, "description": "Give the answer.", "parameters": shape}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {"response_format": {"type": "json_object"}} if mode == "object" else {}
