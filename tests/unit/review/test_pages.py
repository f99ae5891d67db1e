from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from tests.review_app import Browser, browser, open_desk, plain_client, waiting
from tests.review_data import make_run

from preceptor.review.desk import Desk
from preceptor.review.people import Account

PAGES = ("/queue", "/strategies", "/strategies/new", "/releases", "/runs", "/audit")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_and_bind_the_browser(mara: Browser, path: str):
    page = mara.get(path)
    assert page.status_code == 200
    assert page.text.rstrip().endswith("</html>")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<[^>]*\son\w+=|<[^>]*\sstyle=", page.text)


@pytest.mark.parametrize("path", [*PAGES, "/audit.csv", "/audit.jsonl", "/strategies/x", "/runs/x/live"])
def test_nothing_is_shown_to_strangers(desk: Desk, path: str):
    answer = plain_client(desk).get(path, follow_redirects=False)
    assert answer.status_code in (303, 401)
    assert len(answer.text) < 40


def test_a_link_signs_in_once(desk: Desk, clock):
    key = desk.sessions.link(Account(name="ann", role="viewer"))
    first = plain_client(desk).get(f"/enter?key={key}", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/queue")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=" in cookie
    assert plain_client(desk).get(f"/enter?key={key}", follow_redirects=False).status_code == 403
    late = desk.sessions.link(Account(name="ann", role="viewer"))
    clock.now = clock.now.replace(hour=13)
    assert plain_client(desk).get(f"/enter?key={late}", follow_redirects=False).status_code == 403


def test_a_session_ends(desk: Desk, mara: Browser, clock):
    assert mara.get("/queue").status_code == 200
    clock.now = clock.now.replace(day=2)
    assert mara.get("/queue").status_code == 303


def test_other_host_names_are_refused(desk: Desk):
    answer = plain_client(desk).get("/queue", headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 64}, {}),
        ({}, {"origin": "https://evil.example"}),
        ({}, {"sec-fetch-site": "cross-site"}),
        ({}, {"sec-fetch-site": "same-site"}),
    ],
)
def test_a_form_of_another_site_does_nothing(desk: Desk, mara: Browser, fields, headers):
    entry = waiting(desk)[0]
    head = desk.library.head()
    url = f"/queue/{entry.strategy.id}/approve"
    assert mara.post(url, {"expect": entry.changed_seq, **fields}, headers=headers).status_code == 403
    assert desk.library.head() == head


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        ("viewer", "/queue/{id}/approve", False),
        ("reviewer", "/queue/{id}/approve", True),
        ("viewer", "/strategies/{id}/edit", False),
        ("viewer", "/undo", False),
        ("reviewer", "/releases", False),
        ("publisher", "/releases", True),
        ("reviewer", "/runs/learn-001/stop", False),
        ("viewer", "/audit/verify", False),
    ],
)
def test_roles_bound_what_is_done(desk: Desk, role, path: str, allowed: bool):
    entry = waiting(desk)[0]
    if path == "/releases":
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    head = desk.library.head()
    answer = browser(desk, "ann", role).post(path.format(id=entry.strategy.id), {"expect": entry.changed_seq})
    assert (answer.status_code == 303) is allowed
    if not allowed:
        assert answer.status_code == 403
        assert desk.library.head() == head


def test_the_queue_goes_on_to_the_next_one(desk: Desk, mara: Browser):
    first, second, third = waiting(desk)[:3]
    queue = "severity=clean"
    done = mara.post(f"/queue/{first.strategy.id}/approve?{queue}", {"expect": first.changed_seq})
    assert done.headers["location"] == f"/queue?severity=clean&at={second.strategy.id}"
    fields = {"expect": second.changed_seq, "reason": "Too vague"}
    done = mara.post(f"/queue/{second.strategy.id}/reject?{queue}", fields)
    assert done.headers["location"].endswith(third.strategy.id)
    assert mara.told().startswith("Rejected: Too vague.")
    mara.post(f"/queue/{third.strategy.id}/skip?{queue}", {"expect": third.changed_seq})
    page = mara.get(f"/queue?{queue}&at={third.strategy.id}").text
    last = re.search(r"(\d+) of (\d+)", page)
    assert last is not None
    assert last[1] == last[2]
    done = mara.post(f"/undo?{queue}")
    assert done.headers["location"].endswith(second.strategy.id)
    assert desk.library.entry(second.strategy.id).status == "proposed"


def test_a_conflict_is_told_on_the_page(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)
    mara.post(f"/queue/{entry.strategy.id}/reject", {"expect": entry.changed_seq, "reason": "Wrong"})
    assert "otto changed it meanwhile: it is now approved" in mara.told()
    assert desk.library.entry(entry.strategy.id).status == "approved"


