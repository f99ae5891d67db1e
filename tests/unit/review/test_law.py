"""Two people, approvals that end, and the law itself, as pages and API tell and take them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.review_app import Browser, Hands, browser, waiting

from preceptor.core.errors import LibraryError
from preceptor.library.changes import Edit, Screen, SetLaw
from preceptor.library.entry import Entry
from preceptor.library.law import Law
from preceptor.review.decisions import Words
from preceptor.review.desk import Desk


def two_people(desk: Desk) -> None:
    desk.library.apply([SetLaw(law=Law(people=2))], author="ann", reason="as compliance asks")


def twin_of(desk: Desk, entry: Entry) -> Entry:
    """A proposed strategy that says the same as an approved one."""
    s = entry.strategy
    return desk.decisions.propose("mara", Words(when=s.when, do=s.do, avoid=f"{s.avoid} again"))


def test_one_approval_of_two_is_told_and_leaves_the_approvers_queue(desk: Desk, mara: Browser):
    two_people(desk)
    first, second = waiting(desk)[:2]
    url = f"/queue/{first.strategy.id}/approve?severity=clean"
    done = mara.post(url, {"expect": first.changed_seq})
    assert done.headers["location"].endswith(second.strategy.id)
    assert "Approved; waits for a second person." in mara.told()
    half = desk.library.entry(first.strategy.id)
    assert (half.status, half.half_approved) == ("proposed", True)
    assert f'aria-label="Strategy {first.strategy.id}"' not in mara.get(f"/queue?at={first.strategy.id}").text
    mine = mara.get("/queue?mark=half").text
    assert "waits for a second person" in mine
    assert "Approved by you" in mine
    assert "/approve?" not in mine
    assert "approved by mara" in mara.get(f"/strategies/{first.strategy.id}").text
    otto = browser(desk, "otto", "reviewer")
    page = otto.get(f"/queue?at={first.strategy.id}").text
    assert "approved by mara" in page
    otto.post(url, {"expect": half.changed_seq})
    assert "Approved." in otto.told()
    entry = desk.library.entry(first.strategy.id)
    assert (entry.status, [a.by for a in entry.approvals]) == ("approved", ["mara", "otto"])


def test_half_an_approval_is_taken_back(desk: Desk, mara: Browser):
    two_people(desk)
    entry = waiting(desk)[0]
    desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    with pytest.raises(LibraryError, match="waits for a second person"):
        desk.decisions.approve("mara", entry.strategy.id, expect=desk.library.entry(entry.strategy.id).changed_seq)
    desk.decisions.undo("mara")
    assert desk.library.entry(entry.strategy.id).approvals == ()
    now = desk.library.entry(entry.strategy.id)
    half = desk.decisions.approve("mara", entry.strategy.id, expect=now.changed_seq)
    mara.post(f"/strategies/{entry.strategy.id}/reopen", {"expect": half.changed_seq, "reason": "too soon"})
    assert desk.library.entry(entry.strategy.id).approvals == ()


def test_undoing_a_retirement_brings_half_an_approval_back(desk: Desk, mara: Browser):
    two_people(desk)
    entry = waiting(desk)[0]
    for name in ("mara", "otto"):
        now = desk.library.entry(entry.strategy.id)
        desk.decisions.approve(name, entry.strategy.id, expect=now.changed_seq)
    now = desk.library.entry(entry.strategy.id)
    desk.decisions.retire("mara", entry.strategy.id, expect=now.changed_seq, reason="old")
    mara.post("/undo")
    assert "It waits for a second person" in mara.told()
    back = desk.library.entry(entry.strategy.id)
    assert [a.by for a in back.approvals if back.half_approved] == ["mara"]


def test_an_approval_that_ends_is_told_sorted_and_approved_anew(desk: Desk, mara: Browser, clock: Hands):
    one, two = waiting(desk)[:2]
    for entry, until in ((one, "2026-05-01"), (two, "2026-04-01")):
        url = f"/strategies/{entry.strategy.id}/approve"
        mara.post(url, {"expect": entry.changed_seq, "until": until})
    assert "until 2026-05-01" in mara.get(f"/strategies/{one.strategy.id}").text
    page = mara.get("/strategies?order=ends&status=approved").text
    assert page.index(two.strategy.id) < page.index(one.strategy.id)
    made = desk.releases.create(desk.recipe(), author="mara", reason="both")
    desk.releases.publish(made.release.id, author="mara", reason="", expect="")
    clock.now += timedelta(days=40)
    again = browser(desk)
    assert f"/strategies/{two.strategy.id}" in again.get("/strategies?mark=expired").text
    assert f"/strategies/{one.strategy.id}" not in again.get("/strategies?mark=expired").text
    assert "1 approved strategy stays out, since its approval has expired" in again.get("/releases").text
    late = again.get(f"/queue?mark=expired&at={two.strategy.id}").text
    assert "approval expired" in late
    seen = desk.library.entry(two.strategy.id).changed_seq
    again.post(f"/queue/{two.strategy.id}/approve?mark=expired", {"expect": seen})
    assert not desk.library.terms().expired(desk.library.entry(two.strategy.id))
    assert "cannot" not in again.told()
    wrong = again.post(f"/strategies/{one.strategy.id}/approve", {"expect": seen, "until": "soon"})
    assert wrong.status_code == 422
    for end in ("9999-12-31T23:59-12:00", "0001-01-01T00:00+12:00"):
        outside = again.post(f"/strategies/{one.strategy.id}/approve", {"expect": seen, "until": end})
        assert outside.status_code == 422, end


def test_the_law_is_shown_to_all_and_set_by_admins(desk: Desk, mara: Browser):
    ann = browser(desk, "ann", "publisher")
    assert "One person approves; an approval holds for ever." in ann.get("/law").text
    assert "Set the law" not in ann.get("/law").text
    wanted = {"people": "2", "valid_days": "180", "reason": "as compliance asks"}
    assert ann.post("/law", wanted).status_code == 403
    assert mara.post("/law", {**wanted, "reason": " "}).status_code == 422
    assert mara.post("/law", {**wanted, "reason": "\x1b[31m\u202e"}).status_code == 422
    assert mara.post("/law", {**wanted, "people": "0"}).status_code == 422
    assert mara.post("/law", wanted).status_code == 303
    assert desk.library.law() == Law(people=2, valid_days=180)
    assert desk.library.changes(kind="setlaw")[0].author == "mara"
    assert "as compliance asks" in ann.get("/law").text


def test_a_looser_law_needs_two_admins_where_two_people_approve(desk: Desk, mara: Browser):
    two_people(desk)
    looser = {"people": "1", "valid_days": "0", "reason": "nobody has time"}
    mara.post("/law", looser)
    assert desk.library.law().people == 2
    page = mara.get("/law").text
    assert "It waits for a second admin" in page
    assert "Agree: it holds" not in page
    assert mara.post("/law", looser).status_code == 422
    otto = browser(desk, "otto", "admin")
    assert "Agree: it holds" in otto.get("/law").text
    otto.post("/law", {**looser, "reason": "agreed"})
    assert desk.library.law() == Law()


def test_the_law_over_the_api(desk: Desk, mara: Browser):
    headers = {"x-csrf-token": mara.csrf}
    assert mara.get("/api/law").json()["data"] == {"law": {"people": 1, "valid_days": 0}, "asked": None}
    sent = {"people": 2, "valid_days": 30, "reason": "so"}
    assert mara.client.post("/api/law", json=sent, headers=headers).json()["data"]["law"]["valid_days"] == 30
    entry = waiting(desk)[0]
    given = {"expect": entry.changed_seq, "until": "2026-12-31"}
    told = mara.client.post(f"/api/strategies/{entry.strategy.id}/approve", json=given, headers=headers).json()
    assert (told["data"]["half_approved"], told["data"]["ends_at"]) == (True, "")
    assert [s["id"] for s in mara.get("/api/strategies?mark=half").json()["data"]] == [entry.strategy.id]
    desk.decisions.approve("otto", entry.strategy.id, expect=told["data"]["changed_seq"])
    told = mara.get(f"/api/strategies/{entry.strategy.id}").json()["data"]["strategy"]
    assert [a["by"] for a in told["approvals"]] == ["mara", "otto"]
    assert told["ends_at"][:10] == "2026-03-31"  # the law's thirty days, before the end that was given


def test_what_repeats_or_contradicts_an_approved_one_is_shown_before_it_is_approved(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    twin = twin_of(desk, entry)
    assert twin.findings == ()
    assert "Says the same as an approved one" not in mara.get(f"/queue?at={twin.strategy.id}").text
    desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)
    page = mara.get(f"/queue?at={twin.strategy.id}").text
    assert "Says the same as an approved one" in page
    assert f"/strategies/{twin.strategy.id}/merge?with={entry.strategy.id}" in page
    form = mara.get(f"/strategies/{twin.strategy.id}/edit").text
    assert "Says the same as an approved one" in form
    s = twin.strategy
    opposite = {"when": s.when, "do": f"never {s.do}", "avoid": s.avoid, "id": s.id}
    assert "Says the opposite of an approved one" in mara.post("/screen", opposite).text
    done = desk.decisions.approve("mara", s.id, expect=twin.changed_seq)
    assert "duplicate" in [f.check for f in done.findings]
    story = mara.get(f"/api/strategies/{s.id}").json()["data"]
    assert "duplicate" in [f["check"] for f in story["strategy"]["findings"]]


def test_the_filter_is_of_findings_on_record_and_what_differs_since_is_told(desk: Desk, mara: Browser):
    entry = waiting(desk)[0]
    twin = twin_of(desk, entry).strategy.id
    desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)

    def found(severity: str) -> bool:
        listed = mara.get(f"/api/queue?severity={severity}&limit=200").json()["data"]
        page = mara.get(f"/queue?severity={severity}&at={twin}").text
        assert (f'aria-label="Strategy {twin}"' in page) == (twin in [s["id"] for s in listed])
        return twin in [s["id"] for s in listed]

    assert (found("clean"), found("warning")) == (True, False)
    page = mara.get(f"/queue?severity=clean&at={twin}").text
    assert '<option value="clean" selected>none on record</option>' in page
    assert page.count('class="since"') == 1
    story = mara.get(f"/api/strategies/{twin}").json()["data"]
    assert story["strategy"]["findings"] == []
    assert ([f["check"] for f in story["screened"]["findings"]], story["screened"]["worst"]) == (
        ["duplicate"],
        "warning",
    )

    known = desk.library.entry(twin)
    repeats = desk.screener.look(known.strategy, ()).findings
    desk.library.apply([Screen(strategy_id=twin, findings=repeats)], author="a", reason="b")
    assert (found("clean"), found("warning")) == (False, True)
    assert 'class="since"' not in mara.get(f"/queue?severity=warning&at={twin}").text
    gone = desk.library.entry(entry.strategy.id)
    desk.decisions.retire("otto", gone.strategy.id, expect=gone.changed_seq, reason="old")
    page = mara.get(f"/queue?severity=warning&at={twin}").text
    assert "On record, and not found now: says the same as" in page
    story = mara.get(f"/api/strategies/{twin}").json()["data"]
    assert [f["check"] for f in story["strategy"]["findings"]] == ["duplicate"]
    assert story["screened"] == {"findings": [], "worst": None}


def test_what_is_merged_away_speaks_against_nothing(desk: Desk):
    entry = waiting(desk)[0]
    twin = twin_of(desk, entry)
    desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)
    seen = desk.library.entry(entry.strategy.id)
    s = twin.strategy
    merged = desk.decisions.merge(
        "mara", s.id, entry.strategy.id, Words(when=s.when, do=s.do, avoid="waiting"),
        expect=twin.changed_seq, expect_other=seen.changed_seq,
    )  # fmt: skip
    assert "duplicate" not in [f.check for f in merged.findings]


def test_edited_words_are_screened_though_they_stay_the_same(desk: Desk):
    entry = waiting(desk)[0]
    twin = twin_of(desk, entry)
    desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)
    s = twin.strategy
    words = Words(when=s.when, do=s.do, avoid=s.avoid, why=s.why)
    done = desk.decisions.edit("mara", s.id, words, expect=twin.changed_seq, approve=True)
    assert (done.status, [f.check for f in done.findings]) == ("approved", ["duplicate"])
    desk.library.apply([Edit(strategy_id=s.id, do="feed the zebra")], author="a", reason="b")
    assert desk.library.entry(s.id).findings == ()
