"""``preceptor review`` and ``review-user``, as a person calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.review_data import fill

from preceptor.cli import boundary
from preceptor.library.store import Library
from preceptor.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "p"
    made = Project.create(folder)
    with Library.open(folder / "library.db", clock=made.clock, create=True) as library:
        fill(library, 3)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = boundary.run([str(a) for a in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_accounts_are_made_changed_and_removed(project: Path, capsys: pytest.CaptureFixture[str]):
    made = json.loads(call(capsys, "review-user", "add", "ann", "--role", "admin", "-C", project, "--json")[1])
    assert (made["name"], made["role"]) == ("ann", "admin")
    assert len(made["password"]) >= 16
    assert made["password"] not in call(capsys, "review-user", "list", "-C", project)[1]
    assert call(capsys, "review-user", "change", "ann", "--role", "viewer", "-C", project)[1] == "ann: viewer\n"
    token = json.loads(call(capsys, "review-user", "token", "ann", "-C", project, "--json")[1])["token"]
    assert token.startswith("preceptor_")
    listed = json.loads(call(capsys, "review-user", "list", "-C", project, "--json")[1])
    assert listed == {"accounts": [{"name": "ann", "role": "viewer"}]}
    assert call(capsys, "review-user", "remove", "ann", "-C", project)[0] == 0
    code, _, err = call(capsys, "review-user", "remove", "ann", "-C", project)
    assert (code, "there is no account 'ann'" in err) == (1, True)
    assert call(capsys, "review-user", "change", "ann", "-C", project)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "there are no accounts"),
        (("--host", "0.0.0.0", "--proxy-header", "x-user"), "in the clear"),
        (("-C", "nowhere"), "no project folder"),
    ],
)
def test_an_open_door_is_refused(project: Path, capsys: pytest.CaptureFixture[str], arguments, words: str):
    code, _, err = call(capsys, "review", "-C", project, *arguments)
    assert code == 1
    assert words in err


def test_it_serves_prints_a_link_and_ends(project: Path):
    command = [sys.executable, "-m", "preceptor.cli", "review", "--port", "0", "--by", "mara", "-C", str(project)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        link = process.stderr.readline().split()[-1]
        assert process.stderr.readline().startswith("reviewing on http://127.0.0.1:")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(link, timeout=20) as page:
            assert page.url.endswith("/queue")
            assert "mara" in page.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(link, timeout=20)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, -signal.SIGINT, 130)
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
