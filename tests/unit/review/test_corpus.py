"""The corpus of hostile text goes through everything: a field, page or body that it does not know fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.routing import Match
from tests.browser.views import NO_PAGES, pages_of
from tests.review_app import Browser, browser, plain_client, waiting
from tests.review_data import make_run
from tests.review_fields import BODIES, FORMS, MORE, QUERY, Forms, leaves
from tests.unit.review.test_doors import FORMS as POSTED
from tests.unit.review.test_doors import PAGES, ROUTES, TEMPLATES

from preceptor.library.changes import SetLaw
from preceptor.library.law import Law
from preceptor.review.api.routes import every
from preceptor.review.desk import Desk
from preceptor.review.filters import Filter
from preceptor.review.ratings import PersonRating, RatingGiven
from preceptor.review.render import STATIC

SOURCES = "".join(p.read_text() for p in sorted((STATIC.parent / "pages").iterdir()) if p.name.endswith(".py"))


@pytest.fixture
def looked_at(rated: Desk) -> Iterator[list[tuple[str, str, set[str]]]]:
    """The forms of all pages, in the states in which they have one."""
    mara = browser(rated)
    one, two, three = waiting(rated)[:3]
    blocked = waiting(rated, blocked=True)[0]
    with ExitStack() as stack:
        made: list[str] = []
        for entry in (one, two):
            rated.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
            made.append(rated.releases.create(rated.recipe(), author="otto", reason="").release.id)
        rated.releases.publish(made[0], author="otto", reason="")
        run = make_run(rated.runs, done=False)
        stack.enter_context(run.locked())
        for law in (Law(people=2), Law()):
            rated.library.apply([SetLaw(law=law)], author="otto", reason="so")
        yield [form for url in _urls(made, run.id, (one, three, blocked)) for form in _forms(mara, url)]


def _urls(made: list[str], run: str, entries: tuple) -> Iterator[str]:
    one, three, blocked = (e.strategy.id for e in entries)
    yield from ("/strategies", "/strategies/new", "/releases", "/try", "/rate?mode=pair", "/rate?mode=single")
    yield from (
        "/audit",
        "/law",
        f"/runs/{run}",
        "/queue?q=nothing+fits&check=x&run=x",
        "/strategies?check=x&run=x",
    )
    for id in (one, three, blocked):
        yield from (f"/queue?at={id}", f"/strategies/{id}", f"/strategies/{id}/edit")
    yield from (f"/strategies/{three}/edit?from=queue", f"/strategies/{three}/merge?with={one}")
    yield from (f"/releases/{id}" for id in made)


def _forms(mara: Browser, url: str) -> list[tuple[str, str, set[str]]]:
    page = mara.get(url)
    assert page.status_code == 200, url
    return Forms(page.text).found


def route(method: str, action: str) -> str:
    scope = {"type": "http", "method": method.upper(), "path": action.partition("?")[0], "headers": []}
    return next(r.path for r in ROUTES if r.matches(scope)[0] is Match.FULL)


def test_every_field_of_every_form_is_in_the_corpus(looked_at, filled):
    from tests.review_app import open_desk  # noqa: PLC0415

    with open_desk(filled, 0, passwords=True) as desk:
        door = Forms(plain_client(desk).get("/login").text).found
    found: dict[str, set[str]] = {}
    asked: dict[str, set[str]] = {}
    for method, action, fields in (*looked_at, *door):
        (found if method == "post" else asked).setdefault(route(method, action), set()).update(fields)
    assert found == {path: set(fields) for path, fields in FORMS.items()}
    assert set(FORMS) == set(POSTED)
    for path, fields in asked.items():
        assert fields <= set(QUERY[path]), path


def test_no_form_of_a_template_was_overlooked(looked_at):
    seen = {(method, action) for method, action, _ in looked_at}
    named = {name for _, _, fields in looked_at for name in fields}
    for template in TEMPLATES:
        text = re.sub(r"\{%.*?%\}", "", template.read_text())
        if template.name == "login.html":
            continue
        for method, action in re.findall(r'<form[^>]*method="(\w+)"[^>]*? action="([^"]*)"', text):
            shape = re.compile(".*".join(map(re.escape, re.split(r"\{\{.*?\}\}", action))))
            assert any(m == method and shape.fullmatch(a) for m, a in seen), (template.name, action)
        fields = re.findall(r'<(?:input|textarea|select|button)[^>]*? name="(\w+)"', text)
        assert set(fields) <= named, template.name


def test_what_handlers_read_is_in_the_corpus():
    fields = {
        *re.findall(r'form\.get\("(\w+)"', SOURCES),
        *re.findall(r'\.seen\("(\w+)"', SOURCES),
        "expect",
        "csrf",
    }
    assert fields <= {name for names in FORMS.values() for name in names} | set(MORE)
    asked = {*re.findall(r'quer(?:y|y_params)\.get\("(\w+)"', SOURCES), *re.findall(r'\.number\("(\w+)"', SOURCES)}
    assert asked | set(Filter.__dataclass_fields__) <= {name for names in QUERY.values() for name in names}


def test_every_page_is_looked_at(desk: Desk):
    """By the tests in the browser; what is no page is a file, a stream or a word."""
    shown = {route("get", url) for url in pages_of("a", "b", "c", "d")}
    assert shown | set(NO_PAGES) == set(PAGES)
    assert not shown & set(NO_PAGES)


def test_every_body_is_in_the_corpus():
    shapes = {e.body.__name__: e.body for e in every() if e.body}
    assert shapes.keys() == BODIES.keys()
    for name, shape in shapes.items():
        shape.model_validate(BODIES[name])
        assert BODIES[name].keys() == shape.model_fields.keys(), name
    (rating,) = BODIES["RatingsGiven"]["ratings"]
    assert rating.keys() == RatingGiven.model_fields.keys() == PersonRating.model_fields.keys() - {"by", "at"}
    assert ("ratings", 0, "other") in leaves(BODIES["RatingsGiven"])
