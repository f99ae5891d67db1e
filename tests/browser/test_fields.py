# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Hostile text through every field of every form, every word of a URL and every body of the API, in the browser.
That none is missing is held by ``tests/unit/review/test_corpus.py``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Open, Site, Window
from tests.browser.hostile import flat, only_text, watched
from tests.browser.house import UNTIL, hostile
from tests.browser.payloads import MARKUP, OTHER, PAYLOADS
from tests.browser.test_everywhere import views
from tests.review_app import waiting
from tests.review_fields import BODIES, FORMS, MORE, QUERY, leaves, put

from preceptor.core.clock import system_clock
from preceptor.core.untrusted import clean
from preceptor.library.changes import Reopen
from preceptor.review.api.routes import every
from preceptor.review.people import People
from preceptor.review.ratings import PersonRating

_SEND = """([action, fields]) => {
  const form = document.createElement("form");
  form.method = "post"; form.action = action;
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("textarea");
    field.name = name; field.value = value; form.append(field);
  }
  document.body.append(form); form.submit();
}"""
_BY_HTMX = "([action, values]) => htmx.ajax('POST', action, {target: '#main', swap: 'innerHTML', values})"
_ASK = """async ([method, url, bodies, csrf]) => Promise.all(bodies.map(async (body) => {
  const headers = {"content-type": "application/json", "x-csrf-token": csrf};
  const answer = await fetch(url, {method, headers, body});
  const kept = ["content-type", "x-content-type-options"].map((name) => answer.headers.get(name));
  return [answer.status, ...kept, (await answer.text()).length];
}))"""
_ANSWERS = (200, 201, 400, 403, 404, 409, 422)


@pytest.fixture
def site(opened: Open, house: Path, tmp_path: Path) -> Site:
    people = People(tmp_path / "accounts.db", clock=system_clock)
    people.add("vera", "viewer", "a long enough word")
    return opened(house, people=people, passwords=True)


class Sender:
    """Sends each form with the other fields right, as the page's own form would, and through htmx."""

    def __init__(self, site: Site, window: Window) -> None:
        self.site = site
        self.window = window
        self.csrf = str(window.go("/law").locator("input[name=csrf]").first.get_attribute("value"))
        entries = [e.strategy.id for e in waiting(site.desk)]
        self.own = {path: entries[n % len(entries)] for n, path in enumerate(FORMS)}
        self.other = entries[-1]

    def send(self, path: str, field: str, payload: str, *, htmx: bool) -> None:
        """The form with the payload in this field."""
        action, fields = self._right(path)
        fields[field] = payload
        if htmx:
            self.window.page.evaluate(_BY_HTMX, [action, fields])
            self.window.settle()
        else:
            with self.window.page.expect_navigation():
                self.window.page.evaluate(_SEND, [action, fields])
        only_text(self.window, f"{path} {field} {'by htmx' if htmx else ''} {payload[:20]!r}")

    def _right(self, path: str) -> tuple[str, dict[str, str]]:
        desk, own = self.site.desk, self.own[path]
        for id in (own, self.other):
            if desk.library.entry(id).status != "proposed":
                desk.library.apply([Reopen(strategy_id=id)], author="otto", reason="once more")
        current = desk.releases.current()
        seen = current.digest if current else ""
        action = path.replace("{id}", desk.releases.list()[0].id if "releases" in path else own)
        values: Mapping[str, str] = {
            **{"csrf": self.csrf, "expect": seen if "releases" in path else str(self._seq(own)), "id": own},
            **{"other": self.other if "merge" in path else "", "expect_other": str(self._seq(self.other))},
            **{"when": "a parrot flies", "do": "name the cabin rule", "avoid": "", "why": "", "reason": "so"},
            **{"despite": "yes", "until": UNTIL, "then": "", "people": "1", "valid_days": "999", "source": "all"},
            **{"talk": "Customer: my bag", "nonce": self._nonce() if path == "/rate" else "", "better": "same"},
            **{"score": "3", "note": "", "lines": "", "next": "/queue", "name": "vera", "password": "wrong words"},
        }
        return action.replace("{act:str}", "approve"), {name: values.get(name, "") for name in FORMS[path]}

    def _seq(self, id: str) -> int:
        return self.site.desk.library.entry(id).changed_seq

    def _nonce(self) -> str:
        page = self.window.context.request.get(f"{self.site.base}/rate?mode=pair").text()
        return "".join(re.findall(r'name="nonce" value="(\w+)"', page))


