"""``preceptor review``: the web app in which people decide what may be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from preceptor.cli.listening import base_url, listen, near
from preceptor.cli.next_step import as_typed
from preceptor.cli.options import flags, project_options
from preceptor.core.errors import ConfigError
from preceptor.project import Project


@click.command("review")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8500, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A further host name it is reached by.")
@click.option("--https", is_flag=True, help="It is reached by https, through a proxy: cookies go no other way.")
@click.option("--link/--no-link", default=True, help="Print a link that signs you in as admin, once.")
@click.option("--by", metavar="NAME", help="Who the link signs in; default: your account.")
@click.option("--proxy-header", metavar="NAME", help="Header in which a reverse proxy names the account.")
@click.option(
    "--proxy-from",
    multiple=True,
    metavar="ADDRESS",
    default=("127.0.0.1", "::1"),
    show_default=True,
    help="Where that proxy calls from.",
)
@click.option(
    "--serve-log",
    "serve_logs",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Where the proxy's log goes: to show how often each strategy is used.",
)
@project_options
def command(folder: Path, sets: tuple[str, ...], **given: Any) -> None:
    """Read, edit, approve and release strategies in the browser.

    Open the printed link. For a team, make accounts with review-user.
    """
    # Here, since they bring the web and the database.
    from preceptor.project.releasing import author  # noqa: PLC0415
    from preceptor.project.reviewing import open_house, open_people  # noqa: PLC0415
    from preceptor.review.app import create_app  # noqa: PLC0415
    from preceptor.review.desk import Desk  # noqa: PLC0415
    from preceptor.review.guard import Access, local_hosts  # noqa: PLC0415
    from preceptor.review.people import Account  # noqa: PLC0415
    from preceptor.review.run import serve  # noqa: PLC0415

    host, https, header = str(given["host"]), bool(given["https"]), str(given["proxy_header"] or "").casefold()
    project = Project.open(folder, flags=flags(sets, {}))
    project.typed = as_typed()
    with open_people(project, create=True) as people, open_house(project, serve_logs=given["serve_logs"]) as house:
        accounts = bool(people.list())
        _check_open(host, accounts=accounts, https=https, proxied=bool(header))
        access = Access(
            hosts=local_hosts(host, given["names"]),
            secure=https,
            passwords=accounts,
            proxy_header=header,
            proxies=given["proxy_from"],
        )
        desk = Desk(house, people=people, access=access)
        app = create_app(desk)
        listening = listen(host, given["port"])
        base = base_url(host, listening)
        if given["link"]:
            key = desk.sessions.link(Account(name=author(project, given["by"]), role="admin"))
            click.echo(f"open within 15 minutes, it works once:  {base}/enter?key={key}", err=True)
        click.echo(f"reviewing on {base}" + (", accounts sign in there" if accounts else ""), err=True)
        serve(app, listening, desk.closing)


def _check_open(host: str, *, accounts: bool, https: bool, proxied: bool) -> None:
    """Passwords must not cross a network in the clear, and an open port wants accounts."""
    if near(host):
        return
    if not accounts and not proxied:
        raise ConfigError(
            f"on {host} others can reach the app, and there are no accounts",
            hint="make one: preceptor review-user add NAME --role admin; or stay on 127.0.0.1",
        )
    if not https:
        raise ConfigError(
            f"on {host} passwords and cookies would cross the network in the clear",
            hint="put a proxy with https in front, then add: --https --name ITS.HOST.NAME",
        )
