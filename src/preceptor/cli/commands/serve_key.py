"""``preceptor serve-key``: a new key for a caller of the proxy."""

from __future__ import annotations

import click

from preceptor.cli.options import json_option
from preceptor.cli.out import write_json
from preceptor.serve.keys import key_line, new_key


@click.command("serve-key")
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """Make an API key for a caller of the proxy.

    The key is shown once. Its line, which holds only a hash, goes into the file of "preceptor serve --keys".
    """
    key = new_key()
    made = key_line(name, key)
    if as_json:
        write_json({"key": key, "line": made})
        return
    click.echo(f"key, for the caller: {key}")
    click.echo(f"line, for the key file: {made}")
