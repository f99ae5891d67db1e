"""Ray as the executor: connecting to one, on this machine or on a cluster. With :mod:`crew` all that knows Ray."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from preceptor.core import config as core_config
from preceptor.core.errors import RunError
from preceptor.core.executor import Executor
from preceptor.core.untrusted import one_line
from preceptor.library.remembered import Remembering
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.project.session import Session
from preceptor.project.stopping import Stop
from preceptor.project.workers.beside import Shared
from preceptor.project.workers.choose import most_workers, require_listening, shared
from preceptor.project.workers.crew import Crew
from preceptor.project.workers.last_word import last_word
from preceptor.project.workers.worker import Site, Surroundings

if TYPE_CHECKING:
    from preceptor.project.project import Project

_INITS = 3
"""Times that Ray is started: it gives itself 30 seconds, which a busy machine may need more of."""
_UNREACHED = "see: ray status; does it ask for a token? set RAY_AUTH_MODE=token here too (docs/scale.md)"
_ENDED = "error: the process of {run} was ended from outside; Ray does so when its cluster is gone\nnext: {hint}\n"
_GO_ON = "see whether the cluster is up (ray status); every answer is kept, go on with: preceptor {job} --resume"
_STORE = 100 * 2**20
"""Bytes of the object store of a Ray of our own: snapshots pass through it, and nothing else that is large."""


@asynccontextmanager
async def on_ray(
    project: Project, now: Session, stop: Stop, surroundings: Surroundings, embedder: Remembering | None
) -> AsyncGenerator[Executor]:
    """The executor, with its workers started. Should this process be ended with the cluster, it has a last word.

    Raises:
        ConfigError: limits are too small for so many workers.
        RunError: the cluster cannot be reached, or starts no worker.
    """
    config, journal = project.config, now.journal
    assert isinstance(journal, PostgresJournal)
    ray, own = _connected(config.run.ray_address)
    try:
        cpus = int(ray.cluster_resources().get("CPU", 1))
        number = config.run.workers or max(1, min(cpus, most_workers(config)))
        part = shared(config, number)

        def site() -> Site:
            return Site(
                config=part,
                place=config.journal.path,
                run=journal.who.run,
                session=f"w-{secrets.token_hex(6)}",
                surroundings=surroundings,
            )

        hired = Crew(
            ray=ray,
            site=site,
            journal=journal,
            ledger=now.ledger,
            emit=now.emit,
            shared=Shared(beside=now.beside, embedder=embedder),
        )
        stop.when(hired.stop)
        hint = project.typed(_GO_ON.format(job=now.run.info.job))
        with last_word(_ENDED.format(run=now.run.id, hint=hint)):
            try:
                await hired.hire(number)
                yield hired
            finally:
                await hired.dismiss()
    finally:
        if own:
            ray.shutdown()


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, and whether the connection is ours to end: a program that has one already keeps it."""
    require_listening(address)
    # Before the import, which reads it: nothing is sent to anybody about how Ray is used here.
    core_config.tell_children("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # noqa: PLC0415 - takes seconds, and only those who use it

    here = {} if address else {"_node_ip_address": "127.0.0.1", "object_store_memory": _STORE}
    found = cast("Any", ray)
    if found.is_initialized():
        return found, False
    for left in reversed(range(1 if address else _INITS)):
        try:
            found.init(
                address=address or "local",
                include_dashboard=None if address else False,
                configure_logging=False,
                log_to_driver=False,
                **here,
            )
            break
        except Exception as error:  # the boundary to Ray: it raises plain Exceptions where it does not start
            found.shutdown()
            if not left:
                where = f"the Ray at {one_line(address, 80)} cannot be reached" if address else "Ray did not start"
                raise RunError(
                    f"{where}: {one_line(str(error), 200)}",
                    hint=_UNREACHED if address else "a busy machine: try again; see docs/scale.md",
                ) from error
    return found, True
