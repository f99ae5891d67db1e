"""The root command. Commands are imported when they are called, so that ``--help`` answers at once."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import NamedTuple

import click

from preceptor._version import __version__


class Entry(NamedTuple):
    """Where a command's code stands, and its line in the help."""

    name: str
    module: str
    help: str


COMMANDS = (
    Entry("demo", "demo", "Learn and measure on the practice airline, offline, in a minute."),
    Entry("init", "init", "Make a project folder: settings and a domain to edit."),
    Entry("config", "config", "Print the settings that hold and where each came from."),
    Entry("learn", "learn", "Learn strategies: the student practises, the teacher writes."),
    Entry("evaluate", "evaluate", "Measure the student without and with the library."),
    Entry("report", "report", "Write an evaluation's report: one HTML file, Markdown and JSON."),
    Entry("judge", "judge", "Check the judge: against people, against itself, on place and length."),
    Entry("prove", "prove", "Measure each strategy: replays with and without it."),
    Entry("transfer", "transfer", "Use the strategies with other students and domains."),
    Entry("stats", "stats", "Analyse scores that you have: paired differences and intervals."),
    Entry("library", "library", "Read, decide on and keep the strategies that were learned."),
    Entry("runs", "runs", "Look at runs and what they spent."),
    Entry("journal", "journal", "Look after the answers that runs keep: measure, prune, encrypt, repair."),
    Entry("doctor", "doctor", "Try every seat: key, model, answers, usage, price. Says what to change."),
    Entry("review", "review", "Read, edit, approve and release strategies in the browser."),
    Entry("review-user", "review_user", "Accounts of reviewers: add, change, remove, tokens."),
    Entry("release", "release", "Freeze approved strategies, publish them, roll back."),
    Entry("export", "export_", "Take strategies elsewhere: playbook, JSONL, skill, fine-tuning."),
    Entry("import", "import_", "Propose strategies that others wrote, from JSONL, JSON or YAML."),
    Entry("chat", "chat", "Talk to the student and the coached student, side by side."),
    Entry("mcp", "mcp", "Serve advice and the library to MCP clients."),
    Entry("serve", "serve", "Serve a small model with advice: an OpenAI-compatible proxy."),
    Entry("serve-key", "serve_key", "Make an API key for a caller of the proxy."),
    Entry("practice", "practice", "Serve, list and check the embedded practice worlds."),
    Entry("prompts", "prompts", "Read the prompts, built in and your own."),
)


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        for entry in COMMANDS:
            if entry.name == cmd_name:
                command: click.Command = import_module(f"preceptor.cli.commands.{entry.module}").command
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            near = get_close_matches(name, known, 1)
            told = f"No such command '{name}'." + (f" Did you mean '{near[0]}'?" if near else "")
            raise click.UsageError(told, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in COMMANDS])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="preceptor")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def app(debug: bool) -> None:
    """A strong model teaches a weak one in plain language.

    Preceptor learns readable strategies for a student model, and measures what they bring.
    Begin with: preceptor demo
    """
    del debug
