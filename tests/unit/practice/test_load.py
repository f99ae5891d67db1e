from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from tests.unit.practice.ground import mind, world

from preceptor.core.errors import ConfigError, WorldError
from preceptor.llm.model import ChatMessage
from preceptor.practice import (
    PracticeModel,
    load_world,
    open_practice,
    shipped_world,
    shipped_worlds,
    template_world,
)
from preceptor.practice.world import readings


def _text() -> str:
    return resources.files("preceptor.practice.worlds").joinpath("airline.yaml").read_text(encoding="utf-8")


def _line(text: str, of: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if of in line)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: airline", "name: airline\ncolour: blue", "colour"),
        ("kind: solve\n    advice: [\"explain kindly", "kind: magic\n    advice: [\"explain kindly", "kind"),
        ("    solve: [fare_rule, credit, taxes, fee]", "    solve: [fare_rule, no_such_move]", "no_such_move"),
        ("    needs: [pir, bag]", "    needs: [pir, shoe]", "shoe"),
        ("{do: reason, weight: 2, phase: [solve]", "{do: reason, weight: 2, phase: [night]", "night"),
        ("{avoid: promise_refund, weight: 2.5}", "{avoid: promise_refund, do: own}", "'do' or 'avoid'"),
        ("{avoid: promise_bag, weight: 2.5}", "{avoid: promise_bag, weight: heavy}", "weight"),
        ("the value of your ticket as travel credit for", "the {wroth} of your ticket as credit for", "{wroth}"),
        ("A fee [of 60 |]is kept", "A fee [of 60 |is kept", "'['"),
        ("[\"My luggage did not arrive with", "[\"My [luggage|bag] did not arrive.", "said as it stands"),
        ("    pattern: '\\bTRN\\d{5}\\b'", "    pattern: '('", "pattern"),
    ],
)  # fmt: skip
def test_a_wrong_world_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = _text()
    assert text.count(old) == 1
    spoiled = text.replace(old, new)
    path = tmp_path / "mine.yaml"
    path.write_text(spoiled, encoding="utf-8")
    with pytest.raises(WorldError) as caught:
        load_world(path)
    first = _line(spoiled, next(line for line in new.splitlines()[::-1] if line.strip()))
    assert caught.value.message.startswith(f"{path}, line ")
    told = int(caught.value.message.split("line ")[1].split(":")[0])
    assert abs(told - first) <= 1
    assert says in caught.value.message
    assert caught.value.hint


NO_WORLDS = (
    "",
    "- a\n- b\n",
    "name: [unclosed",
    "name: a\nname: b\n",
    "just words",
    "\t",
    "[" * 100_000,
    "name: " + "{a: " * 10_000,
    "name: &a [*a]",
    "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *(f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]" for b, c in
                                                      zip("abcdef", "bcdefg", strict=True))]),
)  # fmt: skip