@pytest.mark.parametrize(("htmx", "payload"), [(False, MARKUP), (False, OTHER), (True, MARKUP)])
def test_every_field_of_every_form(site: Site, htmx: bool, payload: str):
    mara = watched(site)
    sender = Sender(site, mara)
    for path, fields in FORMS.items():
        if path in ("/login", "/rate/import"):
            continue
        for field in (*fields, *(MORE if path == "/try" else ())):
            sender.send(path, field, payload, htmx=htmx)
    for path in views(site)[:-1]:
        mara.go(path)
        only_text(mara, f"{path} afterwards")
    reasons = " ".join(r.reason for r in site.desk.library.changes(author="mara", limit=500))
    assert flat(clean(payload))[:40] in flat(reasons)
    assert site.desk.library.verify().ok
    _no_trouble(mara)


def test_every_field_of_the_login(site: Site):
    door = site.stranger()
    door.context.expose_function("pwned", lambda: door.trouble.append("pwned"))
    page = door.go("/login")
    for payload in (MARKUP, OTHER):
        for field in FORMS["/login"]:
            with page.expect_navigation():
                fields = {"next": "/queue", "name": "vera", "password": "wrong words", field: payload}
                page.evaluate(_SEND, ["/login", fields])
            assert page.locator("main :is(img, base, svg[onload])").count() == 0, field
            assert page.url == f"{site.base}/login"
    _no_trouble(door)


def test_every_word_of_a_url(site: Site):
    mara = watched(site)
    one = hostile(PAYLOADS[0], 0).id
    for path, names in QUERY.items():
        if path in ("/login", "/enter"):
            continue
        own = path.replace("{id}", site.desk.releases.list()[0].id if "releases" in path else one)
        for payload in (MARKUP, OTHER):
            for asked in (names, *([n] for n in names if payload is MARKUP)):
                words = "&".join(f"{n}={quote(payload, safe='')}" for n in asked)
                mara.page.goto(f"{mara.base}{own}?{words}")
                only_text(mara, f"{path} {asked}")
    for path in ("/strategies/", "/releases/", "/runs/", "/queue/", "/"):
        mara.page.goto(f"{mara.base}{path}{quote(MARKUP, safe='')}")
        only_text(mara, f"{path} and a payload")
    door = site.stranger()
    door.context.expose_function("pwned", lambda: door.trouble.append("pwned"))
    for path in ("/login?next=", "/enter?key="):
        door.page.goto(f"{door.base}{path}{quote(MARKUP)}")
        assert door.page.locator("main :is(img, base, svg[onload])").count() == 0, path
    _no_trouble(mara, door)


def test_every_body_and_every_query_of_the_api(site: Site):
    mara = watched(site)
    entry, sender = waiting(site.desk)[0], Sender(site, mara)
    release, item = site.desk.releases.list()[0].id, site.desk.rater.evaluation("evaluate-001").items[0]
    known = {"unit": item.unit, "arm": item.arm}
    for endpoint in every():
        own = (
            release
            if "releases" in endpoint.path
            else "evaluate-001"
            if "run" in endpoint.path
            else entry.strategy.id
        )
        url = re.sub(r"\{\w+\}", own, endpoint.path)
        if endpoint.method == "POST":
            if urlsplit(mara.page.url).path != "/law":  # an answer of the API may itself ask for nothing
                mara.go("/law")
            right: Any = BODIES[endpoint.body.__name__] if endpoint.body else {}
            if "ratings" in right:
                right = {"ratings": [{**right["ratings"][0], **known}]}
            elif "expect_other" in right:
                right = {**right, "other": sender.other}
            elif "verdict" in right:
                right = {**right, "unit": item.unit}
            sent = [json.dumps(put(right, at, p)) for at in leaves(right) for p in (MARKUP, OTHER)]
            told = mara.page.evaluate(_ASK, ["POST", url, sent, sender.csrf])
            assert {(kind, sniffed) for _, kind, sniffed, _ in told} == {("application/json", "nosniff")}, url
            assert {status for status, *_ in told} <= set(_ANSWERS), (url, told)
            continue
        names = endpoint.query.model_fields if endpoint.query else ()
        words = [f"{url}?{n}={quote(MARKUP, safe='')}" for n in names]
        for way in (url, re.sub(r"\{\w+\}", quote(MARKUP, safe=""), endpoint.path), *words):
            mara.page.goto(f"{mara.base}{way}")
            assert mara.page.locator("script, img, svg, form, base, a").count() == 0, way
    for path in views(site)[:-1]:
        mara.go(path)
        only_text(mara, f"{path} after the API")
    _no_trouble(mara)


