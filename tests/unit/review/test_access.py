from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from tests.review_app import HOST, Hands, open_desk, plain_client

from preceptor.core.errors import ConfigError, InputError
from preceptor.review.app import create_app
from preceptor.review.desk import Desk
from preceptor.review.people import People

PASSWORD = "correct horse battery"


@pytest.fixture
def team(filled, tmp_path, clock: Hands):
    people = People(tmp_path / "accounts.db", clock=clock)
    people.add("ann", "reviewer", PASSWORD)
    with open_desk(filled, 0, clock=clock, people=people, passwords=True, proxy_header="x-remote-user") as desk:
        yield desk


def sign_in(client: TestClient, name: str, password: str, **more):
    return client.post("/login", data={"name": name, "password": password, **more}, follow_redirects=False)


def test_a_password_signs_in(team: Desk):
    client = plain_client(team)
    done = sign_in(client, "Ann", PASSWORD, next="/audit")
    assert (done.status_code, done.headers["location"]) == (303, "/audit")
    assert client.get("/api/me").json()["data"]["role"] == "reviewer"
    assert client.post("/logout", data={"csrf": "x"}, follow_redirects=False).status_code == 403


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong horse battery"), ("nobody", PASSWORD), ("ann", "")])
def test_wrong_ones_are_told_alike(team: Desk, name: str, password: str):
    answer = sign_in(plain_client(team), name, password)
    assert answer.status_code == 403
    assert "Name or password is wrong." in answer.text
    assert "set-cookie" not in answer.headers


def test_too_many_tries_must_wait(team: Desk, clock: Hands):
    client = plain_client(team)
    for _ in range(5):
        assert sign_in(client, "ann", "wrong horse battery").status_code == 403
    locked = sign_in(client, "ann", PASSWORD)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 300
    clock.now += timedelta(minutes=5)
    assert sign_in(client, "ann", PASSWORD).status_code == 303


def test_an_address_must_wait_too(team: Desk):
    client = plain_client(team)
    for n in range(30):
        team.throttle.failed(f"account {n}", f"address {HOST}")
    assert sign_in(client, "ann", PASSWORD).status_code == 429


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"password": "another long password"}, None])
def test_a_changed_account_is_signed_out(team: Desk, change):
    client = plain_client(team)
    sign_in(client, "ann", PASSWORD)
    assert client.get("/api/me").status_code == 200
    if change is None:
        team.people.remove("ann")
    else:
        team.people.change("ann", **change)
    assert client.get("/api/me").status_code == 401


def test_another_site_cannot_sign_one_in(team: Desk):
    client = plain_client(team)
    fields = {"name": "ann", "password": PASSWORD}
    answer = client.post("/login", data=fields, headers={"origin": "https://evil.example"}, follow_redirects=False)
    assert answer.status_code == 403


def test_a_proxy_names_the_account(team: Desk):
    client = plain_client(team)
    assert client.get("/api/me", headers={"x-remote-user": "ann"}).json()["data"]["name"] == "ann"
    assert client.get("/api/me", headers={"x-remote-user": "nobody"}).status_code == 401
    twice = [("x-remote-user", "ann"), ("x-remote-user", "mara")]
    assert client.get("/api/me", headers=twice).status_code == 401
    elsewhere = TestClient(create_app(team), base_url=f"http://{HOST}", client=("10.0.0.9", 1))
    assert elsewhere.get("/api/me", headers={"x-remote-user": "ann"}).status_code == 401


def test_passwords_are_kept_as_hashes(team: Desk, tmp_path):
    token = team.people.token("ann")
    stored = (tmp_path / "accounts.db").read_bytes()
    assert PASSWORD.encode() not in stored
    assert token.encode() not in stored
    assert b"$argon2id$" in stored
    assert (tmp_path / "accounts.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [
        ("ann", "viewer", PASSWORD),
        ("Run:1", "viewer", PASSWORD),
        ("a b", "viewer", PASSWORD),
        ("bob", "king", PASSWORD),
        ("bob", "viewer", "short"),
    ],
)
def test_what_cannot_be_an_account_is_refused(team: Desk, name: str, role: str, password: str):
    with pytest.raises(InputError):
        team.people.add(name, role, password)


def test_a_file_that_is_none_is_told(tmp_path):
    (tmp_path / "accounts.db").write_text("not a database, at all, but long enough to be looked at as one" * 20)
    with pytest.raises(ConfigError, match="cannot hold accounts"):
        People(tmp_path / "accounts.db", clock=Hands())


def test_an_account_that_is_made_while_the_app_runs_counts_at_once(filled, tmp_path, clock: Hands):
    """``review-user`` writes the same file from another process."""
    with open_desk(filled, 0, clock=clock, people=People(tmp_path / "accounts.db", clock=clock)) as desk:
        client = plain_client(desk)
        assert "one-time link" in client.get("/login").text
        assert sign_in(client, "ann", PASSWORD).status_code == 403
        elsewhere = People(tmp_path / "accounts.db", clock=clock)
        elsewhere.add("ann", "reviewer", PASSWORD)
        token = elsewhere.token("ann")
        elsewhere.close()
        told = client.get("/api/me", headers={"authorization": f"Bearer {token}"}).json()
        assert (told["data"]["name"], told["data"]["role"]) == ("ann", "reviewer")
        assert sign_in(client, "ann", PASSWORD).status_code == 303
