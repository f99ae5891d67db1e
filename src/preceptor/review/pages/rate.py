"""Rate: dialogues without a name on them, one or two at a time; import and export."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from preceptor.core.errors import InputError
from preceptor.core.sheets import csv_line
from preceptor.review.files import download
from preceptor.review.rater import BETTER, Mode, Task
from preceptor.review.ratings import PersonRating, read_lines
from preceptor.review.sessions import Shown
from preceptor.review.visit import Visit, get, post

_COLUMNS = ("run", "unit", "arm", "other", "by", "score", "better", "note", "at")


def routes() -> list[BaseRoute]:
    """The page, what is rated on it, and the files."""
    return [
        get("/rate", _page, "reviewer"),
        post("/rate", _rate),
        post("/rate/import", _import, "publisher"),
        get("/rate.jsonl", _jsonl, "reviewer"),
        get("/rate.csv", _csv, "reviewer"),
    ]


def _page(visit: Visit) -> Response:
    rater = visit.desk.rater
    runs = rater.evaluations()
    asked = visit.query.get("run", "")
    run = asked if asked in runs else next(iter(runs), "")
    mode: Mode = "single" if visit.query.get("mode") == "single" else "pair"
    if not run:
        return visit.page("rate.html", runs=(), run="", mode=mode, task=None, done=0, total=0)
    found, done, total = rater.next(run, mode, visit.account.name)
    agreed, rated = rater.agreement(run)
    told: dict[str, Any] = {"simulated": rater.evaluation(run).simulated, "agreed": agreed, "rated": rated}
    return visit.page(
        "rate.html",
        runs=runs,
        run=run,
        mode=mode,
        task=found,
        nonce=_put(visit, found) if found else "",
        done=done,
        total=total,
        preferences=rater.preferences(run),
        **told,
    )


def _put(visit: Visit, task: Task) -> str:
    """Keeps what is shown on this side: the page must not tell which arm is which."""
    shown = visit.session.shown
    if shown is None or (shown.run, shown.unit, shown.arms) != (task.run, task.unit, task.arms):
        shown = Shown(nonce=secrets.token_hex(8), run=task.run, unit=task.unit, arms=task.arms)
        visit.session.shown = shown
    return shown.nonce


def _rate(visit: Visit) -> Response:
    shown = visit.session.shown
    if shown is None or visit.form.get("nonce") != shown.nonce:
        raise InputError("this page is not the last one", hint="load it again, then rate")
    visit.desk.ratings.put([_rating(visit, shown)])
    visit.session.shown = None
    mode = "pair" if len(shown.arms) == 2 else "single"
    return visit.see(f"/rate?run={shown.run}&mode={mode}")


def _rating(visit: Visit, shown: Shown) -> PersonRating:
    known: dict[str, Any] = {"run": shown.run, "unit": shown.unit, "arm": shown.arms[0], "by": visit.account.name}
    note = visit.form.get("note", "")[:2000]
    if len(shown.arms) == 2:
        better = BETTER.get(visit.form.get("better", ""))
        if better is None:
            raise InputError("say which is better", hint="left, the same, or right")
        return PersonRating(**known, other=shown.arms[1], better=better, note=note)
    score = visit.form.get("score", "")
    if score not in ("1", "2", "3", "4", "5"):
        raise InputError("a score is 1 to 5", hint="press one of the keys 1 to 5")
    return PersonRating(**known, score=float(score), note=note)


def _import(visit: Visit) -> Response:
    ratings = read_lines(visit.form.get("lines", ""))
    visit.desk.rater.check(ratings)
    done = visit.desk.ratings.put(ratings)
    return visit.see("/rate", told=f"Imported: {done.new} new or changed, {done.same} known already.")


def _jsonl(visit: Visit) -> Response:
    lines = (f"{r.model_dump_json()}\n" for r in visit.desk.ratings.all())
    return download(lines, "application/jsonl", "ratings.jsonl")


def _csv(visit: Visit) -> Response:
    return download(_rows(visit), "text/csv; charset=utf-8", "ratings.csv")


def _rows(visit: Visit) -> Iterator[str]:
    yield csv_line(_COLUMNS)
    for rating in visit.desk.ratings.all():
        values = rating.model_dump()
        yield csv_line(tuple("" if values[n] is None else str(values[n]) for n in _COLUMNS))