def test_every_field_of_imported_ratings(opened: Open, house: Path):
    """Through every column of a file: refused as text, or kept as text; and home again as files."""
    site = opened(house)
    mara = watched(site)
    items = site.desk.rater.evaluation("evaluate-001").items
    one = {"run": "evaluate-001", "unit": items[0].unit, "arm": items[0].arm, "by": "ann"}
    single, pair = {**one, "score": 3}, {**one, "other": _second(items), "better": "first"}
    for payload in (MARKUP, OTHER):
        for field in PersonRating.model_fields:
            for whole in (single, pair) if field in ("score", "other", "better") else (pair,):
                _import(mara, json.dumps({**whole, field: payload[: 60 if field in ("by", "at") else 190]}))
                only_text(mara, f"{field} {payload[:20]!r}")
        _import(mara, json.dumps({**single, payload: 1}))
        only_text(mara, "a key that is none")
        _import(mara, payload)
        only_text(mara, "no JSON")
    before = len(site.desk.ratings.all())
    lines = [{**(single, pair)[n % 2], "note": p, "by": p[:64]} for n, p in enumerate(PAYLOADS)]
    _import(mara, "\n".join(json.dumps(x, ensure_ascii=False) for x in lines))
    mara.told(f"Imported: {len(PAYLOADS)} new or changed")
    for path in ("/rate?mode=pair", "/rate?mode=single"):
        mara.go(path)
        only_text(mara, path)
    assert {flat(clean(r.note)) for r in site.desk.ratings.all()} >= {flat(clean(p)) for p in PAYLOADS}
    _taken_home(mara, before + len(PAYLOADS))
    _no_trouble(mara)


def _second(items: Any) -> str:
    return next(i.arm for i in items if i.unit == items[0].unit and i.arm != items[0].arm)


def _import(window: Window, text: str) -> None:
    page = window.go("/rate?mode=pair")
    page.get_by_text("Import ratings").click()
    file = {"name": f"{PAYLOADS[1].replace('/', '')}.jsonl", "mimeType": "text/html", "buffer": text.encode()}
    page.get_by_label("A file of JSON lines").set_input_files(file)  # pyright: ignore[reportArgumentType]
    expect(page.get_by_label("JSON lines", exact=True)).not_to_have_value("")
    with page.expect_navigation():
        page.get_by_role("button", name="Import", exact=True).click()


def _taken_home(mara: Window, count: int) -> None:
    """The exports: a spreadsheet finds no formula in them, and the app reads its own lines again."""
    page, files = mara.page, dict[str, str]()
    for kind in ("JSONL", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("link", name=kind, exact=True).click()
        files[kind] = Path(download.value.path()).read_bytes().decode()
    rows = list(csv.reader(io.StringIO(files["CSV"], newline="")))
    assert len(rows) == count + 1
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "-", "@"))]
    _import(mara, files["JSONL"])
    mara.told(f"Imported: 0 new or changed, {count} known already")
    mara.go("/api/ratings")
    assert page.locator("script, img, svg, form, base").count() == 0


def _no_trouble(*windows: Window) -> None:
    """But for what htmx writes to the console of an answer that refuses: the page tells it too."""
    for window in windows:
        window.trouble[:] = [t for t in window.trouble if not t.startswith("Response Status Error Code 4")]
        assert window.trouble == []
