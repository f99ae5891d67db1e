"""Text to vectors by any OpenAI-compatible ``/embeddings``: one small blocking client, safe in several threads."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from preceptor.core.errors import BadAnswerError, ConfigError, ModelBusyError, ModelDownError, ModelError
from preceptor.core.untrusted import one_line
from preceptor.llm.faults import Door, SlowDownError, passing, status_fault
from preceptor.llm.pace import retry_after

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_MOST_BYTES = 256_000_000
_FORM = "write http://HOST:PORT/v1#MODEL, for instance http://127.0.0.1:11434/v1#nomic-embed-text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call is waited for, and what happens after it failed."""

    timeout: float = 30.0
    """Seconds for one try."""
    retries: int = 4
    """Further tries after a busy, broken or slow answer."""
    rest: float = 0.0
    """Seconds after a failed call in which no other is tried: while a server is down, nobody should wait for it."""


class HttpEmbedder:
    """``POST {base}/embeddings``, ``batch`` texts a call.

    Args:
        place: ``http://HOST/v1#MODEL``.
        key: goes into the Authorization header; ``key_env`` is where it came from, for messages.

    Raises:
        ConfigError: ``place`` has another form.
    """

    def __init__(
        self,
        place: str,
        *,
        key: str = "",
        key_env: str = "",
        batch: int = 64,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base, self._model = _parts(place)
        self._door = Door(spec=f"{self._base}#{self._model}", key_env=key_env, secrets=(key,) if key else ())
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._batch = batch
        self._patience = patience or Patience()
        self._sleep, self._timer = sleep, timer
        self._rng = random.Random(0)
        self._rests_until = -1.0
        self._dimension = 0
        self._idle: deque[http.client.HTTPConnection] = deque()
        # Jobs hand an embedder on and on: its connections close with its last holder.
        weakref.finalize(self, _closed, self._idle)
        self.name = f"http:{self._model}"

    def __repr__(self) -> str:
        return f"HttpEmbedder({self._door.spec!r})"

    @property
    def dimension(self) -> int:
        """Length of a vector; asks the server once."""
        return self._dimension or self.embed(["."]).shape[1]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 per text.

        Raises:
            ModelError: no usable answer after all tries, or while resting after such a failure.
        """
        if self._timer() < self._rests_until:
            raise ModelDownError(f"{self._door.spec} failed a moment ago", hint="see the log", kind="unreachable")
        parts = [self._rows(texts[n : n + self._batch]) for n in range(0, len(texts), self._batch)]
        if not parts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return np.concatenate(parts)

    def _rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # An empty text is refused by many servers; a blank one embeds as nothing in particular.
        body = json.dumps({"model": self._model, "input": [t or " " for t in texts], "encoding_format": "float"})
        for number in range(self._patience.retries + 1):
            try:
                return self._read(self._post(body.encode()), len(texts))
            except ModelError as error:
                if not passing(error) or number == self._patience.retries:
                    self._rests_until = self._timer() + self._patience.rest
                    raise
                backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2**number) * self._rng.uniform(0.5, 1.0)
                self._sleep(max(error.retry_after if isinstance(error, SlowDownError) else 0.0, backoff))
        raise AssertionError("the loop returns or raises")

    def _post(self, body: bytes) -> bytes:
        try:
            try:
                return self._exchange(body)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # The server closed a connection that was kept; a new one tells whether it is there.
                return self._exchange(body)
        except TimeoutError as error:
            raise ModelBusyError(
                f"{self._door.spec} gave no vectors within {self._patience.timeout:g} s", kind="timeout"
            ) from error
        except ssl.SSLError as error:
            raise ModelDownError(f"{self._door.spec}: {one_line(str(error), 120)}", kind="tls") from error
        except (OSError, http.client.HTTPException) as error:
            raise ModelBusyError(
                f"{self._door.spec} cannot be reached: {one_line(str(error) or type(error).__name__, 120)}",
                hint="start the server, or check the URL",
                kind="unreachable",
            ) from error

    def close(self) -> None:
        """Closes the connections that are kept; the next call opens a new one."""
        _closed(self._idle)

    def _exchange(self, body: bytes) -> bytes:
        parts = urlsplit(self._base)
        try:
            connection = self._idle.pop()
        except IndexError:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = kind(parts.hostname or "", parts.port, timeout=self._patience.timeout)
        with ExitStack() as broken:
            broken.callback(connection.close)
            connection.request("POST", f"{parts.path.rstrip('/')}/embeddings", body, self._headers)
            response = connection.getresponse()
            data = response.read(_MOST_BYTES)
            broken.pop_all()
        self._idle.append(connection)
        if response.status >= 300:
            text = data[:20_000].decode("utf-8", "replace")
            raise status_fault(self._door, response.status, text, retry_after(dict(response.headers.items())))
        return data

    def _read(self, data: bytes, count: int) -> NDArray[np.float32]:
        """The vectors in order of ``index``. BadAnswerError where they are not ``count`` rows of finite numbers."""
        try:
            value: Any = json.loads(data)
            entries = sorted(value["data"], key=lambda entry: entry.get("index", 0))
            rows = np.array([entry["embedding"] for entry in entries], dtype=np.float32)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            said = self._door.words(data[:800].decode("utf-8", "replace"))
            raise BadAnswerError(f"{self._door.spec} gave no vectors: {said}", kind="vector") from error
        known = self._dimension or (rows.shape[1] if rows.ndim == 2 else 0)
        if rows.shape != (count, known) or not known or not np.isfinite(rows).all():
            raise BadAnswerError(
                f"{self._door.spec} gave vectors of shape {rows.shape} for {count} texts, or some are not finite",
                hint="is it an embedding model?",
                kind="vector",
            )
        self._dimension = known
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _parts(place: str) -> tuple[str, str]:
    base, _, model = place.partition("#")
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"embedder: {one_line(base, 80)}: {error}", hint=_FORM) from error
    if parts.username or parts.password or parts.query:
        raise ConfigError(
            f"embedder: the URL of {parts.hostname} holds a key, password or query",
            hint="put the key into an environment variable and name that in api_key_env",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not model.strip():
        raise ConfigError(f"embedder: '{one_line(place, 80)}' lacks a host or a model", hint=_FORM)
    return base.rstrip("/"), model.strip()


def _closed(idle: deque[http.client.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()
