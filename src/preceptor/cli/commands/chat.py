"""``preceptor chat``: the student and the coached student, side by side."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, text
from preceptor.coach.wording import worded
from preceptor.core.errors import ModelDownError
from preceptor.core.ids import plain
from preceptor.core.untrusted import clean
from preceptor.project import Project
from preceptor.project.advising import Advisor
from preceptor.project.chat import Chat, Exchange, Said, Side, open_chat
from preceptor.project.releasing import open_releases

LONGEST = 20_000
"""Characters of one message."""
_HELP = "/undo takes the last message back, /advice on|off, /quit; // begins a message with a slash"
_SIDE_BY_SIDE = 72


@click.command("chat")
@click.option("--release", default="", metavar="ID|FILE", help="Advice of this release; default: the current one.")
@click.option("--trial", is_flag=True, help="Advice from all that a run may use, reviewed or not.")
@click.option("--student", metavar="MODEL", help="The model to talk to.")
@click.option("--advice/--no-advice", default=True, help="Begin with advice on or off.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="For models that take one.")
@project_options
@json_option
def command(
    release: str,
    trial: bool,
    student: str | None,
    advice: bool,
    seed: int,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Talk to the student and the coached student, side by side.

    Shows the advice of each turn with its scores. From a pipe each line is a customer's message; with --json each
    answer is one JSON object a line. Where no release is current, all that a run may use advises.
    """
    if release and trial:
        raise click.UsageError("--trial goes with the library, not with a release")
    project = Project.open(folder, flags=flags(sets, {"student": student}))
    with project.library() as library, open_releases(project) as releases:
        advisor = Advisor(project, library, releases, release=release, trial=trial, or_trial=True)
        screen = _Screen(as_json)
        # One loop for all turns, and the prompt outside it: Ctrl-C must not wait for a line to be typed.
        with asyncio.Runner() as runner:
            opened = open_chat(project, advisor, seed=seed, hear=screen.hear if screen.grows else None)
            chat = runner.run(opened.__aenter__())
            try:
                chat.coaching = advice
                _talk(chat, advisor, screen, runner)
            finally:
                runner.run(opened.__aexit__(None, None, None))


