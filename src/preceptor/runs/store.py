"""All runs of a project: a folder with one folder a run."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from preceptor.core.clock import Clock
from preceptor.core.errors import RunError
from preceptor.core.untrusted import one_line
from preceptor.runs.files import sync_folder, write_json
from preceptor.runs.run import Job, Run, RunInfo

_ID = re.compile(r"(learn|evaluate|prove|transfer)-(\d{3,9})")
_PREFIX = re.compile(r"[a-z0-9-]{1,64}")


class RunStore:
    """Makes, lists and finds runs. ``folder`` need not exist before the first run."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def create(
        self,
        job: Job,
        *,
        config: Mapping[str, Any],
        seed: int,
        prompts: Mapping[str, str],
        models: Mapping[str, str],
    ) -> Run:
        """A new run with the next free number, ``running``. Two that are made at once get two numbers.

        Raises:
            RunError: the folder cannot be written.
        """
        started = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                run_id = f"{job}-{self._last(job) + 1:03}"
                info = RunInfo(
                    id=run_id,
                    job=job,
                    status="running",
                    seed=seed,
                    config=config,
                    prompts=prompts,
                    models=models,
                    started=started,
                )
                if self._placed(info):
                    # Loaded and not kept, so that a run at its start holds what it will hold when resumed.
                    return Run.load(self._folder / run_id, clock=self._clock)
        except OSError as error:
            raise RunError(
                f"{self._folder}: no run can be made there ({error.strerror})", hint="see to space and rights there"
            ) from error

    def list(self) -> tuple[Run, ...]:
        """Every readable run, oldest first (by start, then id)."""
        return self._scan()[0]

    def broken(self) -> tuple[RunError, ...]:
        """One error for each run that cannot be read; each names its file."""
        return self._scan()[1]

    def open(self, id_or_prefix: str) -> Run:
        """The run with this id, the only one whose id begins so, or ``last``: the one that started last.

        Raises:
            RunError: none, more than one, or its file is damaged.
        """
        if id_or_prefix == "last":
            runs = self.list()
            if not runs:
                raise self._missing("last")
            return runs[-1]
        if not _PREFIX.fullmatch(id_or_prefix):
            raise RunError(
                f"'{one_line(id_or_prefix, 64)}' is not a run id", hint="ids look like learn-001; or say: last"
            )
        names = self._names()
        found = [id_or_prefix] if id_or_prefix in names else [n for n in names if n.startswith(id_or_prefix)]
        if not found:
            raise self._missing(id_or_prefix)
        if len(found) > 1:
            raise RunError(
                f"more than one run begins with '{id_or_prefix}': {', '.join(found[:3])}",
                hint="give more of the id",
            )
        return Run.load(self._folder / found[0], clock=self._clock)

    def latest(self, job: Job, *, resumable: bool = True) -> Run:
        """The run of this job that started last; ``resumable``: that did not come to its end.

        Raises:
            RunError: there is none.
        """
        for run in reversed(self.list()):
            if run.info.job == job and not (resumable and run.info.status == "done"):
                return run
        what = f"no {job} run to resume" if resumable else f"no {job} run"
        raise RunError(f"there is {what} in {self._folder}", hint=f"start one with: preceptor {job}")

    def _missing(self, name: str) -> RunError:
        return RunError(f"there is no run '{name}'", hint="see: preceptor runs list")

    def _names(self) -> tuple[str, ...]:
        try:
            found = [path.name for path in self._folder.iterdir() if _ID.fullmatch(path.name) and path.is_dir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise RunError(f"{self._folder} cannot be read ({error.strerror})", hint="see to its rights") from error
        return tuple(sorted(found))

    def _last(self, job: Job) -> int:
        matches = (_ID.fullmatch(name) for name in self._names())
        return max((int(m[2]) for m in matches if m and m[1] == job), default=0)

    def _placed(self, info: RunInfo) -> bool:
        """Makes the folder complete under another name and renames it: there is never half a run.

        False: another process was first with this number.
        """
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            new.chmod(0o755)
            (new / "results").mkdir()
            write_json(new / "run.json", info)
            target = self._folder / info.id
            try:
                new.rename(target)
            except OSError:
                if target.exists():
                    return False
                raise
            sync_folder(self._folder)
            return True
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _scan(self) -> tuple[tuple[Run, ...], tuple[RunError, ...]]:
        runs: list[Run] = []
        errors: list[RunError] = []
        for name in self._names():
            try:
                runs.append(Run.load(self._folder / name, clock=self._clock))
            except RunError as error:
                errors.append(error)
        return tuple(sorted(runs, key=lambda run: (run.info.started, run.id))), tuple(errors)
