"""Runs on a real Ray with a real PostgreSQL: whoever dies, and whenever, nothing is different."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from tests.kills import EPOCH, Watched, dump, settings, watched
from tests.servers.postgres import own_schema, postgres

from preceptor import Project
from preceptor.core.ids import plain
from preceptor.llm.journal.pg import PostgresJournal

__all__ = ["postgres"]

SIZE = {
    "evaluate.profiles": 4,
    "evaluate.arms": ("student", "coached", "guide"),
    "evaluate.pairwise": True,
    "evaluate.aa": 2,
    "budget.calls": 5000,
}
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
        """``kill``, ``add`` or ``end``."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        if word == "end":
            self.process.wait(30)
        else:
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
def preceptor(*words: str, mark: str = "") -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "preceptor.cli", *words],
        env={**os.environ, **EPOCH, **TOKEN, "MARK": mark},
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


def workers_of(mark: str) -> list[int]:
    """Processes of workers that were started under the environment variable ``MARK``."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                b"_Actor" in (folder / "cmdline").read_bytes()
                and mark.encode() in (folder / "environ").read_bytes()
            ):
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def answered(place: str, run: str = "%") -> set[str]:
    engine = create_engine(place)
    with engine.connect() as connection:
        query = text("SELECT key FROM journal_answers WHERE run LIKE :run")
        found = set(connection.execute(query, {"run": run}).scalars())
    engine.dispose()
    return found


def traced(path: Path, job: str, keys: set[str], *, exact: bool) -> None:
    """The run's trace has its answered calls, each under a phase; ``exact``: all of them."""
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    (run,) = [s for s in spans if s["name"] == f"preceptor {job}"]
    mine = [s for s in spans if s["context"]["trace_id"] == run["context"]["trace_id"]]
    phases = {s["context"]["span_id"] for s in mine if s["parent_id"] == run["context"]["span_id"]}
    calls = [s for s in mine if s["name"].startswith("chat ")]
    assert all(s["parent_id"] in phases for s in calls)
    told = {s["attributes"]["preceptor.call"] for s in calls}
    assert told <= keys
    assert len(keys) - len(told) <= (0 if exact else 64), "but for what the killed worker had not told yet"


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


@contextmanager
def after_alone(folder: Path, place: str) -> Generator[tuple[Watch, Project, int]]:
    """A run alone on a server whose arrivals are then forgotten: a watch over it, the project, and how many
    different calls the run made."""
    with watched() as server:
        alone = Project.create(folder / "alone", settings=settings(server.url), environ=EPOCH)
        alone.learn()
        calls = len(set(server.arrivals))
        server.arrivals.clear()
        yield Watch(server, place, set()), alone, calls


def test_ctrl_c_a_killed_driver_and_a_killed_node_change_nothing(tmp_path: Path, nodes: Nodes, place: str) -> None:
    with after_alone(tmp_path, place) as (watch, alone, calls):
        server = watch.server
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
            assert "--workers 2 --json --resume" in told
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


