"""Every door of the app. Routes, endpoints and templates are asked for what there is: none can be missed."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlsplit

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.review_app import HOST, Browser, Hands, browser, open_desk, plain_client, waiting
from tests.review_data import make_run

from preceptor.review.api.endpoint import Endpoint
from preceptor.review.api.routes import every
from preceptor.review.app import create_app
from preceptor.review.desk import Desk
from preceptor.review.guard import HEADERS
from preceptor.review.people import Account, People
from preceptor.review.render import STATIC

NOTHING = cast("Desk", SimpleNamespace(access=None, sessions=None, people=None))
ROUTES = [r for r in create_app(NOTHING).routes if isinstance(r, Route)]
FORMS = [r.path for r in ROUTES if "POST" in (r.methods or ())]
PAGES = [r.path for r in ROUTES if "GET" in (r.methods or ())]
WRITES = [pytest.param(e, id=e.path) for e in every() if e.method == "POST"]
TEMPLATES = [p for p in (STATIC.parent / "templates").iterdir() if p.name.endswith(".html")]
PASSWORD = "correct horse battery"
EVIL = ("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example")
WAYS_BACK = ("next", "url", "to", "at", "from", "back", "return", "redirect", "with", "run", "q", "id", "other")


def url(path: str, id: str = "x") -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: "approve" if m[1] == "act" else id, path)


def state(desk: Desk) -> object:
    return desk.library.head(), desk.releases.log(), desk.ratings.all(), desk.library.law_asked()


@pytest.fixture
def team(filled, tmp_path, clock: Hands) -> Iterator[Desk]:
    people = People(tmp_path / "accounts.db", clock=clock)
    people.add("ann", "admin", PASSWORD)
    people.add("bob", "reviewer", PASSWORD)
    shutil.copytree(filled, tmp_path / "team")
    with open_desk(tmp_path / "team", 0, clock=clock, people=people, passwords=True) as desk:
        yield desk


def sign_in(client: TestClient, name: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login", data={"name": name, "password": password, **more}, follow_redirects=False)


def token_of(client: TestClient) -> str:
    return client.cookies.get("preceptor_review") or ""


# Forms of another site


def test_there_are_forms_and_pages():
    assert len(FORMS) >= 15
    assert len(PAGES) >= 20
    assert len(WRITES) >= 15


@pytest.mark.parametrize("path", [p for p in FORMS if p != "/login"])
def test_every_form_must_be_of_this_session(desk: Desk, path: str):
    mara, otto = browser(desk), browser(desk, "otto")
    target, before = url(path, waiting(desk)[0].strategy.id), state(desk)
    sent: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": otto.csrf}, {}),
        ({"csrf": mara.csrf}, {"origin": "https://evil.example"}),
        ({"csrf": mara.csrf}, {"origin": "null"}),
        ({"csrf": mara.csrf}, {"sec-fetch-site": "cross-site"}),
    ]
    for fields, headers in sent:
        answer = mara.client.post(target, data=fields, headers=headers, follow_redirects=False)
        assert answer.status_code == 403, (fields, headers)
    assert state(desk) == before
    assert mara.client.post(target, data={"csrf": mara.csrf}, follow_redirects=False).status_code != 403


@pytest.mark.parametrize("endpoint", WRITES)
def test_no_endpoint_writes_for_a_cookie_alone(desk: Desk, endpoint: Endpoint):
    mara, otto = browser(desk), browser(desk, "otto")
    target, before = url(endpoint.path, waiting(desk)[0].strategy.id), state(desk)
    for headers in ({}, {"x-csrf-token": otto.csrf}, {"x-csrf-token": mara.csrf, "origin": "https://evil.example"}):
        answer = mara.client.post(target, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "not-allowed"), headers
    assert state(desk) == before


def test_a_page_changes_nothing(desk: Desk):
    make_run(desk.runs)
    mara, before = browser(desk), state(desk)
    for path in PAGES:
        mara.get(url(path, waiting(desk)[0].strategy.id))
    assert state(desk) == before


@pytest.mark.parametrize(
    "path", [p for p in PAGES if p not in ("/healthz", "/enter", "/login", "/api/openapi.json")]
)
def test_every_page_wants_somebody_who_signed_in(desk: Desk, path: str):
    answer = plain_client(desk).get(url(path), follow_redirects=False)
    assert answer.status_code in (303, 401)
    assert len(answer.text) < 40


# What binds the browser


def answers(desk: Desk) -> Iterator[tuple[str, Any]]:
    """Every route in every way, and what no route takes."""
    clients = (browser(desk).client, browser(desk, "ann", "viewer").client, plain_client(desk))
    ways = [url(p) for p in (*PAGES, *FORMS, *(e.path for e in every()))]
    for n, client in enumerate(clients):
        for way in dict.fromkeys((*ways, "/nonsense", "/api/nonsense", "/static/nonsense", "/static/app.css")):
            for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS"):
                yield f"{n} {method} {way}", client.request(method, way, follow_redirects=False)
    yield "another host", clients[0].get("/queue", headers={"host": "evil.example"})
    yield "too large", clients[0].post("/api/screen", content=b"x" * 9_000_000)


def test_every_answer_binds_the_browser(desk: Desk):
    seen: set[int] = set()
    for where, answer in answers(desk):
        seen.add(answer.status_code)
        assert {n: answer.headers.get(n) for n in HEADERS} == HEADERS, where
        kept = where.endswith("/static/app.css") and answer.status_code == 200
        assert ("no-store" in answer.headers.get("cache-control", "")) is not kept or "/static/" in where, where
    assert seen >= {200, 303, 400, 401, 403, 404, 405}


@pytest.mark.parametrize("path", ["/queue", "/api/queue", "/strategies"])
def test_what_breaks_tells_nothing_and_is_bound_too(desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str):
    mara = browser(desk)

    def broken(*args: object, **named: object) -> None:
        raise RuntimeError("the secret is 4711")

    for name in ("page", "around"):
        monkeypatch.setattr(desk.library, name, broken)
    client = TestClient(create_app(desk), base_url=f"http://{HOST}:8500", raise_server_exceptions=False)
    client.cookies = mara.client.cookies
    answer = client.get(path)
    assert answer.status_code == 500
    assert "4711" not in answer.text
    assert {n: answer.headers.get(n) for n in HEADERS} == HEADERS


def test_the_policy_lets_only_own_files_run():
    directives = {d.split()[0]: d.split()[1:] for d in HEADERS["content-security-policy"].split("; ")}
    assert directives["default-src"] == ["'none'"]
    assert {d: s for d, s in directives.items() if set(s) - {"'none'", "'self'"}} == {
        "img-src": ["'self'", "data:"]
    }
    for name in ("script-src", "form-action", "base-uri", "frame-ancestors"):
        assert name in directives


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_no_template_needs_inline_script_or_style_or_turns_escaping_off(template: Any):
    text = template.read_text()
    text = re.sub(r"\{%.*?%\}", "", text)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe\b|autoescape", text)
    assert not re.search(r"Markup|hx-on", text)


# Nobody is sent elsewhere


def test_no_answer_sends_elsewhere(desk: Desk):
    make_run(desk.runs)
    mara, stranger = browser(desk), plain_client(desk)
    found = 0
    for evil in EVIL:
        query = "&".join(f"{name}={quote(evil)}" for name in WAYS_BACK)
        id = waiting(desk)[0].strategy.id
        for way in (*PAGES, *FORMS, "/queue/", "/strategies/"):
            if way in ("/audit.jsonl", "/audit.csv"):
                continue
            target = f"{url(way, id)}?{query}"
            fields = {**dict.fromkeys(WAYS_BACK, evil), "csrf": mara.csrf, "expect": "1", "reason": "x"}
            sent = [stranger.get(target, follow_redirects=False), mara.get(target)]
            sent += [mara.client.post(target, data=fields, follow_redirects=False)] if way in FORMS else []
            if way == "/logout":
                mara = browser(desk)
            for answer in sent:
                for name in ("location", "hx-redirect", "hx-location", "hx-push-url", "refresh"):
                    told = answer.headers.get(name, "/")
                    found += told != "/"
                    parts = urlsplit(told.replace("\\", "/"))
                    assert parts.netloc in ("", f"{HOST}:8500"), (way, told)
                    assert told.startswith(("/", "http://127.0.0.1:8500/")), (way, told)
    assert found > 50


@pytest.mark.parametrize("evil", EVIL)
def test_signing_in_sends_nobody_elsewhere(team: Desk, evil: str):
    done = sign_in(plain_client(team), "ann", next=evil)
    assert (done.status_code, done.headers["location"]) == (303, "/queue")


@pytest.mark.parametrize(
    "path", ["/runs/%2e%2e", "/runs/..%2f..%2fx", "/releases/..%2f..%2fx", "/static/..%2fapp.py"]
)
def test_no_path_leads_out_of_its_folder(mara: Browser, path: str):
    assert mara.get(path).status_code == 404
    assert mara.get(f"/api{path}").status_code == 404


# Sessions


def test_a_cookie_that_was_planted_never_becomes_a_session(team: Desk):
    client = plain_client(team)
    client.cookies.set("preceptor_review", "planted")
    sign_in(client, "ann")
    tokens = [c.value for c in client.cookies.jar]
    assert team.sessions.find("planted") is None
    assert any(team.sessions.find(t or "") for t in tokens)
    client = plain_client(team)
    client.cookies.set("preceptor_review", "planted")
    client.get(f"/enter?key={team.sessions.link(Account(name='ann', role='admin'))}", follow_redirects=False)
    assert team.sessions.find("planted") is None


def test_signing_in_again_begins_anew_and_ends_what_was(team: Desk):
    client = plain_client(team)
    sign_in(client, "bob")
    first = token_of(client)
    csrf = client.get("/api/me").json()["data"]["csrf"]
    sign_in(client, "ann")
    assert token_of(client) not in ("", first)
    assert team.sessions.find(first) is None
    me = client.get("/api/me").json()["data"]
    assert me["name"] == "ann"
    assert me["csrf"] != csrf
    client.get(f"/enter?key={team.sessions.link(Account(name='bob', role='reviewer'))}", follow_redirects=False)
    assert client.get("/api/me").json()["data"]["name"] == "bob"


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(team: Desk):
    client = plain_client(team)
    sign_in(client, "ann")
    kept, csrf = token_of(client), client.get("/api/me").json()["data"]["csrf"]
    assert client.post("/logout", data={"csrf": csrf}, follow_redirects=False).status_code == 303
    client.cookies.set("preceptor_review", kept)
    assert client.get("/api/me").status_code == 401


def test_the_cookie_goes_no_other_way(filled, clock: Hands):
    with open_desk(filled, 0, clock=clock, secure=True) as desk:
        key = desk.sessions.link(Account(name="ann", role="admin"))
        told = plain_client(desk).get(f"/enter?key={key}", follow_redirects=False).headers["set-cookie"].lower()
    parts = {p.strip().partition("=")[0]: p.strip().partition("=")[2] for p in told.split(";")}
    assert {"httponly", "secure"} <= parts.keys()
    assert parts["samesite"] in ("lax", "strict")
    assert "domain" not in parts


# How often one may try


def test_an_account_is_locked_from_everywhere_and_others_are_not(team: Desk):
    here = plain_client(team)
    elsewhere = TestClient(create_app(team), base_url=f"http://{HOST}:8500", client=("10.0.0.9", 1))
    for _ in range(5):
        assert sign_in(here, "ann", "wrong horse battery").status_code == 403
    assert sign_in(elsewhere, "ann").status_code == 429
    assert sign_in(here, "bob").status_code == 303


def test_ones_own_account_buys_an_address_no_new_tries(team: Desk):
    client = plain_client(team)
    for n in range(30):
        assert sign_in(client, f"guess-{n}", "wrong horse battery").status_code == 403
        if n % 10 == 9 and n < 29:
            assert sign_in(client, "bob").status_code == 303
    assert sign_in(client, "bob").status_code == 429
    elsewhere = TestClient(create_app(team), base_url=f"http://{HOST}:8500", client=("10.0.0.9", 1))
    assert sign_in(elsewhere, "bob").status_code == 303


def test_a_wrong_name_takes_the_throttle_as_a_right_one(team: Desk):
    client = plain_client(team)
    told = [sign_in(client, "nobody", "wrong horse battery").status_code for _ in range(6)]
    assert told == [403] * 5 + [429]


# Secrets


def test_no_secret_stands_in_a_page_or_in_the_log(team: Desk, caplog: pytest.LogCaptureFixture, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-4711-very-secret")
    caplog.set_level(logging.DEBUG)
    client = plain_client(team)
    api, key = team.people.token("ann"), team.sessions.link(Account(name="ann", role="admin"))
    sign_in(client, "ann", "wrong horse battery")
    client.get(f"/enter?key={key}", follow_redirects=False)
    sign_in(client, "ann")
    client.get("/api/me", headers={"authorization": f"Bearer {api}"})
    secrets = [PASSWORD, "wrong horse battery", api, key, token_of(client), "sk-4711-very-secret", "$argon2"]
    make_run(team.runs)
    pages = "".join(client.get(url(p, "learn-001"), follow_redirects=False).text for p in PAGES)
    assert "Sign out" in pages
    told = "\n".join(
        r.getMessage() for r in caplog.records if not r.name.startswith("httpx")
    )  # its own are the test's
    for secret in secrets:
        assert secret not in pages
        assert secret not in told
