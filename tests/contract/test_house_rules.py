"""Review habits as tests. The lists of exceptions may only shrink."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "preceptor"
FILES = sorted(SOURCE.rglob("*.py"))
COMPILED = sorted((*SOURCE.rglob("*.pyx"), *SOURCE.rglob("*.pxi")))

LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS, LONGEST_LINE = 400, 60, 8, 116

TOO_LONG = frozenset(
    {
        "library/schema.py:_tables",  # the schema, table after table
    }
)
"""Files and ``file:function`` beyond the limits, with a reason in the review."""

BROAD_EXCEPT = frozenset(
    {
        "cli/boundary.py",  # the error boundary of the command line
        "serve/follow.py",  # whatever a pointer or a release holds, what comes after it is followed
        "serve/record.py",  # a redactor of others must not end the recording
        "serve/coaching.py",  # whatever goes wrong with advice, the customer gets an answer
        "project/workers/on_ray.py",  # Ray raises plain Exceptions where it does not start
    }
)
READS_ENVIRONMENT = frozenset({"core/config.py"})
PRINTS = "cli/"


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines, the docstring not counted: explaining is free."""
    first = function.body[0]
    explained = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        explained = (first.end_lineno or 0) - first.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - explained


def called(path: Path, names: set[str]) -> bool:
    calls = (n.func for n in ast.walk(tree(path)) if isinstance(n, ast.Call))
    return any(isinstance(f, ast.Name) and f.id in names for f in calls)


def test_there_is_something_to_check():
    assert len(FILES) > 50


def test_files_are_short():
    found = {name(p) for p in (*FILES, *COMPILED) if len(p.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE}
    assert found == {n for n in TOO_LONG if ":" not in n}


def test_lines_that_ruff_does_not_read_are_short():
    assert COMPILED
    lines = [(name(p), line) for p in COMPILED for line in p.read_text(encoding="utf-8").splitlines()]
    assert [(where, line) for where, line in lines if len(line) > LONGEST_LINE] == []


def test_functions_are_short():
    found = {f"{name(p)}:{f.name}" for p in FILES for f in functions(p) if length(f) > LONGEST_FUNCTION}
    assert found == {n for n in TOO_LONG if ":" in n}


def test_functions_take_few_parameters():
    def count(f: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        a = f.args
        return len([x for x in (*a.posonlyargs, *a.args, *a.kwonlyargs) if x.arg not in ("self", "cls")])

    assert [f"{name(p)}:{f.name}" for p in FILES for f in functions(p) if count(f) > MOST_PARAMETERS] == []


def test_nothing_prints_outside_the_command_line():
    assert [name(p) for p in FILES if not name(p).startswith(PRINTS) and called(p, {"print"})] == []


def test_no_broad_except_outside_the_named_boundaries():
    def broad(handler: ast.ExceptHandler) -> bool:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(k is None or (isinstance(k, ast.Name) and k.id in ("Exception", "BaseException")) for k in kinds)

    def reraises(handler: ast.ExceptHandler) -> bool:
        last = handler.body[-1]
        return isinstance(last, ast.Raise) and last.exc is None

    found = {
        name(p)
        for p in FILES
        for n in ast.walk(tree(p))
        if isinstance(n, ast.ExceptHandler) and broad(n) and not reraises(n)
    }
    assert found == BROAD_EXCEPT


def test_only_core_config_reads_the_environment():
    def reads(node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return (
                node.attr in ("environ", "environb", "getenv")
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
            )
        return (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(a.name in ("environ", "getenv") for a in node.names)
        )

    assert {name(p) for p in FILES if any(map(reads, ast.walk(tree(p))))} <= READS_ENVIRONMENT


def test_modules_hold_no_state():
    def mutable(node: ast.stmt) -> bool:
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if isinstance(value, (ast.List, ast.Set)):
            return not value.elts or not _is_all(node)
        if isinstance(value, ast.Dict):
            return not value.keys
        return (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in ("list", "dict", "set")
        )

    def _is_all(node: ast.stmt) -> bool:
        return (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        )

    assert [f"{name(p)}:{n.lineno}" for p in FILES for n in tree(p).body if mutable(n)] == []
    assert [f"{name(p)}" for p in FILES if any(isinstance(n, ast.Global) for n in ast.walk(tree(p)))] == []


def test_every_module_says_what_it_is():
    assert [
        name(p) for p in FILES if not ast.get_docstring(tree(p)) and p.read_text(encoding="utf-8").strip()
    ] == []


def test_no_room_is_called_utils():
    assert [name(p) for p in FILES if re.search(r"utils?|helpers?|misc|common", p.stem)] == []


# Spelled in parts, so that this file is not its own finding.
FORBIDDEN = re.compile(
    "|".join(
        [
            "/" + r"root/",
            "/" + r"home/[a-z]\w*/",
            "/" + r"work/(?:main|shared)",
            "/" + r"Users/[a-z]\w*/",
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(?:org|com)",
            "crates" + r"\.io",
            "/" + r"opt/pypi",
        ]
    )
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / n for n in listed.split("\0") if n]


def test_tracked_files_name_no_machine_and_no_registry():
    found: list[str] = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found += [f"{path.relative_to(ROOT)}: {m.group()}" for m in FORBIDDEN.finditer(text)]
    assert found == []


def test_nothing_large_or_left_over_is_tracked():
    leftovers = re.compile(r"\.(?:db|sqlite|pyc|log|orig|rej|whl)$|__pycache__|\.egg-info|(?:^|/)\.venv")
    paths = tracked()
    assert [str(p) for p in paths if leftovers.search(p.as_posix().removeprefix(ROOT.as_posix()))] == []
    assert [str(p) for p in paths if p.is_file() and p.stat().st_size > 1_000_000] == []


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_locks_are_hashed_and_cover_what_is_declared(lock: str):
    text = (ROOT / "locks" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    requirements = re.findall(
        r"^([a-z0-9][a-z0-9._-]*)==[^\n]*\n((?: +--hash=sha256:[0-9a-f]{64}[ \\]*\n)*)", text, re.M
    )
    assert requirements
    assert [n for n, hashes in requirements if not hashes] == []
    declared = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert declared
    wanted = {n.lower() for n in re.findall(r'"([A-Za-z0-9._-]+)', declared.group(1))}
    assert wanted - {n for n, _ in requirements} == set()
