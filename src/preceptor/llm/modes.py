"""How a model is made to answer in a wanted form, and which way worked: remembered by seat string."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

Mode = Literal["native", "tool", "object", "prompt"]
"""``native``: a JSON schema that the server enforces; ``tool``: a call to a tool of that shape; ``object``: any
JSON object; ``prompt``: the prompt's words alone. Best first."""

MODES: tuple[Mode, ...] = get_args(Mode)

FORM_FAILURES = frozenset({"not-json", "wrong-shape", "ambiguous", "truncated", "empty", "repetition"})
"""Kinds of bad answers that another mode may mend. A server that forces a small model into a grammar makes some of
them: white space without end, an object cut off, empty texts."""

_PATIENCE = 2
"""Unusable answers in a mode before another one is thought of: an item is asked three times, so that the first
item need not be lost."""
_MOST = 64
"""Answers remembered by mode; beyond it all count half, so that a server that has changed is seen."""


@dataclass(slots=True)
class _Known:
    """What is known of one model."""

    mode: Mode
    refused: set[Mode] = field(default_factory=set[Mode])
    """Modes that the server does not take."""
    usable: dict[Mode, int] = field(default_factory=dict[Mode, int])
    unusable: dict[Mode, int] = field(default_factory=dict[Mode, int])

    def rate(self, mode: Mode) -> float:
        """Share of usable answers, with one of each kind added (Laplace): 0.5 where nothing is known."""
        good, bad = self.usable.get(mode, 0), self.unusable.get(mode, 0)
        return (good + 1) / (good + bad + 2)

    def count(self, mode: Mode, *, usable: bool) -> None:
        """One more answer."""
        counts = self.usable if usable else self.unusable
        counts[mode] = counts.get(mode, 0) + 1
        if self.usable.get(mode, 0) + self.unusable.get(mode, 0) > _MOST:
            for each in (self.usable, self.unusable):
                each[mode] = each.get(mode, 0) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeTold:
    """What is known of one model, for people."""

    mode: Mode
    refused: tuple[Mode, ...]
    answers: tuple[tuple[Mode, int, int], ...]
    """Mode, usable and unusable answers of late."""

    @property
    def unusable(self) -> int:
        """Answers of late that could not be used, in any mode."""
        return sum(bad for _, _, bad in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeFound:
    """One thing that was learned of a model."""

    spec: str
    mode: Mode
    refused: tuple[Mode, ...] = ()
    usable: bool | None = None
    """Whether an answer in this mode could be used; None: the server took the mode, after it refused the others."""


class ModeMemory:
    """The mode that works best, by seat string. With a file it outlives the process.

    A model begins in the best mode that it is said to take. A mode that the server refuses is left at once; one in
    which answers turn out unusable is left for the one with the largest share of usable answers, an untried one
    counting as one half.
    """

    def __init__(self, path: Path | None = None, *, tell: Callable[[ModeFound], object] | None = None) -> None:
        """``tell`` hears what is learned here, for another process's memory to :meth:`hear`."""
        self._path = path
        self._tell = tell
        self._known: dict[str, _Known] = {} if path is None else _read(path)
        self._offered: dict[str, tuple[Mode, ...]] = {}
        self._new: set[str] = set()
        """Models of which something was learned since the file was written."""

    def offer(self, spec: str, modes: tuple[Mode, ...]) -> None:
        """The modes that a model is said to take, the first one to begin with; all, where nobody says."""
        self._offered[spec] = modes

    def of(self, spec: str) -> Mode:
        """The mode to ask in."""
        offered = self._offered.get(spec, MODES)
        known = self._known.get(spec)
        return known.mode if known is not None and known.mode in offered else offered[0]

    def after(self, spec: str, tried: Collection[Mode]) -> Mode | None:
        """The mode to ask in when the server refused those; None where there is no other."""
        return self._best(spec, tried)

    def worked(self, spec: str, mode: Mode, refused: Collection[Mode] = ()) -> None:
        """The server took this mode, after it refused the others."""
        known = self._known.get(spec)
        if known is None or refused:
            known = self._known.setdefault(spec, _Known(mode=mode))
            known.refused |= set(refused)
            known.mode = mode
            self._new.add(spec)
            self.save()
            if self._tell is not None:
                self._tell(ModeFound(spec=spec, mode=mode, refused=tuple(refused)))

    def told(self, spec: str, mode: str, *, usable: bool) -> None:
        """Whether an answer in this mode could be used. Others than :data:`MODES` tell nothing."""
        known = self._known.get(spec)
        if known is None or mode not in MODES:
            return
        known.count(mode, usable=usable)
        self._new.add(spec)
        if self._tell is not None:
            self._tell(ModeFound(spec=spec, mode=mode, usable=usable))
        if usable or mode != known.mode or known.unusable.get(mode, 0) < _PATIENCE:
            return
        best = self._best(spec, ())
        if best is not None and known.rate(best) > known.rate(mode):
            known.mode = best
            self.save()

    def hear(self, found: ModeFound) -> None:
        """What another process learned."""
        if found.usable is None:
            self.worked(found.spec, found.mode, found.refused)
        else:
            self.told(found.spec, found.mode, usable=found.usable)

    def known(self) -> Mapping[str, object]:
        """All that is known, as data that :meth:`begin_with` takes in another process."""
        return {spec: _plain(one) for spec, one in self._known.items()}

    def begin_with(self, known: Mapping[str, object]) -> None:
        """Knows this and no more."""
        self._known = _all_known(known)

    def tell(self, spec: str) -> ModeTold | None:
        """What is known of a model; None where nothing is."""
        known = self._known.get(spec)
        if known is None:
            return None
        counts: list[tuple[Mode, int, int]] = [(m, known.usable.get(m, 0), known.unusable.get(m, 0)) for m in MODES]
        return ModeTold(
            mode=known.mode,
            refused=tuple(m for m in MODES if m in known.refused),
            answers=tuple(c for c in counts if c[1] or c[2]),
        )

    def save(self) -> None:
        """Writes what was learned; what other processes wrote of other models stays. A file that cannot be written
        is no reason to stop: it is then found anew."""
        if self._path is None or not self._new:
            return
        kept = {**_read(self._path), **{spec: self._known[spec] for spec in self._new}}
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            new.write_text(
                json.dumps({spec: _plain(one) for spec, one in kept.items()}, indent=1, sort_keys=True) + "\n",
                encoding="utf-8",
            )
            new.replace(self._path)
        except OSError:
            return
        self._new.clear()

    def _best(self, spec: str, without: Collection[Mode]) -> Mode | None:
        known = self._known.get(spec) or _Known(mode=self.of(spec))
        without = {*without, *known.refused}
        left: list[Mode] = [mode for mode in self._offered.get(spec, MODES) if mode not in without]
        return max(left, key=known.rate) if left else None  # the first of equals


def _plain(known: _Known) -> dict[str, object]:
    answers = {m: [known.usable.get(m, 0), known.unusable.get(m, 0)] for m in MODES}
    return {
        "mode": known.mode,
        "refused": sorted(known.refused),
        "answers": {mode: counts for mode, counts in answers.items() if any(counts)},
    }


def _read(path: Path) -> dict[str, _Known]:
    """What the file holds; entries that are not what we wrote are left out."""
    try:
        value: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return _all_known(cast("dict[str, object]", value)) if isinstance(value, dict) else {}


def _all_known(found: Mapping[str, object]) -> dict[str, _Known]:
    known = {spec: _known(one) for spec, one in found.items()}
    return {spec: one for spec, one in known.items() if one is not None}


def _known(value: object) -> _Known | None:
    if isinstance(value, str) and value in MODES:  # as earlier versions wrote it: the last mode that a server took
        return _Known(mode=value, refused=set(MODES[: MODES.index(value)]))
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, Any]", value)
    mode, refused, answers = fields.get("mode"), fields.get("refused"), fields.get("answers")
    if mode not in MODES or not isinstance(refused, list) or not isinstance(answers, dict):
        return None
    known = _Known(mode=mode, refused={m for m in MODES if m in refused})
    for one, counts in cast("dict[str, object]", answers).items():
        match counts:
            case [int(good), int(bad)] if one in MODES and good >= 0 and bad >= 0:
                known.usable[one], known.unusable[one] = good, bad
            case _:
                return None
    return known


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
