"""Every setting there is, with its meaning, range and default.

Loading them from file, environment and flags is :mod:`preceptor.core.config`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A table of ``preceptor.toml``: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SeatConfig(Section):
    """One chat model in one of the four seats."""

    model: str = Field(
        pattern=r"^\s*[^\s:]+:\s*\S",
        description="seat string: practice:NAME, http://HOST/v1#MODEL, or PROVIDER:MODEL",
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="sampling temperature; empty: the server's default"
    )
    max_tokens: int = Field(default=800, ge=16, le=65536, description="longest answer asked for, in tokens")
    timeout: float = Field(default=120.0, gt=0, description="seconds to wait for one answer")
    retries: int = Field(default=4, ge=0, le=20, description="further tries after a busy, broken or slow answer")
    concurrency: int = Field(default=64, ge=1, le=4096, description="calls in flight at once to this seat")
    per_minute: int | None = Field(
        default=None, ge=1, description="calls a minute at most; empty: no limit of ours"
    )
    api_key_env: str = Field(
        default="", description="environment variable that holds the key; empty: the provider's usual one"
    )
    price_input: float | None = Field(
        default=None,
        ge=0,
        description="US dollars per million input tokens; empty: the public price (local models cost nothing)",
    )
    price_output: float | None = Field(
        default=None, ge=0, description="US dollars per million output tokens; goes with price_input"
    )
    price_cached: float | None = Field(
        default=None, ge=0, description="US dollars per million cached input tokens; empty: as price_input"
    )
    budget_usd: float | None = Field(default=None, ge=0, description="cap on this seat alone, in US dollars")
    budget_tokens: int | None = Field(
        default=None, ge=0, description="cap on this seat alone, in input and output tokens together"
    )
    budget_calls: int | None = Field(default=None, ge=0, description="cap on this seat alone, in answered calls")
    outage: float = Field(
        default=120.0,
        ge=0,
        description="seconds to wait for a model that answered before and now answers no call; then the run ends",
    )
    hedge: float | None = Field(
        default=None,
        gt=0,
        description="seconds after which an unanswered call is made once more; the first answer counts, both are "
        "paid; empty: never",
    )

    @model_validator(mode="after")
    def _whole_price(self) -> SeatConfig:
        if (self.price_input is None) != (self.price_output is None):
            raise ValueError("a seat's price_input and price_output go together: set both or neither")
        if self.price_cached is not None and self.price_input is None:
            raise ValueError("a seat's price_cached needs price_input and price_output")
        return self


def _seat(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


Seat = Annotated[SeatConfig, BeforeValidator(_seat)]


class SeatsConfig(Section):
    """Who sits where. A plain string stands for a table with only ``model``."""

    student: Seat = Field(
        default=SeatConfig(model="practice:student-small"), description="the weak model that is taught"
    )
    teacher: Seat = Field(default=SeatConfig(model="practice:teacher"), description="the strong model that teaches")
    customer: Seat = Field(
        default=SeatConfig(model="practice:customer"), description="plays the simulated customers"
    )
    judge: Seat = Field(default=SeatConfig(model="practice:judge"), description="rates satisfaction in evaluation")


class BudgetConfig(Section):
    """Caps over all seats together; empty: no cap of that kind."""

    usd: float | None = Field(default=None, ge=0, description="US dollars")
    tokens: int | None = Field(default=None, ge=0, description="input and output tokens together")
    calls: int | None = Field(default=None, ge=0, description="answered calls")


class JournalConfig(Section):
    """How answers that were paid for are kept. Customers' words are in them."""

    path: str = Field(
        default="",
        description="URL of a PostgreSQL database that keeps them (postgresql://user@host/database), which workers "
        "need; empty: a file in the run's folder",
    )
    key_env: str = Field(
        default="",
        description="environment variable with the passphrase that encrypts the answers; empty: not encrypted",
    )
    keep_days: int | None = Field(
        default=None,
        ge=0,
        description="days after which the words of answers are dropped (counts stay); empty: never",
    )


