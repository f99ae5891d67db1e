"""``preceptor journal``, as it is typed; words dropped after a time; encrypted runs that go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from preceptor import Project
from preceptor.cli import boundary
from preceptor.core.errors import ConfigError, RunError

SMALL = {"learn.dialogues": 2, "learn.scenarios": 2, "learn.max_turns": 2, "learn.teacher_share": (1.0,)}
KEY = {"MY_JOURNAL": "correct horse battery"}


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    code = boundary.run([*(str(a) for a in arguments), "--json"])
    told = capsys.readouterr()
    return json.loads(told.out) if code == 0 else (code, told.err)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Project.create(tmp_path / "p", settings=SMALL, environ={}).learn()
    return tmp_path / "p"


def test_list_measure_check_prune(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (listed,) = call(capsys, "journal", "list", "-C", folder)["journals"]
    assert (listed["run"], listed["status"], listed["problem"]) == ("learn-001", "done", "")
    answers = listed["stats"]["answers"]
    assert answers == sum(r["calls"] for r in call(capsys, "journal", "stats", "-C", folder)["rows"]) > 0
    assert call(capsys, "journal", "verify", "-C", folder) == {"ok": True, "damaged": []}
    assert call(capsys, "journal", "prune", "--older-than", "3", "-C", folder)["pruned"][0]["answers"] == 0
    would = call(capsys, "journal", "prune", "--dry-run", "-C", folder)
    assert (would["dry_run"], would["pruned"][0]["answers"]) == (True, answers)
    assert call(capsys, "journal", "prune", "-C", folder)["pruned"][0]["answers"] == answers
    assert call(capsys, "journal", "stats", "-C", folder)["dropped"] == answers
    gone = call(capsys, "journal", "prune", "--whole", "-C", folder)["pruned"][0]
    assert gone["answers"] == answers
    assert call(capsys, "journal", "list", "-C", folder) == {"journals": []}


def test_a_changed_answer_fails_the_check_and_is_repaired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "runs" / "learn-001" / "journal.db"
    raw = path.read_bytes()
    at = raw.index(b'{"text":"') + 10
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    code, told = call(capsys, "journal", "verify", "-C", folder)
    assert code == 1
    assert "1 answers are not what was written" in told
    saved = call(capsys, "journal", "repair", "learn-001", "-C", folder)
    assert saved["damaged"] >= 1
    assert Path(saved["aside"]).exists()
    assert call(capsys, "journal", "verify", "-C", folder)["ok"]


def test_a_run_that_is_under_way_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Project.open(folder, environ={}).runs().open("learn-001").locked():
        code, told = call(capsys, "journal", "prune", "learn-001", "-C", folder)
        assert code == 1
        assert "under way" in told
        assert call(capsys, "journal", "list", "-C", folder)["journals"][0]["under_way"]


def test_an_encrypted_run_goes_on_with_its_passphrase_only(tmp_path: Path) -> None:
    settings = {**SMALL, "journal.key_env": "MY_JOURNAL", "budget.calls": 12}
    Project.create(tmp_path / "p", settings=settings, environ=KEY)
    with pytest.raises(ConfigError, match="MY_JOURNAL is not set"):
        Project.open(tmp_path / "p", environ={}).learn()
    project = Project.open(tmp_path / "p", environ=KEY)
    with pytest.raises(Exception, match="budget of 12 calls"):
        project.learn()
    raw = b"".join(p.read_bytes() for p in project.runs().open("last").folder.glob("journal.db*"))
    assert b'"text"' not in raw
    with pytest.raises(RunError, match="passphrase"):
        Project.open(tmp_path / "p", settings={"budget.calls": 999}, environ={"MY_JOURNAL": "wrong"}).learn(
            resume=""
        )
    went = Project.open(tmp_path / "p", settings={"budget.calls": 999}, environ=KEY).learn(resume="")
    assert sum(r.replayed for r in went.spend) == 12


def test_words_are_dropped_when_a_later_run_starts(tmp_path: Path) -> None:
    def at(epoch: int) -> Project:
        return Project.open(tmp_path / "p", environ={"SOURCE_DATE_EPOCH": str(epoch)})

    Project.create(tmp_path / "p", settings={**SMALL, "journal.keep_days": 7}, environ={})
    day = 86_400
    first = at(100 * day).learn()
    at(106 * day).learn()
    assert _dropped(tmp_path, first.run) == 0
    at(108 * day).learn()
    assert _dropped(tmp_path, first.run) > 0
    assert _dropped(tmp_path, "learn-002") == 0
    at(90 * day).learn()
    assert _dropped(tmp_path, "learn-002") == 0, "a clock that went back drops nothing"


def _dropped(folder: Path, run: str) -> int:
    from preceptor.project import journals  # noqa: PLC0415

    return journals.stats(Project.open(folder / "p", environ={}), run).dropped
