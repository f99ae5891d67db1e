"""Prompt files, and the few lines that fill them.

A prompt is a Markdown file: a header between ``---`` lines (purpose, reader, output), then the text with
``{{ name }}`` placeholders; lines between ``{{#name}}`` and ``{{/name}}`` are left out where ``name`` is empty.
Users override any by a file of the same name in their prompts folder.
"""

from preceptor.prompts.files import NAMES, Prompt, PromptSet, load_prompts

__all__ = ["NAMES", "Prompt", "PromptSet", "load_prompts"]
