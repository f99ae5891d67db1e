"""The command line on a Ray cluster by its address: Ctrl-C, a dead driver, a dead node; nothing is different."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from tests.flow.test_workers import answered, workers_of
from tests.kills import EPOCH, Watched, dump, settings, watched
from tests.servers.postgres import own_schema, postgres

from preceptor import Project

__all__ = ["postgres"]

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}


@dataclass
class Nodes:
    """Two nodes, and who gives orders to them."""

    process: subprocess.Popen[str]
    mark: str
    address: str = ""
    raylets: tuple[int, ...] = ()

    def heard(self) -> None:
        """What the process tells next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the cluster did not start"
        told = json.loads(line)
        self.address, self.raylets = told["address"], tuple(told["raylets"])

    def order(self, word: str) -> None:
        """``kill`` or ``add``."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self.heard()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    if find_spec("ray") is None or not Path("/proc").exists():
        pytest.skip("no Ray here: install the extra ray, on Linux")
    mark = secrets.token_hex(8)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.ray_cluster"],
        env={**os.environ, **EPOCH, **TOKEN, "MARK": mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        found = Nodes(process, mark)
        try:
            found.heard()
            yield found
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def place(postgres: URL) -> Iterator[str]:
    with own_schema(postgres) as url:
        yield url


@contextmanager
def preceptor(*words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "preceptor.cli", *words],
        env={**os.environ, **EPOCH, **TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 150
    while not ready():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.002)


def ended(process: subprocess.Popen[str]) -> str:
    """What it told at its end."""
    return process.communicate(timeout=200)[1]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@dataclass
class Watch:
    """No answered call is made again, whatever is killed."""

    server: Watched
    place: str
    known: set[str]
    began: int = 0

    def struck(self) -> None:
        """Something was killed: what is answered by now must never be asked again."""
        self.checked()
        self.known, self.began = answered(self.place), len(self.server.arrivals)

    def checked(self) -> None:
        """Nothing of it was."""
        assert not self.known & set(self.server.arrivals[self.began :]), "an answered call was made again"


def test_ctrl_c_a_killed_driver_and_a_killed_node_change_nothing(tmp_path: Path, nodes: Nodes, place: str) -> None:
    with watched() as server:
        alone = Project.create(tmp_path / "alone", settings=settings(server.url), environ=EPOCH)
        alone.learn()
        calls = len(set(server.arrivals))
        server.arrivals.clear()
        watch = Watch(server, place, set())
        many = Project.create(
            tmp_path / "many", settings={**settings(server.url), "budget.calls": 5000}, environ=EPOCH
        )
        where = ("--executor", "ray", "--ray-address", nodes.address, "--set", f"journal.path={place}")
        words: tuple[Any, ...] = ("learn", "-C", str(many.folder), *where, "--workers", "2", "--json")

        def reached(share: float) -> Callable[[], bool]:
            return lambda: len(set(server.arrivals)) >= share * calls

        with preceptor(*words) as process:
            wait_for(process, reached(0.2))
            process.send_signal(signal.SIGINT)
            told = ended(process)
            assert process.returncode == 130, told
            assert "learn --resume" in told
        watch.struck()
        with preceptor(*words, "--resume") as process:
            wait_for(process, reached(0.45))
            orphans = set(workers_of(nodes.mark))
            assert orphans
            process.kill()
            process.wait()
        watch.struck()
        with preceptor(*words, "--resume") as process:
            wait_for(process, reached(0.7))
            workers = set(workers_of(nodes.mark))
            assert not workers & orphans, "the killed driver's workers ended with it"
            assert {parent(pid) for pid in workers} == set(nodes.raylets), "a worker on each node"
            nodes.order("kill")
            watch.struck()
            told = ended(process)
            assert process.returncode == 0, told
        watch.checked()
        assert dump(many.folder) == dump(alone.folder), "the library, byte for byte"
        assert len(set(server.arrivals)) == calls, "the same calls"
        nodes.order("add")
