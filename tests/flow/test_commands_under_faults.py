"""Each command that asks models, on a server that is gone, refuses the key or talks nonsense: one clear message, a
non-zero exit, nothing lost; and once the server is well again, it goes on where it stood."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kills import EPOCH, NAMES, SIZE, Watched, watched
from tests.servers import chat_server as faults
from tests.servers.chat_server import Fault

from preceptor import Project
from preceptor.cli import boundary

TINY: dict[str, object] = {
    **SIZE,
    "learn.primer": False,
    "evaluate.profiles": 2,
    "evaluate.max_turns": 2,
    "evaluate.arms": ("student", "coached"),
    "prove.dialogues": 2,
    "prove.max_turns": 2,
    "prove.calls": 60,
    "transfer.strategies": False,
}
COMMANDS = {
    "learn": ("learn", "--seed", "5"),
    "evaluate with A/A": ("evaluate", "--seed", "5", "--set", "evaluate.aa=2"),
    "prove": ("prove", "--seed", "5"),
    "transfer": ("transfer", "--seed", "5", "--domains", "retailer"),
    "judge check": ("judge", "check", "--dialogues", "3"),
}
WORDS = {"message": {"content": "{" + " \n" * 40}, "finish_reason": "length"}
NONSENSE = Fault(status=200, body=json.dumps({"choices": [WORDS]}))
SAID = {
    "refused key": (faults.refused_key(), "key refused"),
    "web page": (faults.web_page(), "not with JSON"),
}


@dataclass
class Ground:
    """A project with a library and an evaluation, all seats on one server."""

    folder: Path
    watched: Watched

    def faulty(self, fault: Fault) -> None:
        assert self.watched.server is not None
        self.watched.server.always = fault


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with watched() as server:
        folder = tmp_path_factory.mktemp("faults") / "p"
        seats: dict[str, object] = {f"seats.{seat}.model": f"{server.url}#{name}" for seat, name in NAMES.items()}
        seats |= {f"seats.{seat}.retries": 0 for seat in NAMES}
        project = Project.create(folder, settings={**TINY, **seats}, environ=EPOCH)
        project.learn()
        project.evaluate()
        yield Ground(folder, server)


@pytest.fixture
def ground(made: Ground, tmp_path: Path) -> Iterator[Ground]:
    shutil.copytree(made.folder, tmp_path / "p")
    made.faulty(faults.ok())
    yield Ground(tmp_path / "p", made.watched)
    made.faulty(faults.ok())


def kept(folder: Path) -> dict[str, bytes]:
    """What earlier runs left: their results, and the library's changes."""
    with Project.open(folder, environ=EPOCH).library() as library:
        assert library.verify().ok
        told = {"library": "\n".join(library.dump()).encode()}
    runs = [folder / "runs" / name for name in ("learn-001", "evaluate-001")]
    return told | {str(p): p.read_bytes() for run in runs for p in (run / "results").glob("*")}


def failed(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    """What a command says that must fail: one error, one next step."""
    code = boundary.run([*words, "-C", str(folder)])
    told = capsys.readouterr()
    assert code == 1, told
    assert "Traceback" not in told.err + told.out
    assert told.err.count("error: ") == 1, told.err
    assert told.err.count("next: ") == 1, told.err
    return told.err


def went_on(capsys: pytest.CaptureFixture[str], folder: Path, words: tuple[str, ...]) -> None:
    again = words if words[0] == "judge" else (*words, "--resume")
    code = boundary.run([*again, "-C", str(folder), "--json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    assert json.loads(told.out)


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_that_stays_is_told_once_and_the_command_goes_on_when_it_has_passed(
    command: str, name: str, ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept(ground.folder)
    fault, words = SAID[name]
    ground.faulty(fault)
    told = failed(capsys, ground.folder, *COMMANDS[command])
    assert words in told
    assert kept(ground.folder) == before
    if name != "refused key":
        return
    ground.faulty(faults.ok())
    went_on(capsys, ground.folder, COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_not_there(command: str, ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept(ground.folder)
    dead = [f"--set=seats.{seat}.model=http://127.0.0.1:9/v1#{name}" for seat, name in NAMES.items()]
    told = failed(capsys, ground.folder, *COMMANDS[command], *dead)
    assert "http://127.0.0.1:9/v1 is unreachable" in told
    assert "is the server running?" in told
    assert kept(ground.folder) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_nonsense_for_ever(command: str, ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept(ground.folder)
    ground.faulty(NONSENSE)
    if command == "learn":  # a run in which nothing was learned has come to its end, and says so
        assert boundary.run(["learn", "--seed", "5", "-C", str(ground.folder), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [s["proposed"] for s in told["stages"]] == [0, 0]
    else:
        failed(capsys, ground.folder, *COMMANDS[command])
    after = kept(ground.folder)
    assert after.pop("library").startswith(before.pop("library")), "its log only grows"
    assert after == before


def test_a_report_asks_no_model(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    ground.faulty(faults.refused_key())
    assert boundary.run(["report", "-C", str(ground.folder)]) == 0
    capsys.readouterr()
    results = ground.folder / "runs" / "evaluate-001" / "results" / "evaluation.json"
    results.write_text('{"schema": 1, "items": [')
    failed(capsys, ground.folder, "report")
