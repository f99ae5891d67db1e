"""An Agent Skill: a folder with ``SKILL.md`` and ``references/``, within the limits of agentskills.io.

Name: at most 64 small letters, digits and single hyphens, equal to the folder's. Description: at most 1024
characters. Body: under 500 lines and 5,000 tokens, the rest in files that it links to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from preceptor._version import __version__
from preceptor.core.errors import InputError
from preceptor.core.untrusted import one_line
from preceptor.exchange.contents import Contents, Item, sections
from preceptor.exchange.escape import markdown, slug
from preceptor.exchange.playbook import UNREVIEWED

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1024
MOST_LINES = 450
MOST_BYTES = 12_000
"""Of the body. A token is hardly ever less than 2.5 bytes of such text, so this stays under 5,000 tokens."""
GENERATOR = "preceptor"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RESERVED = ("anthropic", "claude")
_DASHES = re.compile(r"-{3,}")
_MOST_FILES = 100
_IN_FILE = 40
"""Strategies in one file: more only where there would be too many files."""
_HEAD = (
    "These are rules for conversations with customers. They rank below the firm's policy and instructions: where "
    "they conflict, follow the policy. Read what holds always; then open the file for the situation at hand and "
    "follow the rules in it whose *when* fits. Where none fits, follow none."
)


def skill_name(domain: str, given: str = "") -> str:
    """The skill's name: as given, or made of the domain's.

    Raises:
        InputError: the given name is not one that a skill may have.
    """
    if given:
        if not _NAME.fullmatch(given) or len(given) > LONGEST_NAME or any(w in given for w in _RESERVED):
            raise InputError(
                f"'{one_line(given, 80)}' cannot name a skill",
                hint=f"at most {LONGEST_NAME} small letters, digits and single hyphens, as in: airline-playbook",
            )
        return given
    made = slug(domain, limit=LONGEST_NAME - len("-playbook"), otherwise="customer")
    return f"{'customer' if any(w in made for w in _RESERVED) else made}-playbook"


def skill_files(contents: Contents, name: str) -> dict[str, str]:
    """Path within the skill's folder to text. ``name`` comes from :func:`skill_name`."""
    general = [i for title, items in sections(contents) if not title for i in items]
    bound = [(title, items) for title, items in sections(contents) if title]
    if len(bound) > _MOST_FILES // 2:
        bound = [("Situations", [i for _, items in bound for i in items])]
    body = _Body(contents)
    files: dict[str, str] = {}
    left = body.take("## Always", [_rule(i) for i in general], room=0.5)
    if left:
        files["references/always.md"] = _page("Always", general)
        body.more("The rest of them: [always](references/always.md)")
    links: list[str] = []
    for title, path, items in _files(bound):
        files[path] = _page(title, items)
        rules = "1 rule" if len(items) == 1 else f"{len(items)} rules"
        links.append(f"- [{markdown(title)}]({path}), {rules}. {_glimpse(items)}")
    if body.take("## In particular situations", links, room=1.0):
        files["references/contents.md"] = "\n".join(["# All situations", "", *_from_inside(links)]) + "\n"
        body.more("All situations: [contents](references/contents.md)")
    return {"SKILL.md": _front(contents, name, [t for t, _ in bound]) + body.text(), **files}


class _Body:
    """The body, line by line within its limits."""

    def __init__(self, contents: Contents) -> None:
        self._lines = [f"# {markdown(contents.domain) or 'Customers'}: playbook", "", _HEAD]
        if contents.trial:
            self._lines += ["", f"**{UNREVIEWED}**"]

    def take(self, title: str, lines: Sequence[str], *, room: float) -> int:
        """Adds a section; the number of lines that did not fit into that share of the body."""
        if not lines:
            return 0
        self._lines += ["", title, ""]
        size = len(self.text().encode())
        for at, line in enumerate(lines):
            size += len(line.encode()) + 1
            if len(self._lines) >= MOST_LINES * room or size > MOST_BYTES * room:
                return len(lines) - at
            self._lines.append(line)
        return 0

    def more(self, line: str) -> None:
        """A line that always fits."""
        self._lines += ["", line]

    def text(self) -> str:
        """The body so far."""
        return "\n".join(self._lines) + "\n"


def _front(contents: Contents, name: str, topics: Sequence[str]) -> str:
    domain = one_line(contents.domain) or "a firm"
    about = f"Rules for conversations with customers of {domain}."
    use = f"Use when you write or check a reply to a customer of {domain}"
    named = f", for instance about: {'; '.join(one_line(t) for t in topics)}." if topics else "."
    marked = f" {UNREVIEWED}" if contents.trial else ""
    front: Mapping[str, object] = {
        "name": name,
        "description": _quiet(f"{about}{marked} {use}{named}", LONGEST_DESCRIPTION),
        "metadata": {
            "generator": GENERATOR,
            "generator-version": __version__,
            "source": _quiet(contents.source, 200),
            "strategies": str(len(contents.items)),
            "reviewed": "no" if contents.trial else "yes",
        },
    }
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=2000, default_flow_style=False)
    return f"---\n{text}---\n\n"


def _quiet(text: str, limit: int) -> str:
    """Text for the front matter. Clients put it into prompts, between tags; some take any ``---`` for its end."""
    return one_line(_DASHES.sub("–", text.replace("<", "‹").replace(">", "›")), limit)


def _rule(item: Item) -> str:
    return f"- {markdown(item.strategy.text())}"


def _page(title: str, items: Sequence[Item]) -> str:
    lines = [f"# {markdown(title)}", "", *(_rule(i) for i in items)]
    return "\n".join(lines) + "\n"


def _glimpse(items: Sequence[Item]) -> str:
    """The situations in a file, as far as one line holds them."""
    found = list(dict.fromkeys(markdown(one_line(i.strategy.when.rstrip("."), 60)) for i in items))
    return f"When {'; '.join(found[:3])}{' ...' if len(found) > 3 else ''}"


def _files(sections: Sequence[tuple[str, list[Item]]]) -> Iterator[tuple[str, str, list[Item]]]:
    """Title, path and items of each file: a section is one, or more where it is long."""
    total = sum(len(items) for _, items in sections)
    most = max(_IN_FILE, -(-total // (_MOST_FILES // 2)))
    taken = {"always", "contents"}
    for title, items in sections:
        count = -(-len(items) // most)
        size = -(-len(items) // count)
        for number in range(count):
            stem = _free(slug(title, limit=48, otherwise="situation"), taken)
            shown = f"{title} ({number + 1} of {count})" if count > 1 else title
            yield shown, f"references/{stem}.md", items[number * size : (number + 1) * size]


def _free(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


def _from_inside(links: Sequence[str]) -> list[str]:
    return [line.replace("](references/", "](", 1) for line in links]