class _Screen:
    """Asks and shows: on a terminal, in a pipe, or as JSON lines."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.asks = sys.stdin.isatty() and not as_json
        self.out: Console = console()
        self.grows = self.asks and self.out.is_terminal
        """Whether replies are shown while they come."""
        self._heard: dict[Side, str] = {}

    def hear(self, side: Side, said: str) -> None:
        """More of a side's reply came."""
        self._heard[side] = said

    @contextmanager
    def growing(self) -> Generator[None]:
        """Replies are shown while they come; at the end the place is free again."""
        self._heard = {}
        if not self.grows:
            yield
            return
        with Live(console=self.out, transient=True, refresh_per_second=10, get_renderable=self._so_far):
            yield

    def _so_far(self) -> RenderableType:
        """The ends of both replies, as much of them as the screen holds."""
        beside = self.out.width >= _SIDE_BY_SIDE
        width = self.out.width // 2 - 3 if beside else self.out.width
        height = max(2, (self.out.height - 4) // (1 if beside else 2))

        def end(side: Side) -> Text:
            lines = text(self._heard.get(side) or "…").wrap(self.out, width)
            return Text("\n").join(lines[-height:])

        return _sides(("student", "coached"), (end("student"), end("coached")), self.out.width)

    def lines(self) -> Iterator[str]:
        """What the person types, or the lines of the pipe."""
        if not self.asks:
            yield from (ln.rstrip("\r\n") for ln in sys.stdin)
            return
        while True:
            try:
                yield input("customer> ")
            except EOFError:
                self.out.print()
                return

    def note(self, words: str, **told: object) -> None:
        """A line of ours."""
        if self.as_json:
            click.echo(json.dumps({"note": clean(words), **told}, ensure_ascii=True))
        else:
            self.out.print(line(words, style="dim"))

    def show(self, found: Exchange, model: str) -> None:
        """An exchange with its advice."""
        if self.as_json:
            told = {**plain(found), "model": model, "simulated": model.startswith("practice:")}
            click.echo(json.dumps(told, ensure_ascii=True))
            return
        if not self.asks:
            self.out.print(Text.assemble(("customer> ", "bold"), text(found.customer)))
        self.out.print(_rendered(found, self.out.width))


def _talk(chat: Chat, advisor: Advisor, screen: _Screen, runner: asyncio.Runner) -> None:
    if not screen.as_json:
        _greet(screen, chat, advisor)
    for typed in map(str.strip, screen.lines()):
        if typed.startswith("/") and not typed.startswith("//"):
            if not _obey(typed, chat, screen):
                return
            continue
        message = clean(typed.removeprefix("/") if typed.startswith("//") else typed)
        if len(message) > LONGEST:
            screen.note(f"a message has at most {LONGEST} characters; this one has {len(message)} and was not sent")
        elif message:
            _answer(message, chat, screen, runner)


def _answer(message: str, chat: Chat, screen: _Screen, runner: asyncio.Runner) -> None:
    try:
        with screen.growing():
            found = runner.run(chat.say(message))
        screen.show(found, chat.model)
    except ModelDownError as error:
        # A person may start the server and go on; in a pipe nobody is there who could.
        if not screen.asks:
            raise
        screen.note(f"{error.message} {error.hint}")
    except KeyboardInterrupt:
        if not screen.asks:
            raise
        screen.note("stopped; the message was not kept. /quit leaves")


def _greet(screen: _Screen, chat: Chat, advisor: Advisor) -> None:
    now = advisor.now()
    source = "all that a run may use" if now.source == "library" else now.source
    count = len(now.coach)
    screen.note(f"student: {chat.model}; advice: {source}, {count} {'strategy' if count == 1 else 'strategies'}")
    if chat.model.startswith("practice:"):
        screen.note("simulated: practice models are a flight simulator, not language models")
    if not now.reviewed:
        screen.note("not reviewed: some of these strategies no person has approved")
    if screen.asks:
        screen.note(_HELP)


def _obey(typed: str, chat: Chat, screen: _Screen) -> bool:
    """Does what a ``/command`` asks. False: the talk ends."""
    match typed.split():
        case ["/quit" | "/exit" | "/q"]:
            return False
        case ["/undo"]:
            gone = chat.undo()
            screen.note(f"taken back: {gone.customer}" if gone else "there is nothing to take back", command="undo")
        case ["/advice", "on" | "off" as state]:
            chat.coaching = state == "on"
            screen.note(f"advice is {state}", command="advice")
        case ["/help"]:
            screen.note(_HELP, command="help")
        case _:
            screen.note(f"unknown: {typed[:40]}. {_HELP}", command="unknown")
    return True


def _rendered(found: Exchange, width: int) -> RenderableType:
    same = f"the same: {'no advice fits' if found.source else 'advice is off'}"
    heads = ("student", same if found.same and not found.advice.chosen else "coached")
    replies = _sides(heads, (_said(found.student), None if found.same else _said(found.coached)), width)
    return Group(replies, *_advice(found), Text(""))


def _sides(heads: tuple[str, str], said: tuple[Text, Text | None], width: int) -> RenderableType:
    """Two replies side by side; on a narrow screen one below the other."""
    styles = ("bold yellow", "bold green")
    if width < _SIDE_BY_SIDE:
        titles = [Text(head, style=style) for head, style in zip(heads, styles, strict=True)]
        return Group(titles[0], said[0] or "", titles[1], *([] if said[1] is None else [said[1]]))
    grid = Table(box=None, expand=True, pad_edge=False, padding=(0, 3, 0, 0))
    for head, style in zip(heads, styles, strict=True):
        grid.add_column(Text(head, style=style), ratio=1, overflow="fold")
    grid.add_row(said[0], said[1] or Text(""))
    return grid


def _said(said: Said) -> Text:
    return text(said.problem, style="red") if said.problem else text(said.reply)


def _advice(found: Exchange) -> list[RenderableType]:
    told: list[RenderableType] = []
    if found.advice.fallback:
        told.append(line(f"found by words alone: {found.advice.fallback}", style="dim"))
    if not found.advice.chosen:
        return told
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("score", "lexical", "dense"):
        grid.add_column(column, justify="right", no_wrap=True)
    grid.add_column(f"advice, from {found.source}", overflow="fold")
    for chosen in found.advice.chosen:
        scope = "" if chosen.strategy.scope == "scenario" else " (domain-wide)"
        grid.add_row(
            f"{chosen.score:.2f}",
            f"{chosen.lexical:.2f}",
            f"{chosen.dense:.2f}",
            Text.assemble(worded(chosen.strategy).line, (f"  {chosen.strategy.id}{scope}", "dim")),
        )
    return [grid, *told]
