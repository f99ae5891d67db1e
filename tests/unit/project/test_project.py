"""A project from folder to result, on the practice airline."""

from __future__ import annotations

import asyncio
import shutil
import threading
from importlib import resources
from pathlib import Path

import pytest

from preceptor.core.errors import (
    BudgetError,
    ConfigError,
    InputError,
    LibraryError,
    PreceptorError,
    RunError,
    StoppedError,
)
from preceptor.core.events import Event, ItemDone, RunEnded, RunStarted, Spent
from preceptor.project import Project
from preceptor.project.seating import unknown_to_practice
from preceptor.project.stopping import Stop
from preceptor.project.story import story_of


def test_create_writes_what_open_reads(tmp_path: Path):
    made = Project.create(
        tmp_path / "p", settings={"learn.attempts": 2, "seats.student": "practice:student-medium"}
    )
    opened = Project.open(tmp_path / "p", environ={})
    assert opened.config == made.config
    assert opened.config.learn.attempts == 2
    assert opened.config.seats.student.model == "practice:student-medium"
    assert opened.origins["learn.attempts"].startswith("preceptor.toml:")
    assert opened.origins["learn.patience"] == "default"
    assert opened.domain == made.domain
    assert len(opened.domain.issues) > 2


def test_the_template_project_opens(tmp_path: Path):
    assert Project.create(tmp_path / "p", blank=True).domain.name == "Your Firm"


def test_nothing_is_overwritten(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        Project.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="p cannot be written: Not a directory"):
        Project.create(tmp_path / "file" / "p")


def test_a_wrong_setting_or_world_writes_nothing(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"settings\['learn.attempts'\]"):
        Project.create(tmp_path / "p", settings={"learn.attempts": 0})
    with pytest.raises(InputError, match="nowhere cannot be read as a world: No such file") as caught:
        Project.create(tmp_path / "p", "nowhere")
    assert "airline, retailer" in caught.value.hint
    assert not (tmp_path / "p").exists()


