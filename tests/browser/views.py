"""Every page of the app, by its URL."""

from __future__ import annotations

NO_PAGES = (
    "/",
    "/healthz",
    "/enter",
    "/audit/chain",
    "/audit.jsonl",
    "/audit.csv",
    "/rate.jsonl",
    "/rate.csv",
    "/runs/{id}/live",
    "/try/live",
    "/api/openapi.json",
)
"""Routes that answer with a file, a stream, a part of a page or a way to one."""


def pages_of(one: str, two: str, release: str, run: str) -> tuple[str, ...]:
    """Every page; ``one`` and ``two`` are strategies. The last one is for strangers."""
    return (
        "/queue",
        "/queue?q=nothing+fits+this",
        "/queue?mark=half",
        "/strategies",
        "/strategies/new",
        f"/strategies/{one}",
        f"/strategies/{two}/edit",
        f"/strategies/{one}/merge?with={two}",
        "/releases",
        f"/releases/{release}",
        "/runs",
        f"/runs/{run}",
        "/try",
        "/rate?mode=pair",
        "/rate?mode=single",
        "/audit",
        "/law",
        "/login?next=/x",
    )
