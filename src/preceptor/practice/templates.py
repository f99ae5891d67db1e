"""Worlds from plain data: reply templates and nothing else, for instance those of a real dialogue corpus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from preceptor.core.errors import WorldError
from preceptor.practice.world import Move, World

_SLOT = re.compile(r"\{[^}]*\}")
_EITHER = str.maketrans("[]", "()")


def template_world(
    name: str,
    moves: Mapping[str, str | Sequence[str]],
    *,
    brief: str = "",
    policy: str = "",
    advice: Mapping[str, Sequence[str]] | None = None,
) -> World:
    """A world whose moves are reply templates: no customers, no personas, no rules.

    A student over it makes the moves that guidance in its prompt speaks of, or else one of those that sound
    most like the conversation. Slots such as ``{name:s}`` are cut out.

    Args:
        moves: key to one phrasing or several.
        advice: key to other descriptions of the move, by which guidance may name it.

    Raises:
        WorldError: there is no move, or one without words.
    """
    if not moves:
        raise WorldError(f"world '{name}' has no moves", hint="give at least one template")
    built: dict[str, Move] = {}
    for key, phrasings in moves.items():
        texts = (phrasings,) if isinstance(phrasings, str) else tuple(phrasings)
        say = tuple(t for raw in texts if (t := " ".join(_SLOT.sub(" ", raw).translate(_EITHER).split())))
        if not say:
            raise WorldError(
                f"world '{name}': the move '{key}' has no words", hint="give it a phrasing or leave it out"
            )
        built[key] = Move(key=key, kind="solve", advice=tuple((advice or {}).get(key, ())), say=say)
    return World(name=name, brief=brief, policy=policy, moves=built)
