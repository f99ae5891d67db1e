# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What holds on every page: accessible in light and dark, whole on a phone, and hostile text stays text."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tests.browser.conftest import Open, Site, Window, served
from tests.browser.hostile import flat, only_text, watched
from tests.browser.house import UNTIL, happen, hostile, rate
from tests.browser.payloads import MARKUP, OTHER, PAYLOADS
from tests.browser.views import pages_of
from tests.review_app import open_desk

from preceptor.core.settings import SeatConfig
from preceptor.core.untrusted import clean, one_line
from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.review.tryout import Student

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "preload": False}
"""No style sheet is read for it."""
_TOLD = "async (options) => (await axe.run(options)).violations"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture(scope="module")
def site(house: Path, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("everywhere") / "house"
    shutil.copytree(house, folder)
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(folder, 0))
        rate(desk)
        yield stack.enter_context(served(desk, chromium))


@pytest.fixture(scope="module")
def paths(site: Site) -> tuple[str, ...]:
    """Every page; the last one is for strangers."""
    return views(site)


def views(site: Site) -> tuple[str, ...]:
    """Every page, over the hostile house."""
    one, two = hostile(PAYLOADS[0], 0).id, hostile(PAYLOADS[2], 2).id
    return pages_of(one, two, site.desk.releases.list()[0].id, "learn-002")


def test_every_page_is_accessible_in_light_and_dark(site: Site, paths: tuple[str, ...]):
    axe, wrong = Axe(), list[str]()
    mara = site.window(options={"color_scheme": "light"})
    stranger = site.stranger({"color_scheme": "light"})
    for path in paths:
        window = stranger if path.startswith("/login") else mara
        page = window.go(path)
        wrong += _found(axe, window, f"{path} light", RULES)
        page.emulate_media(color_scheme="dark")
        wrong += _found(axe, window, f"{path} dark", COLOURS)
        page.emulate_media(color_scheme="light")
    mara.go("/queue")
    for keys in ("r", "e", "?"):
        mara.press(keys)
        wrong += _found(axe, mara, f"/queue after {keys}", RULES)
        mara.press("Escape")
    assert not wrong, "\n".join(wrong)


def _found(axe: Axe, window: Window, where: str, rules: dict[str, Any]) -> list[str]:
    if not window.page.evaluate("'axe' in window"):
        window.page.evaluate(axe.axe_script)
    told = window.page.evaluate(_TOLD, {"resultTypes": ["violations"], **rules})
    return [
        f"{where}: {v['id']}: {n['html'][:160]} {n['failureSummary'][:200]}" for v in told for n in v["nodes"][:2]
    ]


@pytest.mark.parametrize("width", [320, 390])
def test_every_page_is_whole_on_a_phone(site: Site, paths: tuple[str, ...], width: int):
    mara = site.window(options={**PHONE, "viewport": {"width": width, "height": 844}})
    axe, wrong = Axe(), list[str]()
    for path in paths[:-1]:
        page = mara.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if width == PHONE["viewport"]["width"]:
            wrong += _found(axe, mara, f"{path} on a phone", RULES)
    assert not wrong, "\n".join(wrong)
    short = mara.go("/queue?q=nothing+fits+this")
    assert short.evaluate("document.documentElement.scrollHeight") <= 844, "what has nothing below need not scroll"


@pytest.mark.parametrize("width", [320, 390])
def test_every_menu_opens_inside_a_phone(site: Site, width: int):
    mara = site.window(options={**PHONE, "viewport": {"width": width, "height": 844}})
    one = next(e for e in site.desk.library.entries() if e.status == "proposed" and e.usable).strategy.id
    seen = 0
    for path in ("/queue", f"/queue?at={one}", f"/strategies/{one}", "/releases", site_release(site)):
        page = mara.go(path)
        for number in range(page.locator("details.pop").count()):
            page.locator("details.pop > summary").nth(number).click()
            box = page.locator("details.pop[open] > .menu").bounding_box()
            assert box is not None, (path, number)
            assert box["x"] >= 0, (path, number, box)
            assert box["x"] + box["width"] <= width, (path, number, box)
            assert box["y"] >= 0, (path, number, box)
            seen += 1
            page.evaluate("document.querySelector('details.pop[open]').open = false")
    assert seen >= 5


def site_release(site: Site) -> str:
    """The page of a release that could be published."""
    return f"/releases/{site.desk.releases.list()[0].id}"


