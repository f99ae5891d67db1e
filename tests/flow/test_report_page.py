# pyright: reportUnknownMemberType=false
"""The report in a real browser: opened from disk, it asks for nothing, complains of nothing, fits a phone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from preceptor.project import Project
from preceptor.project.reporting import write_report

SMALL = {"evaluate.profiles": 4, "evaluate.max_turns": 3, "evaluate.arms": ["student", "teacher"], "evaluate.aa": 2}
NAMES = ("chromium", "chromium-browser", "google-chrome")


def opened(browser: Browser, path: Path, scheme: str, width: int) -> tuple[list[str], list[str], int]:
    """What the page asked for beside itself, what it complained of, and how far it reaches beyond the screen."""
    told: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: told.append(m.text))
    page.on("pageerror", lambda e: told.append(str(e)))
    page.goto(path.as_uri())
    over = int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
    assert page.locator("h1").is_visible()
    assert page.locator("svg").count() >= 3
    page.close()
    return asked, told, over


def test_it_opens_from_disk_and_asks_for_nothing(tmp_path: Path) -> None:
    place = next((p for name in NAMES if (p := shutil.which(name))), None)
    if place is None:
        assert not os.environ.get("CI"), "no Chromium here"
        pytest.skip("no Chromium here")
    project = Project.create(tmp_path / "p", "airline", settings=SMALL, environ={})
    project.evaluate()
    html = write_report(project).html
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox", "--disable-gpu"])
        for scheme, width in (("light", 1200), ("dark", 380)):
            asked, told, over = opened(browser, html, scheme, width)
            assert asked == [html.as_uri()]
            assert told == []
            assert over <= 0
        browser.close()
