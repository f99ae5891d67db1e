"""What an evaluation found: every dialogue with its rating, and the analysis of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from preceptor.core.errors import InputError
from preceptor.core.ids import canonical_json
from preceptor.core.records import Dialogue
from preceptor.evaluate.found import Again, ArmLength, Measured, MeasureName, Met, Preferences, Stopping, Unseen
from preceptor.evaluate.spend import Spend
from preceptor.evaluate.statistics import Analysis, ArmMean, Difference, Estimate, GapShare
from preceptor.judge import PolicyCheck, Rating, Service

FORMAT = 1
"""Number of the JSON form; a form that older readers would misread gets another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One dialogue of one arm: a row of the unit table."""

    arm: str
    unit: str
    """``<profile>/<repeat>``: the same in every arm, with the same seed."""
    profile: str
    repeat: int
    seed: int
    dialogue: Dialogue
    rating: Rating | None
    """None where the dialogue or its rating failed: see ``failure``. Nothing is put in its place."""
    failure: str = ""
    advised: tuple[tuple[str, ...], ...] = ()
    """Ids of the strategies given for each of the agent's replies, in order; empty for an arm without a coach."""
    service: Service | None = None
    """None where it was not asked for, or failed: see ``lost``."""
    policy: PolicyCheck | None = None
    lost: tuple[str, ...] = ()
    """Further ratings that failed, with their reason. The dialogue stands all the same."""

    @property
    def words(self) -> tuple[int, ...]:
        """Words of each of the agent's replies."""
        return tuple(len(t.text.split()) for t in self.dialogue.turns if t.speaker == "agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm in figures, over its rated dialogues."""

    arm: str
    planned: int
    rated: int
    failed: int
    resolved: Estimate | None
    """Share of dialogues whose issue was resolved, by the judge; None with nothing rated."""
    replies: float | None
    """Agent turns per dialogue, mean."""
    words: float | None
    """Words per reply, mean over replies. Judges like long answers: read it beside the score."""
    spend: Mapping[str, Spend]
    """Seat to what this arm's dialogues and ratings cost."""
    kept: Estimate | None = None
    """Share of dialogues in which the policy was kept; None where it was not asked for."""
    breaches: int = 0
    unfounded: int = 0
    """Breaches that were dropped since their quote is in no reply."""
    text: str = ""
    """The static text that the arm adds to the student's instructions, if any."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The whole result. ``to_json`` of the same run is the same bytes, whatever the concurrency."""

    format: int = FORMAT
    domain: str
    simulated: bool
    """True when any seat was held by a practice model: the figures are then a flight simulator's."""
    models: Mapping[str, str]
    """Seat to the string that opened its model."""
    prompts: Mapping[str, str]
    """Prompt to its hash."""
    strategies: int
    """How many strategies the coach could choose from."""
    seed: int
    profiles: int
    repeats: int
    max_turns: int
    arms: tuple[ArmSummary, ...]
    analysis: Analysis
    items: tuple[Item, ...]
    """Arms in order; in each, profiles in the domain's order and repeats; with ``stopping`` as drawn."""
    customers: tuple[Met, ...] = ()
    """Who was met, in the domain's order."""
    release: str = ""
    """Id of the release that coached; empty: what the library offered."""
    unseen: tuple[Unseen, ...] = ()
    """Known and new issues apart, an arm each; empty where every issue was practised."""
    measures: tuple[Measured, ...] = ()
    lengths: tuple[ArmLength, ...] = ()
    again: Again | None = None
    again_items: tuple[Item, ...] = ()
    """The second time of the A/A: in no other figure."""
    preferences: Preferences | None = None
    stopping: Stopping | None = None
    spend: Mapping[str, Mapping[str, Spend]] = field(default_factory=dict[str, Mapping[str, Spend]])
    """What belongs to no arm, ``again`` (A/A) and ``pairs``: to seat to cost."""

    def arm(self, name: str) -> ArmSummary | None:
        """The figures of an arm, if it took part."""
        return next((a for a in self.arms if a.arm == name), None)

    def mean(self, name: str) -> ArmMean | None:
        """The satisfaction of an arm, if it has any rated dialogue."""
        return next((a for a in self.analysis.arms if a.arm == name), None)

    def difference(self, name: str) -> Difference | None:
        """An arm against the baseline, if both took part."""
        return next((d for d in self.analysis.differences if d.arm == name), None)

    def share(self, name: str) -> GapShare | None:
        """How much of the gap an arm closes, if baseline and ceiling took part."""
        return next((s for s in self.analysis.shares if s.arm == name), None)

    def measure(self, name: MeasureName) -> Analysis | None:
        """The analysis of a further measure, if it was taken."""
        return next((m.analysis for m in self.measures if m.name == name), None)

    def to_json(self) -> str:
        """Canonical JSON (:func:`preceptor.core.ids.canonical_json`)."""
        return canonical_json(self)


def from_json(text: str | bytes) -> Evaluation:
    """The evaluation that :meth:`Evaluation.to_json` wrote.

    Raises:
        InputError: the text is not such JSON; names the first place that is wrong.
    """
    try:
        found = TypeAdapter(Evaluation).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(
            f"not an evaluation: {where}: {first['msg']}", hint="give the evaluation.json of a run"
        ) from error
    if found.format != FORMAT:
        raise InputError(
            f"evaluation of format {found.format}; this version reads format {FORMAT}",
            hint="read it with the version of Preceptor that wrote it",
        )
    return found
