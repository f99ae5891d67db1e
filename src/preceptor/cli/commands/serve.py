"""``preceptor serve``: the OpenAI-compatible proxy that adds advice."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from preceptor.cli.listening import base_url, listen, listen_all, near
from preceptor.cli.options import flags, project_options
from preceptor.core import config as core_config
from preceptor.core.clock import Clock
from preceptor.core.config import FILE
from preceptor.core.errors import ConfigError
from preceptor.core.settings import EmbedderConfig
from preceptor.core.spans import exporter
from preceptor.library.embedder import Embedder
from preceptor.library.release import SUFFIX, file_name, release_id
from preceptor.library.release_pointer import FilePointer, Pointer
from preceptor.project import Project
from preceptor.project.embedding import open_embedder
from preceptor.serve.app import Health, Wiring, build_app
from preceptor.serve.follow import FixedPointer
from preceptor.serve.keys import KeyFile
from preceptor.serve.log import Log, Write
from preceptor.serve.processes import Keeper, Replica
from preceptor.serve.record import Recorder, RecordSettings
from preceptor.serve.redact import redactor
from preceptor.serve.run import WAITING, serve
from preceptor.serve.settings import MEGABYTE, ServeSettings
from preceptor.serve.spans import NO_SPANS, open_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where releases come from."""

    pointer: Pointer
    folder: Path | None


_TIME = click.FloatRange(0)
_LONG = click.FloatRange(1)


@click.command("serve")
@click.option(
    "--upstream", required=True, metavar="URL", help="The server behind, as in http://127.0.0.1:11434/v1."
)
@click.option("--upstream-key-env", metavar="NAME", help="Variable that holds the key for the server behind.")
@click.option("--release", "release", metavar="ID|FILE", help="Serve this release only; default: the current one.")
@click.option(
    "--releases", type=click.Path(path_type=Path), metavar="DIR", help="Follow a folder, with no project."
)
@click.option("--student", default="", metavar="MODEL", help="Hold back what harms this student; see transfer.")
@click.option("--embedder", metavar="NAME", help="What makes vectors, as embedder.model; default: the project's.")
@click.option("--embedder-key-env", default="", metavar="NAME", help="Variable that holds the embedder's key.")
@click.option("--trial", is_flag=True, help="Serve a trial release; every response says so.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8400, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes behind the port."
)
@click.option("--replica", hidden=True, help="Which of them this is: said by the one that keeps them.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help="Who may call; see serve-key.")
@click.option("--refuse", is_flag=True, help="Refuse a request that coaching fails for; default: let it go on.")
@click.option("--control/--no-control", default=True, help="Whether x-preceptor-* headers of requests are heard.")
@click.option("--max-body", default=32, show_default=True, type=click.IntRange(1), help="Megabytes of a request.")
@click.option(
    "--idle", default=600.0, show_default=True, type=_LONG, help="Seconds that the server behind may be silent."
)
@click.option(
    "--drain", default=30.0, show_default=True, type=_TIME, help="Seconds that requests have to end at shutdown."
)
@click.option(
    "--notice", default=0.0, show_default=True, type=_TIME, help="Seconds from 'draining' on /readyz to closing."
)
@click.option("--log-content", is_flag=True, help="Log what customers said and the advice given.")
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="DIR", help="Record calls there, for learn --logs."
)
@click.option("--record-days", default=30, show_default=True, help="Days that records are kept.")
@click.option("--record-share", default=1.0, show_default=True, help="Share of calls that is recorded, 0 to 1.")
@click.option(
    "--redact",
    default="patterns",
    show_default=True,
    help="What redacts records: patterns, or presidio:MODEL (extra).",
)
@click.option("--otel", is_flag=True, help="OpenTelemetry spans (extra: otel).")
@project_options
def command(folder: Path, sets: tuple[str, ...], **given: Any) -> None:
    """Serve a small model with advice: an OpenAI-compatible proxy.

    Point your application's base URL at it. The log goes to stderr, one JSON object a line.
    """
    environ = core_config.environ()
    clock = core_config.clock(environ)
    replica = Replica.read(given["replica"]) if given["replica"] else None
    if given["processes"] > 1 and replica is None:
        _keep(given, _settled(given, folder, sets), clock)
        return
    write = _log if replica is None else _shared_log(replica)
    key = _upstream_key(given["upstream_key_env"], environ)
    host, trial, keys = str(given["host"]), bool(given["trial"]), given["keys"]
    _check_open(host, has_keys=keys is not None, has_upstream_key=bool(key))
    source = _source(given["release"], given["releases"], folder, sets, trial=trial)
    settings = ServeSettings(
        upstream=given["upstream"],
        upstream_key=key,
        student=str(given["student"]),
        trial=trial,
        refuse=given["refuse"],
        control=given["control"],
        max_body=given["max_body"] * MEGABYTE,
        idle_seconds=given["idle"],
        log_content=given["log_content"],
    )
    health = Health()
    wiring = Wiring(
        settings=settings,
        pointer=source.pointer,
        folder=source.folder,
        clock=clock,
        timer=time.perf_counter,
        write=write,
        keys=KeyFile(keys) if keys else None,
        spans=open_spans(exporter(), settings.upstream) if given["otel"] else NO_SPANS,
        embedder=_embedder(given["embedder"], given["embedder_key_env"], folder, sets, environ),
        recorder=_recorder(given, Log(write, clock), clock),
        replica=replica,
    )
    app = build_app(wiring, health)
    ends = {"drain": given["drain"], "notice": given["notice"]}
    if replica is not None:
        mine, keeper = socket.socket(fileno=replica.listening), socket.socket(fileno=replica.line)
        if replica.greets:
            _greet(given, mine)
        serve(app, health, mine, **ends, keeper=keeper)
        return
    listening = listen(host, given["port"], waiting=WAITING)
    _greet(given, listening)
    serve(app, health, listening, **ends)


