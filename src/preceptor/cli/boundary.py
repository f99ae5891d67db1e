"""The one error boundary: every way in which a command can end, as an exit code and a line or two."""

from __future__ import annotations

import errno
import select
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click

from preceptor.cli.app import app
from preceptor.core.errors import BudgetError, PreceptorError, StoppedError
from preceptor.core.secrets import masked
from preceptor.core.untrusted import clean, one_line

DONE, FAILED, USAGE, BUDGET, UNEXPECTED, STOPPED = 0, 1, 2, 3, 70, 130
"""Exit codes: done; an error with a next step; wrong usage; a cap was reached; a bug; stopped by the user."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and tells its exit code."""
    try:
        code: object = app.main(
            args=list(arguments), prog_name="preceptor", standalone_mode=False, obj=tuple(arguments)
        )
        if sys.__stdout__ is not None:  # as where it was closed before we began
            sys.stdout.flush()
        return code if isinstance(code, int) else DONE  # of a command that ends with one
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        code = STOPPED
        _stopped(arguments)
    except PreceptorError as error:
        code = _code(error)
        _tell(error, arguments)
    except (SystemExit, BrokenPipeError) as error:  # the first is click's own answer to a broken pipe
        code = DONE if _left() else _unexpected(error, "--debug" in arguments)
    except OSError as error:
        if error.errno not in _FULL:
            return _unexpected(error, "--debug" in arguments)
        code = FAILED
        _drop(sys.stdout)
        _say(f"error: the output cannot be written: {error.strerror}")
        _say("next: make space there, and call it again")
    except Exception as error:  # noqa: BLE001 - the boundary: whatever is left is a bug, told without a traceback
        code = _unexpected(error, "--debug" in arguments)
    return code


def _code(error: PreceptorError) -> int:
    if isinstance(error, BudgetError):
        return BUDGET
    return STOPPED if isinstance(error, StoppedError) else FAILED


def _tell(error: PreceptorError, arguments: Sequence[str]) -> None:
    from preceptor.cli.next_step import again  # noqa: PLC0415 - help is quicker without

    label = "stopped" if isinstance(error, StoppedError) else "error"
    _say(f"{label}: {one_line(error.message)}")
    if error.hint:
        _say(f"next: {one_line(again(error.hint, arguments, raised=isinstance(error, BudgetError)))}")


def _stopped(arguments: Sequence[str]) -> None:
    from preceptor.cli.next_step import stopped  # noqa: PLC0415 - as above

    _say("stopped")
    if command := stopped(arguments):
        _say(f"next: where a run had begun, go on with: {command}")


def _usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show(sys.stderr)
        return USAGE
    _say(f"error: {one_line(error.format_message())}")
    context = error.ctx if isinstance(error, click.UsageError) else None
    _say(f"next: {context.command_path if context else 'preceptor'} --help")
    return USAGE


def _unexpected(error: BaseException, debug: bool) -> int:
    if debug:
        _say(clean("".join(traceback.format_exception(error))))
    _say(f"error: unexpected {type(error).__name__}: {one_line(str(error), 200)}")
    _say("next: please report this" if debug else "next: see where with: preceptor --debug ...")
    return UNEXPECTED


def _say(text: str) -> None:
    try:
        click.echo(masked(text), err=True)
    except BrokenPipeError:
        return


def _left() -> bool:
    """Whether whoever read our output has read enough, as ``head`` does: no error, as a broken pipe to anybody else
    is one. Nothing is written there any more."""
    ours = [stream for stream in (sys.__stdout__, sys.__stderr__) if stream is not None]
    watch = select.poll()
    for stream in ours:
        watch.register(stream.fileno(), 0)  # an end that is closed is told all the same
    gone = {number for number, _ in watch.poll(0)}
    for stream in ours:
        if stream.fileno() in gone:
            _drop(stream)
    return bool(gone)


def _drop(stream: TextIO) -> None:
    from preceptor.cli.out import drop  # noqa: PLC0415 - as above

    drop(stream)
