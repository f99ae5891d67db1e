"""What holds for every text and seed in the practice room."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.core.records import Profile, Turn
from preceptor.llm.model import ChatMessage
from preceptor.practice import PracticeModel, shipped_world
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.physics import quality, satisfaction
from preceptor.practice.reading import blocks, untagged

WORLD = shipped_world("airline")
PROFILES = WORLD.domain().profiles
TEXT = st.text(max_size=200) | st.sampled_from([s for m in WORLD.moves.values() for s in m.say])
TURNS = st.lists(st.builds(Turn, speaker=st.sampled_from(["customer", "agent", "action"]), text=TEXT), max_size=8)
SEEDS = st.integers(0, 2**31 - 1)


@cache
def mind() -> Mind:
    return Mind(WORLD)


@cache
def model(name: str) -> PracticeModel:
    return PracticeModel(name, [WORLD])


@given(TURNS, st.sampled_from(PROFILES))
def test_satisfaction_is_within_its_scale(turns: list[Turn], profile: Profile) -> None:
    assert 1 <= satisfaction(mind(), turns, profile) <= 5


@given(TURNS, st.lists(st.sampled_from(sorted(WORLD.moves)), max_size=6))
def test_quality_is_at_most_one_and_never_falls_by_a_wanted_move(turns: list[Turn], moves: list[str]) -> None:
    state = mind().state(turns)
    seen = quality(mind(), state, moves)
    assert seen.score <= 1
    for wanted in seen.misses[:1]:
        better = quality(mind(), state, [*moves, wanted])
        assert better.score >= seen.score or wanted in better.resented


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXT), min_size=1, max_size=6), SEEDS)
@settings(max_examples=30)
def test_answers_depend_on_seed_and_messages_only(said: list[tuple[str, str]], seed: int) -> None:
    messages = [ChatMessage(role, text) for role, text in said]  # type: ignore[arg-type]
    for name in ("student-small", "teacher", "customer", "judge"):
        first = model(name).answer(messages, seed)
        assert first
        assert PracticeModel.answer(model(name), list(messages), seed) == first


@given(st.text(alphabet='<>/ab ="\n', max_size=300))
def test_blocks_and_the_rest_share_no_text(text: str) -> None:
    rest = untagged(text)
    assert sum(len(content) for _, content in blocks(text)) + len(rest.replace("\n", "")) <= len(text)


@given(TEXT)
def test_guidance_is_understood_within_bounds(text: str) -> None:
    for guide in understand(mind(), text):
        assert all(0 < v <= 1 for v in (*guide.do.values(), *guide.avoid.values()))
        assert 0 <= guide.fit(mind().state([])) <= 1
