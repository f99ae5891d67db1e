"""The practice world behind HTTP with a meter in front, which counts calls and tokens per seat and holds the cap.

Seats stand under ``/student/v1``, ``/teacher/v1``, ``/customer/v1`` and ``/judge/v1``. For tools which know nothing
of customers, ``/customers`` lists the training profiles and ``/play`` plays one dialogue with one of them, with a
text in the student's prompt, and has it rated. Tools which want to ask the student themselves take the customer's
next message from ``/customer-says``, the student's frame from ``/frame``, the rating from ``/rate``. All of it goes
through the same metered seats, and the world cannot know who asks.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from preceptor.core.errors import ModelError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain, Profile, Turn
from preceptor.dialogue import Customer, play
from preceptor.evaluate.arms import Ground, open_arm
from preceptor.judge import Case, rate
from preceptor.llm import Seat, Seats
from preceptor.llm.http import HttpModel
from preceptor.llm.opening import Door
from preceptor.practice.http import practice_app
from preceptor.prompts import load_prompts

MODELS = {"student": "student-small", "teacher": "teacher", "customer": "customer", "judge": "judge"}
TURNS = 6


@dataclass
class Meter:
    """What was asked of each seat since the last reset, and how much may be."""

    cap: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)

    def reset(self, cap: int) -> None:
        self.cap = cap
        self.calls.clear()
        self.tokens.clear()

    @property
    def left(self) -> int:
        return self.cap - self.calls.total()


class Metered:
    """One seat: counts before it asks, adds the answer's tokens, refuses at the cap."""

    def __init__(self, app: Starlette, seat: str, meter: Meter) -> None:
        self.app, self.seat, self.meter = app, seat, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if self.meter.left <= 0:
            refused = JSONResponse({"error": {"message": "the budget of calls is spent", "code": 403}}, 403)
            await refused(scope, receive, send)
            return
        self.meter.calls[self.seat] += 1
        body = bytearray()

        async def listening(message: Message) -> None:
            body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, listening)
        self.meter.tokens[self.seat] += json.loads(body).get("usage", {}).get("total_tokens", 0)


class World:
    """The server, in a thread of its own. Use as a context."""

    def __init__(self, domain: Domain) -> None:
        self.meter = Meter()
        self._domain = domain
        self._seats: Seats | None = None
        self._models: list[HttpModel] = []
        app = practice_app()
        routes = [Mount(f"/{seat}", Metered(app, seat, self.meter)) for seat in MODELS]
        routes += [Route("/play", self._play, methods=["POST"]), Route("/left", self._left)]
        routes += [Route("/customers", self._customers), Route("/frame", self._frame)]
        routes += [Route("/customer-says", self._customer_says, methods=["POST"])]
        routes += [Route("/rate", self._rate, methods=["POST"])]
        config = uvicorn.Config(
            Starlette(routes=routes, lifespan=self._living), host="127.0.0.1", port=0, log_level="error"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> World:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def seat(self, name: str) -> str:
        """The seat string."""
        return f"{self.url}/{name}/v1#{MODELS[name]}"

    def _opened(self) -> Seats:
        if self._seats is None:
            made: dict[str, Seat] = {}
            for name, model in MODELS.items():
                door = Door(spec=self.seat(name), key_env="")
                self._models.append(HttpModel(f"{self.url}/{name}/v1", model, door=door))
                made[name] = Seat.plain(self._models[-1], name=name)
            self._seats = Seats(**made)
        return self._seats

    @asynccontextmanager
    async def _living(self, app: Starlette) -> AsyncGenerator[None]:
        del app
        yield
        for model in self._models:
            await model.aclose()

    async def _left(self, request: Request) -> Response:
        del request
        return JSONResponse({"left": self.meter.left})

    async def _customers(self, request: Request) -> Response:
        """What learning may know: training profiles with the stories of their issues."""
        del request
        training = [p for p in self._domain.profiles if not p.heldout]
        found = [{"profile": p.id, "about": self._domain.issue(p.issue).story} for p in training]
        return JSONResponse({"customers": found})

    async def _frame(self, request: Request) -> Response:
        """The student's system prompt, and the block that carries a text in it."""
        del request
        prompts, domain = load_prompts(), self._domain
        system = prompts["agent"].render(brief=domain.brief.strip(), policy=domain.policy.strip())
        return JSONResponse({"system": system, "guidance": prompts["guidance"].body, "max_turns": TURNS})

    async def _customer_says(self, request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        profile = self._profile(asked)
        customer = Customer(self._opened().customer, self._domain, profile, load_prompts())
        seed = derive_seed(int(asked["seed"]), "customer", len(asked["turns"]))
        try:
            text, ended = await customer.speak(_turns(asked), seed=seed, phase="play", item=profile.id)
        except ModelError as error:
            return JSONResponse({"error": str(error)}, 403)
        return JSONResponse({"text": text, "ended": ended})

    async def _rate(self, request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        return await self._rated(self._profile(asked), _turns(asked), int(asked["seed"]))

    async def _play(self, request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        seats, prompts = self._opened(), load_prompts()
        text = str(asked["text"]).strip()
        files = {"text": text} if text else {}
        ground = Ground(domain=self._domain, seats=seats, coach=None, prompts=prompts, files=files)
        arm = await open_arm("text" if text else "student", ground)
        profile = self._profile(asked)
        try:
            dialogue = await play(
                id=profile.id,
                profile=profile,
                customer=Customer(seats.customer, self._domain, profile, prompts),
                agent=arm.speaker(profile.id, "play"),
                max_turns=TURNS,
                seed=int(asked["seed"]),
                phase="play",
            )
        except ModelError as error:
            return JSONResponse({"error": str(error)}, 403)
        return await self._rated(profile, dialogue.turns, int(asked["seed"]))

    async def _rated(self, profile: Profile, turns: Sequence[Turn], seed: int) -> Response:
        case = Case(domain=self._domain, profile=profile, turns=turns)
        try:
            found = await rate(self._opened().judge, load_prompts(), case, seed=seed, phase="play", item=profile.id)
        except ModelError as error:
            return JSONResponse({"error": str(error)}, 403)
        said = [{"speaker": t.speaker, "text": t.text} for t in turns]
        return JSONResponse({"satisfaction": found.satisfaction, "reason": found.reason, "turns": said})

    def _profile(self, asked: Mapping[str, Any]) -> Profile:
        """A training profile: held-out ones are not to be had here."""
        return next(p for p in self._domain.profiles if p.id == asked["profile"] and not p.heldout)


def _turns(asked: Mapping[str, Any]) -> tuple[Turn, ...]:
    return tuple(Turn(speaker=t["speaker"], text=t["text"], by=t["speaker"]) for t in asked["turns"])
