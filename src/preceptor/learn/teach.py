"""Teaching: the student tries, the teacher compares and writes strategies, the student tries again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from preceptor.coach import Coach, with_block
from preceptor.core.events import ItemDone
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.records import Attempt, Comparison, Finding, Lesson, Outcome, Scenario, Strategy
from preceptor.core.untrusted import fence, one_line
from preceptor.dialogue import Agent, Coaching
from preceptor.judge import Pair, compare
from preceptor.learn.context import Candidate, Context
from preceptor.learn.rules import Rules, strategy
from preceptor.library.screening import screen
from preceptor.llm.model import ChatMessage
from preceptor.prompts.transcript import conversation, numbered

PROBE = "probe"
TEACH = "teach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A scenario with both replies and how they compare, before any teaching."""

    scenario: Scenario
    teacher_reply: str
    first: Attempt
    advice: tuple[Strategy, ...]
    """What the library advised; the student had it from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """One attempt, with what was wrong with strategies that never reached the student."""

    attempt: Attempt
    refused: tuple[tuple[Strategy, Finding], ...] = ()


@dataclass(slots=True)
class Tutor:
    """Teaches scenarios of one stage. Holds no state between scenarios."""

    context: Context
    coach: Coach
    stage: int
    _student: Agent = field(init=False)
    _teacher: Agent = field(init=False)

    def __post_init__(self) -> None:
        seats = self.context.seats
        self._student = Agent(seats.student, self.context.domain, self.context.prompts)
        self._teacher = Agent(seats.teacher, self.context.domain, self.context.prompts)

    async def probe(self, candidate: Candidate) -> Probe:
        """Both replies and their comparison. Replies that the dialogue already holds are not asked for again.

        Raises:
            ModelError: a model failed.
        """
        scenario = candidate.scenario
        seed = self._seed(scenario)
        advice = tuple(c.strategy for c in (await self.coach.advise_async(scenario.turns)).chosen)
        thrifty = self.context.settings.thrifty
        reference = scenario.reference or (candidate.teacher_reply if thrifty else None)
        if reference is None:
            reference = await self._teacher.reply(
                scenario.turns, seed=derive_seed(seed, "teacher"), phase=PROBE, item=scenario.id
            )
        reply = candidate.student_reply if thrifty else None
        if reply is None:
            reply = await self._student.reply(
                scenario.turns,
                seed=derive_seed(seed, 0),
                phase=PROBE,
                item=scenario.id,
                coaching=self._placing(advice),
            )
        comparison = await self._compare(scenario, reply, reference, 0)
        first = Attempt(number=0, strategies=(), reply=reply, comparison=comparison)
        return Probe(scenario=scenario, teacher_reply=reference, first=first, advice=advice)

    async def teach(self, probe: Probe) -> Lesson:
        """The whole lesson for one probed scenario.

        Raises:
            ModelError: a model failed; what was tried until then is lost to the library, not to the journal.
        """
        settings = self.context.settings
        tries = [_Try(attempt=probe.first)]
        idle = 0
        while (
            tries[-1].attempt.comparison.verdict == "worse"
            and len(tries) <= settings.attempts
            and idle < settings.patience
        ):
            best = max(t.attempt.comparison.margin for t in tries)
            tries.append(await self._attempt(probe, tries))
            comparison = tries[-1].attempt.comparison
            idle = 0 if comparison.verdict != "worse" or comparison.margin > best else idle + 1
        return self.lesson(probe, [t.attempt for t in tries])

    def lesson(self, probe: Probe, attempts: Sequence[Attempt]) -> Lesson:
        """The record of what came out; the best attempt's strategies are kept."""
        best = max(attempts, key=lambda a: (a.comparison.verdict != "worse", a.comparison.margin, -a.number))
        return Lesson(
            id=short_id("lesson", [self.stage, probe.scenario.id]),
            scenario=probe.scenario,
            teacher_reply=probe.teacher_reply,
            attempts=tuple(attempts),
            kept=best.number,
            outcome=_outcome(attempts[0].comparison, best),
            advice=tuple(s.id for s in probe.advice),
        )

    async def _attempt(self, probe: Probe, tries: Sequence[_Try]) -> _Try:
        number = len(tries)
        scenario = probe.scenario
        seed = self._seed(scenario)
        written = await self._write(probe, tries, derive_seed(seed, "write", number))
        refused = tuple((s, f) for s in written for f in self._blocking(s, scenario)[:1])
        usable = tuple(s for s in written if all(s.id != r.id for r, _ in refused))
        before = tries[-1].attempt
        if not usable:
            # Nothing new reached the student, so nothing new is asked of it; the teacher hears why.
            return _Try(
                attempt=Attempt(number=number, strategies=(), reply=before.reply, comparison=before.comparison),
                refused=refused,
            )
        reply = await self._student.reply(
            scenario.turns,
            seed=derive_seed(seed, number),
            phase=TEACH,
            item=scenario.id,
            coaching=self._placing((*usable, *probe.advice)),
        )
        comparison = await self._compare(scenario, reply, probe.teacher_reply, number)
        self.context.emit(ItemDone(kind="attempt", id=f"{scenario.id}/{number}", detail=comparison.verdict))
        return _Try(
            attempt=Attempt(number=number, strategies=usable, reply=reply, comparison=comparison), refused=refused
        )

    async def _write(self, probe: Probe, tries: Sequence[_Try], seed: int) -> list[Strategy]:
        settings = self.context.settings
        last = tries[-1].attempt
        text = self.context.prompts["teach"].render(
            policy=self.context.domain.policy.strip(),
            conversation=conversation(probe.scenario.turns),
            reply_now=fence("reply_now", last.reply),
            reply_wanted=fence("reply_wanted", probe.teacher_reply),
            assessment=fence("assessment", last.comparison.reason),
            existing=fence("existing", numbered(probe.advice)) if probe.advice else "",
            trail=_trail(tries[1:]),
            most=str(settings.strategies_per_lesson),
        )
        answer = await self.context.seats.teacher.fill(
            [ChatMessage("user", text)], Rules, seed=seed, phase=TEACH, item=probe.scenario.id
        )
        made = [strategy(r, scope="scenario", scenarios=(probe.scenario.id,)) for r in answer.strategies]
        return list({s.id: s for s in made}.values())[: settings.strategies_per_lesson]

    def _blocking(self, candidate: Strategy, scenario: Scenario) -> list[Finding]:
        findings = screen(candidate, turns=scenario.turns, domain=self.context.domain)
        return [f for f in findings if f.severity == "blocking"]

    async def _compare(self, scenario: Scenario, reply: str, reference: str, number: int) -> Comparison:
        return await compare(
            self.context.seats.teacher,
            self.context.prompts,
            Pair(policy=self.context.domain.policy, turns=scenario.turns, candidate=reply, reference=reference),
            seed=derive_seed(self._seed(scenario), "compare", number),
            phase=PROBE if number == 0 else TEACH,
            item=scenario.id,
            thorough=not self.context.settings.thrifty,
        )

    def _placing(self, strategies: Sequence[Strategy]) -> Coaching:
        # The lesson's own come first; what the library advised fills the room that is left.
        block = self.coach.block(strategies[: max(self.context.coach.strategies, 1)])
        return lambda messages, _: with_block(messages, block)

    def _seed(self, scenario: Scenario) -> int:
        return derive_seed(self.context.settings.seed, TEACH, self.stage, scenario.id)


def _outcome(first: Comparison, best: Attempt) -> Outcome:
    if first.verdict != "worse":
        return "already_good"
    if best.comparison.verdict != "worse":
        return "taught"
    return "improved" if best.number else "not_taught"


def _trail(tries: Sequence[_Try]) -> str:
    lines: list[str] = []
    for t in tries:
        lines.append(f"Try {t.attempt.number}:")
        if t.attempt.strategies:
            lines += [numbered(t.attempt.strategies), f"Reply: {one_line(t.attempt.reply)}"]
            lines.append(f"Assessment: {one_line(t.attempt.comparison.reason)}")
        lines += [f"Rejected: a rule with {f.reason}, in its field {f.field}" for _, f in t.refused]
    return fence("trail", "\n".join(lines)) if lines else ""
