"""Calls are written for their owner's eyes, for so many days, and never hold anybody up."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import stat
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from preceptor.core.errors import ConfigError
from preceptor.serve.record import LONGEST_ANSWER, Call, Recorder, RecordSettings, Taking
from preceptor.serve.redact import by_patterns

BODY = json.dumps(
    {
        "model": "m",
        "messages": [
            {"role": "system", "content": "the policy"},
            {"role": "user", "content": [{"type": "text", "text": "I am a@b.example"}, {"type": "image_url"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "find", "arguments": '{"mail":"a@b.example"}'}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "found a@b.example"},
        ],
    }
).encode()
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello a@b.example"}}]}'


@dataclass(slots=True)
class Day:
    now: datetime = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def call(body: bytes = BODY, answer: bytes = ANSWER, **named: Any) -> Call:
    given: dict[str, Any] = {"encoding": "", "answer_encoding": "", **named}
    return Call(kind="chat", body=body, answer=answer, **given)


def recorder(folder: Path, day: Day, **settings: Any) -> tuple[Recorder, list[str]]:
    trouble: list[str] = []
    made = Recorder(RecordSettings(folder=folder, **settings), by_patterns, day, trouble.append)
    made.start()
    return made, trouble


def lines(folder: Path, day: str) -> list[Any]:
    return [json.loads(line) for line in (folder / f"{day}.jsonl").read_text().splitlines()]


def test_a_call_becomes_a_redacted_line_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    found, _ = recorder(folder, Day())
    found.put(call(release="release-1", strategies=("s-1",)))
    found.put(call(gzip.compress(BODY), gzip.compress(ANSWER), encoding="gzip", answer_encoding="gzip"))
    found.close()
    one, two = lines(folder, "2026-03-01")
    assert (
        one["messages"]
        == two["messages"]
        == [
            {"role": "user", "content": "I am [email]\n[image_url]"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"mail":"[email]"}'}}
                ],
            },
            {"role": "tool", "content": "found [email]", "tool_call_id": "1"},
            {"role": "assistant", "content": "Hello [email]"},
        ]
    )
    assert (one["by"], one["release"], one["strategies"], one["model"]) == ("model", "release-1", ["s-1"], "m")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "2026-03-01.jsonl").stat().st_mode) == 0o600
    assert found.counts == {"written": 2}


def test_old_days_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    names = ["2026-02-27.jsonl", "2026-02-28.jsonl", "2025-12-31.jsonl", "notes.jsonl", "2026-01-01.txt"]
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    day = Day()
    found, _ = recorder(tmp_path, day, days=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "2026-01-01.txt", "2026-02-28.jsonl", "2026-03-01.jsonl", "notes.jsonl",
    ]  # fmt: skip
    day.now += timedelta(minutes=2)
    found.put(call())
    found.close()
    assert not (tmp_path / "2026-02-28.jsonl").exists()
    assert len(lines(tmp_path, "2026-03-02")) == 1


def test_old_days_end_where_nobody_calls_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preceptor.serve.record._LOOK_SECONDS", 0.01)
    day = Day()
    found, trouble = recorder(tmp_path, day, days=2)
    day.now += timedelta(days=2)
    with contextlib.suppress(FileNotFoundError):
        while (tmp_path / "2026-03-01.jsonl").stat():
            threading.Event().wait(0.01)
    found.close()
    assert (list(tmp_path.iterdir()), trouble) == ([], [])


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "2026-03-01.jsonl").touch(mode=0o644)
    recorder(tmp_path, Day())[0].close()
    assert stat.S_IMODE((tmp_path / "2026-03-01.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "broken",
    [call(b"{"), call(answer=b"{"), call(answer=b""), call(encoding="br"), call(answer_encoding="br")],
    ids=range(5),
)
def test_what_cannot_be_read_is_counted(tmp_path: Path, broken: Call) -> None:
    found, _ = recorder(tmp_path, Day())
    found.put(broken)
    found.close()
    assert found.counts == {"unreadable": 1}
    assert lines(tmp_path, "2026-03-01") == []


def test_where_the_writing_lags_calls_are_left_out_and_nobody_waits(tmp_path: Path) -> None:
    found = Recorder(RecordSettings(folder=tmp_path), by_patterns, Day(), print)
    for _ in range(10):  # nothing is written yet
        found.put(call(answer=b"{" + b" " * 4_000_000))
    assert found.counts == {"dropped": 2}
    found.start()
    found.close()
    assert found.counts == {"dropped": 2, "unreadable": 8}


def test_a_disk_that_fails_is_told_once_and_the_next_call_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble: list[str] = []
    found = Recorder(RecordSettings(folder=tmp_path), by_patterns, Day(), trouble.append)
    failing = [True, True, False]
    real = os.write

    def write(file: int, data: bytes) -> int:
        if data.startswith(b'{"id"') and failing.pop(0):
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr("preceptor.serve.record.os.write", write)
    for _ in range(3):
        found.put(call())
    found.start()
    found.close()
    assert found.counts == {"failed": 2, "written": 1}
    assert len(trouble) == 1
    assert "No space" in trouble[0]


def test_a_redactor_that_fails_costs_one_call_and_quotes_nothing(tmp_path: Path) -> None:
    trouble: list[str] = []

    def redact(text: str) -> str:
        if "secret" in text:
            raise ValueError(f"cannot read {text}")
        return text

    found = Recorder(RecordSettings(folder=tmp_path), redact, Day(), trouble.append)
    bad = call(answer=ANSWER.replace(b"Hello", b"secret"))
    for one in (bad, call(), bad):
        found.put(one)
    found.start()
    found.close()
    assert found.counts == {"failed": 2, "written": 1}
    assert trouble == ["ValueError"]


def test_half_a_character_is_no_reason_to_fail(tmp_path: Path) -> None:
    found, trouble = recorder(tmp_path, Day())
    found.put(call(answer=ANSWER.replace(b"Hello", rb"\ud800 Hello")))
    found.close()
    assert (found.counts, trouble) == ({"written": 1}, [])


def test_shares_are_even(tmp_path: Path) -> None:
    for share, wanted in ((1.0, 100), (0.25, 25), (0.01, 1)):
        found, _ = recorder(tmp_path, Day(), share=share)
        assert sum(found.wanted() for _ in range(100)) == wanted
        found.close()


def test_of_an_answer_that_is_too_long_nothing_is_kept() -> None:
    taking = Taking("chat", BODY, "")
    for _ in range(3):
        taking.add(b"x" * (LONGEST_ANSWER // 2))
    assert taking.call("", release="", strategies=()).answer == b""


@pytest.mark.parametrize("given", [{"days": 0}, {"share": 0}, {"share": 1.5}, {"folder": Path("/proc/none")}])
def test_settings_that_cannot_be_are_said(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as told:
        Recorder(RecordSettings(**{"folder": cast("Any", tmp_path), **given}), by_patterns, Day(), print)
    assert told.value.hint


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "else").write_text("")
    (tmp_path / "2026-03-01.jsonl").symlink_to(tmp_path / "else")
    with pytest.raises(ConfigError):
        recorder(tmp_path, Day())
