# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Deciding by keyboard, alone and two at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.browser.conftest import Open, Site, Window
from tests.review_app import open_desk, waiting

MANY = 2000
DECIDED = 30


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    with open_desk(folder, MANY):
        pass
    return folder


def shown(window: Window) -> str:
    """Id of the strategy under review."""
    label = window.page.locator("#item").get_attribute("aria-label") or ""
    return label.removeprefix("Strategy ")


def side_by_side(window: Window) -> str:
    """Opens a strategy that has a likely twin beside it, to merge; its id."""
    window.go("/queue?severity=clean&q=medicine")
    strategy_id = shown(window)
    window.press("m")
    window.page.locator(".side-by-side").wait_for()
    return strategy_id


def test_thirty_of_two_thousand_are_decided_by_keyboard_alone(opened: Open, large: Path):
    site = opened(large)
    mara = site.window()
    mara.go("/queue?severity=clean")
    wanted: dict[str, str] = {}
    for n in range(DECIDED):
        strategy_id = shown(mara)
        assert strategy_id not in wanted
        match n % 3:
            case 0:
                mara.press("a")
                wanted[strategy_id] = "approved"
            case 1:
                mara.press("r", str(n % 6 + 1))
                wanted[strategy_id] = "rejected"
            case _:
                mara.press("e")
                expect(mara.page.locator("textarea[name=do]")).to_be_focused()
                mara.page.keyboard.press("Control+End")
                mara.page.keyboard.type(", in one sentence")
                mara.press("Control+Enter")
                wanted[strategy_id] = "approved"
        expect(mara.page.locator("#item")).not_to_have_attribute("aria-label", f"Strategy {strategy_id}")
        mara.settle()
    decided = {i: site.desk.library.entry(i) for i in wanted}
    assert {i: e.status for i, e in decided.items()} == wanted
    assert sum(e.version == 2 and e.strategy.do.endswith(", in one sentence") for e in decided.values()) == 10
    assert {e.changed_by for e in decided.values()} == {"mara"}
    assert mara.page.url.startswith(f"{mara.base}/queue?severity=clean&at=")
    last = list(wanted)[-1]
    mara.press("u")
    mara.told("Taken back")
    assert shown(mara) == last
    assert site.desk.library.entry(last).status == "proposed"
    assert site.desk.library.entry(last).strategy.do.endswith("sentence") is False
    assert site.desk.library.verify().ok


def test_skip_search_and_back(site: Site):
    mara = site.window()
    mara.go("/queue?severity=clean")
    first = shown(mara)
    mara.press("s")
    second = shown(mara)
    assert second != first
    mara.press("j")
    assert shown(mara) not in (first, second)
    mara.press("k")
    assert shown(mara) == second
    mara.press("/")
    mara.page.keyboard.type("insulin or medicine")
    mara.press("Escape")
    mara.press("/")
    mara.page.keyboard.type("medicine")
    mara.page.keyboard.press("Enter")
    mara.page.wait_for_url("**q=medicine**")
    assert "medicine" in (mara.page.locator(".rule-text").text_content() or "")
    mara.page.locator("select[name=severity]").select_option("blocking")
    mara.page.wait_for_url("**severity=blocking**")


def test_what_screening_blocks_is_approved_only_with_a_reason(site: Site):
    mara = site.window()
    mara.go("/queue?severity=blocking")
    strategy_id = shown(mara)
    mara.press("a")
    expect(mara.page.get_by_placeholder("Why the finding is wrong")).to_be_focused()
    mara.page.keyboard.press("Enter")
    assert site.desk.library.entry(strategy_id).status == "proposed"
    mara.page.keyboard.type("the city is ours")
    mara.page.keyboard.press("Enter")
    mara.told("Approved")
    assert site.desk.library.entry(strategy_id).status == "approved"
    assert site.desk.library.history(strategy_id)[-1].reason == "the city is ours"


def test_screening_speaks_while_words_are_typed(site: Site):
    mara = site.window()
    mara.go("/queue?severity=clean")
    mara.press("e")
    mara.page.keyboard.type("as the good agent did")
    mara.page.locator("#live .findings", has_text="good agent").wait_for()
    expect(mara.page.locator(".actions")).to_be_hidden()  # it would decide on the words before
    expect(mara.page.locator("#item .scroll > .findings:visible")).to_have_count(0)  # so would those of them
    mara.press("Escape")
    expect(mara.page.locator(".actions")).to_be_visible()
    expect(mara.page.locator("textarea[name=do]")).to_have_count(0)


def test_two_that_say_the_same_become_one(site: Site):
    mara = site.window()
    strategy_id = side_by_side(mara)
    other = mara.page.locator("input[name=other]").get_attribute("value") or ""
    mara.page.locator("textarea[name=do]").fill("ask about the urgent need before the paperwork")
    mara.page.keyboard.press("Control+Enter")
    mara.told("Merged")
    gone = site.desk.library.entry(other)
    assert (gone.status, gone.merged_into) == ("retired", strategy_id)
    mara.press("u")
    mara.told("Taken back")
    assert site.desk.library.entry(other).status == "proposed"


@pytest.mark.parametrize("second", ["a", "r"])
def test_the_second_of_two_reviewers_is_told(site: Site, second: str):
    mara, otto = site.window("mara"), site.window("otto", "reviewer")
    mara.go("/queue?severity=clean")
    otto.go("/queue?severity=clean")
    strategy_id = shown(mara)
    assert shown(otto) == strategy_id
    otto.press("e")
    otto.page.keyboard.type("otto: ")
    otto.press("Control+Enter")
    otto.told("Edited. Approved.")
    mara.press(second, *(["1"] if second == "r" else []))
    mara.told("otto changed it meanwhile: it is now approved, version 2")
    entry = site.desk.library.entry(strategy_id)
    assert (entry.status, entry.changed_by) == ("approved", "otto")
    assert waiting(site.desk)


