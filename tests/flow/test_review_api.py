"""The JSON API is held to its own OpenAPI document: whatever it is sent, it answers in the shapes it promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth
from starlette.applications import Starlette
from tests.review_app import HOST, open_desk, waiting
from tests.review_data import make_run

from preceptor.review.api.endpoint import Endpoint
from preceptor.review.api.routes import every
from preceptor.review.app import create_app
from preceptor.review.desk import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("api"), 44) as made:
        run = make_run(made.runs)
        assert run.id == "learn-001"
        entry = waiting(made)[0]
        made.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
        made.releases.create(made.recipe(), author="mara", reason="for the API")
        yield made


@pytest.fixture(scope="module")
def app(desk: Desk) -> Starlette:
    return create_app(desk)


@pytest.fixture(scope="module")
def token(desk: Desk) -> str:
    desk.people.add("program", "admin", "long enough a password")
    return desk.people.token("program")


@pytest.fixture(scope="module")
def schema(app: Starlette, desk: Desk) -> Any:
    known = [
        *(e.strategy.id for e in desk.library.page(limit=5).entries),
        "learn-001",
        *(r.id for r in desk.releases.list()),
    ]
    found = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"host": HOST})

    @found.hook
    def map_path_parameters(context: Any, path_parameters: Any) -> Any:
        """Half of the time something that is there: else nearly all answers were 404."""
        given = dict(path_parameters or {})
        if "id" in given and len(str(given["id"])) % 2:
            given["id"] = known[len(str(given["id"])) // 2 % len(known)]
        return given

    return found


ENDPOINTS = [pytest.param(e, id=f"{e.method} {e.path}") for e in every()]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.value)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_answer_has_the_promised_shape(schema: Any, token: str, endpoint: Endpoint, mode: GenerationMode):
    operation = schema[endpoint.path][endpoint.method]
    if mode is GenerationMode.NEGATIVE and not (endpoint.query or endpoint.body):
        return  # nothing can be wrong in it

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(case: Any) -> None:
        # That all want an account is held by a test of its own, without a token in the headers.
        case.call_and_validate(
            headers={"host": HOST, "authorization": f"Bearer {token}"},
            excluded_checks=[ignored_auth],
        )

    holds()
