# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The other pages as a publisher, a rater and a viewer would use them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect
from tests.browser.conftest import Open, Site
from tests.review_app import waiting

from preceptor.core.clock import system_clock
from preceptor.review.people import People
from preceptor.runs.store import RunStore


def test_what_is_approved_is_published_and_rolled_back(site: Site):
    mara = site.window()
    page = mara.page
    for number in range(2):
        mara.go("/queue?severity=clean&evidence=helpful")
        rule = page.locator(".rule-text .do dd").inner_text()
        mara.press("a")
        mara.told("Approved")
        mara.go("/releases")
        expect(page.locator(".move-list")).to_contain_text(rule)
        mara.press("n")
        page.keyboard.type(f"number {number}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/releases/release-*")
        mara.press("p")
        page.keyboard.type("it is time")
        page.keyboard.press("Enter")
        mara.told("is what is served now")
    current = site.desk.releases.current()
    page = mara.go("/releases")
    expect(page.locator(".timeline")).to_contain_text("it is time")
    mara.press("b")
    page.keyboard.type("too soon")
    page.keyboard.press("Enter")
    mara.told("is current again")
    now = site.desk.releases.current()
    assert now is not None
    assert current is not None
    assert now.digest != current.digest
    act = site.desk.releases.log()[-1]
    assert (act.act, act.author, act.reason) == ("rollback", "mara", "too soon")


def test_two_people_approve_and_two_agree_to_a_looser_law(site: Site):
    """All of it by hand: the law is set, one approval waits for another, a looser law waits for a second admin."""
    mara, otto, ann = site.window("mara"), site.window("otto"), site.window("ann", "publisher")
    page = mara.go("/law")
    page.get_by_label("Two different people").check()
    page.get_by_label("Days for which an approval holds").fill("180")
    page.locator("form.law input[name=reason]").fill("as compliance asks")
    page.keyboard.press("Control+Enter")
    mara.told("This holds now")
    expect(ann.go("/law").get_by_role("button", name="Set the law")).to_have_count(0)
    expect(ann.page.locator(".timeline")).to_contain_text("as compliance asks")

    mara.go("/queue?severity=clean")
    label = mara.page.locator("#item").get_attribute("aria-label") or ""
    mara.press("a")
    mara.told("Approved; waits for a second person")
    expect(mara.page.locator("#item")).not_to_have_attribute("aria-label", label)
    mara.go("/queue?mark=half")
    expect(mara.page.get_by_role("button", name="Approved by you")).to_be_disabled()
    mara.press("a")
    strategy_id = label.removeprefix("Strategy ")
    assert site.desk.library.entry(strategy_id).status == "proposed"
    otto.go("/queue?mark=half")
    expect(otto.page.locator("#item .meta")).to_contain_text("approved by mara")
    otto.press("a")
    otto.told("Approved.")
    entry = site.desk.library.entry(strategy_id)
    assert (entry.status, [a.by for a in entry.approvals]) == ("approved", ["mara", "otto"])

    page = mara.go("/law")
    page.get_by_label("One person").check()
    page.locator("form.law input[name=reason]").fill("nobody has time")
    page.get_by_role("button", name="Set the law").click()
    mara.told("Asked for")
    expect(page.locator(".asked")).to_contain_text("It waits for a second admin")
    expect(page.get_by_role("button", name="Agree")).to_have_count(0)
    assert site.desk.library.law().people == 2
    expect(ann.go("/law").locator(".asked")).to_contain_text("mara asked for a looser law")
    expect(ann.page.get_by_role("button", name="Agree")).to_have_count(0)
    page = otto.go("/law")
    page.get_by_placeholder("Why you agree").fill("we are few")
    page.get_by_role("button", name="Agree: it holds from now on").click()
    otto.told("This holds now: One person approves")
    assert site.desk.library.law().people == 1
    told = site.desk.library.changes(kind="setlaw")
    assert [(r.author, r.reason) for r in told[:2]] == [("otto", "we are few"), ("mara", "nobody has time")]
    expect(mara.go("/law").locator(".asked")).to_have_count(0)


def test_rate_by_keyboard_then_export_and_import(opened: Open, project: Path):
    site = opened(project)
    mara = site.window()
    page = mara.go("/rate?mode=pair")
    for number, key in enumerate("123"):
        expect(page.locator("header.top")).to_contain_text(f"{number} of 3 done")
        page.keyboard.press(key)
    page.get_by_text("All rated").wait_for()
    mara.go("/rate?mode=single")
    page.keyboard.press("5")
    expect(page.locator("header.top")).to_contain_text("1 of 6 done")
    assert len(site.desk.ratings.all(by="mara")) == 4
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    page.get_by_text("Import ratings").click()
    page.get_by_label("A file of JSON lines").set_input_files(
        {
            "name": "r.jsonl",
            "mimeType": "application/jsonl",
            "buffer": "\n".join(json.dumps({**x, "by": "otto"}) for x in lines).encode(),
        }
    )
    page.get_by_role("button", name="Import").click()
    mara.told("Imported: 4 new or changed")
    assert len(site.desk.ratings.all(by="otto")) == 4