def _keep(given: Mapping[str, Any], settled: Sequence[str], clock: Clock) -> None:
    """Several processes, each started as this one was, with what was settled for all."""
    with tempfile.TemporaryDirectory(prefix="preceptor-") as folder:
        listening = listen_all(given["host"], given["port"], given["processes"], waiting=WAITING)
        command = (sys.executable, "-m", "preceptor.cli", *sys.argv[1:], *settled)
        keeper = Keeper(command, listening, Path(folder), Log(_log, clock))
        code = asyncio.run(keeper.keep())
    if code:
        raise click.exceptions.Exit(code)
    if keeper.signal is not None:
        signal.raise_signal(keeper.signal)  # ends as one process alone does


def _greet(given: Mapping[str, Any], listening: socket.socket) -> None:
    where, count = base_url(given["host"], listening), given["processes"]
    several = f" by {count} processes" if count > 1 else ""
    click.echo(f"serving on {where}/v1 in front of {given['upstream']}{several}", err=True)
    if given["trial"]:
        click.echo("trial: strategies that nobody reviewed are served; every response says so", err=True)


def _recorder(given: Mapping[str, Any], log: Log, clock: Clock) -> Recorder | None:
    if given["record"] is None:
        return None
    settings = RecordSettings(folder=given["record"], days=given["record_days"], share=given["record_share"])

    def trouble(error: str) -> None:
        log("recording-failed", error=error)

    return Recorder(settings, redactor(given["redact"]), clock, trouble)


def _upstream_key(name: str | None, environ: Mapping[str, str]) -> str:
    key = environ.get(name, "") if name else ""
    if name and not key:
        raise ConfigError(f"the variable {name} is not set", hint="put the upstream's key into it")
    return key


