"""A real engine in all four seats: opt-in, with llama-cpp-python's server and a random model made here.

Set ``PRECEPTOR_TEST_LLAMA`` to the Python of an environment with ``llama-cpp-python[server]`` and ``gguf``; without
it this file is not collected. The model's weights are random: it talks nonsense. The run must survive that, learn
nothing, say so, and end cleanly.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ENGINE = os.environ.get("PRECEPTOR_TEST_LLAMA", "")  # read before a test's environment is cleaned

HERE = Path(__file__).resolve().parents[1] / "servers" / "random_gguf.py"


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The seat string of a random model behind llama.cpp's server."""
    folder = tmp_path_factory.mktemp("engine")
    subprocess.run([ENGINE, str(HERE), str(folder / "random.gguf")], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [ENGINE, "-m", "llama_cpp.server", "--model", str(folder / "random.gguf"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--n_ctx", "8192"], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/v1/models", process)
        yield f"http://127.0.0.1:{port}/v1#random"
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the engine ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError("the engine did not start")


def preceptor(folder: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "preceptor.cli", *words, "-C", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_nonsense_in_all_seats_teaches_nothing_and_ends_cleanly(spec: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    subprocess.run([sys.executable, "-m", "preceptor.cli", "init", str(folder)], check=True, capture_output=True)
    flags = [f"--{seat}={spec}" for seat in ("student", "teacher", "customer", "judge")]
    flags += [f"--set=seats.{seat}.max_tokens=24" for seat in ("student", "teacher", "customer", "judge")]
    flags += ["--set=learn.dialogues=2", "--set=learn.scenarios=2", "--set=learn.max_turns=2"]
    flags += ["--set=learn.teacher_share=0.5", "--set=run.concurrency=1"]
    code, out, err = preceptor(folder, "learn", *flags, "--json")
    assert (code, err) == (0, "")
    told: dict[str, Any] = json.loads(out)
    assert told["strategies"] == 0
    code, out, _ = preceptor(folder, "runs", "show", "--json")
    shown = json.loads(out)
    assert shown["status"] == "done"
    assert shown["failures"], "what was lost is told, each with its reason"
    assert all(f["failure"] and f["reason"] for f in shown["failures"])
    code, out, _ = preceptor(folder, "runs", "show")
    assert "nothing was learned" in out


def test_the_doctor_says_that_such_a_model_will_not_do(spec: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    subprocess.run([sys.executable, "-m", "preceptor.cli", "init", str(folder)], check=True, capture_output=True)
    words = ("doctor", "--seat", "judge", f"--judge={spec}", "--set=seats.judge.max_tokens=24", "--json")
    code, out, err = preceptor(folder, *words)
    assert code == 1
    assert "learn would fail" in err
    (judge,) = json.loads(out)["seats"]
    states = {c["name"]: c["state"] for c in judge["checks"]}
    assert states["reachable"] == states["model"] == "ok"
    assert "fail" in states.values()
