"""Takes the pictures of the review app that README and docs show: ``make screenshots``.

A practice project is made, learned and evaluated in a scratch folder, as ``preceptor demo`` does it; two people
decide on some of what it learned; then a real Chromium looks at the pages. Needs a browser (``make browser``).
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tests.chromium import ARGS, executable, serving

from preceptor.project import Project
from preceptor.project.reviewing import open_house, open_people
from preceptor.review.decisions import Words
from preceptor.review.desk import Desk
from preceptor.review.guard import Access, local_hosts
from preceptor.review.people import Account

PICTURES = Path(__file__).resolve().parent / "pictures"
DESKTOP = {"width": 1280, "height": 840}
PHONE = {"width": 390, "height": 844}
_COLOURS = 255
_TALK = """Customer: I landed and my suitcase is lost, it did not arrive. I'm really worried.
Agent: I'm sorry to hear that. What is the number of your luggage report?
Customer: It's TRN48213. I have no clothes here, what happens with my bag now?"""


def main() -> int:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        project = Project.create(Path(scratch) / "project")
        project.learn()
        project.evaluate()
        with open_people(project, create=False) as people, open_house(project) as house:
            desk = Desk(house, people=people, access=Access(hosts=local_hosts("127.0.0.1")))
            edited = decide(desk)
            desk.verify()
            with serving(desk) as base, sync_playwright() as playwright:
                found = executable(playwright)
                if found is None:
                    print("no Chromium here: see 'make browser'", file=sys.stderr)
                    return 1
                browser = playwright.chromium.launch(executable_path=found, args=ARGS)
                take_all(browser, desk, base, edited)
                browser.close()
    return 0


def decide(desk: Desk) -> str:
    """What two reviewers would do in their first minutes; the id of the strategy that one of them edited."""
    entries = desk.library.page(limit=10_000).entries
    clean = [e for e in entries if e.status == "proposed" and e.usable and not e.findings]
    for n, entry in enumerate(clean[:12]):
        desk.decisions.approve(
            "mara", entry.strategy.id, expect=entry.changed_seq, reason="as we do it" if n % 3 == 0 else ""
        )
    made = desk.releases.create(desk.recipe(), author="mara", reason="the first twelve")
    desk.releases.publish(made.release.id, author="mara", reason="pilot on the luggage line", expect="")
    one, two = (desk.library.entry(clean[n].strategy.id) for n in (2, 5))
    s = one.strategy
    words = Words(when=s.when, do=f"{s.do}, in one short sentence", avoid=s.avoid, why=s.why)
    desk.decisions.edit("otto", s.id, words, expect=one.changed_seq, reason="shorter", approve=True)
    desk.decisions.retire("otto", two.strategy.id, expect=two.changed_seq, reason="the desk closes earlier by now")
    for entry in clean[12:15]:
        desk.decisions.approve("otto", entry.strategy.id, expect=entry.changed_seq)
    return s.id


def take_all(browser: Browser, desk: Desk, base: str, edited: str) -> None:
    """Every picture."""
    for scheme in ("light", "dark"):
        page = signed_in(browser, desk, base, color_scheme=scheme, viewport=DESKTOP)
        end = "" if scheme == "light" else "-dark"
        page.goto(f"{base}/queue?severity=clean&scope=scenario")
        take(page, f"review-queue{end}")
    page = signed_in(browser, desk, base, color_scheme="light", viewport=DESKTOP)
    page.goto(f"{base}/queue")
    take(page, "review-finding")
    page.goto(f"{base}/strategies/{edited}")
    take(page, "review-strategy")
    page.goto(f"{base}/releases")
    take(page, "review-releases")
    page.goto(f"{base}/runs/learn-001")
    page.locator("h2", has_text="Lessons").evaluate("e => window.scrollTo(0, e.offsetTop - 24)")
    take(page, "review-run")
    page.goto(f"{base}/try")
    page.locator("textarea").fill(_TALK)
    page.locator("select[name=source]").select_option("all")
    page.locator("textarea").press("Control+Enter")
    page.locator("[data-try][data-over]").wait_for()
    page.locator("textarea").blur()
    take(page, "review-try")
    page = signed_in(browser, desk, base, color_scheme="dark", viewport=PHONE, device_scale_factor=1.5)
    page.goto(f"{base}/queue?severity=clean&scope=scenario")
    take(page, "review-phone")


def signed_in(browser: Browser, desk: Desk, base: str, **options: object) -> Page:
    """A window of mara's."""
    page = browser.new_context(**options).new_page()  # pyright: ignore[reportArgumentType]
    page.goto(f"{base}/enter?key={desk.sessions.link(Account(name='mara', role='admin'))}")
    return page


def take(page: Page, name: str) -> None:
    """One picture, in few colours: an interface needs no more, and the file is a third."""
    page.evaluate("document.fonts.ready")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few = shot.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path = PICTURES / f"{name}.png"
    few.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    raise SystemExit(main())
