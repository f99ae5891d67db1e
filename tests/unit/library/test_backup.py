"""A library as one file and back: whole, verified, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from tests.unit.library.made import apply, library, one_of_each, place, propose, ticking
from tests.unit.library.raw import Raw, raw_hands

from preceptor.core.errors import InputError, LibraryError, PreceptorError
from preceptor.library import backup
from preceptor.library.backup import back_up, restore
from preceptor.library.changes import Approve, SetLaw
from preceptor.library.law import Law
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.store import Library

RECIPE = Recipe(coach={"strategies": 4}, template="{{ strategies }}")
BY = {"author": "ann", "reason": "tested"}


@pytest.fixture
def full(both: None, tmp_path: Path) -> str | Path:
    """A library with every kind of change and three acts on releases."""
    with library(tmp_path, *one_of_each(), SetLaw(law=Law(valid_days=9))) as made:
        apply(made, propose(50, why="\x00 \ud800 \u202e 'quoted' %s"), Approve(strategy_id="strategy-0050"))
    with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as releases:
        made_release = releases.create(RECIPE, **BY).release
        releases.create(Recipe(coach={}, template="{{ strategies }}", trial=True), **BY)
        releases.publish(made_release.id, **BY)
    return place(tmp_path)


def content_of(told: str | Path) -> object:
    """Every row of every table."""
    engine = create_engine(f"sqlite:///{told}" if isinstance(told, Path) else told)
    try:
        return Raw(engine).content()
    finally:
        engine.dispose()


def test_there_and_back_every_row_is_the_same(full: str | Path, tmp_path: Path) -> None:
    told = back_up(full, tmp_path / "one.backup")
    assert restore(tmp_path / "one.backup", tmp_path / "again.db") == told
    assert content_of(tmp_path / "again.db") == content_of(full)
    back_up(tmp_path / "again.db", tmp_path / "two.backup")
    assert (tmp_path / "two.backup").read_bytes() == (tmp_path / "one.backup").read_bytes()
    with Releases.open(tmp_path / "again.db", tmp_path / "elsewhere", clock=ticking()) as releases:
        assert releases.verify() == ""
        releases.refresh()
        current = releases.current()
        assert current is not None
        assert (tmp_path / "elsewhere" / f"{current.id}.preceptor").exists()


def test_a_library_is_replaced_only_when_that_is_asked_for(full: str | Path, tmp_path: Path) -> None:
    back_up(full, tmp_path / "one.backup")
    was = content_of(full)
    with Library.open(full, clock=ticking()) as made:
        apply(made, propose(60))
    with pytest.raises(LibraryError, match="holds a library already"):
        restore(tmp_path / "one.backup", full)
    restore(tmp_path / "one.backup", full, replace=True)
    assert content_of(full) == was


def test_a_library_that_does_not_hold_is_not_backed_up(full: str | Path, tmp_path: Path) -> None:
    with raw_hands(tmp_path) as raw:
        raw.sql("UPDATE strategies SET status = 'approved'")
    (tmp_path / "one.backup").write_text("older")
    with pytest.raises(LibraryError, match="was not backed up: table strategies"):
        back_up(full, tmp_path / "one.backup")
    assert (tmp_path / "one.backup").read_text() == "older"


def lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def resealed(found: list[bytes]) -> bytes:
    """The lines with a right last line: what somebody writes who knows how."""
    body = b"".join(found[:-1])
    last = json.dumps({"sha256": hashlib.sha256(body).hexdigest()}, separators=(",", ":"))
    return gzip.compress(body + last.encode() + b"\n")


def test_a_file_that_was_cut_or_altered_is_refused_and_nothing_is_touched(full: str | Path, tmp_path: Path) -> None:
    back_up(full, tmp_path / "good.backup")
    good, bad, new = tmp_path / "good.backup", tmp_path / "bad.backup", tmp_path / "new.db"
    raw, found = good.read_bytes(), lines(good)
    before = content_of(full)
    unsealed = [
        raw[: len(raw) // 2],
        raw[:-8],
        b"",
        b"not gzip",
        gzip.compress(b"{}\n"),
        gzip.compress(b"".join(found[:-1])),
        gzip.compress(b"".join([*found[:3], *found[4:]])),
        gzip.compress(b"".join(found).replace(b"ann", b"bob")),
    ]
    altered = [
        [*found[:3], *found[4:]],
        [line.replace(b'"approve"', b'"reject"') for line in found],
        [line.replace(b"ann", b"bob") for line in found],
        [found[0], *found[2:]],
        [found[0], found[1], *found[1:]],
        [*found[:-2], b'["release_parts",{"data":{"base64":"AAAA"},"digest":"00","number":0}]\n', found[-1]],
        [*found[:-2], found[-1]],
        [*found[:-1], b'["head",{"id":1}]\n', found[-1]],
        [*found[:-1], b'["changes",{"seq":"x"}]\n', found[-1]],
        [*found[:-1], b"[1]\n", found[-1]],
        [*found[:-1], b"[[]\n", found[-1]],
        [found[0].replace(b'"changes":', b'"changes":1'), *found[1:]],
    ]
    for data in [*unsealed, *map(resealed, altered)]:
        bad.write_bytes(data)
        for target in (new, full):
            with pytest.raises(PreceptorError):
                restore(bad, target, replace=True)
        assert content_of(full) == before
    with pytest.raises(InputError, match="there is no file"):
        restore(tmp_path / "none", full, replace=True)
    restore(good, new)
    assert content_of(new) == before


@pytest.mark.parametrize("act", ["back_up", "restore"])
def test_a_kill_at_any_time_leaves_what_was_there(full: str | Path, tmp_path: Path, act: str) -> None:
    good, target, new = tmp_path / "good.backup", tmp_path / "target.backup", tmp_path / "new.db"
    back_up(full, good)
    target.write_text("older")
    restore(good, new)
    with Library.open(new, clock=ticking()) as made:
        apply(made, propose(60))
    before = content_of(new)
    code = f"""
import os, signal
from pathlib import Path
from preceptor.library import backup
count = 0
def killing(real):
    def run(*args, **named):
        global count
        count += 1
        if count == {{at}}:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return run
for name in ("_line", "_insert", "refill", "verify"):
    setattr(backup, name, killing(getattr(backup, name)))
if {act == "back_up"}:
    backup.back_up({str(full)!r}, Path({str(target)!r}))
else:
    backup.restore(Path({str(good)!r}), {str(new)!r}, replace=True)
"""
    path = os.pathsep.join((".", "src"))
    for at in (1, 2, 3, 4, 5):
        died = subprocess.run(
            [sys.executable, "-c", code.format(at=at)], check=False, env={**os.environ, "PYTHONPATH": path}
        )
        assert died.returncode == -signal.SIGKILL, at
        assert target.read_text() == "older"
        assert content_of(new) == before
    with Library.open(new, clock=ticking()) as made:
        assert made.verify().ok


def test_files_that_cannot_be_written(full: str | Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        back_up(full, tmp_path / "no folder" / "x.backup")
    with pytest.raises(LibraryError, match="there is no library"):
        back_up(tmp_path / "none.db", tmp_path / "x.backup")
    assert not (tmp_path / "x.backup").exists()


def test_a_line_that_unpacks_beyond_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_LONGEST_LINE", 100_000)
    bomb = tmp_path / "bomb.backup"
    bomb.write_bytes(gzip.compress(b'{"acts":0}\n' + b" " * 3_000_000))
    assert bomb.stat().st_size < 5000
    with pytest.raises(InputError, match="holds a line of more than 100000 bytes"):
        restore(bomb, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
