"""The practice judge's further tasks: told by text alone, with noise, near the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.unit.practice.ground import LATER, PROMPTS, ask, mean, mind, play, profile, world

from preceptor.core.records import Turn
from preceptor.core.untrusted import fence
from preceptor.judge import Case
from preceptor.judge.breaches import checked
from preceptor.prompts.transcript import transcript

DOMAIN = world().domain()
WHO = profile()


def case(turns: Sequence[Turn]) -> Case:
    return Case(domain=DOMAIN, profile=WHO, turns=turns)


def test_service_sees_who_serves_better() -> None:
    def rated(speaker: str) -> list[dict[str, float]]:
        talks = [play(WHO, speaker, s) for s in range(12)]
        return [
            json.loads(ask("judge", PROMPTS["service"].render(**case(t).shown()), n)) for n, t in enumerate(talks)
        ]

    weak, strong = rated("student-small"), rated("teacher")
    for name in ("reliability", "assurance", "empathy", "responsiveness"):
        assert mean(r[name] for r in strong) > mean(r[name] for r in weak) + 0.3
        assert all(1 <= r[name] <= 5 for r in weak + strong)


def test_breaches_are_mostly_seen_and_mostly_quoted_rightly() -> None:
    bad = next(m.say[0] for m in mind().world.moves.values() if m.kind == "breach")
    said = bad.replace("[", "").split("|")[0].replace("]", "")
    turns = (LATER[0], Turn(speaker="agent", text=f"I see. {said}"), LATER[2])
    assert any(mind().world.moves[m].kind == "breach" for m in mind().made(said))
    text = PROMPTS["breaches"].render(**case(turns).shown())
    found = [json.loads(ask("judge", text, s))["breaches"] for s in range(80)]
    checks = [checked([(b["quote"], b["rule"]) for b in told], turns) for told in found]
    assert 0.7 < mean(not c.kept for c in checks) < 1
    assert 0 < sum(c.unfounded for c in checks) < 16
    clean = PROMPTS["breaches"].render(**case(LATER).shown())
    assert mean(bool(json.loads(ask("judge", clean, s))["breaches"]) for s in range(80)) < 0.12


def test_preferences_follow_the_service_with_a_bias_for_the_first() -> None:
    weak, strong = play(WHO, "student-small", 3), play(WHO, "teacher", 3)

    def asked(one: Sequence[Turn], two: Sequence[Turn]) -> list[str]:
        text = PROMPTS["prefer"].render(
            **case(one).about(), first=fence("first", transcript(one)), second=fence("second", transcript(two))
        )
        return [json.loads(ask("judge", text, s))["preferred"] for s in range(40)]

    assert mean(p == "first" for p in asked(strong, weak)) > 0.8
    assert mean(p == "second" for p in asked(weak, strong)) > 0.7
    alike = asked(strong, strong)
    assert alike.count("first") > alike.count("second")
    assert alike.count("same") > 5
