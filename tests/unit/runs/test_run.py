"""One run: its lock, its end, its results, its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runs.test_store import make, ticking

from preceptor.core.errors import RunError
from preceptor.core.events import RunStarted
from preceptor.core.settings import Config
from preceptor.runs import files
from preceptor.runs.run import Run
from preceptor.runs.store import RunStore

CONFIG: dict[str, Any] = Config().model_dump(mode="json")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path, clock=ticking())


@pytest.fixture
def run(store: RunStore) -> Run:
    return make(store, config=CONFIG)


def test_one_process_at_a_time(store: RunStore, run: Run) -> None:
    assert run.process == ""
    with run.locked():
        assert run.process == str(os.getpid())
        told = f"run learn-001 is under way in process {os.getpid()}"
        with pytest.raises(RunError, match=told), store.open("last").locked():
            raise AssertionError("two hold the run")
        assert run.process == str(os.getpid())
    assert run.process == ""
    with store.open("last").locked():
        pass


def test_the_lock_goes_with_a_killed_process(run: Run) -> None:
    code = f"""
import os
from pathlib import Path
from preceptor.core.clock import system_clock
from preceptor.core.events import ItemDone
from preceptor.runs.run import Run
run = Run.load(Path({str(run.folder)!r}), clock=system_clock)
with run.locked():
    run.record(ItemDone(kind="lesson", id="l1"))
    os.write(1, b"locked")
    os.read(0, 1)
    os.kill(os.getpid(), 9)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.read(6) == b"locked"
        assert run.process == str(child.pid)
        with pytest.raises(RunError, match=f"under way in process {child.pid}"), run.locked():
            raise AssertionError("two hold the run")
        child.stdin.write(b"x")
        child.stdin.flush()
        assert child.wait() == -9
    assert run.process == ""
    assert len(run.events()) == 1
    with run.locked():
        pass


def test_a_run_ends_and_goes_on(store: RunStore, run: Run) -> None:
    run.finish("over_budget", "needs 0.40 USD more", {"lessons": 3}, ({"seat": "teacher", "calls": 5},))
    told = store.open("last").info
    assert (told.status, told.message, told.results) == ("over_budget", "needs 0.40 USD more", {"lessons": 3})
    assert told.spend == ({"seat": "teacher", "calls": 5},)
    assert told.ended == "2026-03-01T12:00:01.000+00:00"
    run.resume()
    told = store.open("last").info
    assert (told.status, told.message, told.ended, told.resumes) == ("running", "", None, 1)
    assert told.results == {"lessons": 3}
    run.finish("done")
    with pytest.raises(RunError, match="run learn-001 is done"):
        run.resume()


def test_results(run: Run) -> None:
    assert run.results() == ()
    run.write_result("arms", {"student": [3.0, {"by": "p1"}], "text": "\ud800 é"})
    run.write_result("a-table", [1, 2])
    assert run.results() == ("a-table", "arms")
    assert run.read_result("arms") == {"student": [3.0, {"by": "p1"}], "text": "\ud800 é"}
    run.write_result("arms", 1)
    assert run.read_result("arms") == 1
    with pytest.raises(RunError, match=r"other\.json is missing"):
        run.read_result("other")


@pytest.mark.parametrize("name", ["", "..", "../run", "a/b", "A", "a.b", "-a", "a" * 65, "a\n"])
def test_names_of_results_stay_in_the_folder(run: Run, name: str) -> None:
    with pytest.raises(RunError, match="cannot be a name"):
        run.write_result(name, 1)
    with pytest.raises(RunError, match="cannot be a name"):
        run.read_result(name)


@pytest.mark.parametrize("data", [float("nan"), object(), {"a": {1, 2}}])
def test_what_is_no_json_is_refused_and_the_old_stays(run: Run, data: object) -> None:
    run.write_result("arms", "old")
    with pytest.raises(RunError, match="cannot be written as JSON"):
        run.write_result("arms", data)
    assert run.read_result("arms") == "old"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(run: Run, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run.write_result("arms", "old")
    with monkeypatch.context() as patch:
        if step == "fsync":
            patch.setattr(files.os, "fsync", full)
        else:
            patch.setattr(Path, "replace", full)
        with pytest.raises(RunError, match="No space left on device"):
            run.write_result("arms", "new")
        with pytest.raises(RunError, match="No space left on device"):
            run.finish("done")
    assert run.read_result("arms") == "old"
    assert run.results() == ("arms",)
    assert Run.load(run.folder, clock=ticking()).info.status == run.info.status == "running"


def changed(path: str, value: object) -> dict[str, Any]:
    config: dict[str, Any] = Config().model_dump(mode="json")
    *steps, last = path.split(".")
    inner = config
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("learn.seed", 2, "learn.seed = 1, and it is now 2"),
        ("learn.teacher_share", [1.0], "learn.teacher_share = [1.0,0.6,0.3,0.0], and it is now [1.0]"),
        ("coach.floor", 0.5, "coach.floor = 0.15, and it is now 0.5"),
        ("seats.student.temperature", 0.7, "seats.student.temperature = null, and it is now 0.7"),
        ("seats.teacher.model", "openai:x", 'model = "practice:teacher", and it is now "openai:x"'),
        ("new.key", 1, None),
    ],
)
def test_what_changes_results_may_not_change(run: Run, path: str, value: object, told: str | None) -> None:
    if told is None:
        config, told = {**CONFIG, "new": {"key": 1}}, "new.key = not set, and it is now 1"
    else:
        config = changed(path, value)
    with pytest.raises(RunError) as caught:
        run.require_same(config)
    assert told in str(caught.value)
    assert "start a new run" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("budget.usd", 5.0),
        ("run.concurrency", 1),
        ("seats.student.retries", 1),
        ("seats.teacher.api_key_env", "KEY"),
        ("evaluate.profiles", 4),
        ("prompts.folder", "prompts"),
    ],
)
def test_limits_may_change(run: Run, path: str, value: object) -> None:
    run.require_same(changed(path, value))


def test_the_other_job_has_settings_of_its_own(store: RunStore) -> None:
    run = make(store, "evaluate", config=CONFIG)
    run.require_same(changed("learn.seed", 2))
    with pytest.raises(RunError, match=r"evaluate\.seed"):
        run.require_same(changed("evaluate.seed", 2))


def test_prompts_and_models_must_be_the_same(run: Run) -> None:
    run.require_same(CONFIG, prompts={"teach": "abc"}, models={"student": "x"})
    with pytest.raises(RunError, match=r'prompts\.teach = "abc", and it is now "xyz"'):
        run.require_same(CONFIG, prompts={"teach": "xyz"}, models={"student": "x"})
    with pytest.raises(RunError, match=r'models\.judge = not set, and it is now "y"'):
        run.require_same(CONFIG, models={"student": "x", "judge": "y"})


def test_events_reach_the_file_before_record_returns(store: RunStore, run: Run) -> None:
    event = RunStarted(run=run.id, job="learn", resumed=False)
    run.record(event)
    assert [told.event for told in store.open("last").events()] == [event]
    run.finish("done")