def test_practice_models_of_a_project_over_a_file_speak_of_its_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = resources.files("preceptor.practice.worlds").joinpath("retailer.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(text.replace("firm: Alder & Finch", "firm: Own Shop"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = Project.create("p", "own.yaml", settings={"seats.judge": "http://127.0.0.1:1/v1#m"}, environ={})
    place = tmp_path / "own.yaml"
    models = {name: seat.model for name, seat in made.config.seats}
    assert models == {
        "student": f"practice:student-small@{place}",
        "teacher": f"practice:teacher@{place}",
        "customer": f"practice:customer@{place}",
        "judge": "http://127.0.0.1:1/v1#m",
    }
    assert made.domain.name == "Own Shop"
    assert unknown_to_practice(made.config.seats, made.domain) == ""


def test_practice_models_in_a_domain_that_they_do_not_know_are_told(tmp_path: Path):
    own = Project.create(tmp_path / "own", environ={})
    assert unknown_to_practice(own.config.seats, own.domain) == ""
    blank = Project.create(tmp_path / "blank", blank=True, environ={})
    told = unknown_to_practice(blank.config.seats, blank.domain)
    assert "Alder & Finch and Tern Air, not Your Firm" in told
    real = dict.fromkeys((f"seats.{seat}" for seat in ("student", "teacher", "customer", "judge")), "http://h/v1#m")
    assert (
        unknown_to_practice(Project.open(tmp_path / "blank", settings=real, environ={}).config.seats, blank.domain)
        == ""
    )


@pytest.mark.parametrize(
    ("settings", "logs", "says"),
    [
        ({"seats.teacher": "practice:professor"}, "", "no practice model 'professor'"),
        ({"seats.student": "practice:student-small@none.yaml"}, "", "none.yaml cannot be read"),
        ({"seats.judge": "http://127.0.0.1:1/v1"}, "", "lacks a model"),
        ({"seats.judge.api_key_env": "NO_SUCH_KEY", "seats.judge": "http://h/v1#m"}, "", "NO_SUCH_KEY is not set"),
        ({"seats.judge": "https://llm.example/v1#m", "budget.usd": 1.0}, "", "price"),
        ({"embedder.model": "onnx:nowhere"}, "", "nowhere"),
        ({}, "not json\n", "no scenario in it"),
    ],
)
def test_what_cannot_begin_makes_nothing(tmp_path: Path, settings: dict[str, object], logs: str, says: str):
    Project.create(tmp_path / "p", environ={})
    project = Project.open(tmp_path / "p", settings=settings, environ={})
    before = sorted(p.name for p in project.folder.iterdir())
    (tmp_path / "calls.jsonl").write_text(logs)
    with pytest.raises(PreceptorError, match=says) as caught:
        project.learn(logs=tmp_path / "calls.jsonl" if logs else None)
    assert "--resume" not in caught.value.hint, "there is nothing to go on with"
    assert sorted(p.name for p in project.folder.iterdir()) == before


@pytest.mark.parametrize("arm", ["coached", "all", "random", "examples"])
def test_an_evaluation_of_what_was_not_learned_makes_nothing(tmp_path: Path, arm: str):
    project = Project.create(tmp_path / "p", settings={"evaluate.arms": ("student", arm)}, environ={})
    with pytest.raises(ConfigError, match=f"the arm '{arm}' needs") as caught:
        project.evaluate()
    assert "preceptor learn" in caught.value.hint
    assert "--resume" not in caught.value.hint
    assert not (project.folder / "runs").exists()


def test_what_needs_strategies_makes_nothing_where_the_library_has_none(tmp_path: Path):
    project = Project.create(tmp_path / "p", environ={})
    project.library(create=True).close()
    with pytest.raises(RunError, match="no strategies to prove"):
        project.prove()
    with pytest.raises(ConfigError, match="needs students, domains and strategies"):
        project.transfer()
    assert not (project.folder / "runs").exists()


def test_a_resume_of_nothing_makes_nothing(tmp_path: Path):
    project = Project.create(tmp_path / "p", environ={})
    with pytest.raises(RunError, match="no learn run to resume"):
        project.learn(resume="")
    assert not project.has_library()


def test_before_learning_there_is_no_library(tmp_path: Path):
    project = Project.create(tmp_path / "p")
    assert project.strategies() == ()
    assert project.coach() is None
    assert project.runs().list() == ()
    with pytest.raises(LibraryError):
        project.library()


def test_learning_fills_the_library_and_keeps_the_run(learned: Project):
    run = learned.runs().open("last")
    assert (run.info.job, run.info.status, run.info.message) == ("learn", "done", "")
    assert run.info.results["strategies"] == len(learned.strategies()) > 0
    events = [told.event for told in run.events()]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    paid = sum(isinstance(e, Spent) and not e.replayed for e in events)
    assert paid == sum(row["calls"] for row in run.info.spend)
    with learned.library() as library:
        assert library.verify().ok
        assert library.digest() == run.info.results["digest"]


def test_a_story_tells_where_a_strategy_came_from(learned: Project):
    with learned.library() as library:
        entry = next(e for e in library.entries() if e.lesson_id)
        story = story_of(library, entry.strategy.id)
        assert story.lessons[0].id == entry.lesson_id
        assert any(entry.strategy.id == s.id for a in story.lessons[0].attempts for s in a.strategies)
        assert story.history[0].kind == "propose"
        general = [e for e in library.entries() if not e.lesson_id]
        assert all(story_of(library, e.strategy.id).lessons for e in general)


def test_the_same_seed_gives_the_same_library(learned: Project, small: dict[str, object], tmp_path: Path):
    other = Project.create(tmp_path / "p", settings={**small, "run.concurrency": 1}, environ={})
    other.learn()
    with learned.library() as one, other.library() as two:
        assert one.digest() == two.digest()


def test_a_run_over_its_cap_is_saved_and_goes_on(learned: Project, small: dict[str, object], tmp_path: Path):
    folder = tmp_path / "p"
    Project.create(folder, settings=small, environ={})
    with pytest.raises(BudgetError) as caught:
        Project.open(folder, settings={"budget.calls": 40}, environ={}).learn()
    assert "--resume" in caught.value.hint
    project = Project.open(folder, environ={})
    assert project.runs().open("last").info.status == "over_budget"
    events: list[Event] = []
    result = project.learn(resume="", emit=events.append)
    assert result.run == "learn-001"
    replayed = sum(isinstance(e, Spent) and e.replayed for e in events)
    assert replayed >= 40
    run = project.runs().open("last")
    assert (run.info.status, run.info.resumes) == ("done", 1)
    with learned.library() as one, project.library() as two:
        assert one.digest() == two.digest()


def test_a_stop_is_clean_and_can_be_gone_on_from(learned: Project, small: dict[str, object], tmp_path: Path):
    project = Project.create(tmp_path / "p", settings=small, environ={})
    stop = Stop()
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, ItemDone) and event.kind == "dialogue":
            stop.request()

    with pytest.raises(StoppedError) as caught:
        asyncio.run(project.learn_async(emit=emit, stop=stop))
    assert "preceptor learn --resume" in caught.value.hint
    run = project.runs().open("last")
    assert run.info.status == "stopped"
    assert run.process == ""
    paid = sum(isinstance(e, Spent) for e in events)
    again: list[Event] = []
    project.learn(resume=run.id, emit=again.append)
    # Every answer that was paid for before the stop comes from the journal.
    assert sum(isinstance(e, Spent) and e.replayed for e in again) >= paid
    with learned.library() as one, project.library() as two:
        assert one.digest() == two.digest()


