"""``preceptor practice``: the embedded worlds."""

from __future__ import annotations

from pathlib import Path

import click

from preceptor.cli.listening import base_url, listen
from preceptor.cli.options import json_option
from preceptor.cli.out import console, counted, line, table, write_json
from preceptor.practice import load_world, shipped_world, shipped_worlds


@click.group("practice")
def command() -> None:
    """Serve, list and check the embedded practice worlds.

    Practice models are a flight simulator, not language models.
    """


@command.command("worlds")
@json_option
def worlds(as_json: bool) -> None:
    """List the worlds that are shipped."""
    rows: list[dict[str, object]] = []
    for name in shipped_worlds():
        domain = shipped_world(name).domain()
        held = sum(p.heldout for p in domain.profiles)
        rows.append(
            {
                "name": name,
                "domain": domain.name,
                "issues": len(domain.issues),
                "training_profiles": len(domain.profiles) - held,
                "heldout_profiles": held,
            }
        )
    if as_json:
        write_json({"worlds": rows})
        return
    columns = ["world", "domain", "issues", "training", "held out"]
    cells = [(line(r["name"], style="bold"), *map(str, list(r.values())[1:])) for r in rows]
    console().print(table(columns, cells, right=columns[2:]))


@command.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check a world file; errors name the line."""
    domain = load_world(file).domain()
    if as_json:
        write_json(
            {"ok": True, "domain": domain.name, "issues": len(domain.issues), "profiles": len(domain.profiles)}
        )
    else:
        issues, profiles = counted(len(domain.issues), "issue"), counted(len(domain.profiles), "profile")
        click.echo(f"ok: {line(domain.name)}, {issues}, {profiles}")


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8401, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: any.")
@click.option("--world", default="", metavar="FILE", help="Your own world; default: those that are shipped.")
@click.option(
    "--latency", default=0.0, show_default=True, type=click.FloatRange(0), help="Seconds an answer takes."
)
def serve(host: str, port: int, world: str, latency: float) -> None:
    """Serve the practice models over HTTP, in OpenAI's form, until Ctrl-C."""
    import uvicorn  # noqa: PLC0415 - a web server, only where it is wanted

    from preceptor.practice.http import practice_app  # noqa: PLC0415

    app = practice_app(world=world, latency=latency)
    listening = listen(host, port, waiting=2048)
    base = f"{base_url(host, listening)}/v1"
    click.echo(f"practice models on {base} (Ctrl-C ends)", err=True)
    click.echo(f"use them as {base}#student-small, #teacher, #customer, #judge", err=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
