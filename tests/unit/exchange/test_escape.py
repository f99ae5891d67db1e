"""Untrusted text in Markdown shows as it is; untrusted names are safe names."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from preceptor.core.untrusted import one_line
from preceptor.exchange.escape import markdown, slug

MARKS = st.sampled_from(list("`*_[]()<>#|~!-+=.:/@&\\$^1aA \n\t"))
NASTY = st.text(alphabet=MARKS, max_size=40) | st.text(max_size=80)


@given(NASTY)
@example("# Title")
@example("- item")
@example("1. item")
@example("```python")
@example("![x](http://a/b.png)")
@example("<script>alert(1)</script>")
@example("a | b\n--|--\n1 | 2")
@example("&lt;b&gt; &amp;amp;")
@example("---")
def test_it_shows_as_it_is(text: str):
    found = MarkdownIt("commonmark").enable("table").render(f"- **Do:** {markdown(text)}")
    shown = re.fullmatch(r"<ul>\n<li><strong>Do:</strong> ?(.*)</li>\n</ul>\n", found)
    assert shown, found
    assert "<" not in shown[1]
    assert html.unescape(shown[1]).strip() == one_line(text)


@given(NASTY)
def test_alone_on_a_line_it_is_a_paragraph(text: str):
    found = MarkdownIt("commonmark").enable("table").render(markdown(text))
    assert found == "" or re.fullmatch(r"<p>[^<]*</p>\n", found), found


@pytest.mark.parametrize("text", ["see https://evil.example/x", "www.evil.example", "a@evil.example", "HTTP://x.y"])
def test_readers_find_no_address_in_it(text: str):
    assert not re.search(r"https?://|www\.|@", markdown(text), re.IGNORECASE)


@given(st.text(max_size=200), st.integers(8, 64))
@example("../../etc/passwd", 64)
@example("CON", 64)
@example("a" * 500, 64)
def test_names_are_safe(text: str, limit: int):
    name = slug(text, limit=limit, otherwise="other")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= limit
    assert name not in ("con", "nul", "aux", "prn")


def test_names_keep_what_they_can():
    assert slug("Verlorenes Gepäck & Ärger!", limit=64, otherwise="x") == "verlorenes-gepack-arger"
    assert slug("行李", limit=64, otherwise="x") == "x"
