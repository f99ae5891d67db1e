"""What the review app takes from a browser and from programs: the fields through which tests send hostile text.
``tests/unit/review/test_corpus.py`` holds this against routes, pages, templates and endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

WORDS = ("when", "do", "avoid", "why")
FILTER = ("q", "status", "severity", "scope", "evidence", "mark", "order", "check", "run")
FORMS: Mapping[str, tuple[str, ...]] = {
    "/login": ("next", "name", "password"),
    "/logout": ("csrf",),
    "/undo": ("csrf",),
    "/queue/{id}/approve": ("csrf", "expect", "despite", "reason"),
    "/queue/{id}/reject": ("csrf", "expect", "reason", "other"),
    "/queue/{id}/edit": ("csrf", "expect", "id", *WORDS, "reason", "then"),
    "/queue/{id}/skip": ("csrf", "expect"),
    "/strategies/new": ("csrf", *WORDS, "reason"),
    "/strategies/{id}/edit": ("csrf", "expect", "id", *WORDS, "reason", "then"),
    "/strategies/{id}/merge": ("csrf", "expect", "other", "expect_other", "id", *WORDS),
    "/strategies/{id}/{act:str}": ("csrf", "expect", "until", "reason", "despite"),
    "/screen": ("csrf", "expect", "other", "expect_other", "id", *WORDS, "reason", "then"),
    "/releases": ("csrf", "reason"),
    "/releases/rollback": ("csrf", "expect", "reason"),
    "/releases/{id}/publish": ("csrf", "expect", "reason"),
    "/runs/{id}/stop": ("csrf",),
    "/try": ("csrf", "talk", "source"),
    "/rate": ("csrf", "nonce", "better", "score", "note"),
    "/rate/import": ("csrf", "lines"),
    "/audit/verify": ("csrf",),
    "/law": ("csrf", "people", "valid_days", "reason"),
}
"""Route of each form to the fields that it sends."""
MORE = ("replies",)
"""Fields that no form sends and a handler reads all the same."""
QUERY: Mapping[str, tuple[str, ...]] = {
    "/queue": (*FILTER, "at", "lesson"),
    "/strategies": (*FILTER, "page"),
    "/strategies/{id}": ("lesson",),
    "/strategies/{id}/edit": ("from", "at", *FILTER),
    "/strategies/{id}/merge": ("with", "from", "at", *FILTER),
    "/releases/{id}": ("against", "from", "move"),
    "/rate": ("run", "mode"),
    "/audit": ("q", "author", "kind", "before"),
    "/login": ("next",),
    "/enter": ("key",),
}
"""Page to the names of its URL's query."""
_RULE = {"when": "a parrot flies along", "do": "name the cabin rule first", "avoid": "jokes", "why": "it calms"}
BODIES: Mapping[str, dict[str, Any]] = {
    "Proposal": {**_RULE, "reason": "so"},
    "Screening": {**_RULE, "id": ""},
    "Decision": {"expect": 1, "reason": "so"},
    "Approving": {"expect": 1, "reason": "so", "despite": False, "until": "2099-01-31"},
    "Editing": {**_RULE, "expect": 1, "reason": "so", "approve": False},
    "Merging": {**_RULE, "expect": 1, "other": "x", "expect_other": 1},
    "Releasing": {"reason": "so"},
    "Publishing": {"expect": None, "reason": "so"},
    "LawGiven": {"people": 1, "valid_days": 900, "reason": "so"},
    "Trying": {"talk": "Customer: my bag is lost", "source": "all", "replies": False},
    "RatingsGiven": {
        "ratings": [
            {"run": "evaluate-001", "unit": "u", "arm": "a", "other": "", "score": 3, "better": "", "note": ""}
        ]
    },
    "BlindGiven": {"unit": "u", "verdict": "left", "note": ""},
}
"""Body of each endpoint that takes one, by the name of its shape: a right one with every key."""


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in a body that is neither an object nor a list."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, inner in pairs for leaf in leaves(inner, (*at, key))]
    yield from found or [at]


def put(value: Any, at: tuple[str | int, ...], text: object) -> Any:
    """The body with ``text`` in this place."""
    if not at:
        return text
    if isinstance(value, list):
        return [put(v, at[1:], text) if n == at[0] else v for n, v in enumerate(value)]
    return {k: put(v, at[1:], text) if k == at[0] else v for k, v in value.items()}


class Forms(HTMLParser):
    """The forms of a page: method and action with the fields that are sent; so too what htmx sends of one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, set[str]]] = []
        self._open: tuple[str, str, set[str]] | None = None
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = (told.get("method", "get").lower(), told.get("action", ""), set())
            self._inside = []
        elif "hx-post" in told:
            self._inside.append(told["hx-post"])
        if self._open and tag in ("input", "textarea", "select", "button") and told.get("name"):
            self._open[2].add(told["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._open and self._open[0] != "dialog":
            self.found.append(self._open)
            self.found += [("post", action, self._open[2]) for action in self._inside]
            self._open = None
