from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import InputError
from preceptor.learn.log_report import MEANING, Kind
from preceptor.learn.logs import LogReading, read_logs


def log(path: Path, *lines: Any) -> LogReading:
    """A log file of ``lines``: bytes as they are, all else as JSON."""
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(raw) + b"\n")
    return read_logs(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def talk(*messages: Any, name: object = "d1") -> dict[str, Any]:
    made: list[Any] = [_message(*cast("tuple[Any, ...]", m)) if isinstance(m, tuple) else m for m in messages]
    return {"id": name, "messages": made}


def _message(role: str, content: object, **more: object) -> dict[str, object]:
    return {"role": role, "content": content, **more}


GOOD = talk(("user", "hello"), ("assistant", "hi"), ("user", "bye"), ("assistant", "goodbye"))


def test_every_answer_of_the_human_agent_is_a_reference(file: Path) -> None:
    first, second = log(file, GOOD)
    assert [t.text for t in first.turns] == ["hello"]
    assert (first.reference, first.profile) == ("hi", "d1")
    assert [t.text for t in second.turns] == ["hello", "hi", "bye"]
    assert second.reference == "goodbye"


def test_of_what_a_model_said_only_the_last_reply_counts_and_is_no_reference(file: Path) -> None:
    recorded: dict[str, Any] = {**GOOD, "by": "model"}
    (only,) = log(file, recorded)
    assert [t.text for t in only.turns] == ["hello", "hi", "bye"]
    assert only.reference == ""


def test_ids_are_the_same_every_time_and_differ_between_conversations(file: Path) -> None:
    reading = log(file, GOOD, {**GOOD, "id": "d2"})
    ids = [s.id for s in reading]
    assert ids == [s.id for s in reading]
    assert len(set(ids)) == 4


def test_lines_in_a_row_by_one_speaker_are_one_turn(file: Path) -> None:
    reading = log(file, talk(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d")))
    (only,) = reading
    assert (only.turns[0].text, only.reference) == ("a\nb", "c\nd")
    assert reading.report.count("merged-lines") == 2


def test_actions_stay_as_turns_with_their_outcome(file: Path) -> None:
    acted = {"role": "action", "name": "book", "args": {"id": 7}, "result": "failed", "content": ""}
    (only,) = log(file, talk(("user", "book"), acted, ("assistant", "It failed.")))
    assert [(t.speaker, t.by, t.text) for t in only.turns][1:] == [("action", "book", 'book({"id": 7}) -> failed')]


def test_an_answer_after_an_action_that_followed_an_answer_is_a_scenario_too(file: Path) -> None:
    ran = {"role": "action", "name": "find", "content": "find() -> 3"}
    found = list(log(file, talk(("user", "find"), ("assistant", "one moment"), ran, ("assistant", "3 found"))))
    assert [s.reference for s in found] == ["one moment", "3 found"]
    assert found[1].turns[-1].speaker == "action"


def test_openai_tool_calls_and_content_parts(file: Path) -> None:
    call = {"id": "1", "function": {"name": "find", "arguments": '{"a": 1}'}}
    reading = log(
        file,
        talk(
            ("user", [{"type": "text", "text": "find"}, {"type": "image_url"}]),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "none"},
            ("assistant", "nothing found"),
        ),
    )
    (only,) = reading
    assert [(t.speaker, t.text) for t in only.turns] == [("customer", "find"), ("action", 'find({"a": 1}) -> none')]
    assert reading.report.counts == {}


ODD: list[tuple[Kind, Any]] = [
    ("blank-line", b"  "),
    ("bad-encoding", b'{"id": "x", "messages": "\xff"}'),
    ("bad-json", b'{"id": '),
    ("bad-json", b"[" * 100_000),
    ("not-a-conversation", [1, 2]),
    ("not-a-conversation", {"id": "x"}),
    ("not-a-conversation", {"id": "x", "messages": "no"}),
    ("no-id", {"messages": GOOD["messages"]}),
    ("no-id", {"id": None, "messages": GOOD["messages"]}),
    ("no-id", {"id": True, "messages": GOOD["messages"]}),
    ("not-a-message", talk("text", ("user", "a"), ("assistant", "b"), name="x")),
    ("not-a-message", talk({"content": "a"}, ("user", "a"), ("assistant", "b"), name="x")),
    ("not-a-message", talk(("user", 7), ("user", "a"), ("assistant", "b"), name="x")),
    ("unknown-role", talk(("robot", "a"), ("user", "a"), ("assistant", "b"), name="x")),
    ("empty-message", talk(("user", " \u200e\n"), ("user", "a"), ("assistant", "b"), name="x")),
    ("empty-message", talk(("action", ""), ("user", "a"), ("assistant", "b"), name="x")),
    ("system-message", talk(("system", "be good"), ("user", "a"), ("assistant", "b"), name="x")),
    ("no-usable-message", talk(name="x")),
    ("only-customer", talk(("user", "a"), ("user", "b"), name="x")),
    ("only-agent", talk(("assistant", "a"), name="x")),
    ("opening", talk(("assistant", "hi"), ("user", "a"), ("assistant", "b"), name="x")),
    ("unanswered", talk(("user", "a"), ("assistant", "b"), ("user", "c"), name="x")),
    ("duplicate-id", GOOD),
]


@pytest.mark.parametrize(("kind", "line"), ODD)
def test_every_oddity_is_told_apart_and_the_rest_goes_on(file: Path, kind: Kind, line: Any) -> None:
    reading = log(file, GOOD, line, {**GOOD, "id": "d3"})
    references = [s.reference for s in reading if s.profile in ("d1", "d3")]
    report = reading.report
    assert references == ["hi", "goodbye"] * 2
    assert report.count(kind) >= 1
    assert report.counts[kind].lines == (2,)
    assert kind in report.text()


def test_every_kind_of_oddity_is_tested_and_explained() -> None:
    elsewhere = {"merged-lines", "line-too-long", "cut-file"}
    assert {kind for kind, _ in ODD} | elsewhere == set(MEANING)


def test_an_over_long_line_is_left_out_without_reading_it_into_memory(file: Path) -> None:
    long = json.dumps(talk(("user", "x" * 5000), ("assistant", "b"), name="long")).encode()
    log(file, GOOD, long, {**GOOD, "id": "d3"})
    reading = read_logs(file, longest_line=1000)
    assert {s.profile for s in reading} == {"d1", "d3"}
    assert reading.report.count("line-too-long") == 1
    assert reading.report.lines == 3


def test_bom_crlf_and_a_missing_last_newline_do_no_harm(file: Path) -> None:
    line = json.dumps(GOOD).encode()
    other = json.dumps({**GOOD, "id": "d2"}).encode()
    file.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + other)
    reading = read_logs(file)
    assert len(list(reading)) == 4
    assert reading.report.counts == {}


def test_gzip_is_known_by_its_bytes_and_a_cut_file_is_told(tmp_path: Path) -> None:
    many = "".join(
        json.dumps({**GOOD, "id": f"d{n}", "noise": f"{n * 7919 % 10007:x}" * 9}) + "\n" for n in range(2000)
    )
    whole = tmp_path / "log.dat"
    whole.write_bytes(gzip.compress(many.encode()))
    assert len(list(read_logs(whole))) == 4000
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole.read_bytes()[:-2000])
    reading = read_logs(cut)
    assert 0 < len(list(reading)) < 4000
    assert reading.report.count("cut-file") == 1