class LearnConfig(Section):
    """The loop's numbers (defaults for the demo's size; the paper's where it names one)."""

    seed: int = Field(default=1, ge=0, lt=2**31, description="everything random derives from it")
    teacher_share: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        default=(1.0, 0.6, 0.3, 0.0),
        min_length=1,
        description="one stage per number: chance that the teacher speaks a turn",
    )
    dialogues: int = Field(default=24, ge=1, description="simulated dialogues per stage")
    max_turns: int = Field(default=6, ge=1, le=50, description="agent turns in a dialogue at most")
    scenarios: int = Field(default=40, ge=1, description="scenarios taught per stage at most")
    fit: bool = Field(
        default=False,
        description="where [budget] is smaller than what the run is expected to take, make it smaller: fewer "
        "dialogues and scenarios, then fewer stages",
    )
    primer: bool = Field(
        default=False,
        description="a library that is empty begins with strategies that the teacher writes from the domain alone, "
        "before any dialogue (not with logs)",
    )
    primer_issues: int = Field(
        default=12,
        ge=0,
        le=500,
        description="issues that the primer asks about at most, a call each; one more is about the whole domain",
    )
    primer_strategies: int = Field(
        default=3, ge=1, le=10, description="strategies that one answer of the primer may bring at most"
    )
    candidates: float = Field(
        default=1.25,
        ge=1,
        description="pairs of replies looked at per scenario taught, to find the widest gaps",
    )
    near_duplicate: float = Field(
        default=0.9, gt=0, le=1, description="text likeness (0 to 1) from which two scenarios are the same"
    )
    attempts: int = Field(
        default=5, ge=1, le=20, description="tries of the student at one scenario after its first (paper: 5)"
    )
    patience: int = Field(default=2, ge=1, description="tries that bring nothing new before giving up")
    thrifty: bool = Field(
        default=True,
        description="use replies that a dialogue already holds, and ask the second order only where the first does "
        "not say worse; false: the paper's plain procedure",
    )
    strategies_per_lesson: int = Field(
        default=3, ge=1, le=10, description="strategies that one lesson may produce at most"
    )
    general: int = Field(default=6, ge=0, le=50, description="domain-wide strategies kept at most")
    general_support: int = Field(default=3, ge=2, description="scenarios that a domain-wide strategy must rest on")
    general_evidence: Literal["any", "helpful"] = Field(
        default="any",
        description="what domain-wide strategies are made from: any strategy that is not harmful, or only those "
        "measured to help (preceptor prove)",
    )
    merge_likeness: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="text likeness from which two strategies are looked at for merging",
    )
    screen_with_teacher: bool = Field(
        default=True, description="have the teacher check each kept strategy, beside the checks by code"
    )


class CoachConfig(Section):
    """How advice is chosen and put; the same for learning, evaluation and production."""

    strategies: int = Field(default=4, ge=0, le=50, description="strategies in one advice at most")
    general: int = Field(default=2, ge=0, le=50, description="of which domain-wide ones at most")
    words: int = Field(default=220, ge=10, description="words in one advice at most")
    floor: float = Field(default=0.15, ge=0, le=1, description="score below which a strategy does not fit")
    variety: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="0: best scores only; 1: as different from each other as can be (MMR)",
    )


class EmbedderConfig(Section):
    """Finding strategies by meaning beside their words; see docs/coaching.md."""

    model: str = Field(
        default="",
        description="onnx:FOLDER, fastembed:MODEL, http://HOST/v1#MODEL or openai:MODEL; empty: by words alone",
    )
    api_key_env: str = Field(
        default="", description="environment variable that holds the key; empty: none (openai: OPENAI_API_KEY)"
    )
    timeout: float = Field(default=30.0, gt=0, description="seconds to wait for one answer (serving: 2 at most)")
    retries: int = Field(
        default=4, ge=0, le=20, description="further tries after a busy, broken or slow answer (serving: none)"
    )
    batch: int = Field(default=64, ge=1, le=2048, description="texts in one call to a server")


class EvaluateConfig(Section):
    """Size of an evaluation."""

    seed: int = Field(default=1, ge=0, lt=2**31, description="everything random derives from it")
    profiles: int = Field(default=48, ge=2, description="held-out profiles at most")
    repeats: int = Field(default=1, ge=1, description="dialogues per profile and arm, each with another seed")
    arms: tuple[Literal["student", "coached", "guide", "all", "random", "examples", "teacher"], ...] = Field(
        default=("student", "coached", "teacher"), min_length=1, description="arms to compare"
    )
    arm_files: tuple[str, ...] = Field(
        default=(), description="further arms, each NAME=FILE: the student with the text of that file"
    )
    release: str = Field(
        default="", description="id or file of the release that coaches; empty: what the library offers to a run"
    )
    window: int = Field(default=3000, ge=10, description="words of strategies that the arm all shows at most")
    measures: tuple[Literal["service", "policy"], ...] = Field(
        default=("service", "policy"),
        description="what the judge is asked beside satisfaction, a call each: dimensions of service, breaches",
    )
    pairwise: bool = Field(
        default=False, description="have the judge compare dialogues of the same customer, in both orders"
    )
    aa: int = Field(
        default=12,
        ge=0,
        description="held-out profiles that the baseline meets twice, for the A/A; 0: none",
    )
    until_precise: float | None = Field(
        default=None,
        gt=0,
        lt=4,
        description="add customers until the difference is known to plus or minus this, in score points; empty: "
        "profiles and repeats tell how many",
    )
    most: int = Field(default=2000, ge=16, description="customers at most with until_precise")
    guide_words: int = Field(
        default=300, ge=20, description="words of the arm guide at most, as the teacher is told"
    )
    max_turns: int = Field(default=6, ge=1, le=50, description="agent turns in a dialogue at most")


