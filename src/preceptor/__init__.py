"""Preceptor: a strong model teaches a weak one in plain language.

The public API. Names are loaded when first used, so that ``import preceptor`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from preceptor._version import __version__

if TYPE_CHECKING:
    from preceptor.coach import Coach, CoachSettings
    from preceptor.core.errors import PreceptorError
    from preceptor.core.records import (
        Advice,
        Dialogue,
        Domain,
        Issue,
        Lesson,
        Profile,
        Scenario,
        Strategy,
        Turn,
    )
    from preceptor.project import Project

__all__ = [
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


def _home(name: str) -> str:
    if name == "Project":
        return "preceptor.project"
    if name.startswith("Coach"):
        return "preceptor.coach"
    return "preceptor.core.errors" if name.endswith("Error") else "preceptor.core.records"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'preceptor' has no attribute '{name}'")
    return getattr(import_module(_home(name)), name)


def __dir__() -> list[str]:
    return list(__all__)
