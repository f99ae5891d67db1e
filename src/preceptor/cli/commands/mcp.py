"""``preceptor mcp``: advice and the library for MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from preceptor.cli.listening import base_url, listen, near
from preceptor.cli.options import flags, project_options
from preceptor.core.errors import ConfigError, install
from preceptor.project import Project


@click.command("mcp")
@click.option("--release", default="", metavar="ID|FILE", help="Advice of this release; default: the current one.")
@click.option("--trial", is_flag=True, help="Advice from all that a run may use, reviewed or not.")
@click.option("--http", is_flag=True, help="Serve over HTTP; default: over the standard streams.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: address to listen on.")
@click.option("--port", default=8600, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help="Who may call; see serve-key.")
@project_options
def command(folder: Path, sets: tuple[str, ...], **given: Any) -> None:
    """Serve advice and the library to MCP clients.

    Tools: advise, search_library. Resources: preceptor://strategies, preceptor://releases. It reads only.
    """
    if given["release"] and given["trial"]:
        raise click.UsageError("--trial goes with the library, not with a release")
    try:
        from preceptor.mcp.run import http_app, run_stdio, serve_http  # noqa: PLC0415 - the extra
        from preceptor.mcp.server import House, Now, build_server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise ConfigError("the mcp package is not installed", hint=install("mcp")) from error
    from preceptor.project.advising import Advisor  # noqa: PLC0415 - brings the database
    from preceptor.project.releasing import open_releases  # noqa: PLC0415
    from preceptor.serve.keys import KeyFile  # noqa: PLC0415

    host, keys = str(given["host"]), KeyFile(given["keys"]) if given["keys"] else None
    _check_open(host, has_keys=keys is not None)
    project = Project.open(folder, flags=flags(sets, {}))
    with project.library() as library, open_releases(project) as releases:
        advisor = Advisor(project, library, releases, release=given["release"], trial=given["trial"])

        def now() -> Now:
            found = advisor.now()
            return Now(coach=found.coach, source=found.source, reviewed=found.reviewed)

        server = build_server(House(name=project.domain.name, library=library, releases=releases, now=now))
        if not given["http"]:
            run_stdio(server)
            return
        listening = listen(host, given["port"])
        click.echo(f"serving on {base_url(host, listening)}/mcp", err=True)
        serve_http(http_app(server, holder=keys.holder_now if keys else None), listening)


def _check_open(host: str, *, has_keys: bool) -> None:
    """The library must not be open to whoever reaches the port."""
    if not near(host) and not has_keys:
        raise ConfigError(
            f"on {host} anyone who reaches the port could read the library",
            hint="let in whom you know: --keys FILE (see: preceptor serve-key NAME), or listen on 127.0.0.1",
        )
