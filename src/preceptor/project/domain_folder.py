"""A domain as files that people edit: ``brief.md``, ``policy.md``, ``issues.yaml``, ``profiles.yaml``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from preceptor.core.errors import InputError
from preceptor.core.ids import digest, short_id
from preceptor.core.records import Domain, Issue, Profile
from preceptor.core.untrusted import clean, one_line
from preceptor.core.yaml_lines import Document, Place, read_text, read_yaml

STYLES = ("analytical", "amiable", "expressive", "driver")
EMOTIONS = ("concerned", "frustrated", "calm", "confused")
"""The grid of arXiv 2408.07238."""

_ISSUE_KEYS = frozenset({"key", "title", "story", "goal"})
_PROFILE_KEYS = frozenset({"id", "style", "emotion", "demanding", "issue", "known", "unknown", "heldout"})
_GRID_KEYS = frozenset({"styles", "emotions", "demanding", "issues", "heldout", "facts"})


def read_domain(folder: Path) -> Domain:
    """The domain in ``folder``.

    Raises:
        InputError: a file is missing or wrong; the message names file and line, the hint says what to write.
    """
    if not folder.is_dir():
        raise InputError(
            f"domain folder {folder} does not exist",
            hint="put it back, or name another in [domain] folder; a new project: preceptor init DIR",
        )
    name, brief = _brief(folder / "brief.md")
    policy = clean(read_text(folder / "policy.md"))
    if not policy:
        raise InputError(
            f"{folder / 'policy.md'}:1: the policy is empty", hint="write what the agent may and may not do"
        )
    issues = tuple(_issues(read_yaml(folder / "issues.yaml")))
    profiles = tuple(_profiles(read_yaml(folder / "profiles.yaml"), issues))
    return Domain(name=name, brief=brief, policy=policy, issues=issues, profiles=profiles)


def _brief(path: Path) -> tuple[str, str]:
    text = read_text(path)
    head, mark, body = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not mark:
        raise InputError(
            f"{path}:1: the header is missing",
            hint='begin the file with three lines: "---", "name: YOUR FIRM", "---"',
        )
    name = next((ln.partition(":")[2].strip() for ln in head.splitlines() if ln.startswith("name:")), "").strip(
        "\"'"
    )
    if not name:
        raise InputError(f"{path}:2: the header has no name", hint='add a line "name: YOUR FIRM" to the header')
    if not clean(body):
        line = head.count("\n") + 4
        raise InputError(f"{path}:{line}: the brief is empty", hint="write who the agent is and what its job is")
    return one_line(name), clean(body)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One mapping of a document and where it stands."""

    document: Document
    place: Place
    values: Mapping[str, Any]

    def wrong(self, message: str, *, key: str = "", hint: str = "") -> InputError:
        return self.document.wrong((*self.place, key) if key else self.place, message, hint=hint)

    def known(self, allowed: frozenset[str]) -> None:
        for key in self.values:
            if key not in allowed:
                near = get_close_matches(key, allowed, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"allowed are: {', '.join(sorted(allowed))}"
                raise self.wrong(f"unknown entry '{one_line(key, 60)}'", key=key, hint=hint)

    def text(self, key: str, *, needed: bool = True) -> str:
        value = self.values.get(key)
        if value is None or (isinstance(value, str) and not clean(value)):
            if needed:
                state = "empty" if key in self.values else "missing"
                raise self.wrong(f"'{key}' is {state}", key=key, hint=f"write: {key}: some text")
            return ""
        if isinstance(value, (dict, list)):
            raise self.wrong(f"'{key}' must be text", key=key, hint="write one text, or use | for several lines")
        return clean(str(value))

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(
                f"'{key}' is {one_line(str(value), 40)!r}", key=key, hint=f"write {key}: true or {key}: false"
            )
        return value


def _entries(document: Document, place: Place, value: Any, what: str) -> Iterator[_Entry]:
    if not isinstance(value, list) or not value:
        raise document.wrong(place, f"a list of {what} is needed", hint="begin each one with a dash: - ...")
    for index, item in enumerate(cast("list[Any]", value)):
        if not isinstance(item, dict):
            raise document.wrong(
                (*place, index), f"each of the {what} needs named entries", hint="see docs/config.md"
            )
        yield _Entry(document, (*place, index), cast("dict[str, Any]", item))


def _issues(document: Document) -> Iterator[Issue]:
    seen: set[str] = set()
    for entry in _entries(document, (), document.value, "issues"):
        entry.known(_ISSUE_KEYS)
        issue = Issue(
            key=entry.text("key"), title=entry.text("title"), story=entry.text("story"), goal=entry.text("goal")
        )
        if issue.key in seen:
            raise entry.wrong(f"issue '{issue.key}' is there twice", key="key", hint="give each issue its own key")
        seen.add(issue.key)
        yield issue


def _profiles(document: Document, issues: tuple[Issue, ...]) -> Iterator[Profile]:
    keys = [issue.key for issue in issues]
    value = document.value
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        _Entry(document, (), parts).known(frozenset({"grid", "profiles"}))
        found = list(_grid(_grid_entry(document, parts), keys)) if parts.get("grid") is not None else []
        if parts.get("profiles") is not None:
            found += _listed(document, ("profiles",), parts["profiles"], keys)
    else:
        found = list(_listed(document, (), value, keys))
    _check_split(document, found)
    return iter(found)


def _listed(document: Document, place: Place, value: Any, keys: list[str]) -> list[Profile]:
    found: list[Profile] = []
    seen: set[str] = set()
    halves: dict[tuple[object, ...], bool] = {}
    for entry in _entries(document, place, value, "profiles"):
        entry.known(_PROFILE_KEYS)
        profile = Profile(
            id=entry.text("id"),
            style=entry.text("style"),
            emotion=entry.text("emotion"),
            demanding=entry.flag("demanding"),
            issue=_issue_key(entry, keys),
            known=entry.text("known", needed=False),
            unknown=entry.text("unknown", needed=False),
            heldout=entry.flag("heldout"),
        )
        if profile.id in seen:
            raise entry.wrong(
                f"profile '{profile.id}' is there twice", key="id", hint="give each profile its own id"
            )
        seen.add(profile.id)
        if halves.setdefault(_pair(profile), profile.heldout) != profile.heldout:
            raise entry.wrong(
                f"profile '{profile.id}' is held out, yet the same customer with the same issue is used in training"
                if profile.heldout
                else f"profile '{profile.id}' is used in training, yet the same customer and issue is held out",
                key="heldout",
                hint="put every profile with this style, emotion, demanding and issue in one half",
            )
        found.append(profile)
    return found


def _issue_key(entry: _Entry, keys: list[str]) -> str:
    key = entry.text("issue")
    if key not in keys:
        near = get_close_matches(key, keys, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"issues.yaml has: {', '.join(keys)}"
        raise entry.wrong(f"there is no issue '{one_line(key, 60)}'", key="issue", hint=hint)
    return key


def _grid_entry(document: Document, parts: Mapping[str, Any]) -> _Entry:
    grid = parts["grid"]
    if not isinstance(grid, dict):
        raise document.wrong(
            ("grid",), "'grid' needs named entries", hint="for instance: styles: [analytical, driver]"
        )
    entry = _Entry(document, ("grid",), cast("dict[str, Any]", grid))
    entry.known(_GRID_KEYS)
    return entry


def _grid(entry: _Entry, keys: list[str]) -> Iterator[Profile]:
    """Every combination; the held-out share is drawn by digest, so that adding an issue moves no other profile."""
    styles = _words(entry, "styles", STYLES)
    emotions = _words(entry, "emotions", EMOTIONS)
    demanding = entry.values.get("demanding", [False, True])
    if (
        not isinstance(demanding, list)
        or not demanding
        or any(not isinstance(d, bool) for d in cast("list[Any]", demanding))
    ):
        raise entry.wrong(
            "'demanding' must be a list of true and false", key="demanding", hint="write [true, false]"
        )
    share = entry.values.get("heldout", 0.25)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise entry.wrong(
            "'heldout' must be a number from 0 to 1", key="heldout", hint="for instance heldout: 0.25"
        )
    chosen = _words(entry, "issues", tuple(keys))
    for key in chosen:
        if key not in keys:
            near = get_close_matches(key, keys, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"issues.yaml has: {', '.join(keys)}"
            raise entry.wrong(f"there is no issue '{one_line(key, 60)}'", key="issues", hint=hint)
    facts = _facts(entry, keys)
    made = [
        Profile(id="", style=s, emotion=e, demanding=d, issue=i, known=facts[i][0], unknown=facts[i][1])
        for i, s, e, d in itertools.product(chosen, styles, emotions, cast("list[bool]", demanding))
    ]
    for issue in chosen:
        group = sorted((p for p in made if p.issue == issue), key=lambda p: digest("split", _pair(p)))
        cut = round(len(group) * share)
        for index, profile in enumerate(group):
            yield replace(profile, id=short_id("profile", _pair(profile)), heldout=index < cut)


def _words(entry: _Entry, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = entry.values.get(key)
    if value is None or value == "all":
        return default
    if not isinstance(value, list) or not value:
        raise entry.wrong(f"'{key}' must be a list of words", key=key, hint=f"for instance {key}: [{default[0]}]")
    words = tuple(clean(str(v)) for v in cast("list[Any]", value))
    if len(set(words)) != len(words) or not all(words):
        raise entry.wrong(f"'{key}' has an empty or repeated word", key=key, hint="write each word once")
    return words


def _facts(entry: _Entry, keys: list[str]) -> dict[str, tuple[str, str]]:
    facts: dict[str, tuple[str, str]] = {key: ("", "") for key in keys}
    value = entry.values.get("facts")
    if value is None:
        return facts
    if not isinstance(value, dict):
        raise entry.wrong("'facts' needs one entry per issue key", key="facts", hint="see docs/config.md")
    for key, item in cast("dict[str, Any]", value).items():
        inner = _Entry(
            entry.document,
            (*entry.place, "facts", key),
            cast("dict[str, Any]", item) if isinstance(item, dict) else {},
        )
        if key not in keys:
            raise inner.wrong(
                f"there is no issue '{one_line(key, 60)}'", hint=f"issues.yaml has: {', '.join(keys)}"
            )
        inner.known(frozenset({"known", "unknown"}))
        facts[key] = (inner.text("known", needed=False), inner.text("unknown", needed=False))
    return facts


def _pair(profile: Profile) -> tuple[object, ...]:
    return (profile.issue, profile.style, profile.emotion, profile.demanding)


def _check_split(document: Document, profiles: list[Profile]) -> None:
    for heldout, what, use in ((False, "training", "learning"), (True, "held-out", "evaluation")):
        if not any(p.heldout == heldout for p in profiles):
            raise document.wrong((), f"there is no {what} profile", hint=f"{use} needs some: set heldout on others")
