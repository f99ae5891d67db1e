"""Every error that Preceptor raises on purpose.

::

    PreceptorError
    ├── ConfigError            a setting is missing, unknown or out of range
    ├── InputError             a file or text given by the user cannot be used
    │   └── WorldError         a practice world's YAML is wrong (names file and line)
    ├── PromptError            a prompt file is missing or has the wrong placeholders
    ├── LibraryError           the library refuses a change or cannot be read
    ├── RunError               a run cannot be started, resumed or found
    ├── BudgetError            the next call would pass the cap; the run is saved
    ├── StoppedError           the user asked the run to stop; it is saved
    └── ModelError             something between us and a chat model
        ├── BadAnswerError     the model answered, but not with what was asked
        ├── ModelTimeoutError  no answer in time, after the allowed tries
        ├── ModelBusyError     429/5xx persisted after the allowed tries
        └── ModelDownError     unreachable, key refused, unknown model: no call can work

Every message names the thing and, in ``hint``, the next step. ``ends_run`` tells whether the error
concerns one item (recorded, the run goes on) or the whole run (saved, then ended).
"""

from __future__ import annotations

UPGRADE = "upgrade preceptor: git pull in its clone, then install it from there again"
"""A next step: no index holds the package."""


def install(extra: str) -> str:
    """The next step where packages of an extra are missing; as in :data:`UPGRADE`."""
    return f"in the clone of preceptor: pip install -e '.[{extra}]'"


class PreceptorError(Exception):
    """Base of all; ``str()`` is one line for people, ``hint`` the next step."""

    ends_run = True

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(PreceptorError):
    """A setting is missing, unknown or out of range."""


class InputError(PreceptorError):
    """A file or text that the user gave cannot be used."""


class WorldError(InputError):
    """A practice world's YAML is wrong; the message names file and line."""


class PromptError(PreceptorError):
    """A prompt file is missing or its placeholders do not fit."""


class LibraryError(PreceptorError):
    """The library refuses a change or cannot be read."""


class RunError(PreceptorError):
    """A run cannot be started, resumed or found."""


class BudgetError(PreceptorError):
    """The next call would pass the cap. All answers so far are kept."""

    def __init__(self, message: str, *, hint: str = "", setting: str = "") -> None:
        super().__init__(message, hint=hint)
        self.setting = setting
        """The cap's setting; empty where nothing says which."""


class StoppedError(PreceptorError):
    """The user asked the run to stop. All answers so far are kept."""


class ModelError(PreceptorError):
    """Something between us and a chat model went wrong, for one item."""

    ends_run = False

    def __init__(self, message: str, *, hint: str = "", kind: str = "model") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        """Short stable word for counting failures, for instance ``truncated-json``."""

    def of_seat(self, seat: str) -> None:
        """Begins the message with the seat that it befell."""
        self.message = f"{seat}: {self.message}"
        self.args = (self.message,)


class BadAnswerError(ModelError):
    """The model answered, but not with what was asked."""


class ModelTimeoutError(ModelError):
    """No answer within the timeout, after the allowed tries."""


class ModelBusyError(ModelError):
    """The server kept answering 429 or 5xx, after the allowed tries."""


class ModelDownError(ModelError):
    """No call to this model can work: unreachable, key refused, no such model."""

    ends_run = True


def unreadable(error: OSError | UnicodeError) -> str:
    """Why a file could not be read, in words: ``No such file or directory``, ``it is not UTF-8 text``."""
    return "it is not UTF-8 text" if isinstance(error, UnicodeError) else error.strerror or str(error)
