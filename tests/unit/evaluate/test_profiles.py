"""Training profiles never get into an evaluation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preceptor.core.errors import InputError
from preceptor.evaluate.profiles import heldout_profiles, refuse_training

from .small_world import domain


def test_the_domains_order_is_kept() -> None:
    ground = domain(heldout=9)
    drawn = heldout_profiles(ground, limit=5, seed=3)
    ids = [p.id for p in ground.profiles]
    assert [ids.index(p.id) for p in drawn] == sorted(ids.index(p.id) for p in drawn)
    assert len(heldout_profiles(ground, limit=100, seed=3)) == 9


def test_a_training_profile_is_refused_by_name() -> None:
    ground = domain()
    training = next(p for p in ground.profiles if not p.heldout)
    with pytest.raises(InputError, match=f"profile '{training.id}' is for training"):
        refuse_training([training], ground)


def test_a_training_profile_in_disguise_is_refused() -> None:
    ground = domain(heldout=3)
    training = next(p for p in ground.profiles if not p.heldout)
    twin = replace(training, id="new", heldout=True)
    with pytest.raises(InputError, match=f"'new' is the training profile '{training.id}' under another id"):
        heldout_profiles(replace(ground, profiles=(*ground.profiles, twin)), limit=2, seed=1)
