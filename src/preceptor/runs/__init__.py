"""Runs on disk: one folder a run, with what it was given, what it told, what it spent and what came out.

Users import :class:`preceptor.runs.store.RunStore` and :class:`preceptor.runs.run.Run`.
"""