def test_a_worker_killed_in_the_middle_changes_nothing_and_costs_only_its_calls_under_way(
    tmp_path: Path, nodes: Nodes, place: str
) -> None:
    with watched(takes_schema=False) as server:
        given = {**settings(server.url), **SIZE, "embedder.model": f"{server.url}#vectors"}
        alone = Project.create(tmp_path / "alone", settings=given, environ=EPOCH)
        alone.learn()
        asked = len(set(server.arrivals))
        whole = alone.evaluate()
        asked_both = len(set(server.arrivals))
        server.arrivals.clear()
        server.embedded.clear()
        made = {**given, "journal.path": place, "run.executor": "ray", "run.workers": 2, "run.traces": True}
        made["run.ray_address"] = nodes.address
        many = Project.create(tmp_path / "many", settings=made, environ=EPOCH)
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.ray_run", str(many.folder)],
            env={**os.environ, **EPOCH, **TOKEN},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            while len(server.arrivals) < asked // 4:
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                time.sleep(0.002)
            victim = workers_of(nodes.mark)[0]
            os.kill(victim, signal.SIGKILL)
            known, began, before = answered(place), len(server.arrivals), len(server.embedded)
            _, told = process.communicate(timeout=200)
        assert process.returncode == 0, told.decode()
        assert dump(many.folder) == dump(alone.folder), "the library, byte for byte"
        assert plain(many.evaluation()) == plain(whole.evaluation), "figures, words and what each arm cost"
        assert not known & set(server.arrivals[began:]), "no answered call was made again"
        assert len(set(server.arrivals)) == asked_both, "the same calls"
        total = 0
        learned, evaluated = (many.runs().open(name) for name in ("learn-001", "evaluate-001"))
        for run, exact in ((learned, False), (evaluated, True)):
            seats = [row for row in run.info.spend if row["seat"] != "embedder"]
            name = run.read_result("journal")["name"]
            with PostgresJournal.open(place, name) as journal:
                rows = journal.spent()
            calls, lost = (sum(getattr(r, field) for r in rows) for field in ("calls", "lost"))
            assert calls == sum(int(row["calls"]) for row in seats), "the table tells what the journal holds"
            assert lost == sum(int(row["lost"]) for row in seats)
            assert not (exact and lost), "nobody was killed in the evaluation"
            total += calls + lost
            traced(many.folder / "spans.jsonl", run.info.job, answered(place, name), exact=exact)
        assert total >= len(server.arrivals), "no call of the server's count is missing"
        vectors = [row for r in (learned, evaluated) for row in r.info.spend if row["seat"] == "embedder"]
        counted, asked_for = sum(int(row["calls"]) for row in vectors), len(server.embedded)
        assert asked_for - before <= counted <= asked_for, "but for what the killed worker had not told yet"
        assert before < asked_for
        known = many.modes().tell(f"{server.url}#teacher")
        assert known is not None
        assert (known.mode, known.refused) == ("tool", ("native",)), "workers found it, the next run knows it"
        assert known.answers
        assert len(server.arrivals) - asked_both <= 2 * 64, "only what was in flight was asked twice"


def test_without_an_address_a_ray_is_started_for_the_run_and_ended_with_it(tmp_path: Path, place: str) -> None:
    if find_spec("ray") is None or not Path("/proc").exists():
        pytest.skip("no Ray here: install the extra ray, on Linux")
    tiny = {"learn.dialogues": 2, "learn.scenarios": 2, "learn.max_turns": 2, "learn.teacher_share": (1.0,)}
    alone = Project.create(tmp_path / "alone", settings=tiny, environ=EPOCH)
    alone.learn()
    other = Project.create(tmp_path / "other", settings={**tiny, "budget.calls": 5000}, environ=EPOCH)
    mark = secrets.token_hex(8)
    words = ("learn", "-C", str(other.folder), "--executor", "ray", "--set", f"journal.path={place}", "--json")
    with preceptor(*words, mark=mark) as process:
        told = ended(process)
    assert process.returncode == 0, told
    assert dump(other.folder) == dump(alone.folder)
    assert workers_of(mark) == []
    assert "ended from outside" not in told, "no last word of a run that came to its end"


def test_a_cluster_that_ends_in_the_middle_ends_the_run_with_a_word_and_it_goes_on_without_one(
    tmp_path: Path, nodes: Nodes, place: str
) -> None:
    with after_alone(tmp_path, place) as (watch, alone, calls):
        server = watch.server
        many = Project.create(
            tmp_path / "many",
            settings={**settings(server.url), "budget.calls": 5000, "journal.path": place},
            environ=EPOCH,
        )
        words = ("learn", "-C", str(many.folder), "--executor", "ray", "--ray-address", nodes.address, "--json")
        with preceptor(*words, "--workers", "2") as process:
            wait_for(process, lambda: len(set(server.arrivals)) >= calls // 3)
            nodes.order("end")
            told = ended(process)
        assert process.returncode not in (0, None)
        assert "Traceback" not in told
        assert told.endswith("--resume\n"), told
        assert "learn-001 was ended from outside" in told
        watch.struck()
        (run,) = many.runs().list()
        assert not run.process
        many.learn(resume="")
        watch.checked()
        assert dump(many.folder) == dump(alone.folder), "the library, byte for byte"