def test_what_a_decision_needs_stands_above_the_fold(opened: Open, project: Path):
    """Rule, findings, what was said last and the three replies, at 1280 by 800, without scrolling."""
    site = opened(project)
    mara = site.window()
    mara.go("/queue")
    many = min(12, len(waiting(site.desk)))
    assert many > 3
    for _ in range(many):
        fold = mara.page.locator(".actions").bounding_box()
        replies = mara.page.locator(".replies").bounding_box()
        assert fold is not None
        assert replies is None or replies["y"] + replies["height"] <= fold["y"]
        mara.press("j")


def test_on_a_phone_it_stands_above_the_fold_but_for_long_replies(opened: Open, project: Path):
    """Rule, findings and what the customer said last always; the three replies of three strategies in four."""
    site = opened(project)
    mara = site.window(options={"viewport": {"width": 390, "height": 844}, "has_touch": True})
    ids = [entry.strategy.id for entry in waiting(site.desk)[:12]]
    whole = list[bool]()
    for strategy_id in ids:
        mara.go(f"/queue?at={strategy_id}")
        fold = mara.page.locator(".actions").bounding_box()
        assert fold is not None
        for part in ("#rule", ".talk .turn:last-child"):
            box = mara.page.locator(part).bounding_box()
            assert box is not None, (strategy_id, part)
            assert box["y"] + box["height"] <= fold["y"], (strategy_id, part)
        replies = mara.page.locator(".replies").bounding_box()
        assert replies is not None
        whole.append(replies["y"] + replies["height"] <= fold["y"])
    assert sum(whole) >= 0.75 * len(ids), whole


@pytest.mark.parametrize("width", [360, 390])
def test_a_thumb_goes_along_the_queue(opened: Open, project: Path, width: int):
    site = opened(project)
    mara = site.window(options={"viewport": {"width": width, "height": 844}, "has_touch": True})
    mara.go("/queue")
    ids = [entry.strategy.id for entry in waiting(site.desk)[:3]]

    def tapped(name: str) -> str:
        before = shown(mara)
        mara.page.evaluate("window.scrollTo(0, 300)")
        mara.page.locator(".steps").get_by_role("link", name=name, exact=True).tap()
        expect(mara.page.locator("#item")).not_to_have_attribute("aria-label", f"Strategy {before}")
        mara.settle()
        assert mara.page.evaluate("window.scrollY") == 0, "the next one begins at its beginning"
        return shown(mara)

    assert shown(mara) == ids[0]
    expect(mara.page.get_by_role("button", name="Previous", exact=True)).to_be_disabled()
    assert [tapped("Next"), tapped("Next"), tapped("Previous")] == [ids[1], ids[2], ids[1]]
    boxes = [b for b in (e.bounding_box() for e in mara.page.locator(".actions .button").all()) if b is not None]
    targets = [b for b in boxes if b["width"]]
    assert len(targets) == 7
    assert all(b["width"] >= 44 and b["height"] >= 44 for b in targets)
    assert {b["y"] for b in targets} == {targets[0]["y"]}, "one row: the fold stays where it is"
    assert all(b["x"] >= 0 and b["x"] + b["width"] <= width for b in targets)
    told = Axe().run(mara.page, options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag22aa"]}})
    assert told.response["violations"] == []
    mara.go("/queue?severity=clean")
    mara.page.locator(".actions button.approve").tap()
    mara.told("Approved")
    expect(mara.page.locator(".notice .by-key")).to_be_hidden()  # the key that takes it back: a phone has none


def test_the_conversation_unfolds_and_keys_go_on(opened: Open, project: Path):
    site = opened(project)
    mara = site.window()
    mara.go("/queue")
    turns = mara.page.locator(".talk .turn")
    while turns.count() < 3:
        mara.press("j")
    first = turns.first.locator("p")
    one_line = first.bounding_box()
    label = shown(mara)
    mara.page.keyboard.press("t")
    expect(turns.first.locator("p")).to_have_css("white-space-collapse", "preserve-breaks")
    whole = first.bounding_box()
    assert one_line is None or (whole is not None and whole["height"] >= one_line["height"])
    mara.page.get_by_label("turns in full").focus()
    mara.press("s")  # a box in focus swallows no keys
    assert shown(mara) != label
    expect(mara.page.locator(".talk :checked")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_viewer_reads_along_and_decides_nothing(site: Site, width: int):
    vera = site.window("vera", "viewer", {"viewport": {"width": width, "height": 800}})
    vera.go("/queue?severity=clean")
    first = shown(vera)
    vera.page.locator(".actions [data-key=j]").click()
    expect(vera.page.locator("#item")).not_to_have_attribute("aria-label", f"Strategy {first}")
    vera.press("k")
    assert shown(vera) == first
    vera.press("a", "s", "u")
    assert shown(vera) == first
    expect(vera.page.locator(".actions form")).to_have_count(0)


def test_escape_leaves_a_merge_that_was_only_looked_at(site: Site):
    mara = site.window()
    here = side_by_side(mara)
    mara.press("Escape")
    expect(mara.page.locator("#item")).to_have_attribute("aria-label", f"Strategy {here}")
    expect(mara.page.locator(".side-by-side")).to_have_count(0)
