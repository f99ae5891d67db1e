"""``preceptor init``: a new project folder."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.next_step import where
from preceptor.cli.options import json_option
from preceptor.cli.out import counted, program, write_json
from preceptor.project import Project


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--world", default="airline", show_default=True, help="Practice world (name or file) to start from.")
@click.option("--blank", is_flag=True, help="A commented template for a domain of your own instead.")
@json_option
def command(folder: Path, world: str, blank: bool, as_json: bool) -> None:
    """Make a project folder: settings and a domain to edit."""
    project = Project.create(folder, world, blank=blank)
    domain = project.domain
    held = sum(p.heldout for p in domain.profiles)
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    if as_json:
        write_json(
            {
                "folder": str(folder),
                "domain": domain.name,
                "issues": len(domain.issues),
                "training_profiles": len(domain.profiles) - held,
                "heldout_profiles": held,
                "files": files,
            }
        )
        return
    click.echo(f"Made {folder}: {domain.name}, {counted(len(domain.issues), 'issue')},")
    click.echo(f"{len(domain.profiles) - held} customers to learn from, {held} kept for evaluation.")
    click.echo("")
    click.echo(f"  {folder}/preceptor.toml   models, budgets, the loop's numbers")
    click.echo(f"  {folder}/domain/          brief.md, policy.md, issues.yaml, profiles.yaml")
    click.echo("")
    click.echo(f"next: {program()} learn{where(folder)} --dry-run")
