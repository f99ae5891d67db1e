"""The docs say what is, all of it, and what they show runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

from preceptor.core.fields import settings
from preceptor.prompts import NAMES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)\)")

SMALL = {
    "PRECEPTOR_LEARN__TEACHER_SHARE": "1.0,0.0",
    "PRECEPTOR_LEARN__DIALOGUES": "3",
    "PRECEPTOR_LEARN__SCENARIOS": "4",
    "PRECEPTOR_LEARN__MAX_TURNS": "3",
    "PRECEPTOR_EVALUATE__PROFILES": "4",
    "PRECEPTOR_EVALUATE__MAX_TURNS": "3",
}
"""The blocks learn as in the docs, only less: a minute each is too long for a test."""


def generator() -> ModuleType:
    spec = util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runnable() -> list[tuple[str, str, list[str]]]:
    """Page, language, and its blocks in order: blocks of one page run in one folder, one after the other."""
    found: list[tuple[str, str, list[str]]] = []
    for page in PAGES:
        for language in ("sh", "python"):
            text = page.read_text(encoding="utf-8")
            blocks = [m["body"] for m in _BLOCK.finditer(text) if m["info"].split() == [language, "run"]]
            if blocks:
                found.append((page.name, language, blocks))
    return found


def plain(page: Path) -> str:
    """The page without its code blocks."""
    return _BLOCK.sub("", re.sub(r"^~~~.*?^~~~$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ +(.+?) *$", plain(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_generated_parts_are_current(page: Path):
    text = page.read_text(encoding="utf-8")
    assert generator().filled(text) == text, "run: make docs"


def test_every_setting_is_documented():
    text = (DOCS / "config.md").read_text(encoding="utf-8")
    keys = {re.sub(r"^seats\.\w+\.(?!model$)", "seats.SEAT.", s.key) for s in settings()}
    assert [k for k in sorted(keys) if f"`{k}`" not in text] == []


def test_every_prompt_is_documented():
    text = (DOCS / "prompts.md").read_text(encoding="utf-8")
    assert [n for n in NAMES if f"### `{n}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path):
    broken: list[str] = []
    for target in _LINK.findall(plain(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path) if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert broken == []


def test_every_page_is_reachable_from_the_index():
    linked = set(_LINK.findall((DOCS / "index.md").read_text()))
    assert {p.name for p in DOCS.glob("*.md")} - {"index.md"} <= {t.partition("#")[0] for t in linked}


def test_options_named_in_the_docs_exist():
    reference = (DOCS / "cli.md").read_text(encoding="utf-8")
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", reference))
    foreign = {"--heldout"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("~~~", "```")
        lines = [m["body"] for m in _BLOCK.finditer(text) if m["info"].split()[:1] == ["sh"]]
        used = {
            o
            for body in lines
            for ln in body.splitlines()
            if "preceptor" in ln
            for o in re.findall(r"(?<![\w-])--[a-z][a-z-]+", ln)
        }
        assert used - known - foreign == set(), page.name


@pytest.mark.parametrize(("page", "language", "blocks"), runnable(), ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_shown_runs(page: str, language: str, blocks: list[str], tmp_path: Path):
    here = str(Path(sys.executable).parent)
    environ = {**os.environ, **SMALL, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks:
        command = ["sh", "-eu", "-c", block] if language == "sh" else [sys.executable, "-W", "error", "-c", block]
        # Blocks of one page share a folder, but each block that makes a project has it for itself.
        made = re.findall(r"(?:preceptor init|preceptor demo|create\()\W*([\w-]*)", block)
        for name in made:
            subprocess.run(["rm", "-rf", name or "demo-airline"], cwd=tmp_path, check=True)
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{page}:\n{block}\n{done.stdout}\n{done.stderr}"
