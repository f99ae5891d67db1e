"""The HTTP embedder, against a loopback server of the standard library."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from preceptor.core.errors import BadAnswerError, ConfigError, ModelBusyError, ModelDownError, ModelError
from preceptor.llm.embeddings import HttpEmbedder, Patience


class Server:
    """Embeds a text as (its length, 1, 0); answers what ``next`` holds first."""

    def __init__(self) -> None:
        self.next: list[tuple[int, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.opened: list[HttpEmbedder] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({**body, "path": self.path})
                outer.keys.append(self.headers["Authorization"])
                status, value = outer.next.pop(0) if outer.next else (200, outer.answer(body["input"]))
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.place = f"http://127.0.0.1:{self._server.server_port}/v1#small"

    @staticmethod
    def answer(texts: list[str]) -> dict[str, Any]:
        rows = [{"index": n, "embedding": [len(t), 1.0, 0.0]} for n, t in enumerate(texts)]
        return {"data": rows[::-1], "model": "small"}

    def embedder(self, **how: Any) -> HttpEmbedder:
        """One that asks this server, closed with it."""
        self.opened.append(HttpEmbedder(self.place, **how))
        return self.opened[-1]

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for embedder in self.opened:
            embedder.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


def test_vectors_come_in_the_order_of_the_texts_in_batches(server: Server) -> None:
    embedder = server.embedder(key="k-1", batch=2)
    rows = embedder.embed(["a", "bbb", ""])
    assert rows == pytest.approx(np.array([[1, 1, 0], [3, 1, 0], [1, 1, 0]]) / np.sqrt([[2], [10], [2]]))
    assert [a["input"] for a in server.asked] == [["a", "bbb"], [" "]]
    assert server.asked[0]["model"] == "small"
    assert server.asked[0]["path"] == "/v1/embeddings"
    assert server.keys == ["Bearer k-1"] * 2
    assert (embedder.name, embedder.dimension) == ("http:small", 3)
    assert embedder.embed([]).shape == (0, 3)


def test_a_busy_server_is_asked_again_with_growing_pauses(server: Server) -> None:
    slept: list[float] = []
    server.next = [(503, {}), (429, {"error": {"message": "slow down"}})]
    assert len(server.embedder(sleep=slept.append).embed(["a"])) == 1
    assert len(server.asked) == 3
    assert 0.25 <= slept[0] <= 0.5 <= slept[1] <= 1.0


def test_after_the_last_try_it_rests(server: Server) -> None:
    now = [0.0]
    patience = Patience(retries=1, rest=10)
    slept: list[float] = []

    def timer() -> float:
        return now[0]

    embedder = server.embedder(patience=patience, sleep=slept.append, timer=timer)
    server.next = [(500, {}), (500, {})]
    with pytest.raises(ModelBusyError):
        embedder.embed(["a"])
    with pytest.raises(ModelDownError, match="failed a moment ago"):
        embedder.embed(["a"])
    assert len(server.asked) == 2
    now[0] = 10.5
    assert len(embedder.embed(["a"])) == 1


def test_a_refused_key_is_not_tried_again_and_never_shown(server: Server) -> None:
    server.next = [(401, {"error": {"message": "bad key sekret-42"}})]
    with pytest.raises(ModelDownError, match="key refused") as error:
        server.embedder(key="sekret-42", key_env="MY_KEY").embed(["a"])
    assert "sekret-42" not in str(error.value)
    assert "MY_KEY" in error.value.hint
    assert len(server.asked) == 1


NO_VECTORS: list[Any] = [
    b"not json",
    [],
    {"data": []},
    {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
    {"data": [{"index": 0, "embedding": "AAAA"}]},
    {"data": [{"index": 0, "embedding": [float("nan"), 1.0]}]},
    {"data": [{"index": 0, "embedding": []}]},
    {"data": [3]},
]


@pytest.mark.parametrize("answer", NO_VECTORS)
def test_an_answer_that_is_no_vectors_is_refused(server: Server, answer: Any) -> None:
    server.next = [(200, answer)]
    with pytest.raises(BadAnswerError, match="gave"):
        server.embedder().embed(["a"])


def test_a_vector_of_another_length_is_refused(server: Server) -> None:
    embedder = server.embedder()
    embedder.embed(["a"])
    server.next = [(200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]})]
    with pytest.raises(BadAnswerError, match="shape"):
        embedder.embed(["a"])


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        place = f"http://127.0.0.1:{gone.getsockname()[1]}/v1#m"
    with pytest.raises(ModelError, match="cannot be reached"):
        HttpEmbedder(place, patience=Patience(retries=0)).embed(["a"])


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}/v1#m"
        with pytest.raises(ModelBusyError, match="no vectors within"):
            HttpEmbedder(place, patience=Patience(timeout=0.05, retries=0)).embed(["a"])


@pytest.mark.parametrize(
    "place", ["http://h/v1", "ftp://h#m", "http:///v1#m", "http://u:p@h/v1#m", "http://h:x/v1#m"]
)
def test_a_place_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(ConfigError):
        HttpEmbedder(place)
