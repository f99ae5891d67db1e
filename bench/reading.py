"""What a reviewer has to read and to press for one decision, in a real browser. ``python -m bench.reading``.

No person was timed. What can be counted without one is counted, over the queue of a practice project (simulated):
words of the rule and its findings, words above the fold and in all, and whether the three replies stand above the
fold; then decisions are taken by keyboard, and the keys counted. The seconds are those words at 238 a minute, the
mean for silent reading of English non-fiction (Brysbaert 2019, https://doi.org/10.1016/j.jml.2019.104047): a
computation.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright
from tests.chromium import ARGS, executable, serving

from preceptor.project import Project
from preceptor.project.reviewing import open_house, open_people
from preceptor.review.desk import Desk
from preceptor.review.guard import Access, local_hosts
from preceptor.review.people import Account

READ = 40
WORDS_A_MINUTE = 238
SCREENS = {"1280 x 800": {"width": 1280, "height": 800}, "390 x 844 (phone)": {"width": 390, "height": 844}}
_COUNT = """() => {
  const box = document.querySelector("#item .scroll");
  const fold = document.querySelector(".actions").getBoundingClientRect().top;
  const words = (text) => (text.match(/[\\p{L}\\p{N}]+(?:['’][\\p{L}]+)*/gu) || []).length;
  const told = {rule: 0, above: 0, all: 0};
  const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, range = document.createRange();
    const holder = node.parentElement;
    if (!node.textContent.trim() || !holder.checkVisibility() || holder.closest(".sr, kbd")) continue;
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()], lines = rects.length || 1;
    const line = holder.closest("p"), cut = line && line.scrollWidth > line.clientWidth;
    const seen = cut ? line.clientWidth / line.scrollWidth : 1;
    const above = rects.filter((r) => r.bottom <= fold).length, many = Math.round(words(node.textContent) * seen);
    told.all += many;
    told.above += Math.round(many * above / lines);
    if (node.parentElement.closest("#rule, .findings")) told.rule += many;
  }
  const replies = document.querySelector("#item .replies");
  told.replies = replies ? replies.getBoundingClientRect().bottom <= fold : null;
  return told;
}"""


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        project = Project.create(Path(scratch) / "project")
        project.learn()
        with open_people(project, create=False) as people, open_house(project) as house:
            desk = Desk(house, people=people, access=Access(hosts=local_hosts("127.0.0.1")))
            with serving(desk) as base, sync_playwright() as playwright:
                found = executable(playwright)
                if found is None:
                    print("no Chromium here: see 'make browser'", file=sys.stderr)
                    return 1
                browser = playwright.chromium.launch(executable_path=found, args=ARGS)
                print(f"no person was timed; {READ} strategies of a practice project (simulated), medians")
                for name, viewport in SCREENS.items():
                    page = browser.new_context(viewport=viewport).new_page()  # pyright: ignore[reportArgumentType]
                    page.goto(f"{base}/enter?key={desk.sessions.link(Account(name='mara', role='admin'))}")
                    tell(name, [count(page, base, n) for n in range(READ)])
                    if name.startswith("1280"):
                        keys(page, base)
                browser.close()
    return 0


def count(page: Page, base: str, number: int) -> dict[str, Any]:
    """Words of the strategy at this place of the queue."""
    if number == 0:
        page.goto(f"{base}/queue")
    else:
        following = page.locator('[data-key="j"]').get_attribute("href")
        page.goto(f"{base}{following}")
    page.evaluate("document.fonts.ready")
    return page.evaluate(_COUNT)


def tell(name: str, told: list[dict[str, Any]]) -> None:
    """The rows of one screen."""
    for part, what in (("rule", "rule and findings"), ("above", "above the fold"), ("all", "in all")):
        words = median(t[part] for t in told)
        print(
            f"{name:<20} words {what:<20} {words:>6.0f}   {60 * words / WORDS_A_MINUTE:>5.0f} s to read, computed"
        )
    shown = [t["replies"] for t in told if t["replies"] is not None]
    print(f"{name:<20} the three replies stand above the fold in {sum(shown)} of {len(shown)}")


def keys(page: Page, base: str) -> None:
    """Decides by keyboard and counts: each row is one decision, until the next strategy stands."""
    rows = (("approve", ("a",)), ("reject with a reason", ("r", "1")), ("skip", ("s",)), ("undo", ("u",)))
    page.goto(f"{base}/queue?severity=clean")
    for what, pressed in rows:
        before = page.locator("#item").get_attribute("aria-label")
        for key in pressed:
            page.keyboard.press(key)
        page.wait_for_function("b => document.querySelector('#item')?.ariaLabel !== b", arg=before)
        print(f"{what:<20} {len(pressed)} key{'s' if len(pressed) > 1 else ''}: {', '.join(pressed)}")


if __name__ == "__main__":
    raise SystemExit(main())
