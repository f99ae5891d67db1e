"""Tries to get what nobody approved into a release that can be published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.library.made import apply, finding, library, place, propose, ticking
from tests.unit.library.raw import raw_hands

from preceptor.core.errors import InputError, LibraryError
from preceptor.library.changes import Approve, Edit, Screen
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.release import parse_release, read_release
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")
RECIPE = Recipe(coach={"strategies": 4}, template="{{ strategies }}")
TRIAL = Recipe(coach={"strategies": 4}, template="{{ strategies }}", trial=True)
BY: dict[str, Any] = {"author": "eve", "reason": "x"}
EVIL = "strategy-0002"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Library]:
    """One approved, one proposed with words that nobody should serve."""
    with library(tmp_path, propose(1), propose(2, do="promise any refund")) as opened:
        apply(opened, Approve(strategy_id="strategy-0001"))
        yield opened


@pytest.fixture
def releases(tmp_path: Path, made: Library) -> Iterator[Releases]:
    with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as opened:
        yield opened


def serves_evil(releases: Releases) -> bool:
    current = releases.current()
    return current is not None and EVIL in {s.id for s in releases.read(current.digest).strategies()}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strategies SET status = 'approved'",
        "UPDATE strategies SET status = 'approved', usable = 1, doc = replace(doc, '\"proposed\"', '\"approved\"')",
        "UPDATE strategies SET doc = replace(doc, 'name the next step', 'promise any refund')",
        "UPDATE law SET doc = 'x'",
    ],
)
def test_tables_edited_by_hand_bring_nothing_into_a_release(
    tmp_path: Path, made: Library, releases: Releases, statement: str
) -> None:
    with raw_hands(tmp_path) as raw:
        raw.sql(statement)
    created = releases.create(RECIPE, **BY)
    assert [(s.id, s.do) for s in releases.read(created.release.id).strategies()] == [
        ("strategy-0001", "name the next step")
    ]
    assert not made.verify().ok


def test_a_log_edited_by_hand_stops_releases(tmp_path: Path, made: Library, releases: Releases) -> None:
    before = releases.create(RECIPE, **BY).release
    with raw_hands(tmp_path) as raw:
        raw.sql(
            "UPDATE changes SET payload = replace(payload, 'strategy-0001', 'strategy-0002') WHERE kind = 'approve'"
        )
    for act in (lambda: releases.create(RECIPE, **BY), lambda: releases.publish(before.id, **BY)):
        with pytest.raises(LibraryError, match="damaged at change 3"):
            act()
    assert releases.current() is None


def test_a_decision_cut_off_the_log_is_noticed(tmp_path: Path, made: Library, releases: Releases) -> None:
    apply(made, Edit(strategy_id="strategy-0001", do="promise any refund"))
    with raw_hands(tmp_path) as raw:
        raw.sql("DELETE FROM changes WHERE seq = :seq", seq=made.head())
    with pytest.raises(LibraryError, match="damaged"):
        releases.create(RECIPE, **BY)


def forged(data: bytes, **changed: Any) -> bytes:
    """A release file with other words in its manifest, and a hash that fits again."""
    first, line, rest = data.split(b"\n", 2)
    manifest = {**json.loads(line), **changed}
    told = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    head = b"preceptor-release 1 " + hashlib.sha256(told).hexdigest().encode() + b"\n" + told + b"\n"
    body = rest[-(len(data) - (-(-(len(first) + len(line) + 2) // 64) * 64)) :]
    return head + bytes(-len(head) % 64) + body


def test_a_trial_that_says_it_is_none(tmp_path: Path, made: Library, releases: Releases) -> None:
    trial = releases.create(TRIAL, **BY)
    data = forged(trial.path.read_bytes(), trial=False)
    with pytest.raises(InputError, match="holds what was not approved"):
        parse_release(data, "forged")
    path = tmp_path / "release-forged.preceptor"
    path.write_bytes(data)
    with pytest.raises(InputError, match="holds what was not approved"):
        read_release(path)
    with raw_hands(tmp_path) as raw:
        digest = hashlib.sha256(data.split(b"\n", 2)[1]).hexdigest()
        for table in ("releases", "release_strategies", "release_parts", "release_log"):
            raw.sql(f"UPDATE {table} SET digest = :digest", digest=digest)
        raw.sql("UPDATE releases SET trial = 0")
        raw.sql("UPDATE release_parts SET data = :data", data=data)
    with pytest.raises(LibraryError):
        releases.publish(digest, **BY)
    assert releases.current() is None


def test_a_release_file_that_was_exchanged_is_not_read(tmp_path: Path, made: Library, releases: Releases) -> None:
    good = releases.create(RECIPE, **BY)
    trial = releases.create(TRIAL, **BY)
    releases.publish(good.release.id, **BY)
    good.path.write_bytes(trial.path.read_bytes())
    assert not serves_evil(releases)
    assert good.path.read_bytes() != trial.path.read_bytes()


def test_a_pointer_set_by_hand_to_a_trial(tmp_path: Path, made: Library, releases: Releases) -> None:
    trial = releases.create(TRIAL, **BY).release
    with raw_hands(tmp_path) as raw:
        raw.sql("UPDATE release_pointer SET digest = :digest", digest=trial.digest)
    assert releases.verify().startswith("table release_pointer")
    assert releases.read(trial.digest).trial  # serve refuses it without --trial


@pytest.mark.parametrize("trial", [True, False])
def test_settings_do_not_approve(made: Library, releases: Releases, trial: bool) -> None:
    odd = Recipe(coach={"strategies": 4, "trial": False, "status": "approved"}, template="{{ x }}", trial=trial)
    created = releases.create(odd, **BY).release
    held = {s.id for s in releases.read(created.id).strategies()}
    assert (EVIL in held) is trial
    if trial:
        with pytest.raises(LibraryError, match="never be published"):
            releases.publish(created.id, **BY)


def test_approval_of_other_words_is_not_approval_of_these(made: Library, releases: Releases) -> None:
    created = releases.create(RECIPE, **BY).release
    apply(made, Edit(strategy_id="strategy-0001", do="promise any refund"))
    with pytest.raises(LibraryError, match="no longer approved"):
        releases.publish(created.id, **BY)
    apply(made, Screen(strategy_id="strategy-0001", findings=(finding(),)))
    with pytest.raises(LibraryError, match="cannot be approved"):
        apply(made, Approve(strategy_id="strategy-0001"))
