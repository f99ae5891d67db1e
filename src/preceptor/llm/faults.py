"""HTTP statuses and error bodies as errors that say what to do.

Kinds: ``busy``, ``timeout``, ``cut`` and ``unreachable`` may pass and are tried again; ``key-refused``,
``no-such-model``, ``quota``, ``wrong-content``, ``moved``, ``tls`` and ``outage`` will not; ``context-length`` and
``rejected`` concern one item.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError, ModelError
from preceptor.core.untrusted import one_line

_RETRIED = frozenset({408, 409, 425, 429})
_CONTEXT = re.compile(
    r"context[ _-]?(length|window|size)|maximum context|too many (input )?tokens|prompt is too long"
    r"|exceed\w* .*(context|n_ctx)",
    re.IGNORECASE,
)
_NO_KEY = "set api_key_env in this seat's table to the environment variable that holds the key"
_QUOTA_USED = ("quota", "quota used up", "top up the account, then resume")
_MOVED = ("moved", "redirected", "write the address that the server redirects to")
_DOWN = {
    401: ("key-refused", "key refused", _NO_KEY),
    403: ("key-refused", "key refused", _NO_KEY),
    404: ("no-such-model", "not found", "check the URL and the model's name"),
}
_QUOTA = re.compile(r"insufficient[ _]quota|exceeded your current quota|credit balance|billing", re.IGNORECASE)
_KEYLIKE = re.compile(r"\b(sk|pk|gsk|xai|key|Bearer)[-_ ][\w*.-]{6,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a model is reached, for messages: no secret in it but in ``secrets``, which are cut from any text."""

    spec: str
    key_env: str = ""
    """The environment variable that holds the key, or would."""
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Door(spec={self.spec!r}, key_env={self.key_env!r})"

    def words(self, text: str, limit: int = 200) -> str:
        """Untrusted text as one short line, without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return one_line(_KEYLIKE.sub("[key]", text[: 8 * limit]), limit)


class SlowDownError(ModelBusyError):
    """Busy, and the server told how long: ``retry_after`` in seconds."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float) -> None:
        super().__init__(message, hint=hint, kind="busy")
        self.retry_after = retry_after


def passing(error: ModelError) -> bool:
    """Whether the same call may work a little later."""
    return error.kind in {"busy", "timeout", "cut", "unreachable"}


def billable(error: ModelError) -> bool:
    """Whether the server may have done, and charged, the work although no usable answer came."""
    return error.kind in {"timeout", "cut", "bad-envelope"}


def status_fault(door: Door, status: int, body: str, retry_after: float | None = None) -> ModelError:
    """The error for an answer with a status of 300 or more."""
    said = door.words(told(body))
    what = f"{door.spec} answered HTTP {status}" + (f": {said}" if said else "")
    quota = status == 402 or (status == 429 and _QUOTA.search(body) is not None)
    if not quota and (status in _RETRIED or status >= 500):
        if retry_after is None:
            return ModelBusyError(what, kind="busy")
        return SlowDownError(what, retry_after=retry_after)
    if quota or status in _DOWN or status < 400:
        kind, words, hint = _QUOTA_USED if quota else _DOWN.get(status, _MOVED)
        if kind == "key-refused" and door.key_env:
            hint = f"put a valid key into the environment variable {door.key_env}"
        return ModelDownError(f"{words}: {what}", hint=hint, kind=kind)
    if status == 413 or _CONTEXT.search(body):
        hint = "give the server a larger context (num_ctx, --ctx-size), or lower learn.max_turns"
        return BadAnswerError(f"too long for the model: {what}", hint=hint, kind="context-length")
    return ModelError(f"request rejected: {what}", hint="see the server's log", kind="rejected")


def told(body: str) -> str:
    """What an error body says, in any of the spellings in use; the body itself where it is none of them."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for name in ("error", "detail", "message"):
        if not isinstance(value, dict):
            break
        inner = cast("dict[str, object]", value).get(name)
        if isinstance(inner, str):
            return inner
        if isinstance(inner, dict):
            value = cast("object", inner)
    return body