def _embedder(
    name: str | None, key_env: str, folder: Path, sets: tuple[str, ...], environ: Mapping[str, str]
) -> Embedder | None:
    """As told, else the project's, where there is one."""
    if name is not None:
        chosen = EmbedderConfig(model=name, api_key_env=key_env)
    elif (folder / FILE).is_file():
        chosen = Project.open(folder, flags=flags(sets, {})).config.embedder
    else:
        return None
    return open_embedder(chosen, environ, serving=True)


def _source(
    release: str | None, releases: Path | None, folder: Path, sets: tuple[str, ...], *, trial: bool
) -> _Source:
    if release and _is_file(release):
        return _Source(pointer=_fixed(Path(release), trial=trial), folder=None)
    if releases is not None:
        if release:
            raise ConfigError("--releases follows a folder", hint="give the file itself: --release FILE")
        if not releases.is_dir():
            raise ConfigError(
                f"there is no folder {releases} to follow", hint="name one that holds current.json: --releases DIR"
            )
        return _Source(pointer=FilePointer(releases), folder=releases)
    if not (folder / FILE).is_file():
        raise ConfigError(
            f"{folder} is no project folder", hint="name one with --project DIR, or releases with --releases DIR"
        )
    return _of_project(Project.open(folder, flags=flags(sets, {})), release, trial=trial)


def _settled(given: Mapping[str, Any], folder: Path, sets: tuple[str, ...]) -> tuple[str, ...]:
    """``--release`` with a whole id, where what was told may mean another one later (the newest trial, the
    beginning of an id): a process that is started again would serve that one beside the others."""
    release = given["release"]
    told = bool(release or given["trial"]) and given["releases"] is None and not _is_file(release)
    if not told or not (folder / FILE).is_file():
        return ()
    digest = _chosen(Project.open(folder, flags=flags(sets, {})), release)
    return ("--release", release_id(digest))


def _chosen(project: Project, release: str | None) -> str:
    """Digest of the release of that id, else of the newest trial. Its file is there then."""
    from preceptor.project.releasing import open_releases  # noqa: PLC0415 - brings the database

    with open_releases(project) as found:
        rows = [found.find(release)] if release else [r for r in found.list() if r.trial][-1:]
        if not rows:
            raise ConfigError("there is no trial release", hint="make one: preceptor release create --trial")
        found.read(rows[0].digest)
    return rows[0].digest


def _of_project(project: Project, release: str | None, *, trial: bool) -> _Source:
    # Here, since they bring the database, and a proxy that follows a file needs none.
    from preceptor.library.publishing import DatabasePointer  # noqa: PLC0415
    from preceptor.project.releasing import open_releases, releases_folder  # noqa: PLC0415

    where = releases_folder(project)
    if release or trial:
        return _Source(pointer=_fixed(where / file_name(_chosen(project, release)), trial=trial), folder=where)
    if "://" in project.config.library.path:
        return _Source(pointer=DatabasePointer(open_releases(project)), folder=where)
    return _Source(pointer=FilePointer(where), folder=where)


def _is_file(release: str | None) -> bool:
    return release is not None and (release.endswith(SUFFIX) or "/" in release)


def _fixed(path: Path, *, trial: bool) -> FixedPointer:
    found = FixedPointer(path)
    if found.trial and not trial:
        raise ConfigError(
            f"{path} is a trial release: strategies in it were not approved", hint="serve it with: --trial"
        )
    return found


def _check_open(host: str, *, has_keys: bool, has_upstream_key: bool) -> None:
    """A key for the server behind must not be lent to whoever reaches the port."""
    if has_upstream_key and not has_keys and not near(host):
        raise ConfigError(
            f"anyone who reaches {host} could use the upstream's key",
            hint="let in whom you know: --keys FILE (see: preceptor serve-key NAME), or listen on 127.0.0.1",
        )


def _shared_log(replica: Replica) -> Write:
    """Lines of several processes do not mix, however long they are."""
    lock = (replica.folder / "log").open("a")

    def write(text: str) -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _log(text)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    return write


def _log(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
