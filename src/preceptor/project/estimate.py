"""What a learning run is expected to take: the loop's plan, with prices."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.errors import ConfigError
from preceptor.core.records import Domain
from preceptor.core.settings import Config, LearnConfig, SeatConfig
from preceptor.learn import Planned, plan
from preceptor.learn.fit import Size, fitted, size_of
from preceptor.learn.plan import PRACTICE_LENGTHS, Assumptions
from preceptor.llm.model import Usage
from preceptor.llm.prices import find_price, is_local
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatEstimate:
    """One seat's part."""

    seat: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """None where the price is not known; 0 for a local model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """All seats, and the plan behind it."""

    seats: tuple[SeatEstimate, ...]
    phases: tuple[Planned, ...]

    @property
    def calls(self) -> int:
        """Over all seats."""
        return sum(s.calls for s in self.seats)

    @property
    def tokens(self) -> int:
        """Input and output, over all seats."""
        return sum(s.input_tokens + s.output_tokens for s in self.seats)

    @property
    def usd(self) -> float | None:
        """None where one price is not known."""
        prices = [s.usd for s in self.seats]
        return None if None in prices else sum(p for p in prices if p is not None)


WITHIN = 0.9
"""Share of a cap that a fitted run is planned to take: estimates are estimates."""


def fit_learn(config: Config, domain: Domain, prompts: PromptSet, *, scenarios: int | None = None) -> Size:
    """The size of ``[learn]``, made to fit into ``[budget]`` where ``learn.fit`` asks for it.

    Raises:
        ConfigError: not even the smallest run fits.
    """
    if not config.learn.fit:
        return size_of(config.learn)

    def fits(learn: LearnConfig) -> bool:
        expected = estimate_learn(config.model_copy(update={"learn": learn}), domain, prompts, scenarios=scenarios)
        caps = config.budget
        return not (
            (caps.calls is not None and expected.calls > WITHIN * caps.calls)
            or (caps.tokens is not None and expected.tokens > WITHIN * caps.tokens)
            or (caps.usd is not None and expected.usd is not None and expected.usd > WITHIN * caps.usd)
        )

    found = size_of(config.learn) if fits(config.learn) else fitted(config.learn, fits)
    if found is None:
        raise ConfigError(
            "the budget is smaller than the smallest learning run",
            hint="raise the cap in [budget], or learn without --fit: what was begun is kept for --resume",
        )
    return found


def estimate_learn(config: Config, domain: Domain, prompts: PromptSet, *, scenarios: int | None = None) -> Estimate:
    """Calls, tokens and cost by seat.

    Args:
        scenarios: so many come from logs; None: they are simulated.
    """
    simulated = config.seats.teacher.model.startswith("practice:")
    rows = plan(
        domain=domain,
        settings=config.learn,
        coach=config.coach,
        prompts=prompts,
        logged=scenarios,
        assumptions=Assumptions(lengths=PRACTICE_LENGTHS) if simulated else None,
    )
    names = dict.fromkeys(row.seat for row in rows)
    seats = tuple(_seat(config, name, [row for row in rows if row.seat == name]) for name in names)
    return Estimate(seats=seats, phases=rows)


def _seat(config: Config, name: str, rows: list[Planned]) -> SeatEstimate:
    seat: SeatConfig = getattr(config.seats, name)
    model = seat.model
    sent, got = sum(r.input_tokens for r in rows), sum(r.output_tokens for r in rows)
    local = model.startswith("practice:") or (model.startswith("http") and is_local(model.partition("#")[0]))
    price = find_price(model, local=local, own=seat)
    return SeatEstimate(
        seat=name,
        model=model,
        calls=sum(r.calls for r in rows),
        input_tokens=sent,
        output_tokens=got,
        usd=None if price is None else round(price(Usage(input=sent, output=got)), 4),
    )