def test_what_is_no_file_or_no_gzip_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl"):
        list(read_logs(tmp_path / "gone.jsonl"))
    with pytest.raises(InputError, match=tmp_path.name):
        list(read_logs(tmp_path))
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(InputError, match=r"broken\.gz"):
        list(read_logs(broken))


def test_texts_are_cleaned(file: Path) -> None:
    (only,) = log(file, talk(("user", "a\x1b[31mred\u202e"), ("assistant", "b\x07"), name="x"))
    assert (only.turns[0].text, only.reference) == ("ared", "b")


field = st.sampled_from(["role", "content", "name", "tool_calls", "function", "id", "text"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(field, inner, max_size=4),
    max_leaves=12,
)
role = st.sampled_from(["user", "assistant", "action", "tool", "system", "x"])
loose = st.fixed_dictionaries({"role": role | anything, "content": anything})


@given(st.lists(st.lists(loose | anything, max_size=6), max_size=4))
def test_nothing_is_lost_without_a_count(tmp_path_factory: pytest.TempPathFactory, talks: list[list[Any]]) -> None:
    file = tmp_path_factory.mktemp("log") / "log.jsonl"
    reading = log(file, *({"id": f"d{n}", "messages": m} for n, m in enumerate(talks)))
    with_scenarios = {s.profile for s in reading}
    report = reading.report
    assert report.conversations == len(talks)
    why_not = sum(report.count(k) for k in ("no-usable-message", "only-customer", "only-agent"))
    silent = report.conversations - len(with_scenarios) - why_not
    assert silent <= report.count("opening") + report.count("unanswered")


@pytest.mark.needs_shared_data
def test_star_is_read_whole(shared_data: Path) -> None:
    reading = read_logs(shared_data / "star" / "conversations.jsonl.gz")
    assert sum(1 for _ in reading) == reading.report.scenarios == 7741
    assert reading.report.counts == {}
