"""``preceptor stats`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from preceptor.cli.boundary import run

ROWS = "".join(
    f"{arm},{unit},{unit // 2},{3 + add + (unit % 3) / 4}\n"
    for arm, add in (("student", 0), ("coached", 0.75), ("teacher", 1.5))
    for unit in range(24)
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text("arm,unit,cluster,score\n" + ROWS)
    return path


def test_people_get_sentences_and_tables(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Coached: the score rose against student from 3.25 to 4.00 (+0.75" in " ".join(out.split())
    assert "closing 50%" in out


def test_programs_get_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", str(file), "--json", "--baseline", "coached"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["analysis"]["baseline"] == "coached"
    assert found["scores"] == 72
    assert {d["arm"] for d in found["analysis"]["differences"]} == {"student", "teacher"}


def test_other_column_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.csv"
    path.write_text("model,unit,cluster,rating\n" + ROWS)
    assert run(["stats", str(path), "--column", "arm=model", "--column", "score=rating", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == 72


def test_a_bad_line_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("a") as out:
        out.write("coached,99,9,good\n")
    assert run(["stats", str(file)]) == 1
    assert "line 74: score: 'good' is not a finite number" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["arm", "points=x", "arm="])
def test_a_column_that_cannot_be_named(file: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", str(file), "--column", wrong]) == 2
    assert "NAME=COLUMN" in capsys.readouterr().err
