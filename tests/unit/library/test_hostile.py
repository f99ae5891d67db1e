"""Text that was written to harm goes in, is found, kept and shown, and does nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.unit.library.made import apply, library, place, propose, ticking

from preceptor.core.errors import LibraryError
from preceptor.core.untrusted import clean
from preceptor.library.backup import back_up, restore
from preceptor.library.changes import Approve, Edit, Reject
from preceptor.library.export import log_lines
from preceptor.library.paging import Filter
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")

HOSTILE = (
    "'; DROP TABLE changes; --",
    '" OR 1=1 --',
    "%' OR '%'='",
    "100% _under_ \\ back\\slash",
    ":name %(name)s {name} $1 ?",
    "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "\x9b31m\u202egnp.exe\u2066\u2069",
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "../../etc/passwd\x00.db",
    "\ud800 lone \udfff",
    "a\r\nb\tc\x00d",
    "𝕿𝖊𝖝𝖙 \u0301\u0301 ﷽",
    "x" * 20_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_in_every_field_and_every_question(tmp_path: Path, text: str) -> None:
    with library(tmp_path, propose(1, do=f"say {text}", avoid=text, why=text), propose(2)) as made:
        apply(made, Edit(strategy_id="strategy-0002", why=text), author=f"ann {text[:50]}", reason=text)
        for which in (Filter(text=text), Filter(run=text), Filter(check=text), Filter(not_approved_by=text)):
            made.page(which)
            made.counts(which)
        made.search(text)
        made.changes(author=text, kind=text, text=text[:200])
        for prefix in (text[:300], f"strategy-{text[:50]}"):
            with pytest.raises(LibraryError) as caught:
                made.entry(prefix)
            assert clean(str(caught.value)) == str(caught.value)
        with pytest.raises(LibraryError):
            apply(made, Reject(strategy_id=text))
        assert made.entry("strategy-0001").strategy.avoid == text
        assert made.verify().ok
        assert {record.author for record in made.log()} == {
            "ann",
            clean(f"ann {text[:50]}").replace("\n", " "),
        } or (len(list(made.log())) == 3)
        told = list(csv.DictReader(io.StringIO("".join(log_lines(made, "csv")), newline="")))
        assert [row["seq"] for row in told] == ["1", "2", "3"]
        assert all(not value.startswith(("=", "+", "-", "@", "\t", "\r")) for row in told for value in row.values())
        for line in log_lines(made, "jsonl"):
            assert "\x1b" not in line
            assert line.count("\n") == 1


def test_a_search_for_a_wildcard_finds_the_character_alone(tmp_path: Path) -> None:
    with library(tmp_path, propose(1, do="give 100% of it"), propose(2, do="a_b"), propose(3)) as made:
        for text, ids in (("100%", ["strategy-0001"]), ("a_b", ["strategy-0002"]), ("%", ["strategy-0001"])):
            assert [e.strategy.id for e in made.page(Filter(text=text)).entries] == ids
            assert [e.strategy.id for e in made.search(text)] == ids


def test_there_and_back_with_all_of_it(tmp_path: Path) -> None:
    changes = [propose(n, do=f"say {text}", why=text) for n, text in enumerate(HOSTILE)]
    with library(tmp_path, *changes) as made:
        apply(made, *(Approve(strategy_id=f"strategy-{n:04}") for n in range(len(HOSTILE))), reason=HOSTILE[5])
        before = list(made.dump())
    recipe = Recipe(coach={"strategies": 4}, template="{{ strategies }}")
    with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as releases:
        release = releases.create(recipe, author="ann", reason=HOSTILE[0]).release
        releases.publish(release.id, author="ann", reason=HOSTILE[1])
        assert release.strategies == len(HOSTILE)
        names = {path.name for path in (tmp_path / "releases").iterdir()}
        assert names == {f"{release.id}.preceptor", "current.json"}
    back_up(place(tmp_path), tmp_path / "x.backup")
    restore(tmp_path / "x.backup", tmp_path / "again.db")
    with Library.open(tmp_path / "again.db", clock=ticking()) as again:
        assert list(again.dump()) == before
        assert again.verify().ok


@pytest.mark.parametrize("name", ["a b", "ü'\"; --", "%41", "-rf", "$(id)", "file?mode=memory", "x\x1b[31m"])
def test_odd_names_of_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.db"
    with Library.open(path, clock=ticking(), create=True) as made:
        apply(made, propose(1))
    assert path.exists()
    back_up(path, tmp_path / f"{name}.backup")
    restore(tmp_path / f"{name}.backup", tmp_path / f"{name} again.db")
    with pytest.raises(LibraryError) as caught:
        restore(tmp_path / f"{name}.backup", path)
    assert clean(str(caught.value)) == str(caught.value)
