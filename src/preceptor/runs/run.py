"""One run: what it was given, how it stands, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any, Literal, Self

from preceptor.core.clock import Clock
from preceptor.core.decode import decode
from preceptor.core.errors import InputError, RunError
from preceptor.core.events import Event
from preceptor.runs import lock
from preceptor.runs.eventlog import EventLog, Told
from preceptor.runs.files import read_json, write_json
from preceptor.runs.sameness import first_difference, may_differ

Job = Literal["learn", "evaluate", "prove", "transfer"]
RunStatus = Literal["running", "done", "stopped", "over_budget", "failed"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What ``run.json`` holds."""

    id: str
    job: Job
    status: RunStatus
    seed: int
    config: Mapping[str, Any]
    """Every setting as it was at the start; secrets are not settings."""
    prompts: Mapping[str, str]
    """Prompt name to hash."""
    models: Mapping[str, str]
    """Seat to model spec."""
    started: str
    """ISO 8601, UTC."""
    ended: str | None = None
    resumes: int = 0
    message: str = ""
    """Why it ended so, in words for people."""
    hint: str = ""
    """The next step, where there is one."""
    results: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """A summary; the whole is under ``results/``."""
    spend: tuple[Mapping[str, Any], ...] = ()
    """The table of calls, tokens and cost by seat and phase, a mapping a row."""


class Run:
    """A run's folder. Reading needs no lock; who works on the run holds :meth:`locked`."""

    def __init__(self, folder: Path, info: RunInfo, clock: Clock) -> None:
        self.folder = folder
        self.info = info
        self._clock = clock
        self._log = EventLog(folder / "events.jsonl")

    @classmethod
    def load(cls, folder: Path, *, clock: Clock) -> Self:
        """The run in ``folder``. RunError where ``run.json`` is missing or damaged; names the file."""
        path = folder / "run.json"
        try:
            info = decode(RunInfo, read_json(path))
        except InputError as error:
            raise RunError(f"{path} is damaged ({error})", hint="restore it, or move the folder away") from error
        if info.id != folder.name:
            raise RunError(f"{path} is of another run ({info.id[:64]!r})", hint="give the folder its old name")
        return cls(folder, info, clock)

    @property
    def id(self) -> str:
        """``learn-001`` and so on."""
        return self.info.id

    @property
    def journal(self) -> Path:
        """Where the llm room keeps this run's answered calls."""
        return self.folder / "journal.db"

    @property
    def process(self) -> str:
        """Number of the process that works on the run; empty when none does.

        A run whose status is ``running`` and that no process holds was killed: it can be resumed.
        """
        return lock.held_by(self.folder / "lock")

    @contextmanager
    def locked(self) -> Generator[Self]:
        """Holds the run for this process. RunError where another one does."""
        with lock.locked(self.folder / "lock", self.id):
            try:
                yield self
            finally:
                self._log.close()

    def resume(self) -> None:
        """Marks the run as running again. RunError where it is done."""
        if self.info.status == "done":
            raise RunError(f"run {self.id} is done", hint="start a new one")
        info = replace(self.info, status="running", ended=None, message="", hint="", resumes=self.info.resumes + 1)
        self._save(info)

    def finish(
        self,
        status: RunStatus,
        message: str = "",
        results: Mapping[str, Any] | None = None,
        spend: tuple[Mapping[str, Any], ...] | None = None,
        *,
        hint: str = "",
    ) -> None:
        """Ends the run: status, why, a summary of the results, the spend table, and the next step."""
        info = replace(self.info, status=status, message=message, hint=hint, ended=self._now())
        if results is not None:
            info = replace(info, results=results)
        if spend is not None:
            info = replace(info, spend=spend)
        self._save(info)
        self._log.close()

    def record(self, event: Event) -> None:
        """Appends an event; fits as a listener (:data:`preceptor.core.events.Emit`)."""
        self._log.append(event, self._now())

    def events(self, since: int = 0) -> tuple[Told, ...]:
        """Events after the cursor ``since`` (0: all). To follow a run live, pass the last event's cursor."""
        return self._log.read(since)

    def write_result(self, name: str, data: Any) -> None:
        """Stores ``results/<name>.json``, all or nothing."""
        path = self._result(name)
        path.parent.mkdir(exist_ok=True)
        write_json(path, data)

    def read_result(self, name: str) -> Any:
        """What :meth:`write_result` stored under ``name``. RunError where there is none."""
        return read_json(self._result(name))

    def results(self) -> tuple[str, ...]:
        """Names of the stored results, sorted."""
        return tuple(sorted(path.stem for path in (self.folder / "results").glob("*.json")))

    def require_same(
        self,
        config: Mapping[str, Any],
        *,
        prompts: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
    ) -> None:
        """Refuses to go on with other settings, prompts or models than the run began with.

        What changes neither requests nor results (limits, retries, caps, folders) may differ.

        Raises:
            RunError: names the first difference and what to do.
        """
        ignored = may_differ(self.info.job)
        pairs = [("", self.info.config, config)]
        if prompts is not None:
            pairs.append(("prompts.", self.info.prompts, prompts))
        if models is not None:
            pairs.append(("models.", self.info.models, models))
        for prefix, before, now in pairs:
            found = first_difference(before, now, ignored if not prefix else ())
            if found is not None:
                key, old, new = found
                raise RunError(
                    f"run {self.id} began with {prefix}{key} = {old}, and it is now {new}",
                    hint="set it back to go on with this run, or start a new run",
                )

    def _save(self, info: RunInfo) -> None:
        write_json(self.folder / "run.json", info)
        self.info = info

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")

    def _result(self, name: str) -> Path:
        return self.folder / "results" / f"{checked_name(name)}.json"


def checked_name(name: str) -> str:
    """``name`` when it can safely be part of a path; RunError otherwise."""
    if not _NAME.fullmatch(name):
        raise RunError(f"{name[:64]!r} cannot be a name", hint="use a to z, 0 to 9 and -, 64 characters at most")
    return name