class ProveConfig(Section):
    """Size of proving, and what it holds."""

    seed: int = Field(default=1, ge=0, lt=2**31, description="everything random derives from it")
    calls: int | None = Field(
        default=None,
        ge=1,
        description="calls to spend; empty: 80 per strategy (100 in a small library), beside the fresh dialogues",
    )
    dialogues: int = Field(
        default=80,
        ge=0,
        description="fresh dialogues with training profiles, for a quarter of calls at most; 0: the library's "
        "scenarios only",
    )
    max_turns: int = Field(default=6, ge=1, le=50, description="agent turns in a dialogue at most")
    retrieved: int = Field(
        default=6,
        ge=1,
        le=50,
        description="strategies tried in one replay at most; each answer gets about half of them",
    )
    false_discoveries: float = Field(
        default=0.05, gt=0, lt=1, description="share of verdicts that may be wrong, on average"
    )
    risk: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="chance of doing harm (a lift below -0.15) above which a strategy is held back, proven or not; "
        "1: only what is proven",
    )


class TransferConfig(Section):
    """Which students and domains meet the same strategies. Sizes are those of [evaluate] and [prove]."""

    seed: int = Field(default=1, ge=0, lt=2**31, description="everything random derives from it")
    students: tuple[str, ...] = Field(
        default=(), description="seat strings of the students; empty: the project's own alone"
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="domains beside the project's own: names of practice worlds, or folders of a project or domain",
    )
    strategies: bool = Field(
        default=True, description="measure each strategy with each student, and hold back what harms one"
    )


class ReleaseConfig(Section):
    """What a release demands."""

    evidence: Literal["any", "measured", "helpful"] = Field(
        default="any",
        description="approved strategies that it takes: any that is not held back, any that was measured and is "
        "not held back, or only those measured to help",
    )


class DomainConfig(Section):
    """Where the domain stands."""

    folder: str = Field(default="domain", description="folder with brief.md, policy.md, issues.yaml, profiles.yaml")


class LibraryConfig(Section):
    """Where the library stands."""

    path: str = Field(
        default="library.db",
        description="SQLite file, relative to the project folder, or a URL: postgresql://user@host/database",
    )


class PromptsConfig(Section):
    """Where own prompts stand."""

    folder: str = Field(
        default="", description="folder whose <name>.md files replace built-in prompts; empty: none"
    )


class RunConfig(Section):
    """How runs are carried out."""

    folder: str = Field(default="runs", description="folder that holds one folder a run")
    concurrency: int = Field(default=64, ge=1, le=4096, description="dialogues or lessons under way at once")
    executor: Literal["local", "ray"] = Field(
        default="local",
        description="where learn and evaluate run dialogues and lessons: in this process, or by workers on Ray "
        "(needs the extra: ray)",
    )
    ray_address: str = Field(
        default="", description="address of a Ray cluster (host:port, or auto); empty: a Ray on this machine"
    )
    workers: int = Field(
        default=0, ge=0, le=4096, description="worker processes on Ray; 0: one a processor, as far as limits allow"
    )
    traces: bool = Field(
        default=False, description="OpenTelemetry spans of the run, its phases and calls (needs the extra: otel)"
    )


class Config(Section):
    """The whole of ``preceptor.toml``."""

    seats: SeatsConfig = SeatsConfig()
    budget: BudgetConfig = BudgetConfig()
    learn: LearnConfig = LearnConfig()
    coach: CoachConfig = CoachConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    prove: ProveConfig = ProveConfig()
    transfer: TransferConfig = TransferConfig()
    release: ReleaseConfig = ReleaseConfig()
    domain: DomainConfig = DomainConfig()
    library: LibraryConfig = LibraryConfig()
    prompts: PromptsConfig = PromptsConfig()
    run: RunConfig = RunConfig()
    journal: JournalConfig = JournalConfig()

    @model_validator(mode="after")
    def _general_fits(self) -> Config:
        if self.coach.general > self.coach.strategies:
            raise ValueError("coach.general must not be larger than coach.strategies")
        return self
