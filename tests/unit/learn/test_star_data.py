"""The benchmark on real dialogues reads whatever file it is given to hold out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from bench.star.data import load


def dialogue(name: object, *messages: Any) -> bytes:
    return json.dumps({"id": name, "flow": "bank", "messages": messages}).encode()


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


HI = said("user", "hello")


def test_odd_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "held.jsonl"
    lines = [
        b"\xef\xbb\xbf" + dialogue("a", HI, said("assistant", "hi", label="hello"), HI, said("assistant", "free")),
        b"", b"not json", b"[]", b'{"id": 1}', b'"x"', b"\xff\xfe", b"[" * 5000,
        dialogue("b", said("assistant", "welcome", label="hello"), HI, said("assistant", None, label="x")),
        dialogue(None, 7, {"content": "x"}, HI, said("assistant", "ok", label=["odd"])),
        dialogue(None, HI, said("assistant", "ok", label="bye")),
    ]  # fmt: skip
    file.write_bytes(b"\r\n".join(lines))
    found = load(file)
    assert [(e.dialogue, e.said, e.label) for e in found.examples] == [
        ("a", "hi", "hello"), ("a", "free", ""), ("line 11", "ok", "bye"),
    ]  # fmt: skip
    assert found.left_out == {"typed freely, so without a label": 1, "before the customer spoke": 1}
    assert found.odd == {
        "lines are no dialogue": 6,
        "messages have no role": 2,
        "agent turns have no text, or a label that is none": 2,
    }
    assert (found.dialogues, {e.dialogue for e in found.without({"a"})}) == (4, {"line 11"})


def test_gzip_by_what_it_is_and_cut_files(tmp_path: Path) -> None:
    line = dialogue("a", HI, said("assistant", "hi", label="hello")) + b"\n"
    file = tmp_path / "held.jsonl"
    file.write_bytes(gzip.compress(line))
    assert len(load(file).examples) == 1
    file.write_bytes(gzip.compress(line * 3000)[:-20])
    cut = load(file)
    assert cut.examples
    assert cut.odd["lines are no dialogue"] >= 1
    file.write_bytes(b"")
    assert load(file).examples == ()
