# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Chromium against the review app on loopback. No test reaches further: the browser resolves no other name, every
request is watched, and what a page complains of fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.browser.house import make_house
from tests.chromium import ARGS, executable, serving
from tests.review_app import open_desk

from preceptor.project import Project
from preceptor.review.desk import Desk
from preceptor.review.people import Account, Role

MISSING = "no Chromium here: see 'make browser'"
SMALL = {
    "learn.teacher_share": [1.0],
    "learn.dialogues": 3,
    "learn.scenarios": 4,
    "learn.max_turns": 3,
    "evaluate.profiles": 3,
    "evaluate.max_turns": 2,
    "evaluate.arms": ["student", "coached"],
}
WAIT = 20_000
"""Milliseconds for which a page may keep a test waiting: machines are busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser, so one worker."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


class Window:
    """Somebody's browser window. What the page complains of is kept."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context = context
        self.base = base
        self.trouble: list[str] = []
        self.asked: list[str] = []
        self.page = self.open()

    def open(self) -> Page:
        """A further tab."""
        page = self.context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        return page

    def go(self, path: str) -> Page:
        """Loads a page of the app."""
        answer = self.page.goto(f"{self.base}{path}")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        return self.page

    def press(self, *keys: str) -> None:
        """Keys, each once the answer to the one before stands."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def settle(self) -> None:
        """Waits until htmx has swapped what it asked for."""
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)

    def told(self, text: str) -> None:
        """Waits until the app tells this."""
        self.page.locator("#notices", has_text=text).wait_for()

    def over(self) -> None:
        """Closes, and fails where a page complained or asked elsewhere."""
        self.context.close()
        far = [u for u in self.asked if urlsplit(u).hostname not in (None, "127.0.0.1")]
        assert not far, f"asked elsewhere: {far[:3]}"
        assert not self.trouble, self.trouble[:3]

    def _console(self, message: Any) -> None:
        # An answer of 4xx is told by the page itself; the browser repeats it here.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.trouble.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()


class Site:
    """The app on a port, over a desk that tests may look into."""

    def __init__(self, desk: Desk, base: str, chromium: Browser) -> None:
        self.desk = desk
        self.base = base
        self._chromium = chromium
        self.windows: list[Window] = []

    def window(self, name: str = "mara", role: Role = "admin", options: Mapping[str, Any] | None = None) -> Window:
        """A window of somebody who opened the one-time link."""
        window = self.stranger(options)
        key = self.desk.sessions.link(Account(name=name, role=role))
        window.page.goto(f"{self.base}/enter?key={key}")
        return window

    def stranger(self, options: Mapping[str, Any] | None = None) -> Window:
        """A window of somebody who is not signed in."""
        given: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, **(options or {})}
        context = self._chromium.new_context(**given)
        window = Window(context, self.base)
        self.windows.append(window)
        return window


@contextmanager
def served(desk: Desk, chromium: Browser) -> Generator[Site]:
    """The app over ``desk``, until the end; then no window may have complained."""
    with serving(desk) as base:
        site = Site(desk, base, chromium)
        yield site
        for window in site.windows:
            window.over()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice project that learned and was evaluated; do not write to it."""
    folder = Project.create(tmp_path_factory.mktemp("project") / "p").folder
    made = Project.open(folder, settings=SMALL)
    made.learn()
    made.evaluate()
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of 44 strategies; do not write to it."""
    folder = tmp_path_factory.mktemp("small")
    with open_desk(folder, 44):
        pass
    return folder


@pytest.fixture(scope="session")
def house(small: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every text is hostile; do not write to it."""
    folder = tmp_path_factory.mktemp("hostile") / "house"
    make_house(folder, small, project)
    return folder


@pytest.fixture(scope="module")
def chromium(project: Path, small: Path) -> Iterator[Browser]:
    """The browser of this machine, or Playwright's own.

    For a module and no longer, and after ``project`` was made: while it is open, this thread counts as one with a
    running event loop, in which nobody else can begin one.
    """
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        found = executable(playwright)
        if found is None:
            pytest.skip(MISSING)
        made = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield made
        made.close()


Open = Callable[..., Site]


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Serves the app over a copy of a folder."""
    with ExitStack() as stack:

        def serve(folder: Path, **options: Any) -> Site:
            shutil.copytree(folder, tmp_path / "house")
            desk = stack.enter_context(open_desk(tmp_path / "house", 0, **options))
            return stack.enter_context(served(desk, chromium))

        yield serve


@pytest.fixture
def site(opened: Open, small: Path) -> Site:
    """The app over a copy of the small library."""
    return opened(small)
