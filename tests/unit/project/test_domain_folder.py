"""A domain as files: what is written is read back; what is wrong is named with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import InputError
from preceptor.core.records import Domain, Issue, Profile
from preceptor.project.domain_folder import read_domain
from preceptor.project.domain_write import write_blank, write_domain

ISSUES = "- {key: late, title: Late, story: It is late., goal: To have it.}\n"
PROFILES = """\
- {id: a, style: driver, emotion: calm, demanding: true, issue: late}
- {id: b, style: amiable, emotion: calm, demanding: true, issue: late, heldout: true}
"""


def folder(
    tmp_path: Path,
    *,
    brief: str = "---\nname: Firm\n---\nYou are an agent.\n",
    policy: str = "- Be kind.\n",
    issues: str = ISSUES,
    profiles: str = PROFILES,
) -> Path:
    for name, text in (
        ("brief.md", brief),
        ("policy.md", policy),
        ("issues.yaml", issues),
        ("profiles.yaml", profiles),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_plain_domain_is_read(tmp_path: Path):
    domain = read_domain(folder(tmp_path))
    assert (domain.name, domain.brief, domain.policy) == ("Firm", "You are an agent.", "- Be kind.")
    assert [p.heldout for p in domain.profiles] == [False, True]
    assert domain.issue("late").goal == "To have it."


@pytest.mark.parametrize(
    ("wrong", "where", "words"),
    [
        ({"brief": "You are an agent."}, "brief.md:1", ["header"]),
        ({"brief": "---\nfirm: x\n---\nHi"}, "brief.md:2", ["name"]),
        ({"brief": "---\nname: x\n---\n\n"}, "brief.md:4", ["empty"]),
        ({"policy": " \n"}, "policy.md:1", ["empty"]),
        ({"issues": ""}, "issues.yaml:1", ["list of issues"]),
        ({"issues": "a: [\n"}, "issues.yaml:2", ["not valid YAML"]),
        ({"issues": ISSUES + "- just text\n"}, "issues.yaml:2", ["named entries"]),
        ({"issues": ISSUES + ISSUES}, "issues.yaml:2", ["'late'", "twice"]),
        ({"issues": "- key: late\n  title: ''\n  story: s\n  goal: g\n"}, "issues.yaml:2", ["'title' is empty"]),
        ({"issues": "- key: late\n  title: t\n  story: s\n"}, "issues.yaml:1", ["'goal' is missing"]),
        ({"issues": "- key: late\n  titel: t\n"}, "issues.yaml:2", ["'titel'", "did you mean 'title'"]),
        ({"issues": "- key: late\n  key: soon\n"}, "issues.yaml:2", ["given twice"]),
        ({"issues": "- key: [1]\n"}, "issues.yaml:1", ["must be text"]),
        ({"profiles": PROFILES.replace("issue: late}", "issue: lat}")}, "profiles.yaml:1", ["'lat'", "'late'"]),
        ({"profiles": PROFILES.replace("id: b", "id: a")}, "profiles.yaml:2", ["'a'", "twice"]),
        ({"profiles": PROFILES.replace("amiable", "driver")}, "profiles.yaml:2", ["'b'", "held out", "training"]),
        ({"profiles": PROFILES.replace("demanding: true", "demanding: yep")}, "profiles.yaml:1", ["'yep'"]),
        ({"profiles": PROFILES.splitlines()[0]}, "profiles.yaml:1", ["no held-out profile"]),
        ({"profiles": PROFILES.splitlines()[1]}, "profiles.yaml:1", ["no training profile"]),
        ({"profiles": "grid: 3\n"}, "profiles.yaml:1", ["'grid'"]),
        ({"profiles": "grid:\n  style: [a]\n"}, "profiles.yaml:2", ["did you mean 'styles'"]),
        ({"profiles": "grid:\n  styles: [a, a]\n"}, "profiles.yaml:2", ["repeated"]),
        ({"profiles": "grid:\n  issues: [soon]\n"}, "profiles.yaml:2", ["'soon'"]),
        ({"profiles": "grid:\n  heldout: 2\n"}, "profiles.yaml:2", ["0 to 1"]),
        ({"profiles": "grid:\n  demanding: maybe\n"}, "profiles.yaml:2", ["true and false"]),
        ({"profiles": "grid:\n  facts:\n    soon: {known: x}\n"}, "profiles.yaml:3", ["'soon'"]),
        ({"profiles": "grid:\n  facts:\n    late: {now: x}\n"}, "profiles.yaml:3", ["'known'"]),
        ({"profiles": "a: &a [*a]\n"}, "profiles.yaml:1", ["circular"]),
        ({"profiles": "- id: 2020-99-99\n"}, "profiles.yaml:1", ["quotes"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, wrong: dict[str, str], where: str, words: list[str]):
    with pytest.raises(InputError) as caught:
        read_domain(folder(tmp_path, **wrong))
    told = f"{caught.value.message} | {caught.value.hint}"
    assert f"{tmp_path.name}/{where}:" in told
    assert [w for w in words if w not in told] == []
    assert caught.value.hint


def test_missing_files_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        read_domain(tmp_path / "nowhere")
    folder(tmp_path)
    (tmp_path / "policy.md").unlink()
    with pytest.raises(InputError, match=r"policy\.md does not exist"):
        read_domain(tmp_path)
    (tmp_path / "policy.md").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"policy\.md cannot be read"):
        read_domain(tmp_path)


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 3000 + "x"])
def test_what_is_nested_too_deep_is_refused(tmp_path: Path, text: str):
    with pytest.raises(InputError, match=r"issues\.yaml: nested too deep"):
        read_domain(folder(tmp_path, issues=text))


def test_a_small_file_cannot_grow_huge(tmp_path: Path):
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    with pytest.raises(InputError, match="too many"):
        read_domain(folder(tmp_path, profiles=bomb))


def test_the_grid_is_every_combination_and_splits_each_issue(tmp_path: Path):
    domain = read_domain(
        folder(tmp_path, profiles="grid: {heldout: 0.25, facts: {late: {known: K, unknown: U}}}\n")
    )
    assert len(domain.profiles) == 4 * 4 * 2
    assert sum(p.heldout for p in domain.profiles) == 8
    assert {(p.known, p.unknown) for p in domain.profiles} == {("K", "U")}
    assert len({p.id for p in domain.profiles}) == 32


def test_another_issue_moves_no_profile_of_the_first(tmp_path: Path):
    grid = "grid: {heldout: 0.25}\n"
    one = read_domain(folder(tmp_path, profiles=grid))
    two = read_domain(folder(tmp_path, profiles=grid, issues=ISSUES + ISSUES.replace("late", "lost")))
    assert set(one.profiles) <= set(two.profiles)


def test_the_template_is_valid_as_it_is(tmp_path: Path):
    write_blank(tmp_path / "domain")
    domain = read_domain(tmp_path / "domain")
    assert domain.name == "Your Firm"
    assert any(p.heldout for p in domain.profiles)


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Zs")), min_size=1, max_size=12
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join).filter(str.strip)


@given(name=TEXTS, brief=TEXTS, texts=st.lists(TEXTS, min_size=3, max_size=3), known=st.one_of(st.just(""), TEXTS))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, brief: str, texts: list[str], known: str
):
    from preceptor.core.untrusted import clean  # noqa: PLC0415

    name, brief, known, *texts = map(clean, (name.strip("\"'"), brief, known, *texts))
    if not all((name, brief, *texts)) or brief.startswith("---") or name.strip("\"'") != name:
        return
    profiles = tuple(
        Profile(
            id=f"p{n}", style=f"s{n}", emotion="calm", demanding=bool(n), issue="k", known=known, heldout=bool(n)
        )
        for n in range(2)
    )
    issues = (Issue(key="k", title=texts[0], story=f"{texts[1]}\n{texts[2]}", goal=texts[2]),)
    domain = Domain(name=name, brief=brief, policy=f"- {texts[0]}\n- {texts[1]}", issues=issues, profiles=profiles)
    place = tmp_path_factory.mktemp("domain")
    write_domain(place, domain)
    assert read_domain(place) == domain
