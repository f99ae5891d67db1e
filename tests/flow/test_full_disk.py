"""Disks that are really full, really read-only: a small file system of its own, where this machine lets one be
mounted, and a limit on the size of files anywhere. Every answer is kept, and the run ends in the same library."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from preceptor import Project

SIZE = (
    "--set=learn.dialogues=3",
    "--set=learn.scenarios=4",
    "--set=learn.max_turns=3",
    "--set=learn.teacher_share=1.0,0.5",
)
ENVIRON = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
PRECEPTOR = f"{sys.executable} -m preceptor.cli"
KEPT_FREE = 4096
"""KiB that the journal keeps free for the answers under way; docs/money.md."""


def mounts() -> bool:
    """Whether a file system may be mounted in a name space of one's own."""
    with tempfile.TemporaryDirectory() as place:
        try:
            tried = subprocess.run(
                ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False
            )
        except FileNotFoundError:
            return False
    return tried.returncode == 0


def on_a_small_disk(tmp_path: Path, script: str) -> list[str]:
    """What a script says whose folder is a disk of 16 MiB; the disk is gone afterwards."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = f"mount -t tmpfs -o size=16m tmpfs {place}"
    begin = f"set -eu; {mount}; cd {place}; {PRECEPTOR} init p > {tmp_path}/init; set +e\n"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", begin + script], capture_output=True, text=True, check=False, env=ENVIRON
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def full_while_it_learns_and_then_resumed(tmp_path: Path, room: int) -> None:
    learn = f"{PRECEPTOR} learn -C p {' '.join(SIZE)}"
    told = on_a_small_disk(
        tmp_path,
        f"""
        free=$(df -k --output=avail . | tail -1)
        dd if=/dev/zero of=filler bs=1k count=$((free - {KEPT_FREE + room})) 2>{tmp_path}/dd
        {learn} 2>{tmp_path}/first >{tmp_path}/out; echo $?
        {PRECEPTOR} runs show -C p > {tmp_path}/shown; echo $?
        rm filler
        {PRECEPTOR} journal verify -C p; echo $?
        {PRECEPTOR} library verify -C p > {tmp_path}/library; echo $?
        {learn} --resume 2>{tmp_path}/again >{tmp_path}/out; echo $?
        {PRECEPTOR} library digest -C p
        """,
    )
    first, shown = (tmp_path / "first").read_text(), (tmp_path / "shown").read_text()
    assert "the disk is full" in first
    assert "every answer until now is kept" in first
    assert "--resume" in first
    assert "the disk is full" in shown
    assert told[:-1] == ["1", "0", "every answer is what was written", "0", "0", "0"]
    assert "replayed" in (tmp_path / "again").read_text(), "answers were kept, and none is paid for again"
    whole = Project.create(
        tmp_path / "whole",
        settings={
            "learn.dialogues": 3,
            "learn.scenarios": 4,
            "learn.max_turns": 3,
            "learn.teacher_share": (1.0, 0.5),
        },
        environ=ENVIRON,
    )
    whole.learn()
    with whole.library() as library:
        assert told[-1] == library.digest()


def read_only_and_then_resumed(tmp_path: Path) -> None:
    learn = f"{PRECEPTOR} learn -C p {' '.join(SIZE)}"
    told = on_a_small_disk(
        tmp_path,
        f"""
        {learn} --set=budget.calls=30 2>{tmp_path}/first >{tmp_path}/out; echo $?
        mount -o remount,ro {tmp_path}/disk
        {learn} --resume 2>{tmp_path}/second >{tmp_path}/out; echo $?
        {PRECEPTOR} journal prune learn-001 -C p 2>{tmp_path}/third; echo $?
        mount -o remount,rw {tmp_path}/disk
        {learn} --resume 2>{tmp_path}/again >{tmp_path}/out; echo $?
        """,
    )
    assert told == ["3", "1", "1", "0"]
    for name in ("second", "third"):
        said = (tmp_path / name).read_text()
        assert "cannot be opened" in said
        assert "next: " in said
    assert "30 replayed" in (tmp_path / "again").read_text()


if mounts():

    @pytest.mark.parametrize("room", [700, 1100])
    def test_a_disk_that_is_full_loses_no_answer(tmp_path: Path, room: int) -> None:
        full_while_it_learns_and_then_resumed(tmp_path, room)

    def test_a_disk_that_is_read_only_loses_no_answer(tmp_path: Path) -> None:
        read_only_and_then_resumed(tmp_path)


def test_files_that_may_not_grow_are_told_before_the_first_call(tmp_path: Path) -> None:
    """The room that is kept free is asked for at the start: where a quota has none, no call is paid."""
    project = Project.create(tmp_path / "p", environ={})
    with project.library(create=True):
        pass

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = subprocess.run(
        [sys.executable, "-m", "preceptor.cli", "learn", "-C", str(tmp_path / "p"), *SIZE],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    (run,) = project.runs().list()
    assert run.info.status == "failed"
    assert not sum(row["calls"] for row in run.info.spend)
