from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.review_app import Browser, Hands, browser

from preceptor.core.errors import InputError, LibraryError
from preceptor.evaluate.result import from_json
from preceptor.review.desk import Desk
from preceptor.review.ratings import PersonRating, Ratings, read_lines


def shown(page: str) -> tuple[str, str]:
    nonce = re.search(r'name="nonce" value="(\w+)"', page)
    assert nonce is not None
    return nonce[1], page[page.index("<figure") : page.rindex("</figure>")]


def test_pairs_are_blind(rated: Desk):
    mara = browser(rated)
    page = mara.get("/rate?mode=pair").text
    nonce, dialogues = shown(page)
    for word in ("student", "teacher", "coached", "satisfaction"):
        assert word not in dialogues
    assert rated.sessions.find(next(c.value or "" for c in mara.client.cookies.jar)).shown.nonce == nonce


def test_all_pairs_are_rated_once(rated: Desk):
    mara = browser(rated)
    seen: set[str] = set()
    for n in range(3):
        page = mara.get("/rate?mode=pair").text
        assert f"{n} of 3 done" in page
        nonce, dialogues = shown(page)
        seen.add(dialogues)
        assert mara.post("/rate", {"nonce": nonce, "better": ("left", "same", "right")[n]}).status_code == 303
        assert mara.post("/rate", {"nonce": nonce, "better": "left"}).status_code == 422
    assert len(seen) == 3
    assert "All rated" in mara.get("/rate?mode=pair").text
    assert len(rated.ratings.all(by="mara")) == 3
    (told,) = rated.rater.preferences("evaluate-001")
    assert (told.first, told.second, told.better + told.same + told.worse) == ("student", "teacher", 3)
    assert "0 of 3 done" in browser(rated, "otto").get("/rate?mode=pair").text


def test_sides_are_turned(rated: Desk):
    orders = {rated.rater.next("evaluate-001", "pair", f"rater-{n}")[0].arms for n in range(12)}
    assert orders == {("student", "teacher"), ("teacher", "student")}


def test_a_judge_stands_beside_people(rated: Desk, evaluated: Path):
    found = from_json((evaluated / "evaluate-001" / "results" / "evaluation.json").read_bytes())
    scores = [(i.unit, i.arm, i.rating.satisfaction) for i in found.items if i.rating]
    rated.ratings.put(PersonRating(run="evaluate-001", unit=u, arm=a, by="ann", score=s) for u, a, s in scores)
    agreed, count = rated.rater.agreement("evaluate-001")
    assert count == len(scores)
    assert agreed.bias.value == 0
    assert agreed.kappa is None or agreed.kappa.value == 1
    page = browser(rated).get("/rate").text
    assert "simulated by practice models" in page


def test_export_is_import(rated: Desk):
    mara = browser(rated)
    nonce, _ = shown(mara.get("/rate?mode=single").text)
    mara.post("/rate", {"nonce": nonce, "score": 4, "note": "=1+1"})
    lines = mara.get("/rate.jsonl").text
    assert mara.post("/rate/import", {"lines": lines}).status_code == 303
    assert "0 new or changed, 1 known already" in mara.told()
    other = Ratings(":memory:", clock=Hands())
    assert other.put(read_lines(lines)).new == 1
    assert other.all() == rated.ratings.all()
    other.close()
    assert '"\'=1+1"' in mara.get("/rate.csv").text


def test_the_order_of_a_pair_is_one():
    store = Ratings(":memory:", clock=Hands())
    pair = {"run": "r", "unit": "u", "by": "a"}
    store.put([PersonRating(**pair, arm="teacher", other="student", better="first")])
    assert store.put([PersonRating(**pair, arm="student", other="teacher", better="second")]).same == 1
    (told,) = store.all()
    assert (told.arm, told.other, told.better) == ("student", "teacher", "second")
    store.close()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"run": "r"}',
        '{"run": "r", "unit": "u", "arm": "a", "by": "b"}',
        '{"run": "r", "unit": "u", "arm": "a", "by": "b", "score": 6}',
        '{"run": "r", "unit": "u", "arm": "a", "by": "b", "score": 3, "other": "c"}',
        '{"run": "r", "unit": "u", "arm": "a", "by": "b", "score": NaN}',
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_named(line: str):
    good = '{"run": "r", "unit": "u", "arm": "a", "by": "b", "score": 3}'
    with pytest.raises(InputError, match="line 2"):
        read_lines(f"{good}\n{line}")


