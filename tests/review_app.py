"""The review app over a small library, for tests: asked in process, as a browser would."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from tests.review_data import DOMAIN, fill

from preceptor.core.clock import Clock, system_clock
from preceptor.library.entry import Entry
from preceptor.library.paging import Filter
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.store import Library
from preceptor.prompts import load_prompts
from preceptor.review.app import create_app
from preceptor.review.desk import Desk, House
from preceptor.review.guard import Access
from preceptor.review.pace import Pace
from preceptor.review.people import Account, People, Role
from preceptor.review.ratings import Ratings
from preceptor.review.tryout import Student
from preceptor.runs.store import RunStore

HOST = "127.0.0.1"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def recipe() -> Recipe:
    """What a release needs beside strategies."""
    return Recipe(coach={"strategies": 4}, template=load_prompts()["advice"].body)


@contextmanager
def open_desk(
    folder: Path,
    count: int,
    *,
    clock: Clock = system_clock,
    place: str = "",
    people: People | None = None,
    student: Student | None = None,
    typed: Callable[[str], str] = str,
    **access: Any,
) -> Generator[Desk]:
    """A desk over ``count`` strategies in ``folder``, made there if it is empty; ``place``: over another one."""
    path = place or folder / "library.db"
    fresh = not place and not Path(path).exists()
    with Library.open(path, clock=clock, create=True) as library:
        if fresh and count:
            fill(library, count)
        with Releases.open(path, folder / "releases", clock=clock) as releases:
            house = House(
                library=library,
                releases=releases,
                runs=RunStore(folder / "runs", clock=clock),
                clock=clock,
                recipe=recipe,
                ratings=Ratings(":memory:", clock=clock),
                pace=Pace(":memory:"),
                student=student,
                domain=DOMAIN,
                typed=typed,
            )
            everyone = people or People(":memory:", clock=clock)
            yield Desk(house, people=everyone, access=Access(**{"hosts": (HOST, "localhost"), **access}))
            everyone.close()
            house.ratings.close()
            house.pace.close()


@dataclass
class Browser:
    """One signed-in browser."""

    client: TestClient

    def get(self, url: str, **more: Any) -> Any:
        """A page, without following redirects."""
        return self.client.get(url, follow_redirects=False, **more)

    @property
    def csrf(self) -> str:
        """The token that this session's forms carry."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get("/audit").text)
        assert found is not None
        return found[1]

    def post(self, url: str, fields: Mapping[str, object] | None = None, **more: Any) -> Any:
        """A form of this session, sent."""
        values = {"csrf": self.csrf, **{k: str(v) for k, v in (fields or {}).items()}}
        return self.client.post(url, data=values, follow_redirects=False, **more)

    def told(self) -> str:
        """What the next page tells."""
        text = self.get("/audit").text
        start = text.index('id="notices"')
        return " ".join(re.sub(r"<[^>]+>", " ", text[text.index(">", start) + 1 : text.index("<main")]).split())


def plain_client(desk: Desk) -> TestClient:
    """Somebody who is not signed in."""
    return TestClient(create_app(desk), base_url=f"http://{HOST}:8500", client=(HOST, 50000))


def browser(desk: Desk, name: str = "mara", role: Role = "admin") -> Browser:
    """A browser that opened the one-time link."""
    client = plain_client(desk)
    key = desk.sessions.link(Account(name=name, role=role))
    assert client.get(f"/enter?key={key}", follow_redirects=False).status_code == 303
    return Browser(client)


def waiting(desk: Desk, *, blocked: bool = False) -> list[Entry]:
    """What waits, in the queue's order: nothing speaks against it, or ``blocked``: screening does."""
    found = desk.library.page(Filter(status=("proposed",)), limit=10_000).entries
    return [e for e in found if (e.blocked if blocked else e.usable and not e.findings)]
