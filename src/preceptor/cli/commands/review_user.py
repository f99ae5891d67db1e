"""``preceptor review-user``: the accounts of reviewers."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from preceptor.cli.options import flags, json_option, project_options
from preceptor.cli.out import console, line, table, write_json
from preceptor.core.errors import InputError
from preceptor.project import Project

_ROLE = click.Choice(["viewer", "reviewer", "publisher", "admin"])


@click.group("review-user")
def command() -> None:
    """Accounts of reviewers: add, change, remove, tokens.

    A viewer reads; a reviewer also decides; a publisher also publishes and stops runs; an admin may do all.
    """


@command.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, default="reviewer", show_default=True, help="What the account may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is made.")
@project_options
@json_option
def add(name: str, role: str, password_stdin: bool, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Make an account. The password is shown once, unless you give it."""
    from preceptor.project.reviewing import open_people  # noqa: PLC0415 - argon2, where it is used

    password = _password(given=password_stdin)
    with open_people(_project(folder, sets), create=True) as people:
        made = people.add(name, role, password)
    _tell(made.name, made.role, "" if password_stdin else password, as_json)


@command.command("change")
@click.argument("name")
@click.option("--role", type=_ROLE, help="Another role.")
@click.option("--password", "new_password", is_flag=True, help="A new password, made and shown once.")
@click.option("--password-stdin", is_flag=True, help="A new password from standard input.")
@project_options
@json_option
def change(
    name: str,
    role: str | None,
    new_password: bool,
    password_stdin: bool,
    folder: Path,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change role or password. Whoever is signed in with the old password is signed out."""
    from preceptor.project.reviewing import open_people  # noqa: PLC0415

    if role is None and not new_password and not password_stdin:
        raise InputError("nothing to change was named", hint="add --role ROLE, --password or --password-stdin")
    password = _password(given=password_stdin) if new_password or password_stdin else None
    with open_people(_project(folder, sets), create=False) as people:
        people.change(name, role=role, password=password)
        now = people.get(name)
    _tell(name, now.role if now else "", "" if password_stdin else password or "", as_json)


@command.command("remove")
@click.argument("name")
@project_options
@json_option
def remove(name: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Remove an account. What it decided stays in the log."""
    from preceptor.project.reviewing import open_people  # noqa: PLC0415

    with open_people(_project(folder, sets), create=False) as people:
        people.remove(name)
    if as_json:
        write_json({"removed": name})
        return
    click.echo(f"removed: {name}")


@command.command("token")
@click.argument("name")
@project_options
@json_option
def token(name: str, folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Make a token for the JSON API, in place of an earlier one. It is shown once."""
    from preceptor.project.reviewing import open_people  # noqa: PLC0415

    with open_people(_project(folder, sets), create=False) as people:
        made = people.token(name)
    if as_json:
        write_json({"name": name, "token": made})
        return
    click.echo(f"token: {made}")
    click.echo("use: Authorization: Bearer TOKEN")


@command.command("list")
@project_options
@json_option
def list_people(folder: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """List the accounts."""
    from preceptor.project.reviewing import open_people  # noqa: PLC0415

    with open_people(_project(folder, sets), create=False) as people:
        found = people.list()
    if as_json:
        write_json({"accounts": [{"name": a.name, "role": a.role} for a in found]})
        return
    if not found:
        click.echo("no accounts: only the one-time link signs in")
        return
    console().print(table(["account", "role"], [(line(a.name, style="bold"), a.role) for a in found]))


def _project(folder: Path, sets: tuple[str, ...]) -> Project:
    return Project.open(folder, flags=flags(sets, {}))


def _password(*, given: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if given else secrets.token_urlsafe(15)


def _tell(name: str, role: str, password: str, as_json: bool) -> None:
    if as_json:
        write_json({"name": name, "role": role, "password": password or None})
        return
    click.echo(f"{name}: {role}")
    if password:
        click.echo(f"password, shown once: {password}")