def test_a_strategy_is_rejected_with_a_thumb(site: Site):
    ann = site.window("ann", "reviewer", PHONE)
    page = ann.go("/queue?severity=clean&q=proof")
    strategy_id = (page.locator("#item").get_attribute("aria-label") or "").removeprefix("Strategy ")
    page.locator("summary", has_text="Reject").tap()
    page.get_by_role("button", name="Too vague").tap()
    ann.told("Rejected: Too vague")
    assert site.desk.library.entry(strategy_id).status == "rejected"
    page.get_by_role("button", name="Undo").tap()
    ann.told("Taken back")
    assert site.desk.library.entry(strategy_id).status == "proposed"


def test_hostile_text_stays_text_in_every_view(site: Site, paths: tuple[str, ...]):
    """None executes, none makes an element of its own; what a window complains of fails the test."""
    mara = watched(site)
    ids = [hostile(t, n).id for n, t in enumerate(PAYLOADS)]
    kept = [e.strategy.id for e in site.desk.library.entries(status="approved")][:2]
    more = (
        *(f"/strategies/{i}" for i in (*ids, *kept)),
        *(f"/queue?at={i}" for i in ids[:4]),
        *("/runs/learn-001", "/audit?kind=setlaw", "/strategies?order=ends", "/strategies?mark=tainted"),
    )
    said: dict[str, str] = {}
    for path in (*paths[:-1], *more):
        mara.go(path)
        said[path] = only_text(mara, path)
    mara.go(f"/queue?at={ids[0]}")
    expect(mara.page.locator(".rule-text .do dd")).to_contain_text("<script>pwned()</script> more")
    assert f"until{UNTIL}" in said[f"/strategies/{kept[0]}"]
    for text in PAYLOADS:
        assert flat(one_line(text)) in said["/law"], text
        assert flat(one_line(text), 60) in said["/audit?kind=setlaw"], text
        assert flat(clean(text), 60) in said["/runs/learn-002"], text
    for text in PAYLOADS[:-1]:
        assert flat(one_line(text)) in said["/releases"], text
    assert mara.trouble == []


def test_hostile_text_stays_text_as_a_run_goes(site: Site):
    mara = watched(site)
    mara.go("/runs/learn-003")
    live = mara.page.locator("#live-run")
    expect(live).to_contain_text("Failures")
    before = live.locator("summary").inner_text()
    happen(site.desk.runs.open("learn-003"))
    expect(live.locator("summary")).not_to_have_text(before)
    only_text(mara, "the live part of a run")
    assert mara.trouble == []


class Says:
    """A model that says what it was given, in parts."""

    spec = "test:says"

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise AssertionError("it can stream")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str]:
        for text in PAYLOADS:
            await asyncio.sleep(0)
            yield f"{text} "

    async def aclose(self) -> None:
        pass


def test_hostile_text_that_a_student_says_stays_text(opened: Open, house: Path):
    site = opened(house, student=Student(open=Says, config=SeatConfig(model="test:says"), system="Be brief."))
    mara = watched(site)
    page = mara.go("/try")
    page.locator("select[name=source]").select_option("all")
    page.locator("textarea").fill(f"Customer: {PAYLOADS[0]} my bag is missing and my medicine is in it")
    page.locator("textarea").press("Control+Enter")
    page.locator("[data-try][data-over]").wait_for()
    said = only_text(mara, "what the student said")
    assert said.count(flat(PAYLOADS[4])) >= 2
    assert mara.trouble == []


@pytest.mark.parametrize("payload", [MARKUP, OTHER], ids=["markup", "other"])
def test_hostile_text_as_it_is_typed(site: Site, payload: str):
    """By keyboard, so that live screening and htmx see it come; every field one by one: ``test_fields.py``."""
    mara = watched(site)
    page = mara.go("/strategies/new")
    for name in ("when", "do", "avoid", "why"):
        page.locator(f"textarea[name={name}]").fill(f"{payload} {name} {len(mara.asked)}")
    page.locator("#live :is(.findings, .clean)").first.wait_for()
    only_text(mara, "screening")
    page.locator("input[name=reason]").fill(payload)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/strategies/strategy-*")
    mara.press("r")
    page.locator("details[open] input[name=reason]").fill(payload)
    page.keyboard.press("Enter")
    mara.told("Done")
    only_text(mara, "a rejected strategy")
    mara.go("/queue")
    page.get_by_placeholder("Search").fill(payload)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    only_text(mara, "a search")
    assert mara.trouble == []
