"""The next step as it can be typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from preceptor.cli import boundary, next_step
from preceptor.cli.next_step import again, in_project, stopped, where
from preceptor.core.errors import StoppedError
from preceptor.project import Project

P = Path("my shop")


@pytest.fixture(autouse=True)
def by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called by its name, wherever these tests run."""
    monkeypatch.setattr(next_step, "program", lambda: "preceptor")


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("learn one with: preceptor learn", "learn one with: preceptor learn -C 'my shop'"),
        ("see: preceptor library show ID", "see: preceptor library show -C 'my shop' ID"),
        ("preceptor runs list; then preceptor release publish ID", "preceptor runs list -C 'my shop'; then "
         "preceptor release publish -C 'my shop' ID"),
        ("go on with: preceptor learn --resume", "go on with: preceptor learn -C 'my shop' --resume"),
        ("make one with: preceptor init DIR", "make one with: preceptor init DIR"),
        ("see: preceptor library", "see: preceptor library"),
        ("a newer preceptor may have written it", "a newer preceptor may have written it"),
        ("preceptor learn -C here --resume", "preceptor learn -C here --resume"),
        ("preceptor runs show -C here", "preceptor runs show -C here"),
        ("put it into preceptor.toml", "put it into preceptor.toml"),
        ("", ""),
    ],
)  # fmt: skip
def test_commands_in_a_hint_are_of_the_project_that_was_named(hint: str, told: str) -> None:
    assert in_project(hint, P) == told
    assert in_project(told, P) == told
    assert in_project(hint, Path()) == hint


def test_a_command_is_called_as_this_one_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_step, "program", lambda: ".venv-demo/bin/preceptor")
    once = in_project("see: preceptor runs show", Path())
    assert once == "see: .venv-demo/bin/preceptor runs show"
    assert in_project(once, P) == once


@pytest.mark.parametrize(
    "given", [["-C", "my shop"], ["-Cmy shop"], ["--project", "my shop"], ["--project=my shop"]], ids=range(4)
)
def test_the_project_is_found_in_what_was_typed(given: list[str]) -> None:
    assert again("see: preceptor runs list", ["evaluate", *given]) == "see: preceptor runs list -C 'my shop'"
    assert (
        again("see: preceptor runs list", [])
        == again("see: preceptor runs list", ["x"])
        == "see: preceptor runs list"
    )


def test_a_run_goes_on_with_all_that_it_began_with() -> None:
    typed = ["learn", "-C", "my shop", "--seed", "9", "--set", "learn.attempts=3", "--logs", "a b.jsonl"]
    told = again("go on with: preceptor learn --resume", typed)
    assert shlex.split(told.partition(": ")[2]) == ["preceptor", *typed, "--resume"]
    assert again("go on with: preceptor learn --resume", [*typed, "--resume"]) == told


def test_a_cap_that_was_reached_is_not_given_again() -> None:
    typed = ["evaluate", "--max-calls", "10", "--max-usd=2", "--set", "budget.tokens=5", "--set",
             "seats.judge.budget_calls=3", "--set", "evaluate.seed=4"]  # fmt: skip
    hint = "raise budget.calls: preceptor evaluate --resume --set budget.calls=90"
    told = "raise budget.calls: preceptor evaluate --set evaluate.seed=4 --resume --set budget.calls=90"
    assert again(hint, typed, raised=True) == told


def test_a_secret_is_not_repeated() -> None:
    typed = ["learn", "--student", "http://me:hunter2@127.0.0.1/v1#m", "--set", "seats.teacher.api_key=hunter2",
             "--set=library.path=postgresql://me:hunter2@host/db"]  # fmt: skip
    for told in (again("go on with: preceptor learn --resume", typed), stopped(typed)):
        assert "hunter2" not in told
        assert told.count("***") == 3
        assert told.endswith("--resume")


def test_another_job_is_not_called_with_the_words_of_this_one() -> None:
    assert again("first: preceptor learn --resume", ["evaluate", "-C", "x", "--seed", "3"]) == (
        "first: preceptor learn -C x --resume"
    )


def test_what_was_ended_at_once_says_how_to_go_on() -> None:
    assert stopped(["--debug", "learn", "-C", "x"]) == "preceptor learn -C x --resume"
    assert stopped(["library", "list"]) == stopped([]) == ""


def test_this_folder_needs_no_word() -> None:
    assert (where(Path()), where(P), where(Path("a"))) == ("", " -C 'my shop'", " -C a")


def test_the_boundary_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert boundary.run(["init", "my shop"]) == 0
    assert capsys.readouterr().out.endswith("learn -C 'my shop' --dry-run\n")
    assert boundary.run(["evaluate", "-C", "my shop"]) == 1
    assert "preceptor learn -C 'my shop'; or leave 'coached' out" in capsys.readouterr().err
    assert not (tmp_path / "my shop" / "runs").exists()


def test_the_boundary_tells_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert boundary.run(["init", "shop"]) == 0
    assert boundary.run(["learn", "-C", "shop", "postgresql://me:hunter2@host/db"]) == 2
    said = capsys.readouterr().err
    assert "unexpected extra argument (postgresql://me:***@host/db)" in said


def test_what_a_project_says_by_itself_can_be_typed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert boundary.run(["init", "my shop"]) == 0
    said: list[str] = []

    def learn(project: Project, **_: object) -> None:
        said.append(project.typed("go on with: preceptor learn --resume"))
        raise StoppedError("enough")

    monkeypatch.setattr(Project, "learn", learn)
    assert boundary.run(["learn", "-C", "my shop", "--seed", "9"]) == 130
    assert said == ["go on with: preceptor learn -C 'my shop' --seed 9 --resume"]
    assert Project.open("my shop").typed("as it is") == "as it is"
