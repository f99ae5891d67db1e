"""A playbook for people: Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from preceptor.exchange.contents import Contents, Item, sections
from preceptor.exchange.escape import markdown

UNREVIEWED = "Not reviewed: holds strategies that no person has approved."


def playbook(contents: Contents) -> str:
    """The strategies as a Markdown page, by topic: when, do, avoid, why, and what is known of each."""
    return "\n".join(_lines(contents)) + "\n"


def _lines(contents: Contents) -> Iterator[str]:
    yield f"# Playbook: {markdown(contents.domain) or 'customers'}"
    yield ""
    count = len(contents.items)
    source = "the library" if contents.source == "library" else markdown(contents.source)
    yield f"{count} {'strategy' if count == 1 else 'strategies'} from {source}. The policy ranks above all of them."
    if contents.trial:
        yield f"\n**{UNREVIEWED}**"
    for title, items in sections(contents):
        yield f"\n## {markdown(title) or 'In every conversation'}"
        for item in items:
            yield from _strategy(item)


def _strategy(item: Item) -> Iterator[str]:
    strategy = item.strategy
    yield f"\n### When {markdown(strategy.when.rstrip('.'))}"
    yield ""
    for label, text in (("Do", strategy.do), ("Avoid", strategy.avoid), ("Why", strategy.why)):
        if text:
            yield f"- **{label}:** {markdown(text)}"
    standing = [f"version {item.version}", *([] if item.status == "approved" else [item.status])]
    if item.evidence:
        low, high = item.evidence.interval
        standing.append(f"{item.verdict} ({item.evidence.lift:+.2f}, 95% {low:+.2f} to {high:+.2f})")
    yield f"- *{markdown(strategy.id)}, {', '.join(standing)}*"
