"""Writing a domain folder: from a domain that there is, or as a commented template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from preceptor.core.records import Domain, Profile

_BLANK = {
    "brief.md": """\
---
name: Your Firm
---
You are a customer-service agent of Your Firm. You answer customers by chat.
Say here what the firm does, what the agent can do itself, and what it must pass on to others.
""",
    "policy.md": """\
# Policy

What the agent may and may not do. It always ranks above any strategy. Short rules work best:

- A purchase can be returned within 30 days with its receipt.
- Never promise a refund before the receipt was checked.
- Ask for the order number before you look anything up.
""",
    "issues.yaml": """\
# What customers come with. key: a short name; title: one line; story: what happened, as the customer would tell it;
# goal: what the customer wants. Add as many as you like.
- key: late-delivery
  title: Parcel is late
  story: |
    I ordered a present two weeks ago. It was promised for last Friday and is still not here.
  goal: To know when the parcel comes, and to have it before the weekend.
- key: wrong-size
  title: Shoes do not fit
  story: |
    The shoes I bought are one size too small. I have worn them once, indoors.
  goal: To exchange them for the next size without paying for shipping.
""",
    "profiles.yaml": """\
# Who the simulated customers are: every combination of these, for every issue. Some are held out: they are never
# used in learning, only in evaluation. Styles, emotions and demanding may be left out: these are the defaults.
grid:
  styles: [analytical, amiable, expressive, driver]
  emotions: [concerned, frustrated, calm, confused]
  demanding: [true, false]
  issues: all
  heldout: 0.25
  # Facts that customers can tell when asked, and facts they do not have, per issue.
  facts:
    late-delivery:
      known: Order number 4711. Ordered on the 3rd, promised for the 14th.
      unknown: Which carrier has the parcel.
    wrong-size:
      known: Bought 12 days ago, size 41, has the receipt.

# Single customers can be listed beside the grid, or instead of it:
# profiles:
#   - id: regular-1
#     style: driver
#     emotion: frustrated
#     demanding: true
#     issue: late-delivery
#     known: Third late parcel this year.
#     heldout: false
""",
}


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, which people can edit."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)  # pyright: ignore[reportUnknownMemberType]


def write_domain(folder: Path, domain: Domain) -> None:
    """``domain`` as files in ``folder``, which is made; :func:`~preceptor.project.domain_folder.read_domain` reads
    back the same value."""
    issues = [{"key": i.key, "title": i.title, "story": i.story, "goal": i.goal} for i in domain.issues]
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / "brief.md", f"---\nname: {domain.name}\n---\n{domain.brief}\n")
    _put(folder / "policy.md", f"{domain.policy}\n")
    _put(folder / "issues.yaml", "# What customers come with.\n" + _yaml(issues))
    _put(
        folder / "profiles.yaml",
        "# Who the simulated customers are; heldout: only met in evaluation.\n"
        + _yaml([_profile(p) for p in domain.profiles]),
    )


def write_blank(folder: Path) -> None:
    """A commented template of a domain in ``folder``, valid as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _BLANK.items():
        _put(folder / name, text)


def _profile(profile: Profile) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": profile.id,
        "style": profile.style,
        "emotion": profile.emotion,
        "demanding": profile.demanding,
        "issue": profile.issue,
    }
    if profile.known:
        values["known"] = profile.known
    if profile.unknown:
        values["unknown"] = profile.unknown
    values["heldout"] = profile.heldout
    return values


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