def test_a_cancelled_run_is_saved_too(small: dict[str, object], tmp_path: Path):
    project = Project.create(tmp_path / "p", settings=small, environ={})

    async def main() -> None:
        task = asyncio.ensure_future(
            project.learn_async(emit=lambda e: seen.set() if isinstance(e, Spent) else None)
        )
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    seen = asyncio.Event()
    asyncio.run(main())
    assert project.runs().open("last").info.status == "stopped"


def test_resuming_needs_the_same_domain_and_settings(small: dict[str, object], tmp_path: Path):
    folder = tmp_path / "p"
    project = Project.create(folder, settings={**small, "budget.calls": 10}, environ={})
    with pytest.raises(BudgetError):
        project.learn()
    with pytest.raises(RunError, match=r"learn\.seed"):
        Project.open(folder, settings={"learn.seed": 5, "budget.calls": None}, environ={}).learn(resume="")
    (folder / "domain" / "policy.md").write_text("- Another policy.\n")
    with pytest.raises(RunError, match=r"inputs\.domain"):
        Project.open(folder, environ={}).learn(resume="")


def test_a_finished_run_is_not_resumed(learned: Project):
    with pytest.raises(RunError, match="no learn run to resume"):
        learned.learn(resume="")


def test_evaluation_compares_the_arms(learned: Project, tmp_path: Path):
    result = learned.evaluate()
    assert [a.arm for a in result.evaluation.arms] == ["student", "coached", "teacher"]
    assert result.simulated
    assert learned.evaluation() == result.evaluation
    spend = {a.arm: a.spend for a in result.evaluation.arms}
    assert spend["student"]["student"].calls > 0


def test_evaluating_without_strategies_says_what_to_do(tmp_path: Path, small: dict[str, object]):
    project = Project.create(tmp_path / "p", settings=small, environ={})
    with pytest.raises(ConfigError, match="coached") as caught:
        project.evaluate()
    assert "preceptor learn" in caught.value.hint


def test_logs_are_learned_from(small: dict[str, object], tmp_path: Path):
    log = tmp_path / "log.jsonl"
    lines = [
        '{"id": "a", "messages": [{"role": "user", "content": "My luggage did not arrive and I am upset."},'
        ' {"role": "assistant", "content": "I am so sorry. I open the search right now."}]}',
        "not json",
    ]
    log.write_text("\n".join(lines))
    project = Project.create(tmp_path / "p", settings={**small, "learn.teacher_share": (1.0,)}, environ={})
    result = project.learn(logs=log)
    assert result.log is not None
    assert (result.log.scenarios, result.log.count("bad-json")) == (1, 1)
    log.write_text("not json\n")
    with pytest.raises(InputError, match="no scenario"):
        project.learn(logs=log)


def test_a_thread_without_signals_can_run_it(small: dict[str, object], tmp_path: Path):
    project = Project.create(tmp_path / "p", settings={**small, "learn.teacher_share": (1.0,)}, environ={})
    done: list[str] = []
    thread = threading.Thread(target=lambda: done.append(project.learn().run))
    thread.start()
    thread.join()
    assert done == ["learn-001"]


def test_the_estimate_is_near_what_a_run_takes(learned: Project):
    estimate = learned.estimate()
    paid = sum(row["calls"] for row in learned.runs().open("learn-001").info.spend)
    assert 0.5 * paid <= estimate.calls <= 2 * paid
    assert estimate.usd == 0.0
    assert estimate.tokens > 0


def test_an_unknown_price_is_not_made_up(tmp_path: Path):
    project = Project.create(tmp_path / "p", settings={"seats.teacher": "nobody:secret-model"}, environ={})
    estimate = project.estimate()
    assert estimate.usd is None
    assert {s.seat: s.usd is None for s in estimate.seats}["teacher"]


def test_a_lost_run_folder_does_not_make_a_new_run_pass_for_the_old(small: dict[str, object], tmp_path: Path):
    project = Project.create(tmp_path / "p", settings={**small, "learn.teacher_share": (1.0,)}, environ={})
    project.learn()
    shutil.rmtree(tmp_path / "p" / "runs")
    assert project.learn().run == "learn-002"
    assert [r.info.status for r in project.runs().list()] == ["failed", "done"]
