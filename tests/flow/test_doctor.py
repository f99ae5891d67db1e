"""``preceptor doctor`` against practice models, a good server and servers with faults."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.flow.loop import opened
from tests.servers import chat_server as faults
from tests.servers.chat_server import ChatServer, Fault

from preceptor import Project
from preceptor.cli import boundary
from preceptor.llm import ChatMessage
from preceptor.project.checks_run import run_checks
from preceptor.project.doctor import Diagnosis, diagnose

NAMES = ("teacher", "student-small", "customer", "judge")


def practice(body: dict[str, Any]) -> str:
    messages = [ChatMessage(m["role"], m["content"]) for m in body["messages"]]
    return opened(body["model"]).answer(messages, body["seed"])


def project(folder: Path, **settings: object) -> Project:
    return Project.create(folder / "p", settings={k.replace("__", "."): v for k, v in settings.items()}, environ={})


async def teacher(server: ChatServer, folder: Path, **settings: object) -> tuple[Diagnosis, dict[str, Any]]:
    made = project(folder, seats__teacher__model=server.spec, seats__teacher__retries=0, **settings)
    found = await diagnose(made, timer=time.monotonic, seats=("teacher",))
    return found, {c.name: c for c in found.seats[0].checks}


def test_practice_seats_are_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path)
    assert boundary.run(["doctor", "-C", str(tmp_path / "p"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert [s["seat"] for s in told["seats"]] == ["student", "teacher", "customer", "judge"]
    assert {c["state"] for s in told["seats"] for c in s["checks"]} == {"ok"}
    assert [(c["name"], c["state"]) for c in told["run"]] == [("folder", "ok")]
    assert set(told["seats"][0]["checks"][0]) == {"name", "state", "told", "advice"}


async def test_a_good_server_passes_every_check(tmp_path: Path) -> None:
    def short(body: dict[str, Any]) -> str:
        text = practice(body)
        return text[: 4 * body["max_tokens"]]

    async with ChatServer(short, models=NAMES) as server:
        found, checks = await teacher(server, tmp_path)
    assert found.ok
    assert {n: c.state for n, c in checks.items() if c.state != "ok"} == {}
    assert set(checks) >= {
        "price",
        "reachable",
        "key",
        "model",
        "job",
        "latency",
        "orders",
        "structured",
        "context",
    }
    assert set(checks) >= {"max_tokens", "streaming", "usage"}
    assert "JSON schema" in checks["structured"].told


FAULTS = {
    "401": (faults.refused_key(), "key", "key refused"),
    "quota": (faults.quota(), "key", "quota"),
    "404": (faults.no_model(), "key", ""),
    "429": (faults.rate_limited(), "reachable", "429"),
    "500": (faults.failing(), "reachable", "500"),
    "cut": (faults.cut(), "reachable", "broke"),
    "web page": (faults.web_page(), "model", "not with JSON"),
    "redirect": (faults.moved(), "model", "redirected"),
    "broken json": (faults.broken_json(), "reachable", "broken JSON"),
    "no choices": (faults.no_choices(), "job", "without a choice"),
    "rejected": (faults.bad_request(), "job", "alternate"),
    "too long": (faults.too_long(), "job", "too long"),
}


@pytest.mark.parametrize("name", [n for n in FAULTS if n != "404"])
async def test_a_server_with_a_fault_fails_the_check_that_names_it(name: str, tmp_path: Path) -> None:
    fault, check, said = FAULTS[name]
    async with ChatServer(practice, models=NAMES) as server:
        server.always = fault
        found, checks = await teacher(server, tmp_path)
    assert not found.ok
    assert checks[check].state == "fail"
    assert said in checks[check].told
    assert checks[check].advice, "it says what to change"
    if name == "too long":
        assert "larger context" in checks[check].advice
    if name in ("500", "cut"):
        assert "server's log" in checks[check].advice


async def test_an_unknown_model_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    async with ChatServer(practice, models=NAMES) as server:
        server.always = Fault(status=404, body='{"error": {"message": "no such model"}}')
        made = project(tmp_path, seats__teacher__model=f"{server.url}#large", seats__teacher__retries=0)
        found = await diagnose(made, timer=time.monotonic, seats=("teacher",))
    check = found.seats[0].checks[-1]
    assert (check.name, check.state) == ("model", "fail")
    assert "student-small" in check.advice


async def test_a_server_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path)
    arguments = ["doctor", "-C", str(tmp_path / "p"), "--seat", "judge", "--judge", "http://127.0.0.1:9/v1#m"]
    code = await asyncio.to_thread(boundary.run, arguments)
    told = capsys.readouterr()
    assert code == 1
    assert "unreachable" in told.out
    assert "error: learn would fail: see to judge" in told.err


async def test_a_missing_key_is_found_before_anything_is_called(tmp_path: Path) -> None:
    async with ChatServer(practice, models=NAMES) as server:
        _, checks = await teacher(server, tmp_path, seats__teacher__api_key_env="NO_SUCH_KEY")
        assert server.asked == 0
    assert checks["opens"].state == "fail"
    assert "NO_SUCH_KEY" in checks["opens"].told


@pytest.mark.parametrize(
    ("settings", "check", "said"),
    [
        ({"embedder.model": "http://127.0.0.1:9/v1#m", "embedder.retries": 0}, "embedder", "cannot be reached"),
        ({"embedder.model": "onnx:nowhere"}, "embedder", "has no"),
        ({"journal.key_env": "NO_SUCH_KEY"}, "journal", "NO_SUCH_KEY"),
        ({"journal.path": "postgresql://127.0.0.1:9/none"}, "journal", "cannot be reached"),
        ({"run.executor": "ray"}, "workers", "journal that all workers share"),
        (
            {
                "run.executor": "ray",
                "journal.path": "postgresql://127.0.0.1:9/none",
                "run.ray_address": "127.0.0.1:9",
            },
            "workers",
            "cannot be reached",
        ),
    ],
)
def test_what_a_run_needs_beside_its_seats_is_tried_too(
    settings: dict[str, object], check: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Project.create(tmp_path / "p", settings=settings, environ={})
    checks = {c.name: c for c in run_checks(made)}
    assert checks["folder"].state == "ok"
    assert checks[check].state == "fail"
    assert said in checks[check].told
    assert checks[check].advice, "it says what to change"


async def test_a_damaged_library_and_an_embedder_that_fails_end_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ChatServer(practice, models=NAMES) as server:
        made = project(tmp_path, embedder__model=f"{server.url}#vectors", embedder__retries=0)
        checks = await asyncio.to_thread(run_checks, made)
        assert [c.told for c in checks if c.name == "embedder"] == ["vectors of 16 numbers"]
    (made.folder / "library.db").write_text("no database")
    assert await asyncio.to_thread(boundary.run, ["doctor", "-C", str(made.folder)]) == 1
    told = capsys.readouterr()
    assert "error: learn would fail: see to run" in told.err
    assert "run, library:" in told.out
    assert "run, embedder:" in told.out


async def test_a_server_that_hangs_on_one_question_hangs_no_doctor_and_is_paid_for(tmp_path: Path) -> None:
    class Hanging(ChatServer):
        def fault_for(self, body: dict[str, Any]) -> Fault:
            return faults.slow(60) if "three hundred" in body["messages"][-1]["content"] else faults.ok()

    async with Hanging(practice, models=NAMES) as server:
        found, checks = await teacher(server, tmp_path, seats__teacher__timeout=1.5)
        asked = server.asked
    assert checks["max_tokens"].state == "warn"
    assert "no answer within 1.5 s" in checks["max_tokens"].told
    assert checks["streaming"].state == "ok"
    assert sum(row.calls + row.lost for row in found.spend) == asked, "every call is in the table"


async def test_drawbacks_are_warnings(tmp_path: Path) -> None:
    async with ChatServer(practice, models=NAMES, tells_usage=False, takes_schema=False) as server:
        found, checks = await teacher(server, tmp_path)
    assert found.ok
    assert checks["usage"].state == "warn"
    assert "JSON schema" not in checks["structured"].told


async def test_a_server_that_ignores_max_tokens_is_found_out(tmp_path: Path) -> None:
    def endless(body: dict[str, Any]) -> str:
        return "word " * 400 if body["max_tokens"] == 16 else practice(body)

    async with ChatServer(endless, models=NAMES) as server:
        found, checks = await teacher(server, tmp_path)
    assert found.ok
    assert checks["max_tokens"].state == "warn"


async def test_a_server_that_cuts_prompts_off_in_silence_is_found_out(tmp_path: Path) -> None:
    async with ChatServer(practice, models=NAMES, reads_most=300) as server:
        found, checks = await teacher(server, tmp_path)
    assert not found.ok
    assert "the server read 300" in checks["context"].told


async def test_a_teacher_that_judges_by_place_is_warned_of_and_one_that_is_wrong_fails(tmp_path: Path) -> None:
    def judging(better: str, body: dict[str, Any]) -> str:
        if "first" in json.dumps(body.get("response_format", "")) and "accuracy" in body["messages"][-1]["content"]:
            text = body["messages"][-1]["content"]
            bad_first = text.index("I cannot help you with that") < text.rindex("</first>")
            side = {"place": "first", "wrong": "first" if bad_first else "second"}[better]
            axes = dict.fromkeys(("accuracy", "tone", "clarity", "next_step", "better"), side)
            return json.dumps({**axes, "reason": "so"})
        return practice(body)

    states: dict[str, str] = {}
    for better in ("place", "wrong"):
        (tmp_path / better).mkdir()
        async with ChatServer(lambda b, better=better: judging(better, b), models=NAMES) as server:
            _, checks = await teacher(server, tmp_path / better)
        states[better] = checks["orders"].state
    assert states == {"place": "warn", "wrong": "fail"}


async def test_a_model_that_talks_nonsense_fails_its_job_or_its_form(tmp_path: Path) -> None:
    async with ChatServer("I am a teapot, short and stout.", models=NAMES) as server:
        found, checks = await teacher(server, tmp_path)
    assert not found.ok
    assert checks["structured"].state == "fail"
    assert checks["orders"].state == "fail"


def test_an_unknown_price_fails_unless_tokens_are_capped(tmp_path: Path) -> None:
    from preceptor.core.settings import BudgetConfig, SeatConfig  # noqa: PLC0415
    from preceptor.project.checks import price_check  # noqa: PLC0415

    seat = SeatConfig(model="https://llm.example.com/v1#x")
    assert price_check("judge", seat, BudgetConfig()).state == "fail"
    assert price_check("judge", seat, BudgetConfig(tokens=5)).state == "warn"
    own = seat.model_copy(update={"price_input": 1.0, "price_output": 2.0})
    assert price_check("judge", own, BudgetConfig(usd=1)).told == "1 USD in, 2 USD out, a million tokens"
