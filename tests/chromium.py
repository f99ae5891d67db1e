"""A real Chromium and the review app on loopback: for the browser tests and the screenshots of the docs."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from playwright.sync_api import Playwright

from preceptor.cli.listening import listen
from preceptor.review.app import create_app
from preceptor.review.desk import Desk

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""The last one: no name but loopback's is resolved."""


def executable(playwright: Playwright) -> str | None:
    """The browser of this machine, else Playwright's own; None where there is neither."""
    own = Path(playwright.chromium.executable_path)
    return next(filter(None, map(shutil.which, _NAMES)), None) or (str(own) if own.exists() else None)


@contextmanager
def serving(desk: Desk) -> Generator[str]:
    """The app over ``desk`` in a thread, until the end; its address."""
    listening = listen("127.0.0.1", 0)
    app = create_app(desk)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        desk.closing.set()
        server.should_exit = True
        thread.join(10)
        listening.close()
