"""What the pages work with: made once, handed to every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from preceptor.core.clock import Clock
from preceptor.core.records import Domain, Finding, Scenario, Strategy
from preceptor.library.chain import Verification
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.screening import screen
from preceptor.library.store import Library
from preceptor.review.counter import Counter
from preceptor.review.decisions import Decisions
from preceptor.review.guard import Access
from preceptor.review.people import People
from preceptor.review.rater import Rater
from preceptor.review.ratings import Ratings
from preceptor.review.render import Pages
from preceptor.review.run_story import Stories
from preceptor.review.sessions import Sessions, Throttle
from preceptor.review.shelf import Shelf
from preceptor.review.tryout import Student, Tryout
from preceptor.review.usage import UsageBook
from preceptor.runs.store import RunStore

_MOST_SCENARIOS = 3


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
    serve_logs: tuple[Path, ...] = ()
    """Logs of the proxy, to tell how often a strategy is used."""
    domain: Domain | None = None
    """None: screening by code cannot be repeated."""
    student: Student | None = None
    """None: nothing can be asked of it."""


class Desk:
    """The house with its shelf, and the people. Safe to share between threads."""

    def __init__(self, house: House, *, people: People, access: Access) -> None:
        self.library = house.library
        self.releases = house.releases
        self.runs = house.runs
        self.recipe = house.recipe
        self.clock = house.clock
        self.domain = house.domain
        self.people = people
        self.access = access
        self.pages = Pages(house.clock)
        self.sessions = Sessions(house.clock)
        self.throttle = Throttle(house.clock)
        self.shelf = Shelf(house.library)
        self.counter = Counter(house.releases, self.shelf)
        self.tryout = Tryout(house.library, house.releases, self.shelf, house.recipe, house.student)
        self.ratings = house.ratings
        self.rater = Rater(house.runs, house.ratings)
        self.stories = Stories(house.library, self.shelf)
        self.usage = UsageBook(self.rater, house.serve_logs)
        self.decisions = Decisions(house.library, self.shelf, self.screened)
        self.checked: Checked | None = None
        self.closing = Event()
        """Set when the app ends: live pages close."""
        self._checking = Lock()

    def waiting(self) -> int:
        """How many strategies wait for a decision."""
        return self.shelf.view().waiting

    def screened(self, strategy: Strategy) -> tuple[Finding, ...]:
        """What the checks by code find in ``strategy`` now; nothing where the domain is not known."""
        if self.domain is None:
            return ()
        turns = [t for s in self._scenarios(strategy) for t in s.turns]
        return screen(strategy, turns=turns, domain=self.domain)

    def verify(self) -> Checked:
        """Verifies the library; takes seconds for a large one."""
        with self._checking:
            self.checked = Checked(at=self.clock().isoformat(timespec="seconds"), found=self.library.verify())
            return self.checked

    def _scenarios(self, strategy: Strategy) -> tuple[Scenario, ...]:
        return self.library.scenarios(strategy.scenarios[:_MOST_SCENARIOS]) if strategy.scenarios else ()
