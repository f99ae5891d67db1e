"""Where the items of a run are run, by the settings."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from preceptor.core.errors import ConfigError, RunError, install
from preceptor.core.executor import Executor, InProcess
from preceptor.core.settings import Config, SeatConfig
from preceptor.core.untrusted import one_line
from preceptor.library.remembered import Remembering

if TYPE_CHECKING:
    from preceptor.project.project import Project
    from preceptor.project.session import Session
    from preceptor.project.stopping import Stop
    from preceptor.project.workers.worker import Surroundings


_PATIENCE = 10.0
"""Seconds in which the head of a cluster takes a connection."""


def require_workers(project: Project) -> None:
    """ConfigError where workers are wanted and cannot be had: told before a run is made."""
    config = project.config
    if config.run.executor == "local":
        return
    if not config.journal.path:
        raise ConfigError(
            "run.executor = ray needs a journal that all workers share",
            hint="set journal.path to a PostgreSQL database: --set journal.path=postgresql://user@host/database",
        )
    if find_spec("ray") is None:
        raise ConfigError("Ray is not installed", hint=install("ray"))
    require_listening(config.run.ray_address)


def require_listening(address: str) -> None:
    """Nothing, where somebody listens at HOST:PORT: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # this machine's own, or a name that Ray resolves
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        where = f"the Ray at {one_line(address, 80)} cannot be reached"
        raise RunError(f"{where}: {one_line(str(error), 120)}", hint="see: ray status (docs/scale.md)") from error


@asynccontextmanager
async def executor_of(
    project: Project,
    now: Session,
    stop: Stop,
    surroundings: Surroundings,
    embedder: Remembering | None = None,
) -> AsyncGenerator[Executor]:
    """What ``run.executor`` names, ready; its workers are gone at the end.

    Args:
        embedder: the run's own: what workers ask of theirs counts with it.

    Raises:
        ConfigError: limits are too small for so many workers.
        RunError: the cluster cannot be reached, or starts no worker.
    """
    if project.config.run.executor == "local":
        yield InProcess()
        return
    from preceptor.project.workers.on_ray import on_ray  # noqa: PLC0415 - Ray, only where it is used

    async with on_ray(project, now, stop, surroundings, embedder) as executor:
        yield executor


def most_workers(config: Config) -> int:
    """How many workers the limits bear: each has at least one item, and one call of each seat, at once."""
    return min(config.run.concurrency, *(_most(seat) for _, seat in config.seats))


def shared(config: Config, workers: int) -> Config:
    """The settings of one of ``workers``: its part of calls in flight and calls a minute of every seat.

    Raises:
        ConfigError: a limit is smaller than the number of workers.
    """
    seats: dict[str, SeatConfig] = {}
    for name, seat in config.seats:
        for limit in ("concurrency", "per_minute"):
            value = getattr(seat, limit)
            if value is not None and value < workers:
                raise ConfigError(
                    f"seats.{name}.{limit} is {value}, for {workers} workers together",
                    hint=f"raise it, or have fewer workers: --set run.workers={value}",
                )
        minute = None if seat.per_minute is None else seat.per_minute // workers
        seats[name] = seat.model_copy(update={"concurrency": seat.concurrency // workers, "per_minute": minute})
    return config.model_copy(update={"seats": config.seats.model_copy(update=seats)})


def _most(seat: SeatConfig) -> int:
    return min(seat.concurrency, seat.per_minute or seat.concurrency)
