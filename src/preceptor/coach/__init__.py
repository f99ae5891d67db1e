"""Conversation in, advice out: small, pure, fast, importable on its own.

The same code serves learning, evaluation and production. Importing it loads no web, ORM or LLM package.
"""

from preceptor.coach.coach import Coach, CoachSettings
from preceptor.coach.messages import with_block

__all__ = ["Coach", "CoachSettings", "with_block"]
