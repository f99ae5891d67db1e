from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.sheets import csv_line, safe_cell

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|calc", "＝1", "＋1", "－1", "＠A1", "   =1+1")


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_begin_a_formula_becomes_text(text: str):
    assert safe_cell(text) == f"'{text}"
    assert csv_line([text, "x"]) == f'"\'{text}","x"\r\n'


@pytest.mark.parametrize("text", ["", "a=b", "3-4", "'=1", "x@y.example", "–"])
def test_other_text_stays_as_it_is(text: str):
    assert safe_cell(text) == text


@given(st.lists(st.text(alphabet=st.sampled_from("=+-@|\t\r\n ,;\"'a＝＋－＠")), min_size=1, max_size=4))
def test_no_separator_and_no_quote_opens_a_cell_of_its_own(cells: list[str]):
    (row,) = csv.reader(io.StringIO(csv_line(cells), newline=""))
    assert len(row) == len(cells)
    for told, text in zip(row, cells, strict=True):
        assert told in (text, f"'{text}")
        assert not told.lstrip(" ").startswith(tuple("=+-@|\t\r\n＝＋－＠"))
