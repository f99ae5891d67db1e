"""``preceptor chat`` as a user meets it, on practice models and on a server that fails."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from tests.servers.chat_server import ChatServer, Fault, cut, failing, ok

from preceptor import Project
from preceptor.cli import boundary
from preceptor.cli.commands.chat import _Screen
from preceptor.core.errors import ModelDownError
from preceptor.core.records import Strategy
from preceptor.library.changes import Propose, Provenance
from preceptor.project.advising import Advisor
from preceptor.project.chat import Chat, Side, open_chat
from preceptor.project.releasing import open_releases, recipe

LOST = "My suitcase did not arrive and nobody helps me."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose library holds one strategy that fits lost luggage. Do not write to it."""
    place = tmp_path_factory.mktemp("chat") / "p"
    project = Project.create(place, environ={})
    strategy = Strategy(id="strategy-1", when="a suitcase did not arrive", do="ask for the report number")
    with project.library(create=True) as library:
        change = Propose(strategy=strategy, provenance=Provenance(run=""))
        library.apply([change], author="ann", reason="test")
    return place


def talk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code = boundary.run(["chat", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_pipe(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    code, out, _ = talk(capsys, monkeypatch, f"{LOST}\n\n/quit\nnot read\n", "-C", folder)
    assert code == 0
    assert "advice: all that a run may use, 1 strategy" in out
    assert "simulated" in out
    assert "not reviewed" in out
    assert "strategy-1" in out
    assert "not read" not in out


def test_why_both_sides_say_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    _, out, _ = talk(capsys, monkeypatch, f"hm\n/advice off\n{LOST}\n", "-C", folder)
    assert out.count("the same: no advice fits") == 1, "the first message"
    assert out.count("the same: advice is off") == 1, "the second"


def test_json_lines(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    typed = [LOST, "/advice off", LOST, "/undo", "/undo", "/undo", "/nonsense \x1b[31m", "//slash", "x" * 20_001]
    code, out, err = talk(capsys, monkeypatch, "\n".join(typed), "--json", "-C", folder)
    assert (code, err) == (0, "")
    told = [json.loads(line) for line in out.splitlines()]
    first, off, plain, *_ = told
    assert [c["strategy"]["id"] for c in first["advice"]["chosen"]] == ["strategy-1"]
    assert 0 < first["advice"]["chosen"][0]["score"] <= 1
    assert (first["same"], first["source"], first["reviewed"], first["simulated"]) == (
        False,
        "library",
        False,
        True,
    )
    assert off["note"] == "advice is off"
    assert (plain["number"], plain["advice"]["chosen"], plain["source"]) == (2, [], "")
    assert [t.get("command") for t in told[3:7]] == ["undo", "undo", "undo", "unknown"]
    assert told[5]["note"] == "there is nothing to take back"
    assert "\x1b" not in told[6]["note"]
    assert told[7]["customer"] == "/slash"
    assert "at most 20000 characters" in told[8]["note"]


def test_a_release_is_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    project = Project.create(tmp_path / "p", environ={})
    strategy = Strategy(id="strategy-1", when="a suitcase did not arrive", do="ask for the report number")
    with project.library(create=True) as library:
        change = Propose(strategy=strategy, provenance=Provenance(run=""))
        library.apply([change], author="ann", reason="test")
    boundary.run(["release", "create", "--trial", "--by", "ann", "-C", str(project.folder)])
    release = next((project.folder / "releases").glob("*.preceptor"))
    capsys.readouterr()
    for name in (release.stem, release):
        code, out, _ = talk(capsys, monkeypatch, LOST, "--json", "--release", name, "-C", project.folder)
        told = json.loads(out)
        assert (code, told["source"], told["reviewed"]) == (0, release.stem, False)


async def test_sides_hear_their_own_replies_and_a_failure_is_told(folder: Path):
    def answer(body: dict[str, Any]) -> str:
        coached = "<advice" in body["messages"][-1]["content"] or "GUIDED" in str(body["messages"])
        return f"{'GUIDED' if coached else 'PLAIN'} {len(body['messages'])}"

    async with ChatServer(answer) as server:
        settings = {"seats.student.model": server.spec, "seats.student.retries": 0}
        project = Project.open(folder, settings=settings, environ={})
        with project.library() as library, open_releases(project) as releases:
            advisor = Advisor(project, library, releases, or_trial=True)
            async with open_chat(project, advisor) as chat:
                first = await chat.say(LOST)
                assert (first.student.reply, first.coached.reply) == ("PLAIN 2", "GUIDED 2")
                second = await chat.say("Thanks, bye")
                assert (second.student.reply, second.coached.reply) == ("PLAIN 4", "GUIDED 4")
                assert "<advice" not in str(
                    [b["messages"][:-1] for b in server.bodies if len(b["messages"]) > 2][-1][1:]
                )
                await _failures(chat, server)


async def _failures(chat: Chat, server: ChatServer) -> None:
    server.always = failing()
    third = await chat.say("And?")
    assert third.student.problem
    assert third.coached.problem
    assert third.student.reply == ""
    server.always = ok()
    assert chat.undo() == third
    assert (await chat.say("And?")).student.reply == "PLAIN 6"
    await server.__aexit__(None, None, None)
    kept = chat.exchanges
    with pytest.raises(ModelDownError):
        await chat.say("Anybody?")
    assert chat.exchanges == kept


async def test_the_same_request_is_made_once(folder: Path):
    async with ChatServer("Fine.") as server:
        project = Project.open(folder, settings={"seats.student.model": server.spec}, environ={})
        with project.library() as library, open_releases(project) as releases:
            async with open_chat(project, Advisor(project, library, releases, or_trial=True)) as chat:
                found = await chat.say("zzz qqq")
                assert found.same
                assert server.asked == 1


def test_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    assert talk(capsys, monkeypatch, "", "--trial", "--release", "x", "-C", folder)[0] == 2
    assert talk(capsys, monkeypatch, "", "--release", "nothing", "-C", folder)[0] == 1


def streamed(*parts: str) -> Fault:
    lines = "".join(f'data: {{"choices": [{{"delta": {{"content": "{part}"}}}}]}}\n\n' for part in parts)
    return Fault(status=200, body=f"{lines}data: [DONE]\n\n", content_type="text/event-stream")


async def test_replies_are_heard_while_they_come_and_a_try_that_broke_off_does_not_count(folder: Path):
    async with ChatServer() as server:
        project = Project.open(folder, settings={"seats.student.model": server.spec}, environ={})
        heard: list[tuple[Side, str]] = []

        def hear(side: Side, said: str) -> None:
            heard.append((side, said))

        with project.library() as library, open_releases(project) as releases:
            advisor = Advisor(project, library, releases, or_trial=True)
            async with open_chat(project, advisor, hear=hear) as chat:
                server.always = streamed("One", " two")
                found = await chat.say(LOST)
                assert (found.student.reply, found.coached.reply) == ("One two", "One two")
                for side in ("student", "coached"):
                    assert [said for name, said in heard if name == side] == ["", "One", "One two"]
                heard.clear()
                chat.coaching = False
                chat.undo()
                server.next(cut(), streamed("<think>hm</think>", "Yes"))
                found = await chat.say("zzz")
                assert (found.same, found.student.reply) == (True, "Yes")
                assert heard[0] == ("student", "")
                assert heard[-3:] == [("student", ""), ("student", ""), ("student", "Yes")]


def test_a_terminal_shows_the_end_of_what_came(monkeypatch: pytest.MonkeyPatch):
    for width in (100, 40):
        screen = _Screen(as_json=False)
        shown = io.StringIO()
        screen.out = Console(file=shown, force_terminal=True, width=width, height=12)
        screen.grows = True
        with screen.growing():
            screen.hear("student", "a long story " * 200 + "ends here")
            screen.hear("coached", "Short\x1b[31m.")
        assert "ends here" in shown.getvalue()
        assert "Short." in shown.getvalue()


class Topics:
    """Knows that luggage and a suitcase are one."""

    name = "topics"
    dimension = 2

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[1.0, 0.0] if "suitcase" in t or "luggage" in t else [0.0, 1.0] for t in texts]
        return np.array(rows, dtype=np.float32)


async def test_the_projects_embedder_finds_by_meaning(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for room in ("advising", "releasing", "jobs"):
        monkeypatch.setattr(f"preceptor.project.{room}.open_embedder", lambda *_, **__: Topics())
    project = Project.open(folder, environ={})
    with project.library() as library, open_releases(project) as releases:
        release = releases.create(recipe(project, trial=True), author="ann", reason="test").release
        for advisor in (
            Advisor(project, library, releases, trial=True),
            Advisor(project, library, releases, release=release.id),
        ):
            coach = advisor.now().coach
            assert coach.waits
            found = await coach.advise_async([{"role": "user", "content": "luggage"}])
            assert [c.strategy.id for c in found.chosen] == ["strategy-1"]
            assert found.chosen[0].dense == 1.0
            assert found.chosen[0].lexical == 0.0
