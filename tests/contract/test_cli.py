"""The command line as others rely on it: exit codes, JSON shapes, help."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import click
import pytest

from preceptor.cli import boundary
from preceptor.cli.app import COMMANDS, app
from preceptor.core.errors import BudgetError, InputError, StoppedError

SMALL = (
    "--set=learn.teacher_share=1.0,0.0",
    "--set=learn.dialogues=3",
    "--set=learn.scenarios=4",
    "--set=learn.attempts=2",
    "--set=learn.max_turns=3",
    "--set=evaluate.profiles=4",
    "--set=evaluate.max_turns=3",
)


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = boundary.run([str(a) for a in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def shape(value: Any) -> Any:
    """Keys and kinds, without values; a list by its first item."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A small demo, and what it printed as JSON. Do not write to it."""
    folder = tmp_path_factory.mktemp("cli") / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "preceptor.cli", "demo", str(folder), "--json", *SMALL],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder, json.loads(done.stdout)


def commands(group: click.Command = app, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        return [(path, group)]
    context = click.Context(group, help_option_names=["-h", "--help"])
    found: list[tuple[tuple[str, ...], click.Command]] = [(path, group)] if path else []
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        assert inner is not None
        found += commands(inner, (*path, name))
    return found


EVERY = commands()


def test_help_names_every_command_in_its_own_words():
    for entry in COMMANDS:
        command = app.get_command(click.Context(app), entry.name)
        assert command is not None
        assert command.name == entry.name
        assert (command.help or "").strip().splitlines()[0] == entry.help


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(p) for p, _ in EVERY])
def test_every_command_and_option_explains_itself(
    path: tuple[str, ...], command: click.Command, capsys: pytest.CaptureFixture[str]
):
    code, out, err = call(capsys, *path, "--help")
    assert (code, err) == (0, "")
    assert command.help
    missing = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert missing == []
    assert "Usage: preceptor" in out


def test_every_command_that_shows_something_speaks_json():
    speechless = {"practice serve", "serve", "review", "mcp", "library dump", "library export-log"}
    found = {
        " ".join(path)
        for path, command in EVERY
        if not isinstance(command, click.Group) and not any("--json" in p.opts for p in command.params)
    }
    assert found == speechless


