"""What ``import preceptor`` gives: pinned, sorted, cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import preceptor
from preceptor.core.ids import plain
from preceptor.core.records import Strategy
from preceptor.library.release import Released, write_release
from preceptor.library.release_make import Contents, make_release
from preceptor.prompts import load_prompts

NAMES = [
    "Advice",
    "Coach",
    "CoachSettings",
    "Dialogue",
    "Domain",
    "Issue",
    "Lesson",
    "PreceptorError",
    "Profile",
    "Project",
    "Scenario",
    "Strategy",
    "Turn",
    "__version__",
]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_the_names_are_these():
    assert preceptor.__all__ == NAMES == sorted(NAMES)
    assert set(NAMES) <= set(dir(preceptor))


def test_every_name_can_be_had():
    assert [name for name in NAMES if getattr(preceptor, name, None) is None] == []


def test_other_names_are_refused():
    assert not hasattr(preceptor, "Teacher")


def test_the_version_is_the_projects(root: Path):
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == preceptor.__version__


def test_importing_loads_no_other_package():
    heavy = run(
        "import sys, preceptor; print([m for m in sys.modules if m.split('.')[0] in "
        "('numpy', 'pydantic', 'sqlalchemy', 'aiohttp', 'click', 'rich', 'yaml', 'asyncio')])"
    )
    assert heavy == "[]"


def test_a_coach_from_a_release_file_alone(tmp_path: Path):
    strategy = Strategy(id="s1", when="luggage is missing", do="ask for the flight number first")
    contents = Contents(
        strategies=[Released(strategy=strategy, version=1, status="approved")],
        states={},
        coach=plain(preceptor.CoachSettings()),
        template=load_prompts()["advice"].body,
    )
    path = write_release(tmp_path, make_release(contents))
    told = run(
        "import sys, preceptor\n"
        f"coach = preceptor.Coach.from_release({str(path)!r})\n"
        "print(coach.apply([{'role': 'user', 'content': 'My luggage is missing!'}])[0]['content'])\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    ).splitlines()
    assert "ask for the flight number first" in "".join(told[:-1])
    others = {name for name in ast.literal_eval(told[-1]) if not name.startswith("_")}
    others -= {"cython_runtime"}  # the name under which compiled code shows its frames: no package
    assert others <= {"preceptor", "numpy", "bm25s", "scipy", "yaml", "tqdm", "numba", "jax", "orjson"}, others


def test_the_coach_loads_no_web_orm_or_llm_package():
    loaded = run(
        "import sys, preceptor.coach; print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'aiohttp', 'sqlalchemy', 'starlette', 'uvicorn', 'pydantic_ai', 'openai', 'click', 'rich'}))"
    )
    assert loaded == "[]"
