"""``preceptor prompts``: the prompts, built in and the project's own."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.core.config import FILE
from preceptor.core.errors import PromptError
from preceptor.core.untrusted import clean
from preceptor.project import Project
from preceptor.prompts import NAMES, PromptSet, load_prompts


@click.group("prompts")
def command() -> None:
    """Read the prompts, built in and your own.

    A file NAME.md in the folder that prompts.folder names replaces the built-in prompt of that name.
    """


@command.command("list")
@project_options
@json_option
def list_prompts(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """List every prompt with its purpose."""
    prompts = _prompts(folder, sets)
    if as_json:
        rows = [
            {
                "name": name,
                "purpose": prompts[name].header.get("purpose", ""),
                "reader": prompts[name].header.get("reader", ""),
                "source": prompts[name].source,
                "hash": prompts[name].hash,
                "placeholders": sorted(prompts[name].placeholders),
            }
            for name in NAMES
        ]
        write_json({"prompts": rows})
        return
    found = [prompts[name] for name in NAMES]
    rows = [
        (line(p.name, style="bold"), p.header.get("reader", ""), p.header.get("purpose", ""), p.source)
        for p in found
    ]
    console().print(table(["prompt", "reader", "purpose", "from"], rows))


@command.command("show")
@click.argument("name")
@click.option("--example", is_flag=True, help="Filled in with an example, as a model gets it.")
@project_options
@json_option
def show(name: str, example: bool, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Print one prompt.

    To write your own: preceptor prompts show teach > my-prompts/teach.md
    """
    if name not in NAMES:
        raise PromptError(f"there is no prompt '{name}'", hint=f"prompts are: {', '.join(NAMES)}")
    from preceptor.project.prompt_examples import rendered  # noqa: PLC0415 - only where an example is asked for

    prompt = _prompts(folder, sets)[name]
    body = rendered(prompt) if example else prompt.body
    if as_json:
        write_json(
            {
                "name": name,
                "header": dict(prompt.header),
                "source": prompt.source,
                "hash": prompt.hash,
                "body": body,
            }
        )
        return
    if not example:
        head = "".join(f"{key}: {value}\n" for key, value in prompt.header.items())
        click.echo(f"---\n{clean(head)}\n---")
    click.echo(clean(body))


def _prompts(folder: Path, sets: tuple[str, ...]) -> PromptSet:
    """Those of the project where there is one; else the built-in ones."""
    if not (folder / FILE).is_file() and not sets:
        return load_prompts()
    return Project.open(folder, flags=flags(sets, {})).prompts
