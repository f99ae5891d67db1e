"""The real Presidio redacts what the proxy records: opt-in, in an environment that has the extra ``redact``.

Set ``PRECEPTOR_TEST_PRESIDIO`` to the Python of such an environment; without it this file is not collected. The
spaCy model is made here: a blank English pipeline that knows one name and one place by a rule. So what is tested is
Presidio and how we use it, not what a model of spaCy's finds. Looking up a name ends the process: none goes unseen.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import aiohttp
import pytest
from tests.flow.serving import put_release, upstream

PYTHON = os.environ.get("PRECEPTOR_TEST_PRESIDIO", "")  # read before a test's environment is cleaned

MODEL = """
import json, sys
from pathlib import Path
import spacy

folder = Path(sys.argv[1])
(folder / "en_tiny").mkdir()
nlp = spacy.blank("en")
known = [{"label": "PERSON", "pattern": "Ann Lee"}, {"label": "GPE", "pattern": "Berlin"}]
nlp.add_pipe("entity_ruler").add_patterns(known)
nlp.meta.update(name="tiny", version="0.0.1")
nlp.to_disk(folder / "en_tiny" / "en_tiny-0.0.1")
(folder / "en_tiny" / "meta.json").write_text(json.dumps(nlp.meta))
(folder / "en_tiny" / "__init__.py").write_text(
    "from spacy.util import load_model_from_init_py\\n"
    "def load(**given):\\n    return load_model_from_init_py(__file__, **given)\\n"
)
told = folder / "en_tiny-0.0.1.dist-info"
told.mkdir()
(told / "METADATA").write_text("Metadata-Version: 2.1\\nName: en_tiny\\nVersion: 0.0.1\\n")
"""

ALONE = """
import ipaddress, socket

real = socket.getaddrinfo


def getaddrinfo(host, *rest, **named):
    try:
        ipaddress.ip_address(host or "127.0.0.1")
    except ValueError:
        if host != "localhost":
            raise SystemExit(f"looked up {host}")
    return real(host, *rest, **named)


socket.getaddrinfo = getaddrinfo
"""
"""A ``sitecustomize`` that ends the process where it looks up a name."""

REDACT = """
import json, sys
from preceptor.serve.redact import redactor

redact = redactor("presidio:en_tiny")
print(json.dumps([redact(text) for text in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the made model, our code, and no network."""
    folder = tmp_path_factory.mktemp("model")
    subprocess.run([PYTHON, "-c", MODEL, str(folder)], check=True)
    (folder / "sitecustomize.py").write_text(ALONE)
    source = Path(__file__).resolve().parents[2] / "src"
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{source}", "HOME": str(folder)}


def test_names_and_places_go_and_nothing_is_fetched(environ: dict[str, str]) -> None:
    said = {
        "I am Ann Lee and stuck in Berlin.": "I am [person] and stuck in [location].",
        "Ann Lee, ann.lee@mail.example.co.uk": "[person], [email]",
        "see https://x.example.com/u?token=1": "see [url]",
        "card 4111 1111 1111 1111 ends": "card [credit_card] ends",
        "booking QX4T7B of ann_lee": "booking [reference] of ann_lee",
        "I paid 120 EUR for 2 bags in row 14A": "I paid 120 EUR for 2 bags in row 14A",
        "\ud800 Ann Lee": "? [person]",
        "": "",
    }
    done = subprocess.run(
        [PYTHON, "-c", REDACT], input=json.dumps([*said]), env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [*said.values()]


async def test_the_proxy_records_without_names(environ: dict[str, str], tmp_path: Path) -> None:
    put_release(tmp_path / "releases")
    flags = ["--releases", tmp_path / "releases", "--record", tmp_path / "records", "--redact", "presidio:en_tiny"]
    said = {"role": "user", "content": "Ann Lee of Berlin, a@b.example, wants a refund"}
    async with upstream() as behind:
        command = ["-m", "preceptor.cli", "serve", "--upstream", behind.url, "--port", "0", *map(str, flags)]
        started = await asyncio.create_subprocess_exec(
            PYTHON, *command, stderr=asyncio.subprocess.PIPE, env=environ
        )
        try:
            assert started.stderr is not None
            first = (await asyncio.wait_for(started.stderr.readline(), 60)).decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", first)
            assert found, first + (await started.stderr.read()).decode()
            url = f"{found[0]}/v1/chat/completions"
            async with aiohttp.ClientSession() as http, http.post(url, json={"messages": [said]}) as answer:
                assert answer.status == 200
            started.terminate()  # it writes what waits before it ends
            log = (await asyncio.wait_for(started.stderr.read(), 30)).decode()
            await started.wait()
        finally:
            if started.returncode is None:
                started.kill()
                await started.wait()
    assert [json.loads(line)["event"] for line in log.splitlines() if '"request"' in line] == ["request"]
    assert all(json.loads(line) for line in log.splitlines()), "the log is JSON alone"
    (record,) = (tmp_path / "records").iterdir()
    told = json.loads(record.read_text())["messages"][0]["content"]
    assert told == "[person] of [location], [email], wants a refund"
    assert "Ann Lee" in behind.got[0].json["messages"][0]["content"], "what goes upstream is as it came"


def test_a_model_that_is_not_there_is_said_before_anything_is_served(
    environ: dict[str, str], tmp_path: Path
) -> None:
    put_release(tmp_path / "releases")
    flags = ["--releases", tmp_path / "releases", "--record", tmp_path / "records", "--redact", "presidio:en_none"]
    command = ["-m", "preceptor.cli", "serve", "--upstream", "http://127.0.0.1:9/v1", *map(str, flags)]
    done = subprocess.run([PYTHON, *command], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: the spaCy model 'en_none' is not installed",
        "next: python -m spacy download en_none",
    ]
