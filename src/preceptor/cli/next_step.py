"""The next step as it can be typed: with the project that was meant, and with all that a run began with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import click

from preceptor.cli.app import COMMANDS, app
from preceptor.cli.out import program
from preceptor.core.secrets import masked_word

_NAMED = re.compile(r"(?<![\w/.-])preceptor((?: [a-z][a-z-]*)+)(?! -C )")
_RESUMED = re.compile(r"(?<![\w/.-])preceptor (learn|evaluate|prove|transfer) --resume")
_CAPS = ("--max-usd", "--max-calls")


def where(folder: Path) -> str:
    """`` -C DIR`` for a shell, unless it is this folder."""
    return "" if folder == Path() else f" -C {shlex.quote(str(folder))}"


def as_typed() -> Callable[[str], str]:
    """What a project has to say by itself while this command runs, as whoever called it can type it."""
    arguments: Sequence[str] = click.get_current_context().find_root().obj or ()
    return lambda hint: again(hint, arguments)


def stopped(arguments: Sequence[str]) -> str:
    """How to go on with what ``arguments`` may have begun; empty where nothing can be."""
    job = next((word for word in arguments if not word.startswith("-")), "")
    begun = f"preceptor {job} --resume"
    return again(begun, arguments) if _RESUMED.fullmatch(begun) else ""


def in_project(text: str, folder: Path) -> str:
    """``text`` with every command in it as it is called here, and with ``-C`` where it takes a project."""
    place = where(folder)

    def placed(found: re.Match[str]) -> str:
        words = found[1].split()
        if words[0] not in {entry.name for entry in COMMANDS}:
            return found[0]
        taken, takes = _command(words) if place else (1, False)
        parts = [program(), *words[:taken]]
        return " ".join([" ".join(parts) + place * takes, *words[taken:]])

    return _NAMED.sub(placed, text)


def resuming(text: str, command: str) -> str:
    """``text`` with ``command`` where it says how a run is gone on with."""
    return _RESUMED.sub(lambda _: command, text)


def again(hint: str, arguments: Sequence[str], *, raised: bool = False) -> str:
    """``hint`` for whoever typed ``arguments``; where it goes on with the run that these began, they are all in it,
    but for secrets.

    Args:
        raised: caps are to be raised: those that were given are left out.
    """
    words = [word for word in arguments if word != "--debug"]
    begun = _RESUMED.search(hint)
    if begun and words and words[0] == begun[1]:
        given = list(_without_caps(words) if raised else words)
        given += ["--resume"] * ("--resume" not in given)
        return resuming(hint, f"{program()} {shlex.join(map(masked_word, given))}")
    return in_project(hint, _folder(words))


def _command(words: Sequence[str]) -> tuple[int, bool]:
    """How many of ``words`` name a command, and whether it takes a project."""
    context = click.Context(app)
    found: click.Command = app
    for taken, word in enumerate(words):
        inner = found.get_command(context, word) if isinstance(found, click.Group) else None
        if inner is None:
            return taken, _takes_project(found)
        found = inner
    return len(words), _takes_project(found)


def _takes_project(command: click.Command) -> bool:
    return any("-C" in option.opts for option in command.params)


def _folder(words: Sequence[str]) -> Path:
    """The project that was named; this folder where none was."""
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word in ("-C", "--project"):
            return Path(after)
        if word.startswith("--project="):
            return Path(word.partition("=")[2])
        if word.startswith("-C"):
            return Path(word[2:])
    return Path()


def _without_caps(words: Sequence[str]) -> Iterator[str]:
    skip = False
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if skip:
            skip = False
        elif word in _CAPS or (word == "--set" and "budget" in after.partition("=")[0]):
            skip = True
        elif not word.startswith(tuple(f"{cap}=" for cap in _CAPS)):
            yield word
