"""All models of a world read with one mind, and none can tell from its answers that others do."""

from __future__ import annotations

import random

from preceptor.llm.model import ChatMessage
from preceptor.practice import PracticeModel, shipped_world
from preceptor.practice.mind import Mind, mind_of
from preceptor.practice.models import NAMES

WORLDS = tuple(shipped_world(name) for name in ("airline", "retailer"))


def test_what_others_were_asked_changes_no_answer() -> None:
    said = [m.opens[0] for w in WORLDS for m in w.issues.values()][:8]
    asked = [(name, text) for name in NAMES for text in said]
    mind_of.cache_clear()
    models = {name: PracticeModel(name, WORLDS) for name in NAMES}
    assert mind_of(WORLDS[0]) is mind_of(WORLDS[0])
    assert isinstance(mind_of(WORLDS[0]), Mind)
    first = {(name, text): models[name].answer([ChatMessage("user", text)], 1) for name, text in asked}
    mind_of.cache_clear()
    models = {name: PracticeModel(name, WORLDS) for name in NAMES}
    random.Random(1).shuffle(asked)
    again = {(name, text): models[name].answer([ChatMessage("user", text)], 1) for name, text in asked}
    assert again == first
    assert len(set(first.values())) > len(said)
