"""A project folder: settings, a domain, a library, runs; and the doors to learning and evaluation.

The rooms behind a door are imported when it is opened: looking at settings loads neither numpy nor a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.core import config as core_config
from preceptor.core.config import Flag, Loaded
from preceptor.core.errors import InputError
from preceptor.core.events import Emit, ignore
from preceptor.core.records import Domain, Strategy
from preceptor.core.settings import Config
from preceptor.project.domain_folder import read_domain
from preceptor.project.domain_write import write_blank, write_domain
from preceptor.project.scaffold import check_free, write_settings
from preceptor.project.stopping import Stop, run
from preceptor.prompts import PromptSet, load_prompts

if TYPE_CHECKING:
    from preceptor.coach import Coach
    from preceptor.evaluate.result import Evaluation
    from preceptor.learn.fit import Size
    from preceptor.library.embedder import Embedder
    from preceptor.library.store import Library
    from preceptor.llm.modes import ModeMemory
    from preceptor.project.estimate import Estimate
    from preceptor.project.results import EvaluateResult, LearnResult, ProveResult, TransferResult
    from preceptor.project.workers.sites import CoachRecipe
    from preceptor.runs.store import RunStore

# ruff: noqa: PLC0415 - see above


class Project:
    """One project folder, opened. Nothing is read or written before it is needed, but the settings."""

    def __init__(self, folder: Path, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.config: Config = loaded.config
        self.origins: Mapping[str, str] = loaded.origins
        self.value = loaded.value
        self.environ = environ
        self.clock = core_config.clock(environ)
        self.typed: Callable[[str], str] = str
        """A hint as whoever began a job here can type it; set where that is known."""

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        flags: Sequence[Flag] = (),
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """The project in the folder ``path``.

        Args:
            flags: overrides with the names that the user gave them by.
            settings: overrides by dotted key, as in ``{"learn.attempts": 3}``.
            environ: instead of the process environment.

        Raises:
            ConfigError: there is no project, or a setting cannot hold.
        """
        folder = Path(path)
        environ = core_config.environ() if environ is None else environ
        given = [*flags, *_as_flags(settings)]
        return cls(folder, core_config.load_config(folder, environ=environ, flags=given), environ)

    @classmethod
    def create(
        cls,
        path: str | Path,
        world: str = "airline",
        *,
        blank: bool = False,
        flags: Sequence[Flag] = (),
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """A new project in ``path``, with the domain of a practice world or, if ``blank``, a template of one.

        Args:
            world: name of a shipped practice world, or the path of a world file; practice models in the seats then
                speak of that file's world.
            flags, settings: settings to write into ``preceptor.toml``, as in :meth:`open`.

        Raises:
            InputError: the folder holds something already or cannot be written, or there is no such world.
            ConfigError: a setting cannot hold. Nothing is written then.
        """
        folder = Path(path)
        domain = None if blank else _world_domain(world)
        chosen = core_config.load_config(None, environ={}, flags=[*flags, *_as_flags(settings)])
        try:
            check_free(folder)
            given = {k: chosen.value(k) for k, o in chosen.origins.items() if o != "default"}
            write_settings(folder, given if blank else given | _in_world(chosen.config, world))
            target = folder / "domain"
            if domain is None:
                write_blank(target)
            else:
                write_domain(target, domain)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written: {error.strerror or error}", hint="name a folder that you may write"
            ) from error
        return cls.open(folder, environ=environ)

    @cached_property
    def domain(self) -> Domain:
        """The domain, read once.

        Raises:
            InputError: a file of the domain is wrong; names file and line.
        """
        return read_domain(self.folder / self.config.domain.folder)

    @cached_property
    def prompts(self) -> PromptSet:
        """Built-in prompts, with the project's own in their place."""
        own = self.config.prompts.folder
        return load_prompts(self.folder / own if own else None)

    def library(self, *, create: bool = False) -> Library:
        """The library, open; close it, or use it in a ``with``.

        Raises:
            LibraryError: there is none yet and not ``create``, or it cannot be used.
        """
        from preceptor.library.store import Library

        path = self.config.library.path
        place = path if "://" in path else self.folder / path
        return Library.open(place, clock=self.clock, create=create)

    def runs(self) -> RunStore:
        """The project's runs."""
        from preceptor.runs.store import RunStore

        return RunStore(self.folder / self.config.run.folder, clock=self.clock)

    def modes(self) -> ModeMemory:
        """How each model gives structured answers, as earlier runs found out."""
        from preceptor.llm.modes import ModeMemory

        return ModeMemory(self.folder / self.config.run.folder / "models.json")

    def strategies(self) -> tuple[Strategy, ...]:
        """What the library offers to a run; nothing before the first one."""
        if not self.has_library():
            return ()
        with self.library() as library:
            return library.snapshot()

    def coach(self, embedder: Embedder | None = None) -> Coach | None:
        """The coach over the library, with ``embedder`` or the project's own; None before anything was learned."""
        from preceptor.project.jobs import build_coach

        if not self.has_library():
            return None
        with self.library() as library:
            return build_coach(self, library, embedder=embedder)

    def coach_recipe(self) -> CoachRecipe | None:
        """What :meth:`coach` is made of, to make it elsewhere."""
        from preceptor.project.jobs import coach_recipe

        if not self.has_library():
            return None
        with self.library() as library:
            return coach_recipe(self, library)

    def estimate(self, *, scenarios: int | None = None) -> Estimate:
        """What learning is expected to take: calls, tokens and cost by seat.

        Args:
            scenarios: so many come from logs; None: they are simulated.

        Raises:
            ConfigError: ``learn.fit`` is set and the budget is too small for any run.
        """
        from preceptor.project.estimate import estimate_learn

        learn = self.size(scenarios=scenarios).of(self.config.learn)
        if learn.primer and self.strategies():
            learn = learn.model_copy(update={"primer": False})
        config = self.config.model_copy(update={"learn": learn})
        return estimate_learn(config, self.domain, self.prompts, scenarios=scenarios)

    def size(self, *, scenarios: int | None = None) -> Size:
        """Stages, dialogues and scenarios of a learning run: those of ``[learn]``, or with ``learn.fit`` what the
        budget allows of them; arguments and errors as in :meth:`estimate`."""
        from preceptor.project.estimate import fit_learn

        return fit_learn(self.config, self.domain, self.prompts, scenarios=scenarios)

    async def learn_async(
        self,
        *,
        resume: str | None = None,
        logs: str | Path | None = None,
        emit: Emit = ignore,
        stop: Stop | None = None,
    ) -> LearnResult:
        """Learns strategies into the library.

        Args:
            resume: go on with this run (an id or its beginning; empty text: the last one that did not end). Calls
                that were answered are not made again.
            logs: learn from these real dialogues (JSONL) instead of simulated ones.
            emit: hears every event of the run.
            stop: request it to end the run cleanly; :class:`StoppedError` follows.

        Raises:
            PreceptorError: what ended the run; it is saved and can be resumed.
        """
        from preceptor.project.jobs import learn_job

        path = Path(logs) if logs is not None else None
        return await learn_job(self, resume=resume, logs=path, emit=emit, stop=stop or Stop())

    async def evaluate_async(
        self, *, resume: str | None = None, emit: Emit = ignore, stop: Stop | None = None
    ) -> EvaluateResult:
        """Measures the arms of ``evaluate.arms`` on the held-out profiles; arguments as in :meth:`learn_async`."""
        from preceptor.project.jobs import evaluate_job

        return await evaluate_job(self, resume=resume, emit=emit, stop=stop or Stop())

    async def prove_async(
        self, *, resume: str | None = None, emit: Emit = ignore, stop: Stop | None = None
    ) -> ProveResult:
        """Measures every usable strategy of the library by replays, and writes the evidence into it; arguments as
        in :meth:`learn_async`."""
        from preceptor.project.proving import prove_job

        return await prove_job(self, resume=resume, emit=emit, stop=stop or Stop())

    def prove(
        self, *, resume: str | None = None, emit: Emit = ignore, stopping: Callable[[], None] = lambda: None
    ) -> ProveResult:
        """:meth:`prove_async` for those without an event loop; as :meth:`learn`."""
        return run(lambda stop: self.prove_async(resume=resume, emit=emit, stop=stop), stopping)

    async def transfer_async(
        self, *, resume: str | None = None, emit: Emit = ignore, stop: Stop | None = None
    ) -> TransferResult:
        """Measures students and domains of ``[transfer]`` with the same strategies, and marks in the library what
        harms a student; arguments as in :meth:`learn_async`."""
        from preceptor.project.transferring import transfer_job

        return await transfer_job(self, resume=resume, emit=emit, stop=stop or Stop())

    def transfer(
        self, *, resume: str | None = None, emit: Emit = ignore, stopping: Callable[[], None] = lambda: None
    ) -> TransferResult:
        """:meth:`transfer_async` for those without an event loop; as :meth:`learn`."""
        return run(lambda stop: self.transfer_async(resume=resume, emit=emit, stop=stop), stopping)

    def learn(
        self,
        *,
        resume: str | None = None,
        logs: str | Path | None = None,
        emit: Emit = ignore,
        stopping: Callable[[], None] = lambda: None,
    ) -> LearnResult:
        """:meth:`learn_async` for those without an event loop. Ctrl-C stops cleanly, a second one at once;
        ``stopping`` is called at the first."""
        return run(lambda stop: self.learn_async(resume=resume, logs=logs, emit=emit, stop=stop), stopping)

    def evaluate(
        self, *, resume: str | None = None, emit: Emit = ignore, stopping: Callable[[], None] = lambda: None
    ) -> EvaluateResult:
        """:meth:`evaluate_async` for those without an event loop; as :meth:`learn`."""
        return run(lambda stop: self.evaluate_async(resume=resume, emit=emit, stop=stop), stopping)

    def evaluation(self, run_id: str = "") -> Evaluation:
        """The result of an evaluation that has ended; the last one if none is named.

        Raises:
            RunError: there is none.
        """
        from preceptor.evaluate.result import from_json

        found = self.runs().open(run_id) if run_id else self.runs().latest("evaluate", resumable=False)
        return from_json((found.folder / "results" / "evaluation.json").read_bytes())

    def has_library(self) -> bool:
        """Whether there is a library, or a database that may hold one."""
        path = self.config.library.path
        return "://" in path or (self.folder / path).exists()


def _as_flags(settings: Mapping[str, object] | None) -> list[Flag]:
    return [Flag(key=key, value=value, name=f"settings[{key!r}]") for key, value in (settings or {}).items()]


def _in_world(config: Config, world: str) -> dict[str, object]:
    """The practice models of the seats, over the world of a file: by themselves they know the shipped ones."""
    from preceptor.practice import shipped_worlds

    if world in shipped_worlds():
        return {}
    models = {f"seats.{name}.model": seat.model for name, seat in config.seats}
    place = Path(world).resolve()
    return {k: f"{m}@{place}" for k, m in models.items() if m.startswith("practice:") and "@" not in m}


def _world_domain(world: str) -> Domain:
    from preceptor.practice import load_world, shipped_world, shipped_worlds

    found = shipped_world(world) if world in shipped_worlds() else load_world(Path(world))
    return found.domain()
