"""A project's strategies to and from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from preceptor.core.errors import InputError
from preceptor.core.records import Scenario
from preceptor.exchange.contents import Contents, Item, Taught, contents_of_release, items_of, topics_of
from preceptor.exchange.finetune import Examples, Form, examples
from preceptor.exchange.reading import read_file
from preceptor.exchange.taking import Taken, take
from preceptor.library.entry import Entry
from preceptor.library.release import Release
from preceptor.library.store import Library
from preceptor.project.project import Project
from preceptor.project.releasing import open_releases

_MOST_MERGES = 50


def gather(project: Project, *, release: Release | None = None, trial: bool = False) -> Contents:
    """What an export of the project holds: a release, or what the library holds approved.

    Args:
        trial: also strategies that nobody reviewed, as a run may use them.

    Raises:
        InputError: there is nothing to export.
        LibraryError: there is no library.
    """
    with project.library() as library:
        if release is not None:
            found = contents_of_release(release, project.domain.name)
            full = {s.id: s for s in library.scenarios(found.scenarios)}
            found = replace(found, scenarios={**found.scenarios, **full})
        else:
            items = items_of(library.entries(), trial=trial)
            ids = dict.fromkeys(i for item in items for i in item.strategy.scenarios)
            scenarios = {s.id: s for s in library.scenarios(ids)}
            lessons = _lessons(library, items)
            found = Contents(
                domain=project.domain.name, source="library", items=items, scenarios=scenarios, lessons=lessons
            )
    check(found)
    logged = sum(map(_logged(project), found.scenarios.values()))
    return replace(found, topics=topics_of(found.items, _topic(project, found.scenarios)), logged=logged)


def check(contents: Contents) -> None:
    """Raises InputError where there is nothing to export."""
    if not contents.items:
        raise InputError(
            "there is nothing to export: no strategy is approved",
            hint="approve some with: preceptor review; or take unreviewed ones too: --trial",
        )


def fine_tuning(
    project: Project, *, form: Form = "messages", release: Release | None = None, trial: bool = False
) -> Examples:
    """Examples from all lessons of the library; only what rests on strategies that :func:`gather` would give.

    Raises:
        LibraryError: there is no library.
    """
    domain = project.domain
    system = project.prompts["agent"].render(brief=domain.brief.strip(), policy=domain.policy.strip())
    with project.library() as library:
        entries = {e.strategy.id: e for e in library.entries()}
        if release is not None:
            allowed = {r.strategy.id for r in release.strategies().all()}
        else:
            allowed = {i.strategy.id for i in items_of(entries.values(), trial=trial)}
        lessons = (Taught(lesson=library.lesson(row.id), run=row.run, stage=row.stage) for row in library.lessons())
        return examples(lessons, system, _resolved(entries, allowed), _logged(project), form=form)


def open_release(project: Project, name: str) -> Release:
    """A release of the project by the beginning of its id, or ``current``.

    Raises:
        InputError: nothing is published, or the file cannot be used.
        LibraryError: there is none, or more than one.
    """
    with open_releases(project) as releases:
        if name != "current":
            return releases.read(name)
        row = releases.current()
        if row is None:
            raise InputError("no release is published", hint="publish one: preceptor release publish ID")
        return releases.read(row.digest)


def take_file(project: Project, path: Path, *, author: str, reason: str, dry: bool, strict: bool) -> Taken:
    """Proposes what a file holds to the project's library, which is made where there is none.

    Raises:
        InputError: the file cannot be read, holds nothing that can be used, or, where ``strict``, anything that
            cannot. Nothing is taken then.
        LibraryError: the library refuses.
    """
    reading = read_file(path)
    bad = [r for r in reading.remarks if r.lost]
    if (strict and bad) or not reading.strategies:
        more = f"; {len(bad) - 1} more could not be taken" if len(bad) > 1 else ""
        first = f"{path}, {bad[0].where}: {bad[0].reason}{more}" if bad else f"{path} holds no strategies"
        raise InputError(first, hint="a .jsonl, .json or .yaml file, as docs/carry.md shows; nothing was imported")
    domain, why = project.domain, reason or f"imported from {path.name}"
    if dry and not project.has_library():
        with TemporaryDirectory() as place, _empty(project, Path(place)) as empty:
            return take(empty, reading, domain, author=author, reason=why, dry=True)
    with project.library(create=True) as library:
        return take(library, reading, domain, author=author, reason=why, dry=dry)


def _logged(project: Project) -> Callable[[Scenario], bool]:
    """Tells scenarios of logs: a person answered, or who speaks is none of the domain's profiles."""
    known = {profile.id for profile in project.domain.profiles}
    return lambda scenario: bool(scenario.reference) or bool(scenario.profile and scenario.profile not in known)


def _empty(project: Project, place: Path) -> Library:
    return Library.open(place / "library.db", clock=project.clock, create=True)


def _lessons(library: Library, items: Iterable[Item]) -> list[Taught]:
    """The lessons behind the items, oldest first."""
    wanted = {i.lesson_id for i in items if i.lesson_id}
    wanted |= {lesson for i in items for p in i.provenance for lesson in p.lessons}
    rows = [row for row in library.lessons() if row.id in wanted]
    return [Taught(lesson=library.lesson(row.id), run=row.run, stage=row.stage) for row in rows]


def _topic(project: Project, scenarios: Mapping[str, Scenario]) -> Callable[[str], str]:
    titles = {issue.key: issue.title for issue in project.domain.issues}
    profiles = {p.id: titles.get(p.issue, "") for p in project.domain.profiles}
    return lambda id: profiles.get(scenarios[id].profile, "") if id in scenarios else ""


def _resolved(entries: Mapping[str, Entry], allowed: set[str]) -> Callable[[str], bool]:
    """Whether the strategy that this one has become by merging is allowed."""

    def is_allowed(id: str) -> bool:
        for _ in range(_MOST_MERGES):
            entry = entries.get(id)
            if id in allowed or entry is None or not entry.merged_into:
                break
            id = entry.merged_into
        return id in allowed

    return is_allowed