def test_help_is_quick():
    # The processor's time: the wall clock also counts whoever else is at work on the machine.
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "preceptor.cli", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) <= 0.25


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nonsense",), 2, "No such command"),
        (("lern",), 2, "Did you mean 'learn'?"),
        (("init", "file/p"), 1, "cannot be written"),
        (("init", "p", "--world", "nowhere"), 1, "cannot be read as a world"),
        (("learn", "--nonsense"), 2, "No such option"),
        (("learn", "-C", "nowhere"), 1, "no project folder"),
        (("init",), 2, "Missing argument"),
        (("prompts", "show", "nonsense"), 1, "there is no prompt"),
        (("config", "--set", "learn"), 1, "KEY=VALUE"),
    ],
)
def test_errors_say_the_next_step(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    found, out, err = call(capsys, *arguments)
    assert (found, out) == (code, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert second.startswith("next: ")


def test_no_command_shows_help_as_wrong_usage(capsys: pytest.CaptureFixture[str]):
    code, _, err = call(capsys)
    assert code == 2
    assert "Usage: preceptor" in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("bad \x1b[31mfile\nhere", hint="mend it"), 1, "error: bad file here\nnext: mend it\n"),
        (BudgetError("cap", hint="raise it"), 3, "error: cap\nnext: raise it\n"),
        (StoppedError("ended", hint="go on"), 130, "stopped: ended\nnext: go on\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (click.Abort(), 130, "stopped\n"),
        (
            BrokenPipeError(32, "Broken pipe"),
            70,
            "error: unexpected BrokenPipeError: [Errno 32] Broken pipe\nnext: see where",
        ),
        (
            ValueError("odd\nthing"),
            70,
            "error: unexpected ValueError: odd thing\nnext: see where with: preceptor --debug",
        ),
    ],
)
def test_every_end_has_its_code(
    error: BaseException, code: int, words: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(boundary.app, "main", fail)
    assert boundary.run([]) == code
    told = capfd.readouterr().err
    assert told.startswith(words)
    assert bool(words) == bool(told)
    assert "Traceback" not in told


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def fail(**_: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(boundary.app, "main", fail)
    assert boundary.run(["--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["prompts show teach", "practice worlds", "practice worlds --json", "--help", "export --help"]
)
@pytest.mark.parametrize("ends", [("stdout",), ("stdout", "stderr")], ids="+".join)
def test_a_closed_pipe_is_no_error(words: str, ends: tuple[str, ...]):
    assert closed([sys.executable, "-m", "preceptor.cli", *words.split()], *ends) == (0, "")


def test_work_goes_on_when_nobody_follows_it_any_more():
    code = (
        "from preceptor.cli.out import console; screen = console(err=True); "
        "screen.print('half way'); screen.print('done'); console().print('result', file=None)"
    ).replace(", file=None", "")
    assert closed([sys.executable, "-c", code], "stderr") == (0, "result\n")


def closed(command: list[str], *ends: str) -> tuple[int, str]:
    """The exit code, and what came out at the other end, where nobody reads what goes into ``ends``."""
    read, write = os.pipe()
    os.close(read)
    streams = {name: write if name in ends else subprocess.PIPE for name in ("stdout", "stderr")}
    with subprocess.Popen(command, text=True, **streams) as process:
        os.close(write)
        told = process.communicate(timeout=60)
    return process.returncode, "".join(filter(None, told))


# JSON shapes. A new key is fine to add here; one that goes or changes its kind breaks programs.
STRATEGY = {
    "id": "str",
    "when": "str",
    "do": "str",
    "avoid": "str",
    "why": "str",
    "scope": "str",
    "scenarios": ["str"],
    "version": "int",
    "status": "str",
    "evidence": "str",
    "usable": "bool",
    "blocked": "bool",
    "approvals": [],
    "ends_at": "str",
    "expired": "bool",
    "lesson": "str",
    "merged_into": "NoneType",
    "changed_at": "str",
    "changed_by": "str",
}
SPEND = {
    "seat": "str",
    "phase": "str",
    "calls": "int",
    "replayed": "int",
    "failed": "int",
    "lost": "int",
    "input": "int",
    "output": "int",
    "cached": "int",
    "reasoning": "int",
    "usd": "float",
    "estimated": "bool",
    "over": "int",
}


def read(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    code, out, err = call(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_demo(demo: tuple[Path, dict[str, Any]]):
    _, told = demo
    assert list(told) == ["folder", "learn", "evaluate"]
    learned, measured = told["learn"], told["evaluate"]
    assert list(learned) == [
        "run",
        "folder",
        "simulated",
        "strategies",
        "lessons",
        "failed",
        "primer",
        "stages",
        "spend",
        "log",
    ]
    assert shape(learned["spend"]) == [SPEND]
    assert learned["simulated"] is measured["simulated"] is True
    assert [a["arm"] for a in measured["arms"]] == ["student", "coached", "teacher"]
    assert set(measured) == {
        *("run", "folder", "simulated", "domain", "models", "strategies", "profiles", "repeats", "seed"),
        *("arms", "analysis", "spend", "release", "measures", "lengths", "again", "preferences", "stopping"),
        *("unseen", "latency"),
    }


def test_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "init", tmp_path / "p")
    assert shape(told) == {
        "folder": "str",
        "domain": "str",
        "issues": "int",
        "training_profiles": "int",
        "heldout_profiles": "int",
        "files": ["str"],
    }
    assert "preceptor.toml" in told["files"]


def test_config(demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "config", "learn", "-C", demo[0], "--set", "learn.seed=9")
    rows = {row["key"]: row for row in told["settings"]}
    assert rows["learn.seed"] == {"key": "learn.seed", "value": 9, "origin": "flag --set learn.seed"}
    assert rows["learn.attempts"]["origin"].startswith("preceptor.toml:")
    assert rows["learn.patience"]["origin"] == "default"


def test_learn_dry_run(demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "learn", "--dry-run", "-C", demo[0])
    assert shape(told) == {
        "seats": [
            {
                "seat": "str",
                "model": "str",
                "calls": "int",
                "input_tokens": "int",
                "output_tokens": "int",
                "usd": "float",
            }
        ],
        "phases": [{"seat": "str", "phase": "str", "calls": "int", "input_tokens": "int", "output_tokens": "int"}],
        "calls": "int",
        "tokens": "int",
        "usd": "float",
        "log": "NoneType",
    }


def test_a_dry_run_over_a_log_tells_what_is_in_it(
    demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    log = tmp_path / "calls.jsonl"
    log.write_text(
        '{"id": "1", "messages": [{"role": "user", "content": "My bag?"}, {"role": "agent", "content": "Oh."}]}\n'
        "{broken\n"
    )
    told = read(capsys, "learn", "--dry-run", "-C", demo[0], "--logs", log)
    assert (told["log"]["scenarios"], told["log"]["counts"]["bad-json"]["lines"]) == (1, [2])
    code, out, _ = call(capsys, "learn", "--dry-run", "-C", demo[0], "--logs", log)
    assert (code, "not JSON (line 2)" in out) == (0, True)
    log.write_text("{broken\n")
    code, out, err = call(capsys, "learn", "--dry-run", "-C", demo[0], "--logs", log)
    assert (code, out) == (1, "")
    assert "no scenario in it" in err
    assert "not JSON (line 1)" in err


def test_a_change_that_was_not_made_yet_has_no_past(
    demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
):
    code, out, err = call(capsys, "library", "list", "-C", demo[0], "--as-of", "99999")
    assert (code, out) == (1, "")
    assert "there is no change 99999 yet" in err


def test_library(demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "library", "list", "-C", demo[0])
    bound = [s for s in told["strategies"] if s["lesson"] and not s["merged_into"]]
    assert shape(bound[0]) == STRATEGY
    found = read(capsys, "library", "search", *bound[0]["do"].split()[:2], "-C", demo[0])
    assert bound[0]["id"] in [s["id"] for s in found["strategies"]]
    full = read(capsys, "library", "show", bound[0]["id"][:14], "-C", demo[0])
    assert {k: full[k] for k in STRATEGY} == bound[0]
    assert set(full) - set(STRATEGY) == {"measured", "findings", "flags", "provenance", "lessons", "history"}
    attempt = full["lessons"][0]["attempts"][0]
    assert set(attempt) == {"number", "strategies", "reply", "comparison"}
    assert shape(read(capsys, "library", "verify", "-C", demo[0])) == {
        "ok": "bool",
        "changes": "int",
        "head": "str",
        "problem": "str",
    }
    assert shape(read(capsys, "library", "digest", "-C", demo[0])) == {"digest": "str"}


def test_prove(demo: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(demo[0], tmp_path / "p")
    small = ("--calls", 120, "--set=prove.dialogues=3", "--set=prove.max_turns=2")
    told = read(capsys, "prove", "-C", tmp_path / "p", *small)
    assert shape(told["strategies"]) == [
        {
            "strategy": "str",
            "text": "str",
            "verdict": "str",
            "lift": "float",
            "low": "float",
            "high": "float",
            "rank": "float",
            "risk": "float",
            "held": "bool",
            "q": "float",
            "n": "int",
            "clusters": "int",
        }
    ]
    assert set(told) == {
        *("run", "folder", "format", "domain", "simulated", "student", "models", "seed", "rate", "looks", "calls"),
        *("dialogues", "situations", "failed", "noise", "strategies", "untried", "written", "changed", "spend"),
    }


def test_transfer(demo: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(demo[0], tmp_path / "p")
    students = "practice:student-small,practice:student-medium"
    small = ("--profiles", 3, "--calls", 60, "--set=prove.dialogues=2", "--set=prove.max_turns=2")
    told = read(capsys, "transfer", "--students", students, "--domains", "retailer", *small, "-C", tmp_path / "p")
    assert [(c["home"], c["student"]) for c in told["cells"]] == [
        (home, student) for home in (True, False) for student in students.split(",")
    ]
    assert set(told["cells"][0]) == {
        *("domain", "student", "home", "base", "coached", "gain", "p_holm", "unseen_profiles", "unseen_issues"),
        *("p_known", "p_new", "advised", "says", "says_known", "says_new"),
    }
    assert set(told["versatile"][0]) == {"strategy", "text", "verdicts", "lifts", "intervals", "withheld", "kind"}
    assert set(told) == {
        *(
            "run",
            "folder",
            "format",
            "release",
            "strategies",
            "held_back_for",
            "learned_with",
            "simulated",
            "models",
            "seed",
            "cells",
        ),
        *("proofs", "versatile", "spend"),
    }


def test_library_dump_is_json_lines(demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    code, out, _ = call(capsys, "library", "dump", "-C", demo[0])
    assert code == 0
    assert [json.loads(text)["seq"] for text in out.splitlines()][:3] == [1, 2, 3]


def test_runs(demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "runs", "list", "-C", demo[0])
    run = {
        "id": "str",
        "job": "str",
        "status": "str",
        "under_way": "bool",
        "started": "str",
        "ended": "str",
        "resumes": "int",
        "message": "str",
        "hint": "str",
        "spend": [SPEND],
        "folder": "str",
    }
    assert shape(told) == {"runs": [run], "broken": []}
    assert [r["id"] for r in told["runs"]] == ["learn-001", "evaluate-001"]
    full = read(capsys, "runs", "show", "-C", demo[0])
    assert set(full) - set(run) == {
        "seed",
        "models",
        "prompts",
        "config",
        "results",
        "stored",
        "failures",
        "failure_kinds",
        "modes",
    }


def test_report(demo: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "report", "-C", demo[0], "--out", tmp_path / "r")
    assert shape(told) == {
        "run": "str",
        "headline": "str",
        "simulated": "bool",
        "html": "str",
        "markdown": "str",
        "json": "str",
    }
    html = Path(told["html"]).read_text(encoding="utf-8")
    assert "Simulated models" in html
    assert "learn-001: scenarios in which" in html
    code, _, err = call(capsys, "report", "learn-001", "-C", demo[0])
    assert code == 1
    assert "has no evaluation" in err


def test_judge_check(demo: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "judge", "check", "-C", demo[0], "--dialogues", "4")
    assert set(told) == {"run", "sentences", "check", "spend"}
    assert shape(told["spend"]) == [SPEND]
    assert "does not apply" in told["sentences"][-1]
    page = read(capsys, "report", "-C", demo[0], "--out", tmp_path)
    assert told["sentences"][0] in Path(page["markdown"]).read_text(encoding="utf-8")


def test_practice_worlds(capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "practice", "worlds")
    assert {w["name"] for w in told["worlds"]} == {"airline", "retailer"}
    assert set(told["worlds"][0]) == {"name", "domain", "issues", "training_profiles", "heldout_profiles"}


def test_prompts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "prompts", "list", "-C", tmp_path)
    assert set(told["prompts"][0]) == {"name", "purpose", "reader", "source", "hash", "placeholders"}
    shown = read(capsys, "prompts", "show", "teach", "--example", "-C", tmp_path)
    assert set(shown) == {"name", "header", "source", "hash", "body"}
    assert "{{" not in shown["body"]