@pytest.mark.parametrize("text", NO_WORLDS, ids=range(len(NO_WORLDS)))
def test_what_is_no_world_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WorldError, match=r"w\.yaml, line \d+"):
        load_world(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"none\.yaml"):
        load_world(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", shipped_worlds())
def test_every_phrasing_of_a_shipped_world_is_read_as_its_move(name: str) -> None:
    wrong = {
        text: mind(name).made(text)
        for key, move in world(name).moves.items()
        for say in move.say
        for text in readings(say)
        if mind(name).made(text) != (key,)
    }
    assert wrong == {}


@pytest.mark.parametrize("name", shipped_worlds())
def test_every_opening_names_its_issue_and_every_cue_its_trait(name: str) -> None:
    home, reader = world(name), mind(name)
    for key, matter in home.issues.items():
        assert {reader.issues.best(text)[0] for text in matter.opens} == {key}
    for traits, index in ((home.styles, reader.styles), (home.emotions, reader.emotions)):
        for key, trait in traits.items():
            assert {index.best(text)[0] for text in trait.say} == {key}


@pytest.mark.parametrize("name", shipped_worlds())
def test_profiles_are_the_grid_crossed_with_issues_in_two_full_halves(name: str) -> None:
    domain = world(name).domain()
    home = world(name)
    assert len(domain.profiles) == 32 * len(home.issues)
    assert len({p.id for p in domain.profiles}) == len(domain.profiles)
    halves = [[p for p in domain.profiles if p.heldout is held] for held in (False, True)]
    cells = [{(p.style, p.emotion, p.demanding, p.issue) for p in half} for half in halves]
    assert not cells[0] & cells[1]
    for half in halves:
        assert {p.style for p in half} == set(home.styles)
        assert {p.emotion for p in half} == set(home.emotions)
        assert {p.issue for p in half} == set(home.issues)
        assert {p.demanding for p in half} == {True, False}
        assert len(half) * 2 == len(domain.profiles)
    assert all(":" in p.known and p.unknown for p in domain.profiles)


def test_the_grid_is_the_papers() -> None:
    assert list(world().styles) == ["analytical", "amiable", "expressive", "driver"]
    assert sorted(world().emotions) == ["calm", "concerned", "confused", "frustrated"]
    assert len(world().issues) >= 5
    assert len(world("retailer").issues) >= 5


def test_worlds_share_moves_so_that_something_can_transfer() -> None:
    shared = world("airline").moves.keys() & world("retailer").moves.keys()
    assert {"acknowledge", "recap", "options"} <= shared
    assert len(shared) < len(world("airline").moves) * 0.6


def test_a_users_world_is_opened_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_text().replace("Tern Air", "Plover Air"), encoding="utf-8")
    model = open_practice(f"customer@{path}")
    assert model.spec == f"practice:customer@{path}"
    assert load_world(path).domain().name == "Plover Air"


def test_unknown_models_and_worlds_are_named() -> None:
    with pytest.raises(ConfigError, match="student-huge"):
        open_practice("student-huge")
    with pytest.raises(WorldError, match="hotel"):
        shipped_world("hotel")


def test_a_world_of_templates_follows_guidance_by_meaning() -> None:
    home = template_world(
        "rides",
        {
            "ask_from": "Where should the driver pick you up?",
            "ask_to": "What is your destination?",
            "price": "The ride costs {price:s} dollars.",
            "bye": ["Thank you and goodbye!", "Have a nice trip [soon]."],
        },
    )
    student = PracticeModel("student-medium", [home])
    asked = [ChatMessage("system", "You book rides."), ChatMessage("user", "I need a ride, please.")]
    free = [student.answer(asked, s) for s in range(40)]
    assert len(set(free)) > 1
    gains: list[int] = []
    for word, guidance in (
        ("destination", "When a ride is wanted: ask the destination where they go."),
        ("pick you up", "When a ride is wanted: find out where the driver picks them up."),
        ("nice trip", "When a ride is wanted: wish them a nice trip."),
    ):
        told = [asked[0], ChatMessage("user", f"{asked[1].content}\n\n<advice>\n1. {guidance}\n</advice>")]
        coached = [student.answer(told, s) for s in range(40)]
        assert not any("{" in t or "[" in t for t in free + coached)
        gains.append(sum(word in t for t in coached) - sum(word in t for t in free))
    assert sorted(gains)[1] > 8


def test_templates_without_words_are_refused() -> None:
    with pytest.raises(WorldError, match="'x' has no words"):
        template_world("w", {"x": "{slot}"})
    with pytest.raises(WorldError, match="no moves"):
        template_world("w", {})


def test_the_world_in_the_docs_can_be_loaded_and_played(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "worlds.md").read_text(encoding="utf-8")
    path = tmp_path / "library.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    home = load_world(path)
    assert len(home.domain().profiles) == 32 * len(home.issues)
    reply = open_practice(f"teacher@{path}").answer(
        [ChatMessage("system", f"{home.brief}\n{home.policy}"), ChatMessage("user", "I lost a borrowed book.")], 1
    )
    assert len(reply) > 20
