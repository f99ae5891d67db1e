"""Which customers an evaluation may meet: those that learning never saw."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.core.records import Domain, Profile


def heldout_profiles(domain: Domain, *, limit: int, seed: int) -> tuple[Profile, ...]:
    """At most ``limit`` held-out profiles of ``domain``, in the domain's order; which ones derives from ``seed``.

    Raises:
        InputError: no profile is held out, or one of the held-out is a training profile under another id.
    """
    heldout = [p for p in domain.profiles if p.heldout]
    if not heldout:
        raise InputError(
            f"domain '{domain.name}' holds out none of its {len(domain.profiles)} profiles; to evaluate on those "
            "that were learned from would measure memory, not skill",
            hint="mark profiles with 'heldout: true' before learning, or add new ones",
        )
    refuse_training(heldout, domain)
    drawn = sorted(heldout, key=lambda p: (derive_seed(seed, "profile", p.id), p.id))[:limit]
    ids = {p.id for p in drawn}
    return tuple(p for p in heldout if p.id in ids)


def refuse_training(profiles: Sequence[Profile], domain: Domain) -> None:
    """Make sure that none of ``profiles`` can have been learned from.

    Raises:
        InputError: one is not held out, or says the same as one that is not; names both.
    """
    training = {_content(p): p.id for p in domain.profiles if not p.heldout}
    for profile in profiles:
        if not profile.heldout:
            raise InputError(
                f"profile '{profile.id}' is for training; to evaluate on it would measure memory, not skill",
                hint="evaluate on held-out profiles",
            )
        twin = training.get(_content(profile))
        if twin is not None:
            raise InputError(
                f"held-out profile '{profile.id}' is the training profile '{twin}' under another id",
                hint="change one of them, or mark both as held out before learning",
            )


def _content(profile: Profile) -> tuple[object, ...]:
    return profile.style, profile.emotion, profile.demanding, profile.issue, profile.known, profile.unknown
