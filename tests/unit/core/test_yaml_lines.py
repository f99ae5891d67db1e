"""With libyaml and without it a file is read alike, and told alike where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from preceptor.core.errors import InputError
from preceptor.core.yaml_lines import Document, read_yaml

WHOLE = """\
# of a shop
- key: late   # the first
  goal: |
    Where is my parcel?
    It is late.
  says: ["Where?", 'it''s late', "\\u00e4 \\u2022", 😀]
  share: 0.5
  count: 0x1F
  on: yes
  since: 2026-01-02
  nothing: ~
- &two {key: broken, goal: "a\\
    b"}
- *two
"""
WRONG = (
    "- a: 1\n  b: [1, 2\n- c",
    "a: 'never closed\nb: 2\n",
    "a: *nobody\n",
    "a:\n\t- b\n",
    "a: b: c\n",
    "a: \x07\n",
    "[" * 101,
    "[" * 400,
    "a: 1\na: 2\n",
    "a: 2026-13-41\n",
    "--- a\n--- b\n",
)


def both(text: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Document | str]:
    """What is read or told, by libyaml and by PyYAML alone."""
    assert hasattr(yaml, "CSafeLoader")
    path.write_text(text)
    found: list[Document | str] = []
    for _ in range(2):
        try:
            found.append(read_yaml(path))
        except InputError as error:
            found.append(f"{error} {error.hint}")
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    return found


def test_values_and_lines_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fast, slow = both(WHOLE, tmp_path / "a.yaml", monkeypatch)
    assert isinstance(fast, Document)
    assert fast == slow
    assert fast.value[0]["says"] == ["Where?", "it's late", "ä •", "😀"]
    assert (fast.value[0]["count"], fast.value[2]) == (31, {"key": "broken", "goal": "ab"})
    assert (fast.lines[0, "says"], fast.lines[2,]) == (6, 12)


@pytest.mark.parametrize("text", WRONG, ids=lambda t: t[:12])
def test_what_is_wrong_is_told_in_the_same_words(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fast, slow = both(text, tmp_path / "a.yaml", monkeypatch)
    assert isinstance(fast, str)
    assert fast == slow


def test_nothing_that_is_deep_reaches_the_stack_of_c(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("- " * 100_000 + "x")
    with pytest.raises(InputError, match="nested too deep"):
        read_yaml(tmp_path / "a.yaml")
