"""A run in one screen: how it ended, how far it came, what it took, what went wrong, what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from preceptor.cli.failures import FailureKind, failure_kinds, failure_table
from preceptor.cli.next_step import in_project, resuming, where
from preceptor.cli.out import line, program, unbroken
from preceptor.cli.spend import spend_table
from preceptor.cli.tally import Tally
from preceptor.core.decode import decode
from preceptor.core.errors import ConfigError, RunError
from preceptor.core.events import Event
from preceptor.core.ids import plain
from preceptor.llm import LedgerRow
from preceptor.llm.modes import ModeTold
from preceptor.project import Project, journals
from preceptor.project.scaffold import toml
from preceptor.runs.run import Run
from preceptor.runs.sameness import changed, may_differ

_STYLE = {"done": "bold green", "failed": "bold red"}


def run_screen(project: Project, run: Run, modes: Sequence[tuple[str, ModeTold]]) -> RenderableType:
    """See the module."""
    info = run.info
    events = [told.event for told in run.events()]
    parts: list[RenderableType] = [line(f"{run.id}: {state(run)}", style=_STYLE.get(info.status, "bold yellow"))]
    if info.message:
        parts.append(line(info.message))
    parts += [unbroken(line(f"next: {_typed(hint, project, run)}")) for hint in _next(run)]
    if info.status != "done":
        parts += [line(f"it came as far as: {reached}") for reached in _reached(events)]
    when = f"started {info.started[:19]}, ended {(info.ended or '-')[:19]}, resumed {info.resumes} times"
    parts.append(line(when, style="dim"))
    parts.append(line(f"seed {info.seed}; " + ", ".join(f"{k}: {v}" for k, v in info.models.items()), style="dim"))
    spend = [decode(LedgerRow, row) for row in info.spend]
    if spend:
        parts.append(spend_table(spend))
    if info.status == "done" and info.job == "learn" and not sum(s["proposed"] for s in info.results["stages"]):
        parts.append(line("nothing was learned", style="bold yellow"))
    kinds = failure_kinds(events)
    if kinds:
        parts.append(_failures(kinds, project, run))
    by_model = {info.models[seat]: told for seat, told in modes if told.unusable or told.refused}
    parts += [line(_form(spec, told), style="dim") for spec, told in by_model.items()]
    parts.append(unbroken(line(f"files: {run.folder}", style="dim")))
    return Group(*parts)


def state(run: Run) -> str:
    """How a run stands, in words; one whose process is gone is interrupted."""
    if run.info.status != "running":
        return run.info.status.replace("_", " ")
    return f"running (process {run.process})" if run.process else "interrupted"


def modes_of(project: Project, run: Run) -> list[tuple[str, ModeTold]]:
    """What is known of how the models of a run's seats give structured answers, over all runs here."""
    memory = project.modes()
    found = [(seat, memory.tell(spec)) for seat, spec in run.info.models.items()]
    return [(seat, told) for seat, told in found if told is not None]


def modes_json(modes: Sequence[tuple[str, ModeTold]]) -> dict[str, object]:
    """The same for programs."""
    return {seat: plain(told) for seat, told in modes}


def _next(run: Run) -> Iterator[str]:
    if run.info.hint:
        yield run.info.hint
    elif state(run) == "interrupted":
        yield f"its process is gone; go on with: preceptor {run.info.job} --resume"


def _typed(text: str, project: Project, run: Run) -> str:
    """``text`` with what can be typed now: a run to go on with is named, and what it began with is in it where that
    is no longer set."""
    command = f"{program()} {run.info.job}{where(project.folder)} --resume --run {run.id}"
    if dict(run.info.config.get("inputs", {})).get("logs"):
        command += " --logs FILE"
    now = project.config.model_dump(mode="json")
    for key, value in changed(run.info.config, now, (*may_differ(run.info.job), "inputs.*")).items():
        command += f" --set {shlex.quote(f'{key}={value if isinstance(value, str) else toml(value)}')}"
    return in_project(resuming(text, command), project.folder)


def _reached(events: Sequence[Event]) -> Iterator[str]:
    tally = Tally()
    for event in events:
        tally.add(event)
    if tally.phase:
        position = f", {tally.done} of {tally.total}" if tally.total else ""
        yield f"stage {tally.stage + 1}, {tally.label}{position}; {tally.calls} calls paid"


def _failures(kinds: Sequence[FailureKind], project: Project, run: Run) -> RenderableType:
    more = in_project(f"preceptor runs show {run.id} --json", project.folder)
    return failure_table(
        kinds, lambda call: _answer(project, run, call), lambda text: in_project(text, project.folder), more=more
    )


def _answer(project: Project, run: Run, call: str) -> str:
    """What the model said; empty where it is encrypted under a key that is not at hand, dropped or damaged."""
    try:
        found = journals.calls(project, run.id, call)
    except (RunError, ConfigError):
        return ""
    return found[0].text if found else ""


def _form(spec: str, told: ModeTold) -> str:
    counts = ", ".join(f"{mode} {good} of {good + bad}" for mode, good, bad in told.answers)
    refused = f"; the server refuses {', '.join(told.refused)}" if told.refused else ""
    return f"{spec} is asked for structured answers by {told.mode} (usable of late: {counts or 'none'}{refused})"
