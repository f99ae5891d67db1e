"""``preceptor export``: strategies for use elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from preceptor.cli.files import write_folder, write_text
from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import write_json
from preceptor.core.config import FILE
from preceptor.core.errors import InputError
from preceptor.exchange.contents import Contents, contents_of_release
from preceptor.exchange.finetune import Form
from preceptor.exchange.jsonl import export_lines
from preceptor.exchange.playbook import UNREVIEWED, playbook
from preceptor.exchange.skills import GENERATOR, skill_files, skill_name
from preceptor.library.release import SUFFIX, Release, read_release
from preceptor.project import Project
from preceptor.project.exchanging import check, fine_tuning, gather, open_release

_STDOUT = Path("-")
_EXAMPLES: Mapping[str, Form] = {"finetune": "messages", "finetune-trl": "prompt-completion"}
_WHY = {
    "not-accepted": "whose reply was not as good as the teacher's",
    "uncoached": "in which the student had no advice",
    "not-approved": "that rest on strategies which are not approved",
    "same": "that give the same example as another",
}


@click.command("export")
@click.option(
    "--to",
    "form",
    required=True,
    type=click.Choice(["markdown", "jsonl", "skills", "finetune", "finetune-trl"]),
    help="Playbook, our own full form, Agent Skill, fine-tuning examples (OpenAI, TRL).",
)
@click.option("--release", metavar="ID|FILE", help="A release, 'current' or its file; default: what is approved.")
@click.option("--trial", is_flag=True, help="Also strategies that nobody reviewed; marked so.")
@click.option("--out", type=click.Path(path_type=Path), metavar="PATH", help="File, or folder to put the skill in.")
@click.option("--name", default="", metavar="NAME", help="Name of the skill; default: made of the domain's.")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier export wrote there.")
@project_options
@json_option
def command(folder: Path, sets: tuple[str, ...], as_json: bool, form: str, **given: Any) -> None:
    """Take strategies elsewhere: playbook, JSONL, skill, fine-tuning.

    Without --out, or with --out -, the text goes to the standard output. A skill needs --out, a folder to be in.
    """
    out: Path | None = given["out"]
    if out == _STDOUT:
        out = given["out"] = None
    if out is None and (as_json or form == "skills"):
        raise click.UsageError("say where to write it: --out")
    if given["release"] and given["trial"]:
        raise click.UsageError("--trial goes with the library, not with a release")
    name: str = given["release"] or ""
    told = (_finetune if form in _EXAMPLES else _strategies)(
        form, _Source(folder, sets, name, given["trial"]), given
    )
    if as_json:
        write_json(told)
    elif out is not None:
        click.echo(f"{told['path']}: {told['examples' if form in _EXAMPLES else 'strategies']} {told['of']}")


class _Source:
    """Where strategies are taken from: a project, or a release file by itself."""

    def __init__(self, folder: Path, sets: tuple[str, ...], release: str, trial: bool) -> None:
        self.trial = trial
        self.project = Project.open(folder, flags=flags(sets, {})) if (folder / FILE).is_file() else None
        is_file = release.endswith(SUFFIX) or "/" in release
        self.release: Release | None = read_release(release) if is_file else None
        if self.project is None and self.release is None:
            Project.open(folder)  # says that there is none
        if release and self.project is not None and self.release is None:
            self.release = open_release(self.project, release)

    def contents(self) -> Contents:
        if self.project is not None:
            return gather(self.project, release=self.release, trial=self.trial)
        assert self.release is not None
        found = contents_of_release(self.release, "")
        check(found)
        return found


def _strategies(form: str, source: _Source, given: Mapping[str, Any]) -> dict[str, object]:
    contents = source.contents()
    told: dict[str, object] = {
        "to": form,
        "source": contents.source,
        "strategies": len(contents.items),
        "reviewed": not contents.trial,
        "of": "strategies",
    }
    out: Path | None = given["out"]
    if contents.trial:
        click.echo(f"note: {UNREVIEWED}", err=True)
    if form == "jsonl" and contents.logged:
        click.echo(f"note: {contents.logged} scenarios hold the words of real customers", err=True)
    if form == "skills":
        assert out is not None
        name = skill_name(contents.domain, given["name"])
        files = skill_files(contents, name)
        write_folder(out / name, files, overwrite=given["overwrite"], made_by_us=GENERATOR)
        return {**told, "path": str(out / name), "files": sorted(files)}
    text = playbook(contents) if form == "markdown" else "".join(f"{line}\n" for line in export_lines(contents))
    return {**told, "path": _write(out, text, overwrite=given["overwrite"])}


def _finetune(form: str, source: _Source, given: Mapping[str, Any]) -> dict[str, object]:
    if source.project is None:
        raise InputError(
            "a release holds no lessons to make examples of", hint="run this in the project: --project DIR"
        )
    found = fine_tuning(source.project, form=_EXAMPLES[form], release=source.release, trial=source.trial)
    for why, count in found.left_out.items():
        click.echo(f"left out: {count} lessons {_WHY[why]}", err=True)
    if found.logged:
        click.echo(f"note: {found.logged} examples hold the words of real customers", err=True)
    if source.trial:
        click.echo("note: rests on strategies that nobody reviewed", err=True)
    if not found.lines:
        raise InputError(
            "there is no example to export",
            hint="approve the strategies that lessons rest on (preceptor review), or take unreviewed ones: --trial",
        )
    path = _write(given["out"], "".join(f"{line}\n" for line in found.lines), overwrite=given["overwrite"])
    return {
        "to": form,
        "source": source.release.id if source.release else "library",
        "examples": len(found.lines),
        "left_out": dict(found.left_out),
        "logged": found.logged,
        "reviewed": not source.trial,
        "of": "examples",
        "path": path,
    }


def _write(out: Path | None, text: str, *, overwrite: bool) -> str:
    if out is None:
        click.echo(text, nl=False)
        return ""
    write_text(out, text, overwrite=overwrite)
    return str(out)
