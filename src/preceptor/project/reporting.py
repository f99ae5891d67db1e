"""An evaluation's report, with what stands beside it in the project: learning, evidence, a check of the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from preceptor.core.errors import RunError
from preceptor.core.events import PhaseStarted, Spent
from preceptor.core.untrusted import one_line
from preceptor.evaluate.latency import latency
from preceptor.evaluate.report import Beside, Report, page, report_json, text
from preceptor.evaluate.report.content import Proved, Stage
from preceptor.evaluate.result import Evaluation, from_json
from preceptor.runs.files import write_json
from preceptor.runs.run import Run

if TYPE_CHECKING:
    from preceptor.project.project import Project

_MOST_PROVED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A report and its files."""

    run: str
    report: Report
    html: Path
    markdown: Path
    json: Path


def write_report(project: Project, run_id: str = "", folder: Path | None = None) -> Written:
    """The report of an evaluation (the last one if none is named), in ``folder`` or else in the run's own folder.

    Raises:
        RunError: there is no such evaluation, or it has no result.
    """
    runs = project.runs()
    run = runs.open(run_id) if run_id and run_id != "last" else runs.latest("evaluate", resumable=False)
    if "evaluation" not in run.results():
        raise RunError(
            f"run {run.id} has no evaluation ({run.info.job}, {run.info.status})",
            hint="name an evaluation that came to its end: preceptor runs list",
        )
    found = from_json((run.folder / "results" / "evaluation.json").read_bytes())
    report = Report.of(found, _beside(project, run, found))
    folder = folder or run.folder / "report"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        html, markdown, json = (folder / f"report.{kind}" for kind in ("html", "md", "json"))
        html.write_text(page(report), encoding="utf-8")
        markdown.write_text(text(report), encoding="utf-8")
        write_json(json, report_json(report))
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror})", hint="name another with --out") from error
    return Written(run=run.id, report=report, html=html, markdown=markdown, json=json)


def _beside(project: Project, run: Run, found: Evaluation) -> Beside:
    learned = _learning_before(project, run)
    return Beside(
        run=run.id,
        started=run.info.started,
        learned=learned.id if learned else "",
        stages=_stages(learned) if learned else (),
        proved=_proved(project),
        judge=_judged(run),
        latency=latency((told.event for told in run.events()), [a.arm for a in found.arms]),
    )


def _judged(run: Run) -> tuple[str, ...]:
    """What a check of this evaluation's judge found, in words."""
    if "judge-check" not in run.results():
        return ()
    told = cast("Mapping[str, Any]", run.read_result("judge-check")).get("sentences", [])
    return tuple(one_line(str(line), 600) for line in cast("list[object]", told))


def _learning_before(project: Project, run: Run) -> Run | None:
    before = [
        r
        for r in project.runs().list()
        if r.info.job == "learn" and r.info.status == "done" and r.info.started <= run.info.started
    ]
    return before[-1] if before else None


def _stages(run: Run) -> tuple[Stage, ...]:
    """What a learning run says of its stages, with the spend that its events tell."""
    spent: dict[int, Stage] = {}
    stage = 0
    for told in run.events():
        event = told.event
        if isinstance(event, PhaseStarted):
            stage = event.stage
        elif isinstance(event, Spent) and not event.replayed:
            old = spent.get(stage, _EMPTY)
            usd = None if old.usd is None or event.usd is None else old.usd + event.usd
            tokens = old.tokens + event.input_tokens + event.output_tokens
            spent[stage] = replace(old, calls=old.calls + 1, tokens=tokens, usd=usd)
    return tuple(_stage(row, spent) for row in cast("list[Mapping[str, Any]]", run.info.results.get("stages", [])))


_EMPTY = Stage(number=0, good=0, taught=0, improved=0, not_taught=0, strategies=0, calls=0, tokens=0, usd=0.0)


def _stage(row: Mapping[str, Any], spent: Mapping[int, Stage]) -> Stage:
    number, outcomes = int(row["stage"]), cast("Mapping[str, int]", row["outcomes"])
    return replace(
        spent.get(number, _EMPTY),
        number=number,
        good=outcomes.get("already_good", 0),
        taught=outcomes.get("taught", 0),
        improved=outcomes.get("improved", 0),
        not_taught=outcomes.get("not_taught", 0),
        strategies=int(row["proposed"]),
    )


def _proved(project: Project) -> tuple[Proved, ...]:
    """The strategies with the clearest evidence: the most helpful and the most harmful ones."""
    if project.coach() is None:
        return ()
    with project.library() as library:
        entries = [e for e in library.entries() if e.evidence is not None and e.merged_into is None]
    told = [
        Proved(
            id=e.strategy.id,
            text=one_line(e.strategy.text(), 300),
            verdict=e.evidence.verdict,
            lift=e.evidence.lift,
            low=e.evidence.interval[0],
            high=e.evidence.interval[1],
            n=e.evidence.n,
        )
        for e in entries
        if e.evidence is not None and e.evidence.verdict != "unproven"
    ]
    ranked = sorted(told, key=lambda p: (-p.lift, p.id))
    return (
        tuple(ranked)
        if len(ranked) <= _MOST_PROVED
        else (*ranked[: _MOST_PROVED // 2], *ranked[-_MOST_PROVED // 2 :])
    )
