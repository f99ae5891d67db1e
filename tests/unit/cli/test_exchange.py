"""``preceptor export`` and ``preceptor import`` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from skills_ref import validate

from preceptor import Project
from preceptor.cli import boundary
from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library.changes import Approve, Propose, Provenance, RecordScenario

SIZE = {"learn.dialogues": 6, "learn.scenarios": 10, "learn.max_turns": 3, "learn.teacher_share": (1.0, 0.5)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project with half of its strategies approved. Do not write to it."""
    folder = tmp_path_factory.mktemp("exchange") / "p"
    made = Project.create(folder, settings=SIZE, environ={})
    made.learn()
    with made.library() as library:
        usable = [e.strategy.id for e in library.entries() if e.usable]
        changes = [Approve(strategy_id=i) for i in usable[: len(usable) // 2]]
        library.apply(changes, author="ann", reason="test")
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = boundary.run([str(a) for a in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def read(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    code, out, _ = call(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_every_form(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    approved = len(read(capsys, "library", "list", "--status", "approved", "-C", project)["strategies"])
    for form in ("markdown", "jsonl"):
        told = read(capsys, "export", "--to", form, "--out", tmp_path / form, "-C", project)
        assert told == {
            "to": form,
            "source": "library",
            "strategies": approved,
            "reviewed": True,
            "of": "strategies",
            "path": str(tmp_path / form),
        }
    told = read(capsys, "export", "--to", "skills", "--out", tmp_path, "-C", project)
    assert validate(Path(told["path"])) == []
    told = read(capsys, "export", "--to", "finetune", "--trial", "--out", tmp_path / "train", "-C", project)
    lines = (tmp_path / "train").read_text().splitlines()
    assert len(lines) == told["examples"] > 0
    roles = [m["role"] for m in json.loads(lines[0])["messages"]]
    assert (roles[0], roles[-2:]) == ("system", ["user", "assistant"])
    whole = [json.loads(line)["messages"] for line in lines]
    for messages in whole:
        trained = [m["content"] for m in messages if m["role"] == "assistant" and m.get("weight", 1)]
        assert trained == [messages[-1]["content"]]
    assert any("weight" in m for messages in whole for m in messages), "some have replies before it"
    told = read(capsys, "export", "--to", "finetune-trl", "--trial", "--out", tmp_path / "trl", "-C", project)
    assert told["examples"] == len(lines)
    for line, messages in zip((tmp_path / "trl").read_text().splitlines(), whole, strict=True):
        one = json.loads(line)
        bare = [{"role": m["role"], "content": m["content"]} for m in messages]
        assert ([*one["prompt"], *one["completion"]], len(one["completion"])) == (bare, 1)
    said = [m["content"] for messages in whole for m in messages if m["role"] != "system"]
    assert [text for text in said if "<advice" in text] == []


def test_a_dash_is_the_standard_output(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    plain = call(capsys, "export", "--to", "jsonl", "-C", project)
    assert call(capsys, "export", "--to", "jsonl", "--out", "-", "-C", project) == plain
    assert call(capsys, "export", "--to", "skills", "--out", "-", "-C", project)[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_words_of_real_customers_are_told_also_where_the_proxy_recorded_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    made = Project.create(tmp_path / "p", environ={})
    said = (Turn(speaker="customer", text="My bag is gone.", by="customer"),)
    known = made.domain.profiles[0].id
    scenarios = [
        Scenario(id="scenario-1", turns=said, profile="call-743381ffe467", stage=0),
        Scenario(id="scenario-2", turns=said, profile="d1", stage=0, reference="Where is it?"),
        Scenario(id="scenario-3", turns=said, profile=known, stage=0),
        Scenario(id="scenario-4", turns=said, profile="", stage=0),
    ]
    ids = tuple(s.id for s in scenarios)
    rule = Strategy(id="strategy-1", when="a bag is gone", do="ask for the number", scenarios=ids)
    with made.library(create=True) as library:
        library.apply([RecordScenario(scenario=s) for s in scenarios], author="ann", reason="test")
        library.apply([Propose(strategy=rule, provenance=Provenance(run=""))], author="ann", reason="test")
    code, out, err = call(capsys, "export", "--to", "jsonl", "--trial", "-C", made.folder)
    assert (code, len(out.splitlines())) == (0, 6)
    assert "note: 2 scenarios hold the words of real customers" in err


def test_a_dry_import_needs_nobodys_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("USER", raising=False)
    monkeypatch.setattr("preceptor.project.releasing.getuser", lambda: "")
    made = Project.create(tmp_path / "p", environ={})
    (tmp_path / "in.json").write_text('[{"guidelines": ["Sum up what was agreed"]}]')
    assert call(capsys, "import", tmp_path / "in.json", "--dry-run", "-C", made.folder)[0] == 0
    code, _, err = call(capsys, "import", tmp_path / "in.json", "-C", made.folder)
    assert (code, "--by" in err) == (1, True)


def test_a_file_of_another_kind_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Project.create(tmp_path / "p", environ={})
    (tmp_path / "playbook.md").write_text("# Playbook\n\nfor people\n")
    code, _, err = call(capsys, "import", tmp_path / "playbook.md", "-C", made.folder)
    assert code == 1
    assert "line 1: no JSON: expecting value at column 1; 1 more could not be taken" in err
    assert "next: a .jsonl, .json or .yaml file" in err


def test_one_is_not_told_as_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Project.create(tmp_path / "p", environ={})
    (tmp_path / "one.json").write_text('[{"guidelines": ["Sum up what was agreed"]}]')
    _, out, _ = call(capsys, "import", tmp_path / "one.json", "--by", "ann", "-C", made.folder)
    assert out.startswith("1 entry, 1 strategy\n1 proposed")


def test_nothing_is_overwritten_unasked(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "tern-air-playbook").mkdir()
    (tmp_path / "tern-air-playbook" / "SKILL.md").write_text("---\nmetadata: 3\n---\n")
    for more in ((), ("--overwrite",)):
        code, _, err = call(capsys, "export", "--to", "skills", "--out", tmp_path, "-C", project, *more)
        assert (code, "is already there" in err) == (1, True)
    assert call(capsys, "export", "--to", "markdown", "--out", tmp_path / "mine", "-C", project)[0] == 1
    assert (tmp_path / "mine").read_text() == "mine"
    assert (
        call(capsys, "export", "--to", "markdown", "--out", tmp_path / "mine", "-C", project, "--overwrite")[0] == 0
    )
    again = ("export", "--to", "skills", "--out", tmp_path / "new", "-C", project, "--overwrite")
    assert [call(capsys, *again)[0] for _ in range(2)] == [0, 0]


def test_a_release_by_itself(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made = read(capsys, "release", "create", "--by", "ann", "-C", project)
    code, out, _ = call(capsys, "export", "--to", "jsonl", "--release", made["path"], "-C", tmp_path)
    assert code == 0
    assert json.loads(out.splitlines()[0])["source"] == made["id"]
    assert sum('"kind":"strategy"' in line for line in out.splitlines()) == made["strategies"]
    assert call(capsys, "export", "--to", "finetune", "--release", made["path"], "-C", tmp_path)[0] == 1
    code, out, _ = call(capsys, "export", "--to", "markdown", "--release", made["id"], "-C", project)
    assert code == 0
    assert made["id"] in out
    code, _, err = call(capsys, "export", "--to", "markdown", "--release", "current", "-C", project)
    assert (code, "no release is published" in err) == (1, True)


def test_there_and_back(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = read(capsys, "export", "--to", "jsonl", "--trial", "--out", tmp_path / "all.jsonl", "-C", project)
    Project.create(tmp_path / "other", environ={})
    dry = read(capsys, "import", tmp_path / "all.jsonl", "--dry-run", "--by", "bob", "-C", tmp_path / "other")
    assert len(dry["new"]) == told["strategies"]
    assert not (tmp_path / "other" / "library.db").exists()
    code, out, _ = call(capsys, "import", tmp_path / "all.jsonl", "--by", "bob", "-C", tmp_path / "other")
    assert code == 0
    assert f"{told['strategies']} proposed" in out
    back = read(
        capsys, "export", "--to", "jsonl", "--trial", "--out", tmp_path / "back.jsonl", "-C", tmp_path / "other"
    )
    assert back["strategies"] == told["strategies"]
    first, second = (_strategies(tmp_path / name) for name in ("all.jsonl", "back.jsonl"))
    assert first == second


def _strategies(path: Path) -> list[Any]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["strategy"] for line in lines if line["kind"] == "strategy"]


def test_bad_lines_are_counted(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "in.jsonl"
    path.write_text('{"guidelines": ["wave goodbye"]}\nnot json\x1b[31m\n')
    arguments = ("import", path, "--by", "bob", "--dry-run", "-C", project)
    told = read(capsys, *arguments)
    assert (told["entries"], told["lost"], len(told["new"])) == (2, 1, 1)
    assert told["remarks"][0]["where"] == "line 2"
    code, _, err = call(capsys, *arguments, "--strict")
    assert code == 1
    assert "line 2" in err
    path.write_text("not json\n")
    code, _, err = call(capsys, *arguments)
    assert code == 1
    assert "nothing was imported" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "--to", "skills"),
        ("export", "--to", "jsonl", "--json"),
        ("export", "--to", "jsonl", "--trial", "--release", "x"),
        ("import",),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert call(capsys, *arguments)[0] == 2