def test_what_was_never_said_cannot_be_rated(rated: Desk):
    one = {"run": "evaluate-001", "unit": "nowhere/0", "arm": "student", "by": "ann", "score": 3}
    with pytest.raises(InputError, match="no dialogue nowhere/0"):
        rated.rater.check([PersonRating(**one)])
    with pytest.raises(LibraryError):
        rated.rater.check([PersonRating(**{**one, "run": "evaluate-777"})])
    item = rated.rater.evaluation("evaluate-001").items[0]
    itself = {"run": "evaluate-001", "unit": item.unit, "arm": item.arm, "other": item.arm, "better": "same"}
    with pytest.raises(InputError, match="beside itself"):
        rated.rater.check([PersonRating(**itself, by="ann")])


def test_over_the_api(rated: Desk, mara: Browser):
    csrf = {"x-csrf-token": mara.csrf}
    found = rated.rater.evaluation("evaluate-001").items[0]
    rating = {"run": "evaluate-001", "unit": found.unit, "arm": found.arm, "score": 2.5}
    assert mara.client.post("/api/ratings", json={"ratings": [rating]}, headers=csrf).json()["data"]["new"] == 1
    bad = mara.client.post("/api/ratings", json={"ratings": [{**rating, "better": "same"}]}, headers=csrf)
    assert (bad.status_code, bad.json()["error"]["kind"]) == (422, "invalid")
    assert mara.get("/api/ratings").json()["data"][0]["by"] == "mara"
    assert mara.get("/api/agreement/evaluate-001").json()["data"]["ratings"] == 1
    assert mara.get("/api/agreement/nothing").status_code == 404


def test_blind_over_the_api_until_all_is_done(rated: Desk, mara: Browser):
    """Nobody has to know the arms: what is rated is what was told as next."""
    mara.csrf  # noqa: B018 - a page, so that the session stands
    headers = {"x-csrf-token": mara.csrf}
    where = "/api/rate/evaluate-001"
    for mode, verdicts in (("pair", ("left", "same", "right")), ("single", (1, 5))):
        told = mara.get(f"{where}?mode={mode}").json()["data"]
        assert (told["done"], len(told["sides"])) == (0, 2 if mode == "pair" else 1)
        assert told["total"] > 2
        assert "student" not in str({**told, "sides": [[t["by"] for t in side] for side in told["sides"]]})
        for n in range(told["total"]):
            given = {"unit": told["unit"], "verdict": verdicts[n % len(verdicts)]}
            answer = mara.client.post(where, json=given, headers=headers)
            assert answer.status_code == 200, answer.text
            told = answer.json()["data"]
            assert told["done"] == n + 1
        assert (told["unit"], told["sides"]) == (None, [])
        again = mara.client.post(where, json=given, headers=headers)
        assert (again.status_code, again.json()["error"]["kind"]) == (409, "refused")
    scores = [r for r in rated.ratings.all() if r.score is not None]
    assert {r.score for r in scores} == {1.0, 5.0}
    assert {r.by for r in rated.ratings.all()} == {"mara"}
    assert mara.get("/api/rate/learn-001").status_code == 404


def test_a_pair_over_the_api_means_the_side_that_was_shown(rated: Desk, mara: Browser):
    task, _, _ = rated.rater.next("evaluate-001", "pair", "mara")
    assert task is not None
    given = {"unit": task.unit, "verdict": "right"}
    assert mara.client.post("/api/rate/evaluate-001", json=given, headers={"x-csrf-token": mara.csrf}).is_success
    (kept,) = rated.ratings.all()
    better = kept.arm if kept.better == "first" else kept.other
    assert better == task.arms[1]
