from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.coach import Coach, CoachSettings
from preceptor.core.errors import ConfigError, InputError, ModelBusyError
from preceptor.core.ids import plain
from preceptor.core.records import Strategy
from preceptor.library.index import IndexSettings
from preceptor.library.release import Released, file_name, parse_release, read_release, write_release
from preceptor.library.release_diff import diff
from preceptor.library.release_index import algorithm
from preceptor.library.release_make import Contents, make_release

TEMPLATE = "<advice>\n{{ strategies }}\n</advice>"
TOPICS = ("refund", "luggage", "seat", "meal", "upgrade", "delay", "visa", "pet", "voucher", "name")


class Letters:
    """An embedder that counts letters."""

    def __init__(self, name: str = "letters", shift: int = 0) -> None:
        self.name = name
        self.dimension = 26
        self._shift = shift

    def embed(self, texts: Any) -> Any:
        rows = [[text.lower().count(chr(97 + (n + self._shift) % 26)) + 0.1 for n in range(26)] for text in texts]
        found = np.array(rows, dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def released(n: int, status: str = "approved", **fields: Any) -> Released:
    topic = TOPICS[n % len(TOPICS)]
    values = {
        "id": f"strategy-{n:04}",
        "when": f"the customer asks about a {topic} {n}",
        "do": f"check the {topic} rules, then offer choice {n}",
        "scenarios": (f"c-{n}",),
    }
    return Released(strategy=Strategy(**{**values, **fields}), version=1, status=status)  # type: ignore[arg-type]


def contents(count: int = 12, **fields: Any) -> Contents:
    values: dict[str, Any] = {
        "strategies": [released(n) for n in range(count)],
        "states": {f"c-{n}": f"agent: Hello\ncustomer: my {TOPICS[n % 10]} is wrong {n}" for n in range(count)},
        "coach": plain(CoachSettings(floor=0.05)),
        "template": TEMPLATE,
    }
    return Contents(**{**values, **fields})


def ask(topic: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": f"my {topic} is wrong"}]


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    path = write_release(tmp_path, make_release(contents()))
    found = read_release(path)
    assert path.name == file_name(found.digest) == f"{found.id}.preceptor"
    assert list(found.strategies().all()) == [released(n) for n in range(12)]
    assert found.states()["c-3"] == contents().states["c-3"]
    assert found.manifest.coach == plain(CoachSettings(floor=0.05))
    assert not found.trial


def test_same_contents_same_bytes() -> None:
    one = contents()
    assert make_release(one) == make_release(replace(one, strategies=list(reversed(one.strategies))))
    assert make_release(one) != make_release(contents(11))


def test_the_file_begins_with_text_that_people_can_read() -> None:
    head, manifest, body = make_release(contents()).split(b"\n", 2)
    assert head.startswith(b"preceptor-release 1 ")
    assert json.loads(manifest)["trial"] is False
    first = body.lstrip(b"\0").split(b"\n", 1)[0]
    assert json.loads(first)["strategy"]["id"] == "strategy-0000"


@pytest.mark.parametrize("embedder", [None, Letters()])
def test_a_released_coach_advises_as_one_that_was_built(tmp_path: Path, embedder: Any) -> None:
    made = contents(30, embedder=embedder)
    path = write_release(tmp_path, make_release(made))
    built = Coach(
        [r.strategy for r in made.strategies],
        dict(made.states),
        CoachSettings(floor=0.05),
        embedder=embedder,
        template=TEMPLATE,
    )
    loaded = Coach.from_release(path, embedder=embedder)
    assert len(loaded) == 30
    for topic in TOPICS:
        assert loaded.advise(ask(topic)).text
        assert loaded.advise(ask(topic)) == built.advise(ask(topic))


def test_an_index_of_other_code_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: object) -> str:
        return "other"

    def unused(*_: object) -> None:
        pytest.fail("must not be used")

    expected = Coach.from_release(write_release(tmp_path, make_release(contents()))).advise(ask("refund"))
    monkeypatch.setattr("preceptor.library.release_make.algorithm", other)
    path = write_release(tmp_path, make_release(contents()))
    monkeypatch.setattr("preceptor.coach.from_release.put_together", unused)
    assert Coach.from_release(path).advise(ask("refund")) == expected


def test_the_fingerprint_follows_the_settings() -> None:
    weights = replace(IndexSettings().weights, earlier=0.1)
    assert algorithm(IndexSettings()) == algorithm(IndexSettings())
    assert algorithm(IndexSettings()) != algorithm(IndexSettings(weights=weights))


def test_embeddings_are_optional_to_use(tmp_path: Path) -> None:
    path = write_release(tmp_path, make_release(contents(embedder=Letters())))
    assert Coach.from_release(path).advise(ask("luggage")).chosen[0].dense == 0


@pytest.mark.parametrize(
    ("embedder", "made_with", "words"),
    [
        (Letters(), None, "without embeddings"),
        (Letters("other"), Letters(), "made with the embedder letters"),
        (Letters(shift=1), Letters(), "another one under the same name"),
    ],
)
def test_another_embedder_is_refused(tmp_path: Path, embedder: Any, made_with: Any, words: str) -> None:
    path = write_release(tmp_path, make_release(contents(embedder=made_with)))
    with pytest.raises(ConfigError, match=words):
        Coach.from_release(path, embedder=embedder)


class Failing(Letters):
    """Fails while ``down``."""

    down = True

    def embed(self, texts: Any) -> Any:
        if self.down:
            raise ModelBusyError("the server is busy", kind="busy")
        return super().embed(texts)


def test_while_the_embedder_fails_advice_is_found_by_words_and_says_so(tmp_path: Path) -> None:
    path = write_release(tmp_path, make_release(contents(embedder=Letters())))
    by_words = Coach.from_release(path).advise(ask("luggage"))
    embedder = Failing()
    coach = Coach.from_release(path, embedder=embedder)
    assert coach.waits
    found = coach.advise(ask("luggage"))
    assert found.fallback == "the server is busy"
    assert (found.chosen, found.text) == (by_words.chosen, by_words.text)
    embedder.down = False
    again = coach.advise(ask("luggage"))
    assert again.fallback == ""
    assert again.chosen[0].dense > 0


def test_one_that_could_not_be_asked_at_load_is_checked_before_its_first_vector_counts(tmp_path: Path) -> None:
    path = write_release(tmp_path, make_release(contents(embedder=Letters())))
    other = Failing(shift=1)
    coach = Coach.from_release(path, embedder=other)
    other.down = False
    found = coach.advise(ask("luggage"))
    assert "another one under the same name" in found.fallback
    assert found.chosen[0].dense == 0


def test_limits_can_be_changed_for_one_request(tmp_path: Path) -> None:
    coach = Coach.from_release(write_release(tmp_path, make_release(contents(30))))
    few = coach.with_settings(replace(coach.settings, strategies=1))
    assert len(coach.advise(ask("refund")).chosen) > len(few.advise(ask("refund")).chosen) == 1
    assert coach.settings.strategies == 4


def test_only_approved_strategies_unless_for_trial() -> None:
    mixed = [released(0), released(1, "proposed")]
    with pytest.raises(InputError, match="strategy-0001 is proposed"):
        make_release(contents(strategies=mixed))
    trial = parse_release(make_release(contents(strategies=mixed, trial=True)), "x")
    assert trial.trial
    with pytest.raises(InputError, match="is rejected"):
        make_release(contents(strategies=[released(0, "rejected")], trial=True))


def test_nothing_and_twice_the_same_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to release"):
        make_release(contents(0))
    with pytest.raises(InputError, match="strategy-0001 is there twice"):
        make_release(contents(strategies=[released(1), released(1)]))


DATA = make_release(contents(3))


@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(at: int, bit: int) -> None:
    altered = bytearray(DATA)
    altered[at] ^= 1 << bit
    with pytest.raises(InputError):
        parse_release(bytes(altered), "x")


@given(length=st.integers(0, len(DATA) - 1))
def test_no_cut_goes_unseen(length: int) -> None:
    with pytest.raises(InputError):
        parse_release(DATA[:length], "x")


@given(tail=st.binary(min_size=1, max_size=200))
def test_nothing_can_be_put_behind(tail: bytes) -> None:
    with pytest.raises(InputError):
        parse_release(DATA + tail, "x")


@given(data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: b"preceptor-release 1 " + b))
def test_other_files_are_no_releases(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_release(data, "x")


def test_editing_by_hand_is_refused_and_said(tmp_path: Path) -> None:
    path = write_release(tmp_path, DATA)
    path.write_bytes(DATA.replace(b"offer choice 1", b"offer choice 9"))
    with pytest.raises(InputError, match=r"was altered: section 'strategies'") as told:
        read_release(path)
    assert "release create" in told.value.hint
    path.write_bytes(DATA.replace(b'"trial":false', b'"trial":true '))
    with pytest.raises(InputError, match="manifest does not fit its hash"):
        read_release(path)


def test_another_release_under_the_name_is_refused(tmp_path: Path) -> None:
    path = write_release(tmp_path, DATA)
    other = parse_release(make_release(contents(2)), "x")
    path.write_bytes(make_release(contents(2)))
    with pytest.raises(InputError, match="altered or renamed"):
        read_release(path)
    plain_name = tmp_path / "mine.preceptor"
    plain_name.write_bytes(DATA)
    assert read_release(plain_name).digest == parse_release(DATA, "x").digest
    with pytest.raises(InputError, match=f"not {other.id}"):
        read_release(plain_name, digest=other.digest)


def test_missing_files_and_newer_formats_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no release file"):
        read_release(tmp_path / "none.preceptor")
    with pytest.raises(InputError, match="release format 7") as told:
        parse_release(DATA.replace(b"preceptor-release 1 ", b"preceptor-release 7 "), "x")
    assert "upgrade" in told.value.hint


def test_writing_again_leaves_the_file_and_mends_a_damaged_one(tmp_path: Path) -> None:
    path = write_release(tmp_path, DATA)
    before = path.stat().st_ino
    assert write_release(tmp_path, DATA).stat().st_ino == before
    path.write_bytes(b"damaged")
    assert read_release(write_release(tmp_path, DATA)).id
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_odd_text_survives() -> None:
    odd = released(0, when="lone \udc80 surrogate, NUL \x00, line\nbreak \u2028", do="次へ")
    found = parse_release(make_release(contents(strategies=[odd])), "x")
    assert found.strategies()[0] == odd.strategy


def test_what_sets_two_releases_apart() -> None:
    one = parse_release(make_release(contents(5)), "x")
    changed = replace(released(1, do="something else"), version=2)
    rest = [changed, *(released(n) for n in range(2, 7))]
    two = parse_release(make_release(contents(7, strategies=rest, coach={"strategies": 2})), "x")
    found = diff(one, two)
    assert [r.strategy.id for r in found.added] == ["strategy-0005", "strategy-0006"]
    assert [r.strategy.id for r in found.removed] == ["strategy-0000"]
    assert [(c.before.version, c.after.version) for c in found.changed] == [(1, 2)]
    assert found.same == 3
    assert found.settings == ("coach",)
    assert diff(one, one).settings == ()
