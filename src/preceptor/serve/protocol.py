"""HTTP/1 as uvicorn speaks it, but for what a proxy must not pass over."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendCallable, ASGISendEvent

    from preceptor.serve.headers import Header

_LONGEST_HEAD = 256 * 1024
"""Bytes of a request's head at most, give or take what one read brings."""
_HEAD_SECONDS = 30.0
"""A head that is not whole after one of these is looked at once more, and after two the connection is closed."""
_WORDS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class Protocol(HttpToolsProtocol):
    """One client's connection. What differs:

    - An offer to speak another protocol (``Upgrade: h2c``, which Java's client makes with each first request) is
      not taken up, as RFC 9110, 7.8 allows. llhttp takes a request with such an offer for the last of the
      connection, and drops its body; so its head is read again without it.
    - Trailers are no headers (RFC 9110, 6.5.1), and are left out.
    - A client of HTTP/1.0 gets no chunked answer (RFC 9112, 6.1), but one that ends with the connection.
    - A head has a limit in size and time.
    - What is no HTTP gets an error of our form, and nothing of it in the middle of an answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_size = 0
        self._again = False
        """The head that was read last is to be read again, without its offer."""
        self._offered: list[Header] = []
        self._served = 0
        """Requests that were handed to the application."""
        self._looked = -1
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Connected."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(_HEAD_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        self._unset_keepalive_if_required()
        went_on = self._in_head
        while True:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                if not self._again:  # CONNECT, which was answered
                    self._break_off()
                    return
                data = self._without_offer() + data[cast("int", upgrade.args[0]) :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self.send_400_response("the request is no HTTP that can be read")
                return
        if went_on and self._in_head:
            self._head_size += len(data)
            if self._head_size > _LONGEST_HEAD:
                self._refuse(431, "head-too-large", f"the request's head is larger than {_LONGEST_HEAD} bytes")

    def send_400_response(self, msg: str) -> None:
        """See the class."""
        self._refuse(400, "bad-http", msg)

    # llhttp

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._again = True
            return
        self.headers += self._offered
        self._offered = []
        super().on_headers_complete()
        self._served += 1
        self.headers = []  # the scope has the list; what comes from now on are trailers
        if self.parser.get_http_version() == "1.0":
            vars(self.cycle)["send"] = _unchunked(self.cycle)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not self._again:
            super().on_message_complete()

    def _without_offer(self) -> bytes:
        """The head once more. The offer is kept for the application to see."""
        self._again = False
        self._offered = [h for h in self.headers if h[0] == b"upgrade"]
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        lines += (b"%b: %b\r\n" % h for h in self.headers if h[0] != b"upgrade")
        return b"".join((*lines, b"\r\n"))

    def _look(self) -> None:
        """Closes where the same head is not whole since the last look."""
        waits = self._in_head or not self._served
        if waits and self._served == self._looked:
            self._break_off()
            return
        self._looked = self._served if waits else -1
        self._timer = self.loop.call_later(_HEAD_SECONDS, self._look)

    def _refuse(self, status: int, code: str, message: str) -> None:
        if not self._served or self.cycle.response_complete:
            error = {"message": message, "type": "preceptor_error", "param": None, "code": code}
            body = json.dumps({"error": error}).encode()
            head = b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            self.transport.write(head % (status, _WORDS[status], len(body)) + b"connection: close\r\n\r\n" + body)
        self._break_off()

    def _break_off(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def _unchunked(cycle: RequestResponseCycle) -> ASGISendCallable:
    """``cycle.send`` for an answer that ends with the connection, unless it tells its length."""
    send, bare = cycle.send, False

    async def sent(message: ASGISendEvent) -> None:
        nonlocal bare
        if message["type"] == "http.response.start":
            bare = all(name != b"content-length" for name, _ in message.get("headers", ()))
            cycle.chunked_encoding = False if bare else None
        elif bare and message["type"] == "http.response.body":
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return sent
