"""What the pages work with: made once, handed to every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from preceptor.core.clock import Clock
from preceptor.core.records import Domain
from preceptor.library.chain import Verification
from preceptor.library.near import Near
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.screener import Screener
from preceptor.library.store import Library
from preceptor.review.counter import Counter
from preceptor.review.decisions import Decisions
from preceptor.review.dossier import Sources
from preceptor.review.guard import Access
from preceptor.review.pace import Pace
from preceptor.review.people import People
from preceptor.review.rater import Rater
from preceptor.review.ratings import Ratings
from preceptor.review.render import Pages
from preceptor.review.run_story import Stories
from preceptor.review.sessions import Sessions, Throttle
from preceptor.review.tryout import Student, Tryout
from preceptor.review.usage import UsageBook
from preceptor.runs.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The last time the chain was verified."""

    at: str
    found: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the app is opened over: a project's library, releases and runs."""

    library: Library
    releases: Releases
    runs: RunStore
    clock: Clock
    recipe: Callable[[], Recipe]
    """What a new release needs beside strategies, as the project's settings have it now."""
    ratings: Ratings
    pace: Pace
    serve_logs: tuple[Path, ...] = ()
    """Logs of the proxy, to tell how often a strategy is used."""
    domain: Domain | None = None
    """None: screening by code cannot be repeated."""
    student: Student | None = None
    """None: nothing can be asked of it."""
    typed: Callable[[str], str] = str
    """A text with its commands as whoever opened the app can type them."""


class Desk:
    """The house, and the people. Safe to share between threads."""

    def __init__(self, house: House, *, people: People, access: Access) -> None:
        self.library = house.library
        self.releases = house.releases
        self.runs = house.runs
        self.recipe = house.recipe
        self.clock = house.clock
        self.domain = house.domain
        self.people = people
        self.access = access
        self.pages = Pages(house.clock, house.typed)
        self.sessions = Sessions(house.clock)
        self.throttle = Throttle(house.clock)
        self.near = Near(house.library)
        self.screener = Screener(house.library, house.domain, self.near)
        self.sources = Sources(library=house.library, near=self.near, screener=self.screener)
        self.counter = Counter(house.releases, house.library)
        self.tryout = Tryout(house.library, house.releases, house.recipe, house.student)
        self.ratings = house.ratings
        self.pace = house.pace
        self.rater = Rater(house.runs, house.ratings)
        self.stories = Stories(house.library)
        self.usage = UsageBook(self.rater, house.serve_logs)
        self.decisions = Decisions(house.library, self.screener)
        self.checked: Checked | None = None
        self.closing = Event()
        """Set when the app ends: live pages close."""
        self._checking = Lock()

    def verify(self) -> Checked:
        """Verifies the library; takes seconds for a large one."""
        with self._checking:
            self.checked = Checked(at=self.clock().isoformat(timespec="seconds"), found=self.library.verify())
            return self.checked
