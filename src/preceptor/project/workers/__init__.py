"""Items of a run in other processes: what a worker is, how it is started, and Ray as what starts it."""

from __future__ import annotations

from preceptor.project.workers.choose import executor_of, require_workers

__all__ = ["executor_of", "require_workers"]
