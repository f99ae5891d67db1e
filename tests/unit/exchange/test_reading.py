"""Files as they come: what is usable is read, the rest is told with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from preceptor.core.errors import InputError
from preceptor.exchange.reading import Reading, read_file


def read(tmp_path: Path, text: str | bytes, name: str = "f.jsonl") -> Reading:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_file(path)


def lost(reading: Reading) -> list[tuple[str, str]]:
    return [(r.where, r.kind) for r in reading.remarks if r.lost]


PLAIN = {"scenario": "Customer: My bag is lost.\nAgent: Oh.\nCustomer: Help me!", "guidelines": "1. Ask. 2. Tell."}


def test_a_conversation_with_a_numbered_list(tmp_path: Path):
    found = read(tmp_path, json.dumps(PLAIN))
    assert [s.item.strategy.do for s in found.strategies] == ["Ask.", "Tell."]
    (scenario,) = found.scenarios
    assert [(t.speaker, t.text) for t in scenario.turns] == [
        ("customer", "My bag is lost."),
        ("agent", "Oh."),
        ("customer", "Help me!"),
    ]
    assert {s.item.strategy.scenarios for s in found.strategies} == {(scenario.id,)}
    assert {s.item.strategy.scope for s in found.strategies} == {"scenario"}


@pytest.mark.parametrize("name", ["f.json", "f.yaml"])
def test_whole_documents(tmp_path: Path, name: str):
    text = json.dumps([PLAIN, {"guidelines": ["Greet first", {"when": "When angry", "do": "wait", "why": "calm"}]}])
    found = read(tmp_path, text, name)
    assert [s.item.strategy.do for s in found.strategies] == ["Ask.", "Tell.", "Greet first", "wait"]
    last = found.strategies[-1].item.strategy
    assert (last.when, last.why, last.scope, last.scenarios) == ("angry", "calm", "domain", ())


def test_yaml_as_people_write_it(tmp_path: Path):
    text = """
- scenario: a passenger whose bag did not arrive
  guidelines: |
    1. Ask for the report number
    2. If there is none, say where to get it
- scenario:
    - {role: user, content: hello}
    - {role: assistant, content: hi}
    - {role: user, content: my seat is taken}
  guidelines: [apologise]
"""
    found = read(tmp_path, text, "f.yaml")
    assert [(s.item.strategy.when, s.item.strategy.do) for s in found.strategies] == [
        ("a passenger whose bag did not arrive", "Ask for the report number"),
        ("there is none", "say where to get it"),
        ("the conversation has come to this point", "apologise"),
    ]
    assert found.remarks == ()


def test_nothing_is_dropped_silently(tmp_path: Path):
    lines = [
        json.dumps(PLAIN),
        "{not json",
        "[1, 2]",
        "",
        '{"other": 1}',
        '{"scenario": "x", "guidelines": ""}',
        '{"scenario": "x", "guidelines": 7}',
        '{"guidelines": ["a"], "guidelines": ["b"]}',
        '{"kind": "strategy", "strategy": {"id": 3}}',
        '{"kind": "lesson"}',
        '{"kind": "who knows"}',
        '{"scenario": [{"role": "robot", "content": "x"}], "guidelines": ["a"]}',
        '{"scenario": "Agent: hello", "guidelines": ["a"]}',
        '{"guidelines": [{"when": "x", "do": " "}]}',
        '{"guidelines": ["' + "a" * 5000 + '"]}',
        '{"kind": "strategy", "version": NaN}',
        "[" * 100_000,
    ]
    raw = "\n".join(lines).encode() + b"\n\xff\xfe{}\n"
    found = read(tmp_path, raw)
    assert found.entries == 17
    assert len(found.strategies) == 2
    kinds = dict(lost(found))
    assert kinds == {
        **dict.fromkeys(["line 2", "line 16", "line 17"], "bad-json"),
        "line 3": "not-an-object",
        "line 5": "unknown-form",
        **dict.fromkeys([f"line {n}" for n in (6, 7, 9, 10, 11, 12, 13, 14, 15)], "wrong-entry"),
        "line 8": "twice",
        "line 18": "bad-encoding",
    }


def test_what_is_taken_but_not_all_of_it_is_told(tmp_path: Path):
    entry = {"scenario": "User: hi\nAssistant: bye", "guidelines": "Rules:\n1. a\n2. b", "id": 4}
    found = read(tmp_path, json.dumps(entry))
    assert [(r.kind, r.lost) for r in found.remarks] == [
        ("unknown-key", False),
        ("after-the-customer", False),
        ("heading", False),
    ]
    assert len(found.strategies) == 2


def test_files_that_cannot_be_read_say_so(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        read_file(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is no JSON"):
        read(tmp_path, "[1,", "f.json")
    with pytest.raises(InputError, match="not valid YAML"):
        read(tmp_path, "a: [", "f.yaml")
    with pytest.raises(InputError, match="too many or circular"):
        read(tmp_path, "a: &a [*a]", "f.yaml")
    with pytest.raises(InputError, match="this preceptor reads 1"):
        read(tmp_path, '{"kind": "preceptor-export", "format": 2}')


def test_json_lines_under_a_json_name(tmp_path: Path):
    found = read(tmp_path, f"{json.dumps(PLAIN)}\n{json.dumps(PLAIN)}\n", "f.json")
    assert len(found.strategies) == 4
    assert len(found.scenarios) == 1
