"""What every run needs around it: a locked run folder, journal, ledger, seats, events; and an honest end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from preceptor.core.errors import BudgetError, ConfigError, ModelError, PreceptorError, StoppedError
from preceptor.core.events import Emit, Event, RunEnded, RunStarted, ignore
from preceptor.core.ids import plain
from preceptor.llm import Ledger, Seats
from preceptor.llm.journal import AnyJournal
from preceptor.llm.journal.memory import NullJournal
from preceptor.llm.ledger import seat_budgets
from preceptor.llm.seats import Beside
from preceptor.llm.trace import NoTrace, RunTrace, Trace
from preceptor.project.journal_places import lender, open_journal
from preceptor.project.journals import sweep
from preceptor.project.seating import Opener, opener
from preceptor.project.stopping import Stop
from preceptor.runs.run import Job, Run, RunStatus

if TYPE_CHECKING:
    from preceptor.project.estimate import Estimate
    from preceptor.project.project import Project


_OTHER_MODEL = frozenset({"no-such-model", "moved", "wrong-content"})
"""Failures that another seat string may mend: a run goes on with the models that it began with only."""
_REPORT = "see where with: preceptor --debug ..., and please report it"


@dataclass(slots=True, kw_only=True)
class Session:
    """One run under way."""

    run: Run
    journal: AnyJournal
    seats: Seats
    ledger: Ledger
    emit: Emit
    beside: Beside
    """What goes on beside its calls: other processes of the run add to it."""
    summary: Mapping[str, Any] | None = None
    """What ``run.json`` keeps of the result; set by the job before it ends."""
    with_student: Callable[[str], AbstractAsyncContextManager[Seats]]
    """Seat string to the same seats with another student, on the same journal and ledger."""
    expected: Estimate | None = None
    """What the whole run was expected to take, where a job can tell."""

    def has_result(self, name: str) -> bool:
        """Whether the run has stored a result under ``name``."""
        return name in self.run.results()

    def read_result(self, name: str) -> Any:
        """A stored result. RunError where there is none."""
        return self.run.read_result(name)

    def write_result(self, name: str, data: Any) -> None:
        """Stores a result, all or nothing."""
        self.run.write_result(name, data)


async def require_seats(project: Project, students: Sequence[str] = ()) -> None:
    """Nothing where every seat can be opened, with each of ``students`` too; nothing is called, and nothing made.

    Raises:
        ConfigError: a seat string, a key, an extra or a price is missing or wrong.
        WorldError: a practice world is wrong.
    """
    config = project.config
    ledger = Ledger(config.budget, by_seat=seat_budgets(dict(config.seats)))
    open_with = opener(project.environ, journal=NullJournal(), ledger=ledger, emit=ignore)
    async with open_with(config.seats):
        pass
    for student in students:
        async with _others(project, open_with, student):
            pass


def start(project: Project, job: Job, *, resume: str | None, inputs: Mapping[str, str]) -> Run:
    """A new run, or the one to go on with (an id or its beginning; empty: the last one that did not end).

    Raises:
        RunError: there is none, it is done, or settings, prompts, models or inputs differ.
    """
    config = {**project.config.model_dump(mode="json"), "inputs": dict(inputs)}
    prompts = project.prompts.hashes()
    seats = project.config.seats
    models = {name: getattr(seats, name).model for name in type(seats).model_fields}
    store = project.runs()
    if resume is None:
        seed = getattr(project.config, job).seed
        return store.create(job, config=config, seed=seed, prompts=prompts, models=models)
    run = store.open(resume) if resume else store.latest(job)
    run.require_same(config, prompts=prompts, models=models)
    return run


@asynccontextmanager
async def session(project: Project, run: Run, *, resume: bool, emit: Emit, stop: Stop) -> AsyncGenerator[Session]:
    """The run, locked, with its seats open. However the body ends, the run's file says so.

    Raises:
        PreceptorError: what the body raised; where it helps, with the command that goes on.
    """
    with ExitStack() as stack:
        stack.enter_context(run.locked())
        if resume:
            run.resume()

        beside = stack.enter_context(traced(project))

        def tell(event: Event) -> None:
            run.record(event)
            beside.trace.listen(event)
            emit(event)

        config = project.config
        ledger = Ledger()
        status: RunStatus = "failed"
        message, hint = "ended by an unexpected error", _REPORT
        opened: Session | None = None
        try:
            sweep(project, run)
            journal = stack.enter_context(open_journal(project, run))
            by_seat = seat_budgets(dict(config.seats))
            shared = config.run.executor != "local"
            ledger = Ledger(config.budget, by_seat=by_seat, lender=lender(project, journal) if shared else None)
            stop.when(ledger.stop)
            tell(RunStarted(run=run.id, job=run.info.job, resumed=resume))
            open_with = opener(project.environ, journal=journal, ledger=ledger, emit=tell, beside=beside)
            async with open_with(project.config.seats) as ready:
                opened = Session(
                    run=run,
                    journal=journal,
                    seats=ready,
                    ledger=ledger,
                    emit=tell,
                    beside=beside,
                    with_student=partial(_others, project, open_with),
                )
                yield opened
            status, message, hint = "done", "", ""
        except PreceptorError as error:
            with_next(error, _resume(run), None if opened is None else _more(opened, ledger), _enough(opened))
            status, message, hint = status_of(error), error.message, error.hint
            raise
        except (asyncio.CancelledError, KeyboardInterrupt):
            status, message = "stopped", "ended at once, without waiting for calls under way"
            hint = f"go on with: {_resume(run)}"
            raise
        finally:
            spend = tuple(cast("Mapping[str, Any]", plain(row)) for row in ledger.table())
            run.finish(status, message, opened.summary if opened else None, spend, hint=hint)
            tell(RunEnded(run=run.id, status=status, message=message))


@contextmanager
def traced(project: Project) -> Generator[Beside]:
    """What goes on beside the calls of a job: what works with its models, and its spans."""
    trace: Trace = RunTrace() if project.config.run.traces else NoTrace()
    try:
        yield Beside(modes=project.modes(), trace=trace)
    finally:
        trace.close()


def _others(project: Project, open_with: Opener, model: str) -> AbstractAsyncContextManager[Seats]:
    seats = project.config.seats
    student = seats.student.model_copy(update={"model": model})
    return open_with(seats.model_copy(update={"student": student}))


def status_of(error: PreceptorError) -> RunStatus:
    """How a run ends that this error ends."""
    if isinstance(error, BudgetError):
        return "over_budget"
    return "stopped" if isinstance(error, StoppedError) else "failed"


def _more(opened: Session, ledger: Ledger) -> str:
    """What the rest of the run is expected to need, in words; empty where nobody can tell."""
    if opened.expected is None:
        return ""
    expected, spent = opened.expected, ledger.spent
    calls, tokens = expected.calls - spent.calls, expected.tokens - spent.tokens
    if calls <= 0 or tokens <= 0:
        return ""
    usd = "" if not expected.usd else f", {max(0.0, expected.usd - spent.usd):.2f} USD"
    return f"about {calls} calls, {tokens} tokens{usd} more are expected"


def _resume(run: Run) -> str:
    return f"preceptor {run.info.job} --resume"


def _enough(opened: Session | None) -> Mapping[str, str]:
    """Caps with which the whole run is expected to come to its end, by setting: a tenth above what it takes."""
    if opened is None or opened.expected is None:
        return {}
    expected = opened.expected
    usd = {"budget.usd": f"{expected.usd * 1.1:.2f}"} if expected.usd else {}
    return {"budget.calls": str(expected.calls * 11 // 10), "budget.tokens": str(expected.tokens * 11 // 10), **usd}


def with_next(
    error: PreceptorError, again: str, more: str | None = "", enough: Mapping[str, str] | None = None
) -> None:
    """The hint then ends with ``again``, the command that goes on.

    Args:
        more: what the rest is expected to need; None: the seats could not be opened: nothing goes on.
        enough: by setting a cap that is expected to do, where that is known.
    """
    if isinstance(error, StoppedError):
        error.hint = f"go on with: {again}"
    elif isinstance(error, BudgetError):
        hint = error.hint or "raise the cap and resume the run"
        raised = f"{error.setting}={(enough or {}).get(error.setting, 'N')}" if error.setting else "..."
        error.hint = f"{hint}{f' ({more})' if more else ''}: {again} --set {raised}"
    elif more is None and isinstance(error, ConfigError):
        return
    elif isinstance(error, ModelError) and error.kind in _OTHER_MODEL:
        error.hint = f"{error.hint}; then go on with: {again}, or, with another model, start anew"
    elif error.hint:
        error.hint = f"{error.hint}; then go on with: {again}"


def spend_rows(ledger: Ledger) -> tuple[Any, ...]:
    """The ledger's rows, money rounded to a millionth of a dollar."""
    return tuple(replace(r, usd=None if r.usd is None else round(r.usd, 6)) for r in ledger.table())
