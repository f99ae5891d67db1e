"""The journal: every paid answer, on disk before it is used, so that a call is never paid twice.

``Journal`` is one SQLite file a run, ``NullJournal`` memory, ``PostgresJournal`` (in ``pg``, since it loads an
ORM) one database for many runs and machines. All keep, beside answers, the calls that were begun and not yet
answered: after a crash their worst case counts as spent, so that a cap holds over any number of crashes.
"""

from __future__ import annotations

from preceptor.llm.journal.file import Journal
from preceptor.llm.journal.memory import NullJournal
from preceptor.llm.journal.seam import AnyJournal

__all__ = ["AnyJournal", "Journal", "NullJournal"]
