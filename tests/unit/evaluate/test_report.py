"""The report's files: self-contained, safe with hostile text, and saying what was found."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from preceptor.core.events import ignore
from preceptor.core.records import Turn
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.latency import Latency
from preceptor.evaluate.report import Beside, Report, page, report_json, text
from preceptor.evaluate.report.charts import Span, band, histogram, spans
from preceptor.evaluate.report.content import Proved, Stage
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.run import evaluate
from preceptor.prompts import load_prompts

from .small_world import Scripts, coach, domain

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=y>\x1b[31m](http://evil.example)\u202eb"
BESIDE = Beside(
    run="evaluate-007",
    started="2026-01-02T03:04:05Z",
    learned="learn-001",
    stages=(
        Stage(number=0, good=2, taught=3, improved=1, not_taught=4, strategies=9, calls=120, tokens=9000, usd=0.5),
        Stage(number=1, good=6, taught=2, improved=1, not_taught=1, strategies=4, calls=80, tokens=5000, usd=None),
    ),
    proved=(Proved(id="s1", text=HOSTILE, verdict="helpful", lift=0.4, low=0.1, high=0.7, n=30),),
    judge=("weighted kappa 0.61",),
    latency=(Latency(arm="student", replies=12, mean=1.5, median=1.25, slow=3.0),),
)


class Tags(HTMLParser):
    """Every tag with its attributes; complains of tags that do not close in order."""

    VOID = frozenset({"meta", "br", "line", "circle", "rect", "polygon", "polyline"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


async def measured(**settings: object) -> Evaluation:
    ground = Ground(domain=domain(), seats=Scripts().seats(), coach=coach(), prompts=load_prompts())
    config = EvaluateConfig.model_validate({"aa": 5, "pairwise": True, **settings})
    return await evaluate(ground, settings=config, concurrency=8, emit=ignore)


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return asyncio.run(measured())


def hostile(found: Evaluation) -> Evaluation:
    def turned(item: object) -> object:
        turns = (*item.dialogue.turns, Turn(speaker="customer", text=HOSTILE))  # type: ignore[attr-defined]
        rating = replace(item.rating, reason=HOSTILE)  # type: ignore[attr-defined]
        return replace(item, dialogue=replace(item.dialogue, turns=turns), rating=rating)  # type: ignore[attr-defined,type-var]

    arms = (replace(found.arms[0], text=HOSTILE, note=HOSTILE), *found.arms[1:])
    customers = tuple(replace(c, issue=HOSTILE, style=f"{HOSTILE} {n}") for n, c in enumerate(found.customers))
    return replace(
        found,
        domain=HOSTILE,
        arms=arms,
        customers=customers,
        items=tuple(turned(i) for i in found.items),  # type: ignore[arg-type]
        models={**found.models, "student": HOSTILE},
    )


def test_the_page_says_what_was_found_and_on_what(found: Evaluation) -> None:
    html = page(Report.of(found, BESIDE))
    report = Report.of(found)
    assert "<h1>With coaching, the student&#x27;s satisfaction rose from" in html
    assert html.index("Simulated models") < html.index("<h1>")
    for words in (
        "Above student: coached, teacher",
        "rated 4.5 or 5: student 0%",
        "The largest gain",
        "Gladly: here",
        "won/tied/lost",
        "A/A: student against itself with 5 customers",
        "learn-001: scenarios in which the student was as good from the start went from 20% to 60%",
        "weighted kappa 0.61",
        "Seconds a reply",
        "1.25 s",
        found.prompts["rate"],
    ):
        assert words in html, words
    assert "was not checked against people" in page(report)


def test_the_page_stands_by_itself(found: Evaluation) -> None:
    html = page(Report.of(found, BESIDE))
    tags = Tags(html).found
    assert not {t for t, _ in tags} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [a for _, a in tags for k in a if k in ("src", "style") or k.startswith("on")]
    assert all((a.get("href") or "#").startswith("#") for _, a in tags)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html
    assert html == page(Report.of(found, BESIDE))


def test_every_plot_has_a_title_and_words_for_those_who_cannot_see_it(found: Evaluation) -> None:
    html = page(Report.of(found, BESIDE))
    plots = re.findall(r'<svg [^>]*role="img" [^>]*aria-label="([^"]+)"', html)
    assert len(plots) == html.count("<svg") >= 5
    assert html.count("<figcaption>") == len(plots)
    assert "nan" not in "".join(re.findall(r'(?:x|y|cx|x1|width|points)="([^"]*)"', html))


def test_hostile_text_stays_text(found: Evaluation) -> None:
    report = Report.of(hostile(found), BESIDE)
    html, markdown = page(report), text(report)
    tags = Tags(html).found
    assert not {t for t, _ in tags} & {"script", "img"}
    assert "<script" not in html.lower()
    for whole in (html, markdown):
        assert "\x1b" not in whole
        assert "\u202e" not in whole
    talks = markdown.partition("## Dialogues side by side")[2].partition("## Settings")[0]
    assert "evil" in talks
    assert not re.search(r"(?<!\\)(?:\]\(|<script|<img)", talks)


def test_examples_are_chosen_by_rule(found: Evaluation) -> None:
    report = Report.of(found)
    differences = {
        i.unit: i.rating.satisfaction - next(
            o.rating.satisfaction for o in found.items if o.arm == "student" and o.unit == i.unit and o.rating
        )
        for i in found.items
        if i.arm == "coached" and i.rating
    }  # fmt: skip
    first, *_, last = report.examples
    assert differences[first.unit] == max(differences.values())
    assert differences[last.unit] == min(differences.values())


def test_groups_are_told_from_three_customers_on(found: Evaluation) -> None:
    report = Report.of(found)
    groups = {(g.by, g.value): g for g in report.groups}
    whole = groups["issue", "refund"].difference
    d = found.difference("coached")
    assert whole is not None
    assert d is not None
    assert whole.value == pytest.approx(d.estimate.value)
    assert groups["style", "style 1"].difference is None
    reach = [e for g in report.groups if (d := g.difference) for e in (d.low, d.high) if e is not None]
    assert reach
    assert all(-4 <= e <= 4 for e in reach)
    assert groups["demanding", "demanding"].customers == 6


async def test_one_arm_alone_and_nothing_beside_make_a_page_too() -> None:
    alone = await measured(arms=("student",), pairwise=False, measures=(), profiles=3)
    report = Report.of(alone)
    Tags(page(report))
    assert report.arm == ""
    assert "There is no comparison" in text(report)


async def test_stopping_is_drawn() -> None:
    html = page(Report.of(await measured(until_precise=0.6, pairwise=False, aa=0)))
    assert "coached minus student: known to within" in html
    assert 'class="band"' in html


def test_json_has_the_figures_and_not_the_dialogues(found: Evaluation) -> None:
    told = report_json(Report.of(found, BESIDE))
    whole = json.dumps(told)
    assert "items" not in told
    assert "pairs" not in told["preferences"]
    assert "Gladly: here is" not in whole
    assert told["analysis"]["differences"][0]["arm"] == "coached"
    assert told["beside"]["stages"][1]["usd"] is None


@pytest.mark.parametrize("value", [0.0, -3.2, 1e-9])
def test_plots_of_next_to_nothing(value: float) -> None:
    Tags(spans([Span(label="a", value=value, low=None, high=None, text="x")], title="t", line=0.0))
    Tags(histogram([("a", [0, 0])], ["1", "2"], title="t"))
    Tags(band([(16.0, value, value, value)], title="t", line=0.0, label="n"))
