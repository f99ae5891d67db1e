"""Lines of keys in TOML."""

from __future__ import annotations

from preceptor.core.toml_lines import key_lines

TEXT = '''\
a = 1
[x] # note
b = 2
"c d" = 3
[x.y]
e.f = 4
g = """
h = 5
"""
i = { j = 6, k = { l = 7 } }
# m = 8
n = 9
'''


def test_tables_dotted_quoted_and_inline_keys():
    assert key_lines(TEXT) == {
        "a": 1,
        "x": 2,
        "x.b": 3,
        "x.c d": 4,
        "x.y": 5,
        "x.y.e.f": 6,
        "x.y.g": 7,
        "x.y.i": 10,
        "x.y.i.j": 10,
        "x.y.i.k": 10,
        "x.y.i.l": 10,
        "x.y.n": 12,
    }
