# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What holds on every page: accessible in light and dark, whole on a phone, and hostile text stays text."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tests.browser.conftest import Open, Site, Window, served
from tests.browser.hostile import PAYLOADS, flat, forced, only_text, refused, watched
from tests.review_app import open_desk, waiting
from tests.review_data import DOMAIN, evidence, make_lesson, make_run

from preceptor.core.clock import system_clock
from preceptor.core.ids import short_id
from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.core.untrusted import clean, one_line
from preceptor.library.changes import Edit, Flag, Propose, Provenance, RecordLesson
from preceptor.library.screening import screen
from preceptor.review.people import People
from preceptor.runs.store import RunStore

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def hostile(text: str, number: int) -> Strategy:
    return Strategy(
        id=short_id("strategy", ["hostile", number]), when=f"when {text}", do=text, avoid=f"{text}!", why=text,
        scenarios=(f"scenario-hostile-{number}",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(small: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library, runs and an evaluation in which every text is hostile."""
    folder = tmp_path_factory.mktemp("hostile") / "house"
    shutil.copytree(small, folder)
    shutil.copytree(project / "runs" / "evaluate-001", folder / "runs" / "evaluate-001")
    found = folder / "runs" / "evaluate-001" / "results" / "evaluation.json"
    told = json.loads(found.read_text())
    for n, item in enumerate(told["items"]):
        for turn in item["dialogue"]["turns"]:
            turn["text"] = PAYLOADS[n % len(PAYLOADS)]
    found.write_text(json.dumps(told))
    people = People(folder / "accounts.db", clock=system_clock)
    with open_desk(folder, 0, people=people) as desk:
        for n, text in enumerate(PAYLOADS):
            _propose(desk, text, n)
        ids = [hostile(t, n).id for n, t in enumerate(PAYLOADS)]
        desk.library.apply(
            [Flag(strategy_ids=(ids[0], ids[1]), note=PAYLOADS[1])], author=PAYLOADS[1], reason=PAYLOADS[0]
        )
        for n, entry in enumerate(waiting(desk)[:2]):
            desk.decisions.approve(PAYLOADS[n], entry.strategy.id, expect=entry.changed_seq, reason=PAYLOADS[2])
        made = desk.releases.create(desk.recipe(), author=PAYLOADS[1], reason=PAYLOADS[0])
        desk.releases.publish(made.release.id, author=PAYLOADS[0], reason=PAYLOADS[2], expect="")
    _run(RunStore(folder / "runs", clock=system_clock))
    return folder


def _propose(desk: Any, text: str, n: int) -> None:
    import random  # noqa: PLC0415

    base = make_lesson(n, random.Random(n))
    scenario = Scenario(
        id=f"scenario-hostile-{n}", turns=(Turn(speaker="customer", text=text, by=text),), profile=text, stage=0
    )
    strategy = hostile(text, n)
    attempts = tuple(
        replace(a, reply=text, strategies=(strategy,), comparison=replace(a.comparison, reason=text))
        for a in base.attempts
    )
    lesson = replace(base, id=f"lesson-hostile-{n}", scenario=scenario, teacher_reply=text, attempts=attempts)
    provenance = Provenance(run="learn-001", lessons=(lesson.id,), models=(("student", text),), tainted=True)
    findings = screen(strategy, turns=scenario.turns, domain=DOMAIN)
    desk.library.apply(
        [
            RecordLesson(lesson=lesson, run="learn-001", stage=0),
            Propose(strategy=strategy, provenance=provenance, findings=findings, lesson_id=lesson.id),
            evidence(strategy.id, random.Random(n)),
            Edit(strategy_id=strategy.id, when=strategy.when, do=f"{text} more", avoid=text, why=text),
        ],
        author=text,
        reason=text,
    )


def _run(store: RunStore) -> None:
    from preceptor.core.events import ItemFailed, PhaseStarted, RunStarted  # noqa: PLC0415

    make_run(store)
    run = store.create("learn", config={}, seed=1, prompts={}, models={"student": PAYLOADS[0], PAYLOADS[1]: "x"})
    run.record(RunStarted(run=run.id, job="learn", resumed=False))
    for text in PAYLOADS:
        run.record(PhaseStarted(name=text, stage=0, total=3))
        run.record(ItemFailed(kind="lesson", id=text, failure=text, reason=text))
    run.finish("failed", message=PAYLOADS[2])


@pytest.fixture(scope="module")
def site(house: Path, chromium: Browser) -> Iterator[Site]:
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(house, 0))
        yield stack.enter_context(served(desk, chromium))


@pytest.fixture(scope="module")
def paths(site: Site) -> tuple[str, ...]:
    """Every page."""
    one, two = hostile(PAYLOADS[0], 0).id, hostile(PAYLOADS[2], 2).id
    release = site.desk.releases.list()[0].id
    return (
        "/queue",
        "/queue?q=nothing+fits+this",
        "/strategies",
        "/strategies/new",
        f"/strategies/{one}",
        f"/strategies/{two}/edit",
        f"/strategies/{one}/merge?with={two}",
        "/releases",
        f"/releases/{release}",
        "/runs",
        "/runs/learn-001",
        "/runs/learn-002",
        "/try",
        "/rate?mode=pair",
        "/rate?mode=single",
        "/audit",
        "/law",
        "/queue?mark=half",
        "/login?next=/x",
    )


def test_every_page_is_accessible_in_light_and_dark(site: Site, paths: tuple[str, ...]):
    axe, wrong = Axe(), list[str]()
    mara = site.window(options={"color_scheme": "light"})
    stranger = site.stranger({"color_scheme": "light"})
    for path in paths:
        window = stranger if path.startswith("/login") else mara
        page = window.go(path)
        wrong += _found(axe, window, f"{path} light", RULES)
        page.emulate_media(color_scheme="dark")
        wrong += _found(axe, window, f"{path} dark", COLOURS)
        page.emulate_media(color_scheme="light")
    mara.go("/queue")
    for keys in ("r", "e", "?"):
        mara.press(keys)
        wrong += _found(axe, mara, f"/queue after {keys}", RULES)
        mara.press("Escape")
    assert not wrong, "\n".join(wrong)


def _found(axe: Axe, window: Window, where: str, rules: dict[str, Any]) -> list[str]:
    told = axe.run(window.page, options={"resultTypes": ["violations"], **rules}).response["violations"]
    return [
        f"{where}: {v['id']}: {n['html'][:160]} {n['failureSummary'][:200]}" for v in told for n in v["nodes"][:2]
    ]


@pytest.mark.parametrize("width", [320, 390])
def test_every_page_is_whole_on_a_phone(site: Site, paths: tuple[str, ...], width: int):
    mara = site.window(options={**PHONE, "viewport": {"width": width, "height": 844}})
    for path in paths[:-1]:
        page = mara.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_strategy_is_rejected_with_a_thumb(site: Site):
    ann = site.window("ann", "reviewer", PHONE)
    page = ann.go("/queue?severity=clean&q=proof")
    strategy_id = (page.locator("#item").get_attribute("aria-label") or "").removeprefix("Strategy ")
    page.locator("summary", has_text="Reject").tap()
    page.get_by_role("button", name="Too vague").tap()
    ann.told("Rejected: Too vague")
    assert site.desk.library.entry(strategy_id).status == "rejected"
    page.get_by_role("button", name="Undo").tap()
    ann.told("Taken back")
    assert site.desk.library.entry(strategy_id).status == "proposed"


def test_hostile_text_stays_text_in_every_view(site: Site, paths: tuple[str, ...]):
    """None executes, none makes an element of its own; what a window complains of fails the test."""
    mara = watched(site)
    ids = [hostile(t, n).id for n, t in enumerate(PAYLOADS)]
    for path in (*paths[:-1], *(f"/strategies/{i}" for i in ids), *(f"/queue?at={i}" for i in ids[:4])):
        mara.go(path)
        only_text(mara, path)
    mara.go(f"/queue?at={ids[0]}")
    expect(mara.page.locator(".rule-text .do dd")).to_contain_text("<script>pwned()</script> more")
    assert mara.trouble == []


@pytest.mark.parametrize("payload", ["".join(PAYLOADS[:5]), "".join(PAYLOADS[5:-1])], ids=["markup", "other"])
def test_hostile_text_typed_into_every_field(site: Site, payload: str):
    mara = watched(site)
    page = mara.go("/strategies/new")
    for name in ("when", "do", "avoid", "why"):
        page.locator(f"textarea[name={name}]").fill(f"{payload} {name} {len(mara.asked)}")
    page.locator("input[name=reason]").fill(payload)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/strategies/strategy-*")
    mara.press("r")
    page.locator("details[open] input[name=reason]").fill(payload)
    page.keyboard.press("Enter")
    mara.told("Done")
    page = mara.go("/queue")
    page.get_by_placeholder("Search").fill(payload)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    page = mara.go("/audit")
    page.get_by_placeholder("Author").fill(payload)
    page.keyboard.press("Enter")
    page.wait_for_url("**author=**")
    page = mara.go("/try")
    page.locator("textarea").fill(f"Customer: {payload}")
    page.locator("textarea").press("Control+Enter")
    page.locator("#tried h2").first.wait_for()
    assert mara.trouble == []


def test_hostile_text_in_the_law_and_in_an_approval_that_ends(opened: Open, house: Path):
    """The law's form, and *Until*: wrong values are refused, and reasons stand as text wherever they show."""
    site = opened(house)
    mara, entries = watched(site), waiting(site.desk)[: len(PAYLOADS)]
    assert len(entries) == len(PAYLOADS)
    page, law = mara.page, "form.law"
    end = (system_clock() + timedelta(days=30)).date().isoformat()
    for n, (payload, entry) in enumerate(zip(PAYLOADS, entries, strict=True)):
        for field in ("input[name=people]:checked", "input[name=valid_days]"):
            mara.go("/law")
            forced(mara, f"{law} {field}", payload)
            page.locator(f"{law} input[name=reason]").fill(payload)
            page.locator(f"{law} button").click()
            page.get_by_text("this cannot be a law").first.wait_for()
            only_text(mara, f"/law refused {payload!r} as {field}")
        mara.go("/law")
        page.locator(f"{law} input[name=valid_days]").fill(str(400 + n))
        page.locator(f"{law} input[name=reason]").fill(payload)
        page.locator(f"{law} button").click()
        mara.told("This holds now")
        assert flat(one_line(payload)) in only_text(mara, "/law"), payload
        mara.go(f"/strategies/{entry.strategy.id}")
        mara.press("x")
        form = "details[open] form:has(input[name=until])"
        forced(mara, f"{form} input[name=until]", payload)
        page.locator(f"{form} input[name=reason]").fill(payload)
        page.locator(f"{form} button").click()
        refused(mara, "is no time")
        only_text(mara, f"until {payload!r}")
        forced(mara, f"{form} input[name=until]", end)
        page.locator(f"{form} button").click()
        mara.told("Approved")
        said = only_text(mara, f"approved until, because {payload!r}")
        assert flat(one_line(payload)) in said, payload
        assert f"until{end}" in said
    mara.go("/law")
    page.locator(f"{law} input[name=people][value='2']").check()
    page.locator(f"{law} input[name=reason]").fill(PAYLOADS[0])
    page.locator(f"{law} button").click()
    mara.told("This holds now")
    page.locator(f"{law} input[name=people][value='1']").check()
    page.locator(f"{law} input[name=reason]").fill(PAYLOADS[1])
    page.locator(f"{law} button").click()
    mara.told("Asked for")
    _the_reasons_everywhere(mara)


def _the_reasons_everywhere(mara: Window) -> None:
    said = {
        path: ""
        for path in ("/law", "/audit", "/audit?kind=setlaw", "/releases", "/queue", "/strategies?order=ends")
    }
    for path in said:
        mara.go(path)
        said[path] = only_text(mara, path)
    for payload in PAYLOADS:
        assert flat(one_line(payload), 60) in said["/law"], payload
        assert flat(one_line(payload), 60) in said["/audit?kind=setlaw"], payload
    for path in ("/api/changes", "/api/law"):
        mara.go(path)
        assert mara.page.locator("script, img, svg, form, base").count() == 0, path
    assert mara.trouble == []


def test_hostile_text_in_notes_and_in_imported_ratings(opened: Open, house: Path):
    """Through the note of a rating, and through every column of a file: refused as text, or kept as text."""
    site = opened(house)
    raters = [watched(site, name) for name in ("mara", "ann", "kai")]
    for n, payload in enumerate(PAYLOADS):
        window, mode, button = raters[n % 3], *(("pair", "better"), ("single", "score"))[n % 2]
        page = window.go(f"/rate?mode={mode}")
        page.locator("input[name=note]").fill(payload)
        with page.expect_response("**/rate?run=*"):
            page.locator(f"button[name={button}]").first.click()
        window.settle()
        only_text(window, f"note {payload!r}")
    mara = raters[0]
    notes = {flat(clean(r.note)) for r in site.desk.ratings.all()}
    assert notes == {flat(clean(p)) for p in PAYLOADS}
    given = site.desk.ratings.all(by="mara")[0]
    for payload in PAYLOADS:
        whole = json.loads(given.model_dump_json())
        cut = {"unit": payload[:200], "arm": payload[:200]}
        for wrong in (
            {payload: 1},
            cut,
            {"run": payload[:200]} if payload in PAYLOADS[::2] else {"at": payload[:40]},
        ):
            _import(mara, json.dumps({**whole, **wrong}, ensure_ascii=False))
            mara.page.get_by_role("heading").first.wait_for()
            only_text(mara, f"import of {wrong}")
        _import(mara, payload)
        only_text(mara, f"import of {payload!r}")
    assert len(site.desk.ratings.all()) == len(PAYLOADS)
    lines = [{**json.loads(given.model_dump_json()), "note": p, "by": p[:64]} for p in PAYLOADS]
    _import(mara, "\n".join(json.dumps(x, ensure_ascii=False) for x in lines))
    mara.told(f"Imported: {len(PAYLOADS)} new or changed")
    for path in ("/rate?mode=pair", "/rate?mode=single"):
        mara.go(path)
        only_text(mara, path)
    _taken_home(mara, 2 * len(PAYLOADS))
    assert mara.trouble == []


def _import(window: Window, text: str) -> None:
    page = window.go("/rate?mode=pair")
    page.get_by_text("Import ratings").click()
    file = {"name": f"{PAYLOADS[1].replace('/', '')}.jsonl", "mimeType": "text/html", "buffer": text.encode()}
    page.get_by_label("A file of JSON lines").set_input_files(file)  # pyright: ignore[reportArgumentType]
    expect(page.get_by_label("JSON lines", exact=True)).not_to_have_value("")
    with page.expect_navigation():
        page.get_by_role("button", name="Import", exact=True).click()


def _taken_home(mara: Window, count: int) -> None:
    """The exports: a spreadsheet finds no formula in them, and the app reads its own lines again."""
    page, files = mara.page, dict[str, str]()
    for kind in ("JSONL", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("link", name=kind, exact=True).click()
        files[kind] = Path(download.value.path()).read_bytes().decode()
    rows = list(csv.reader(io.StringIO(files["CSV"], newline="")))
    assert len(rows) == count + 1
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "-", "@"))]
    _import(mara, files["JSONL"])
    mara.told(f"Imported: 0 new or changed, {count} known already")
    mara.go("/api/ratings")
    assert page.locator("script, img, svg, form, base").count() == 0
