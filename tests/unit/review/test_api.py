from __future__ import annotations

import re

import pytest
from tests.review_app import Browser, browser, plain_client, waiting

from preceptor.review.api.endpoint import Endpoint
from preceptor.review.api.routes import every
from preceptor.review.desk import Desk
from preceptor.review.people import ROLES

ENDPOINTS = [pytest.param(e, id=f"{e.method} {e.path}") for e in every()]


def url(endpoint: Endpoint) -> str:
    return re.sub(r"\{\w+\}", "x", endpoint.path)


def error(answer) -> dict[str, str]:
    told = answer.json()
    assert list(told) == ["error"]
    assert sorted(told["error"]) == ["hint", "kind", "message"]
    return told["error"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_wants_an_account(desk: Desk, endpoint: Endpoint):
    answer = plain_client(desk).request(endpoint.method, url(endpoint), json={})
    assert answer.status_code == 401
    assert error(answer)["kind"] == "who-are-you"
    wrong = plain_client(desk).request(endpoint.method, url(endpoint), headers={"authorization": "Bearer x"})
    assert wrong.status_code == 401


@pytest.mark.parametrize("endpoint", [p for p in ENDPOINTS if p.values[0].role != "viewer"])
def test_every_endpoint_wants_its_role(desk: Desk, endpoint: Endpoint):
    below = ROLES[ROLES.index(endpoint.role) - 1]
    ann = browser(desk, "ann", below)
    csrf = ann.get("/api/me").json()["data"]["csrf"]
    answer = ann.client.request(endpoint.method, url(endpoint), json={}, headers={"x-csrf-token": csrf})
    assert answer.status_code == 403
    assert error(answer)["message"] == f"this needs the role {endpoint.role}"


def test_what_writes_is_never_a_get():
    assert [e.path for e in every() if e.method == "GET" and (e.body or e.role != "viewer")] == []


def test_a_cookie_alone_changes_nothing(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    path = f"/api/strategies/{entry.strategy.id}/approve"
    assert mara.client.post(path, json={"expect": entry.changed_seq}).status_code == 403
    csrf = mara.get("/api/me").json()["data"]["csrf"]
    other = {"x-csrf-token": csrf, "origin": "https://evil.example"}
    assert mara.client.post(path, json={"expect": entry.changed_seq}, headers=other).status_code == 403
    done = mara.client.post(path, json={"expect": entry.changed_seq}, headers={"x-csrf-token": csrf})
    assert done.json()["data"]["status"] == "approved"


def test_a_program_decides_with_its_token(desk: Desk):
    desk.people.add("robot", "reviewer", "long enough a password")
    client = plain_client(desk)
    client.headers["authorization"] = f"Bearer {desk.people.token('robot')}"
    told = client.get("/api/queue?limit=3&severity=clean").json()
    assert (len(told["data"]), told["next"]) == (3, "3")
    after = client.get("/api/queue?limit=3&severity=clean&cursor=3").json()
    assert not {s["id"] for s in told["data"]} & {s["id"] for s in after["data"]}
    one = told["data"][0]
    fields = {"expect": one["changed_seq"], "reason": "Too vague"}
    done = client.post(f"/api/strategies/{one['id']}/reject", json=fields).json()["data"]
    assert (done["status"], done["changed_by"]) == ("rejected", "robot")
    again = client.post(f"/api/strategies/{one['id']}/reject", json=fields)
    assert (again.status_code, error(again)["kind"]) == (409, "conflict")
    assert client.post("/api/undo").json()["data"]["strategy"]["status"] == "proposed"
    story = client.get(f"/api/strategies/{one['id']}").json()["data"]
    assert story["lesson"]["attempts"][0]["number"] == 0
    history = client.get(f"/api/strategies/{one['id']}/history").json()["data"]
    assert [c["kind"] for c in history][-2:] == ["reject", "reopen"]


def test_releases_over_the_api(desk: Desk):
    desk.people.add("robot", "publisher", "long enough a password")
    client = plain_client(desk)
    client.headers["authorization"] = f"Bearer {desk.people.token('robot')}"
    entry = waiting(desk)[0]
    nothing = client.post("/api/releases", json={})
    assert (nothing.status_code, error(nothing)["kind"]) == (409, "refused")
    desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq, reason="fits")
    moves = client.get("/api/next-release").json()["data"]
    assert [(m["kind"], m["decided_by"], m["reason"]) for m in moves["moves"]] == [("added", "mara", "fits")]
    made = client.post("/api/releases", json={"reason": "first"}).json()["data"]
    done = client.post(f"/api/releases/{made['id']}/publish", json={"expect": ""}).json()["data"]
    assert done["current"]["id"] == made["id"]
    assert client.post(f"/api/releases/{made['id']}/publish", json={"expect": ""}).status_code == 409
    assert client.post("/api/rollback", json={}).json()["data"]["current"] is None


@pytest.mark.parametrize(
    ("send", "status", "kind"),
    [
        ({"content": b"{"}, 400, "unreadable"),
        ({"content": b"a=b", "headers": {"content-type": "text/plain"}}, 415, "not-json"),
        ({"json": {"expect": -1}}, 422, "invalid"),
        ({"json": {"expect": 1, "more": 2}}, 422, "invalid"),
        ({"content": b'{"expect": 1, "reason": "\\ud800"}'}, 400, "unreadable"),
        ({"content": b'"' + b"x" * 8_000_001 + b'"'}, 413, "too-large"),
        ({"json": {"expect": 1}}, 404, "missing"),
    ],
)
def test_bad_requests_have_the_one_shape(desk: Desk, mara: Browser, send, status: int, kind: str):
    headers = {"x-csrf-token": mara.csrf, "content-type": "application/json", **send.pop("headers", {})}
    answer = mara.client.post("/api/strategies/x/approve", headers=headers, **send)
    assert (answer.status_code, error(answer)["kind"]) == (status, kind)


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "/api/queue", 405), ("GET", "/api/nonsense", 404)])
def test_unknown_ways_have_the_one_shape(mara: Browser, method: str, path: str, status: int):
    assert error(mara.client.request(method, path))["hint"]
    assert mara.client.request(method, path).status_code == status


def test_the_document_is_open_to_programs(desk: Desk):
    told = plain_client(desk).get("/api/openapi.json").json()
    assert {(m.upper(), p) for p, ms in told["paths"].items() for m in ms} == {(e.method, e.path) for e in every()}