def test_the_log_is_searched_and_its_chain_stands_by_itself(site: Site):
    entry = waiting(site.desk)[0]
    site.desk.decisions.reject("otto", entry.strategy.id, expect=entry.changed_seq, reason="quetzal")
    mara = site.window("ann", "viewer")
    page = mara.go("/audit")
    page.get_by_text(f"Chain holds over {site.desk.library.head()} changes").wait_for()
    mara.press("/")
    page.keyboard.type("quetz")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=quetz**")
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "quetzal" in Path(download.value.path()).read_text()


def test_accounts_and_roles(opened: Open, small: Path, tmp_path: Path):
    people = People(tmp_path / "accounts.db", clock=system_clock)
    people.add("vera", "viewer", "a long enough word")
    people.add("rolf", "reviewer", "another long word")
    site = opened(small, people=people, passwords=True)
    vera = site.stranger()
    page = vera.go("/releases")
    assert page.url.endswith("/login?next=/releases")
    for password in ("wrong", "a long enough word"):
        page.get_by_label("Account").fill("vera")
        page.get_by_label("Password").fill(password)
        page.keyboard.press("Enter")
        if password == "wrong":
            page.get_by_text("Name or password is wrong").wait_for()
    page.get_by_role("heading", name="All releases").wait_for()
    expect(page.get_by_role("button", name="Make a release")).to_have_count(0)
    vera.go("/queue?severity=clean")
    expect(page.locator(".actions .steps")).to_be_visible()  # a viewer goes along, and decides nothing
    expect(page.locator(".actions form, .actions .approve, .actions .reject")).to_have_count(0)
    vera.press("a", "e", "u")
    assert not site.desk.library.changes(author="vera")
    rolf = site.stranger()
    rolf.go("/login?next=/queue")
    rolf.page.get_by_label("Account").fill("rolf")
    rolf.page.get_by_label("Password").fill("another long word")
    rolf.page.keyboard.press("Enter")
    rolf.page.get_by_role("heading", name="Queue").wait_for()
    rolf.go("/queue?severity=clean")
    rolf.press("a")
    rolf.told("Approved")
    assert [r.author for r in site.desk.library.changes(author="rolf")]
    expect(rolf.go("/releases").locator("header button")).to_have_count(0)
    people.remove("rolf")
    rolf.page.goto(f"{rolf.base}/queue")
    assert "/login" in rolf.page.url
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    vera.page.goto(f"{vera.base}/audit")
    assert "/login" in page.url


def test_try_it_side_by_side(opened: Open, project: Path, tmp_path: Path):
    """The command itself, on a practice student: its printed link, and both replies as they come."""
    shutil.copytree(project, tmp_path / "p")
    process = subprocess.Popen(
        [sys.executable, "-m", "preceptor.cli", "review", "--port", "0", "--by", "mara", "-C", str(tmp_path / "p")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        link = next(word for line in process.stderr for word in line.split() if "/enter?key=" in word)
        window = opened(project).stranger()
        window.page.goto(link)
        window.base = link.partition("/enter")[0]
        page = window.go("/try")
        page.locator("select[name=source]").select_option("all")
        page.locator("textarea").press("Control+Enter")
        page.locator("[data-try][data-over]").wait_for()
        assert page.locator("[data-side=student]").text_content()
        assert page.locator("#tried tbody tr").count() > 0
    finally:
        process.terminate()
        said = process.communicate(timeout=10)[1]
    for secret in ("key=", *(str(c.get("value")) for c in window.context.cookies())):
        assert secret not in said


def test_a_run_is_followed_and_stopped(opened: Open, project: Path, tmp_path: Path):
    site = opened(project)
    house = tmp_path / "house"
    command = [sys.executable, "-m", "preceptor.cli", "learn", "-C", str(house), "--set", "learn.dialogues=200"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        mara = site.window()
        page = mara.page
        runs = RunStore(house / "runs", clock=system_clock)
        while process.poll() is None and not any(r.id == "learn-002" and r.process for r in runs.list()):
            page.wait_for_timeout(50)
        mara.go("/runs/learn-002")
        live = page.locator("#live-run")
        expect(live).to_contain_text("under way")
        expect(live).to_contain_text("generate")
        expect(live.locator("progress").first).not_to_have_js_property("value", 0)
        page.get_by_role("button", name="Stop").click()
        mara.told("Asked to stop")
        expect(page.locator("#live-run")).to_contain_text("stopped", timeout=20_000)
        process.wait(20)
        assert runs.open("learn-002").info.status == "stopped"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
