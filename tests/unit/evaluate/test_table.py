"""Reading tables from outside: forms, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor.core.errors import InputError
from preceptor.evaluate.table import analyse_table, parse_table, read_table

GOOD = "arm,unit,cluster,score\nstudent,1,a,2\ncoached,1,a,3\nstudent,2,b,2.5\ncoached,2,b,4\n"


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    lines = [
        f'{{"arm": "{a}", "unit": {u}, "cluster": "{c}", "score": {s}}}'
        for a, u, c, s in (line.split(",") for line in GOOD.splitlines()[1:])
    ]
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "a.jsonl").write_text("\n\n".join(lines) + "\n")
    one, two = read_table(tmp_path / "a.csv"), read_table(tmp_path / "a.jsonl")
    assert one.scores == two.scores
    assert len(one.scores) == 4
    assert analyse_table(one).differences[0].estimate.value == pytest.approx(1.25)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("arm,unit,cluster,score", " Arm ,UNIT,Cluster,Score"),
        "\ufeff" + GOOD,
        "\n\n" + GOOD.replace("\n", "\n\n"),
    ],
)
def test_forms_of_csv(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, newline="")
    assert read_table(tmp_path / "t.csv").scores == parse_table(GOOD, source="t").scores


def test_columns_by_other_names_and_more_of_them() -> None:
    text = 'id,model,scene,rating,remark\n1,student,x,2,ok\n1,coached,x,3,"a, b"\n'
    table = parse_table(
        text, source="t", columns={"arm": "Model", "unit": "id", "cluster": "scene", "score": "rating"}
    )
    assert [(s.arm, s.unit, s.cluster, s.score) for s in table.scores] == [
        ("student", "1", "x", 2),
        ("coached", "1", "x", 3),
    ]


def test_no_cluster_column_makes_units_clusters_and_says_so() -> None:
    table = parse_table("arm,unit,score\na,1,2\nb,1,3\na,2,2\nb,2,3\n", source="t")
    assert not table.clustered
    assert any("no clusters" in note for note in analyse_table(table).notes)


def test_rows_without_a_cluster_among_others_with_one_are_told() -> None:
    rows = [("a", 1, 2), ("b", 1, 3), ("a", 2, 2), ("b", 2, 3)]
    text = "\n".join(
        f'{{"arm": "{arm}", "unit": {unit}, "score": {score}' + (', "cluster": "x"}' if unit == 1 else "}")
        for arm, unit, score in rows
    )
    notes = analyse_table(parse_table(text, source="t")).notes
    assert any("2 rows name no cluster" in note for note in notes)
    assert not any("names no clusters" in note for note in notes)


def test_units_numbered_anew_in_each_cluster_are_kept_apart() -> None:
    rows = "".join(f"{arm},{u},{c},{3 + (arm == 'b')}\n" for arm in "ab" for c in "xyz" for u in (1, 2))
    table = parse_table("arm,unit,cluster,score\n" + rows, source="t")
    found = analyse_table(table)
    assert (found.differences[0].estimate.n, found.differences[0].estimate.clusters) == (6, 3)
    assert any("same cluster" in note for note in found.notes)


def test_empty_scores_are_counted_not_invented() -> None:
    table = parse_table(GOOD + "student,3,c,\ncoached,3,c,4\n", source="t")
    assert table.missing == (6,)
    found = analyse_table(table)
    assert found.differences[0].dropped == 1
    assert "lines 6" in found.notes[0]


@pytest.mark.parametrize("mark", ["NA", "N/A", "#N/A", "NaN", "nan", "null", "None", ".", "  "])
def test_other_tools_marks_of_a_missing_score_are_counted_and_told(mark: str) -> None:
    table = parse_table(GOOD + f"student,3,c,{mark}\ncoached,3,c,4\n", source="t")
    assert table.missing == (6,)
    assert "1 row has no score (empty, NA or the like)" in analyse_table(table).notes[0]
    if mark == "NaN":
        row = '{"arm": "a", "unit": %d, "score": %s}\n'
        assert parse_table(row % (1, 2) + row % (2, "NaN"), source="t").missing == (2,)


def test_raw_ratings_of_two_raters_with_gaps_are_paired_as_far_as_they_go() -> None:
    """Rows as a study publishes them: other columns, two raters, one of them with gaps, a unit in one arm only."""
    rows = [
        ("base", "d1", "s1", "ann", "3"),
        ("base", "d1", "s1", "bo", "NA"),
        ("tuned", "d1", "s1", "ann", "4"),
        ("tuned", "d1", "s1", "bo", "5"),
        ("base", "d2", "s2", "ann", "2"),
        ("tuned", "d2", "s2", "bo", "2.5"),
        ("base", "d3", "s3", "bo", "1"),
    ]
    text = "condition,dialog,scenario,rater,rating,comment\n" + "".join(f'{",".join(r)},"a, b"\n' for r in rows)
    names = {"arm": "condition", "unit": "dialog", "cluster": "scenario", "score": "rating"}
    found = analyse_table(parse_table(text, source="t", columns=names))
    d = found.differences[0]
    assert (d.baseline, d.estimate.n, d.dropped) == ("base", 2, 1)
    assert d.estimate.value == pytest.approx((1.5 + 0.5) / 2)
    assert any("1 row has no score" in n for n in found.notes)
    assert any("averaged before pairing" in n for n in found.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "student,3,c,inf\n", r"t, line 6: score: 'inf' is not a finite number"),
        (GOOD + "student,3,c,good\n", r"t, line 6: score: 'good'"),
        (GOOD + "student,3,c\n", r"t, line 6: has 3 cells, the header has 4"),
        (GOOD + "student,3,c,3,5\n", r"t, line 6: has 5 cells"),
        (GOOD + ",3,c,3\n", r"t, line 6: arm: is empty"),
        (GOOD + '"student,3,c,3\n', r"t, line 6: unexpected end of data"),
        ("arm,unit,cluster\na,1,x\n", r"t, line 2: has no column 'score'"),
        ("arm,arm,unit,score\na,a,1,2\n", r"t, line 1: column 'arm' stands there twice"),
        ("", r"t: holds no scores"),
        ("arm,unit,cluster,score\n", r"t: holds no scores"),
        ('[{"arm": "a", "unit": 1, "score": 2}]', r"t: is a JSON array"),
        ("student,1,a,2\nstudent,2,a,2\n", r"t, line 2: has no column 'arm'"),
        ("arm|unit|score\na|1|2\n", r"t, line 2: has no column 'arm'"),
        ("arm;unit;cluster;score\na;1;x;2,5\n", r"t, line 2: score: '2,5' is not a finite number"),
        ('{"arm": "a", "unit": 1, "score": 2}\n{"arm": \n', r"t, line 2: not JSON"),
        ('{"arm": "a", "unit": 1, "score": 2}\n[1]\n', r"t, line 2: not a JSON object"),
        ('{"arm": "a", "unit": 1, "score": 1e999}\n', r"t, line 1: score: 'inf'"),
        ('{"arm": "a", "unit": 1, "score": true}\n', r"t, line 1: score: 'True'"),
        ('{"arm": "a", "unit": 1, "score": [3]}\n', r"t, line 1: score"),
        ('{"arm": {"x": 1}, "unit": 1, "score": 3}\n', r"t, line 1: arm: is empty or no text"),
        ('{"arm": "a", "unit": 1, "score": ' + "9" * 400 + "}\n", r"t, line 1: score"),
        ('{"arm": ' + "[" * 100_000 + "\n", r"t, line 1: not JSON"),
    ],
)
def test_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_table(text, source="t")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_table(tmp_path / "b.csv")


def test_baseline_by_name_by_custom_or_the_first() -> None:
    table = parse_table(GOOD.replace("coached", "A").replace("student", "Control"), source="t")
    assert analyse_table(table).baseline == "Control"
    assert analyse_table(table, baseline="A").baseline == "A"
    assert analyse_table(parse_table(GOOD.replace("student", "zzz"), source="t")).baseline == "zzz"


def test_arms_that_are_not_there_and_tables_of_one_arm() -> None:
    with pytest.raises(InputError, match="has no arm 'x'"):
        analyse_table(parse_table(GOOD, source="t"), baseline="x")
    with pytest.raises(InputError, match="one arm only, 'student'"):
        analyse_table(parse_table(GOOD.replace("coached", "student"), source="t"))
    with pytest.raises(InputError, match="share no unit and no cluster"):
        analyse_table(parse_table("arm,unit,score\na,1,2\nb,2,3\n", source="t"))


def test_an_unknown_column_to_rename() -> None:
    with pytest.raises(InputError, match="no column 'points'"):
        parse_table(GOOD, source="t", columns={"points": "score"})
