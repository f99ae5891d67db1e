"""What an evaluation stands on: who coaches, what was learned, and texts from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError, InputError, unreadable
from preceptor.core.ids import digest
from preceptor.core.records import Lesson
from preceptor.core.untrusted import one_line
from preceptor.evaluate.arms import Ground, Learned
from preceptor.library.embedder import Embedder
from preceptor.library.release import Release, read_release
from preceptor.llm import Seats
from preceptor.project.workers.sites import CoachRecipe, Evaluating

if TYPE_CHECKING:
    from preceptor.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Read once, before any model is asked."""

    coach: Coach | None
    learned: Learned
    files: Mapping[str, str]
    release: str
    source: CoachRecipe | Release | None
    """What the coach is made of."""
    inputs: Mapping[str, str]
    """Digests: a run may only go on with the same."""

    def ground(self, project: Project, seats: Seats) -> Ground:
        """What all arms stand on."""
        return Ground(
            domain=project.domain,
            seats=seats,
            coach=self.coach,
            prompts=project.prompts,
            learned=self.learned,
            files=self.files,
            release=self.release,
        )

    def around(self, project: Project) -> Evaluating:
        """The same for workers."""
        return Evaluating(
            domain=project.domain,
            prompts=project.prompts,
            config=project.config,
            coach=self.source,
            learned=self.learned,
            files=self.files,
            release=self.release,
        )


def basis_of(project: Project, embedder: Embedder | None = None) -> Basis:
    """The release that ``evaluate.release`` names, or else what the library offers to a run; and the arms' files.

    With ``embedder`` strategies are found by meaning too; of a release, where it was made with vectors.

    Raises:
        ConfigError: a file or release that is not there.
        InputError: a file that cannot be read; a release that is none.
    """
    settings = project.config.evaluate
    files = dict(_file(project.folder, text) for text in settings.arm_files)
    lessons = _lessons(project) if "examples" in settings.arms else ()
    release = find_release(project, settings.release) if settings.release else None
    source = release or project.coach_recipe()
    if release is None:
        coach, strategies = project.coach(embedder), project.strategies()
    else:
        made_with = None if release.manifest.embedder is None else embedder
        coach, strategies = Coach.from_release(release, embedder=made_with), tuple(release.strategies())
    inputs = {
        "domain": digest("domain", project.domain),
        "strategies": digest("coach", [s.id for s in strategies]),
    }
    # Only what is used is named, so that runs begun by an earlier version can be resumed.
    inputs |= {f"arm {name}": digest("arm", text) for name, text in files.items()}
    inputs |= {"lessons": digest("lessons", [lesson.id for lesson in lessons])} if lessons else {}
    inputs |= {"release": release.id} if release is not None else {}
    return Basis(
        coach=coach,
        learned=Learned(strategies=strategies, lessons=lessons),
        files=files,
        release=release.id if release is not None else "",
        source=source,
        inputs=inputs,
    )


def find_release(project: Project, name: str) -> Release:
    """The release in the file ``name``, or the one in the project's folder whose id begins so.

    Raises:
        ConfigError: none, or more than one.
        InputError: the file is no release.
    """
    for path in (Path(name), project.folder / name):
        if path.is_file():
            return read_release(path)
    folder = project.folder / "releases"
    found = [p for p in sorted(folder.glob("release-*")) if p.name.startswith(name) and p.is_file()]
    if len(found) != 1:
        what = "no release" if not found else f"{len(found)} releases"
        raise ConfigError(
            f"{what} of the project begin with '{one_line(name, 80)}'", hint="see: preceptor release list"
        )
    return read_release(found[0])


def _file(folder: Path, text: str) -> tuple[str, str]:
    name, mark, where = text.partition("=")
    if not mark or not name.strip() or not where.strip():
        raise ConfigError(f"'{one_line(text, 80)}' is no arm from a file", hint="write NAME=FILE")
    path = Path(where.strip())
    # A path from the command line is meant from where one stands; one from preceptor.toml from the project.
    path = path if path.is_absolute() or path.is_file() else folder / path
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {unreadable(error)}", hint="name a text file in UTF-8") from error
    if not found.strip():
        raise InputError(f"{path} is empty", hint="an arm from a file needs a text")
    return name.strip(), found


def _lessons(project: Project) -> tuple[Lesson, ...]:
    if not project.has_library():  # nothing was learned yet
        return ()
    with project.library() as library:
        return tuple(library.lesson(row.id) for row in library.lessons())