def test_a_strategy_page_tells_its_story(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    s = entry.strategy
    fields = {"when": s.when, "do": f"{s.do}, at once", "avoid": s.avoid, "why": s.why}
    edited = {**fields, "expect": entry.changed_seq, "reason": "sharper"}
    assert mara.post(f"/strategies/{s.id}/edit", edited).status_code == 303
    page = mara.get(f"/strategies/{s.id}").text
    assert "<ins>, at once</ins>" in page
    assert "version 2" in page
    assert "sharper" in page
    lesson = desk.library.lesson(entry.lesson_id or "")
    assert lesson.teacher_reply[:40].split("'")[0] in page


def test_screening_is_live_while_editing(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    fields = {"when": "x", "do": "do as the good agent did", "id": entry.strategy.id}
    assert "words that betray" in mara.post("/screen", fields).text
    assert "Screening finds nothing" in mara.post("/screen", {**fields, "do": "say it first"}).text


def test_releases_are_made_published_and_rolled_back(desk: Desk, mara: Browser):
    one, two = waiting(desk)[:2]
    desk.decisions.approve("mara", one.strategy.id, expect=one.changed_seq)
    made = mara.post("/releases", {"reason": "first"}).headers["location"]
    assert one.strategy.id in mara.get(made).text
    mara.post(f"{made}/publish", {"expect": "", "reason": "go"})
    desk.decisions.approve("mara", two.strategy.id, expect=two.changed_seq, reason="fits well")
    page = mara.get("/releases").text
    assert "fits well" in page
    current = desk.releases.current()
    assert current is not None
    second = mara.post("/releases", {"reason": "second"}).headers["location"]
    mara.post(f"{second}/publish", {"expect": ""})
    assert "the current release changed meanwhile" in mara.told()
    assert desk.releases.current() == current
    mara.post(f"{second}/publish", {"expect": current.digest})
    now = desk.releases.current()
    assert now is not None
    assert now.id == second.rpartition("/")[2]
    mara.post("/releases/rollback", {"expect": current.digest})
    assert "the current release changed meanwhile" in mara.told()
    mara.post("/releases/rollback", {"expect": now.digest, "reason": "too soon"})
    assert (desk.releases.current() or now).id == made.rpartition("/")[2]
    assert mara.get(f"{second}?against={current.id}").status_code == 200
    assert mara.get(f"{second}?against=nonsense").status_code == 404


def test_the_audit_log_is_searched_and_exported(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    reason = '=HYPERLINK("http://evil.example")'
    desk.decisions.reject("mara", entry.strategy.id, expect=entry.changed_seq, reason=reason)
    assert "HYPERLINK" in mara.get("/audit?q=evil.example&author=mara&kind=reject").text
    assert "No change fits" in mara.get("/audit?q=evil.example&author=otto").text
    rows = list(csv.DictReader(io.StringIO(mara.get("/audit.csv").text)))
    assert rows[0]["reason"] == f"'{reason}"
    assert [int(r["seq"]) for r in rows] == list(range(desk.library.head(), 0, -1))
    lines = [json.loads(line) for line in mara.get("/audit.jsonl").text.splitlines()]
    assert lines[-1]["reason"] == reason
    mara.post("/audit/verify")
    assert f"The chain holds over {desk.library.head()} changes" in mara.told()


def test_a_run_tells_its_story(desk: Desk, mara: Browser):
    run = make_run(desk.runs)
    page = mara.get(f"/runs/{run.id}").text
    assert "truncated-json" in page
    assert page.count("<circle class=") >= 40
    assert mara.post(f"/runs/{run.id}/stop").status_code == 422


def test_what_came_of_an_evaluation_is_told_and_that_it_is_simulated(rated: Desk):
    mara = browser(rated)
    (run,) = (r for r in rated.runs.list() if r.info.job == "evaluate")
    means = run.info.results["satisfaction"]
    told = f"satisfaction: student {means['student']:.2f}"
    listed, page = mara.get("/runs").text, mara.get(f"/runs/{run.id}").text
    assert told in listed
    assert "(simulated)" in listed.partition(told)[2].partition("</tr>")[0]
    assert told in page
    assert "(simulated)" in page.partition(told)[2].partition("</p>")[0]
    assert f"preceptor report {run.id}" in page


@pytest.mark.parametrize("path", ["/strategies/nonsense", "/releases/nonsense", "/runs/learn-999", "/x"])
def test_what_is_not_there_is_told_on_a_page_of_the_app(mara: Browser, path: str):
    answer = mara.get(path)
    assert answer.status_code == 404
    assert '<a href="/queue">To the queue</a>' in answer.text
    assert 'aria-label="Pages"' in answer.text


@pytest.mark.parametrize("path", ["/x", "/static/x", "/api/x"])
def test_whoever_is_not_signed_in_learns_nothing_of_a_missing_page(desk: Desk, path: str):
    answer = plain_client(desk).get(path)
    assert answer.status_code in (401, 404)
    assert desk.domain is not None
    assert desk.domain.name not in answer.text


def test_commands_on_pages_are_those_that_can_be_typed(tmp_path: Path):
    with open_desk(tmp_path, 0, typed=lambda text: text.replace("preceptor", "bin/preceptor -C shop")) as desk:
        mara = browser(desk)
        for path in ("/queue", "/runs", "/rate", "/strategies/nonsense"):
            assert "bin/preceptor -C shop " in mara.get(path).text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil", "x"])
def test_nobody_is_sent_elsewhere(mara: Browser, target: str):
    assert mara.get("/login", params={"next": target}).headers["location"] == "/queue"


def test_a_page_that_was_asked_for_is_found_again(mara: Browser):
    assert mara.get("/login", params={"next": "/audit?q=1"}).headers["location"] == "/audit?q=1"


def test_who_saves_and_approves_is_told_both(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    s = entry.strategy
    words = {"when": s.when, "do": f"{s.do}, at once", "avoid": s.avoid, "why": s.why}
    mara.post(f"/strategies/{s.id}/edit", {**words, "expect": entry.changed_seq, "then": "approve"})
    assert mara.told() == "Saved. Approved."
    seq = desk.library.entry(s.id).changed_seq
    mara.post(f"/strategies/{s.id}/edit", {**words, "do": s.do, "expect": seq})
    assert mara.told() == "Saved as a new version."
