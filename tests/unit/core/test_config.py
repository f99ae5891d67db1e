"""Settings in layers, each with its origin; errors that name place, key, what was found and what is allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from preceptor.core.config import Flag, Loaded, clock, load_config, parse_set
from preceptor.core.errors import ConfigError


def load(folder: Path, text: str = "", environ: dict[str, str] | None = None, sets: tuple[str, ...] = ()) -> Loaded:
    (folder / "preceptor.toml").write_text(text, encoding="utf-8")
    return load_config(folder, environ=environ or {}, flags=parse_set(sets))


def refused(folder: Path, text: str = "", environ: dict[str, str] | None = None, sets: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ, sets)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return f"{caught.value.message} | {caught.value.hint}"


def test_a_later_layer_wins_and_each_value_tells_where_it_came_from(tmp_path: Path):
    text = "[learn]\nattempts = 2\npatience = 3\nseed = 4\n"
    found = load(
        tmp_path, text, {"PRECEPTOR_LEARN__PATIENCE": "5", "PRECEPTOR_LEARN__SEED": "6"}, ("learn.seed=7",)
    )
    assert (found.config.learn.attempts, found.config.learn.patience, found.config.learn.seed) == (2, 5, 7)
    assert found.origins["learn.attempts"] == "preceptor.toml:2"
    assert found.origins["learn.patience"] == "env PRECEPTOR_LEARN__PATIENCE"
    assert found.origins["learn.seed"] == "flag --set learn.seed"
    assert found.origins["learn.dialogues"] == "default"


def test_every_setting_has_an_origin(tmp_path: Path):
    found = load(tmp_path)
    assert set(found.origins.values()) == {"default"}
    assert "seats.judge.api_key_env" in found.origins


def test_a_seat_may_be_a_string_or_a_table(tmp_path: Path):
    text = '[seats]\nstudent = "practice:a"\n[seats.teacher]\ntimeout = 3\n'
    seats = load(tmp_path, text, {"PRECEPTOR_SEATS__STUDENT__RETRIES": "1"}).config.seats
    assert (seats.student.model, seats.student.retries) == ("practice:a", 1)
    assert (seats.teacher.model, seats.teacher.timeout) == ("practice:teacher", 3.0)


@pytest.mark.parametrize(
    ("given", "key", "value"),
    [
        ("learn.teacher_share=1.0, 0.5,0", ("learn", "teacher_share"), (1.0, 0.5, 0.0)),
        ("learn.teacher_share=[1]", ("learn", "teacher_share"), (1.0,)),
        ("evaluate.arms=student, coached", ("evaluate", "arms"), ("student", "coached")),
        ("learn.screen_with_teacher=False", ("learn", "screen_with_teacher"), False),
        ("budget.usd=", ("budget", "usd"), None),
        ("budget.usd=0.5", ("budget", "usd"), 0.5),
        ("library.path=123", ("library", "path"), "123"),
        ("domain.folder=a = b", ("domain", "folder"), "a = b"),
    ],
)
def test_text_is_read_as_the_settings_type(tmp_path: Path, given: str, key: tuple[str, str], value: object):
    config = load(tmp_path, sets=(given,)).config
    assert getattr(getattr(config, key[0]), key[1]) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[learn]\n\nattempts = 0\n", ["preceptor.toml:3", "learn.attempts is 0", "from 1 to 20"]),
        ("[learn]\nattempts = true\n", ["preceptor.toml:2", "true", "whole number"]),
        ('[learn]\nattempts = "3"\n', ["preceptor.toml:2", '"3"', "whole number"]),
        ("[learn]\nattempts = 2.5\n", ["preceptor.toml:2", "2.5"]),
        ("[learn]\nattempt = 3\n", ["preceptor.toml:2", "did you mean learn.attempts"]),
        ("[lern]\nattempts = 3\n", ["no section 'lern'", "did you mean [learn]"]),
        ("[lern]\n", ["no section 'lern'"]),
        ("attempts = 3\n", ["preceptor.toml:1", "no section 'attempts'"]),
        ("[learn]\ncandidates = nan\n", ["preceptor.toml:2", "nan"]),
        ("[learn]\ncandidates = inf\n", ["preceptor.toml:2", "inf"]),
        ("[learn]\nattempts = 1979-05-27\n", ["preceptor.toml:2", "1979"]),
        ("[learn]\nteacher_share = [0.5,\n 7]\n", ["preceptor.toml:2", "from 0 to 1"]),
        ("[coach]\ngeneral = 9\n", ["coach.general", "coach.strategies"]),
        ('[seats.student]\nx = """\nattempts = 1\n"""\n', ["preceptor.toml:2", "seats.student.x"]),
        ("[learn]\nattempts = \n", ["preceptor.toml:2: not valid TOML"]),
        ("[learn]\nattempts = 3\nseed = [\n", ["preceptor.toml:3: not valid TOML", "end of document"]),
        ("[learn]\nseed = " + "[" * 5000, ["preceptor.toml:", "not valid TOML"]),
        ('[seats.student]\nmodel = "llama"\n', ["preceptor.toml:2", '"llama"', "seat string", "PROVIDER:MODEL"]),
        ("[evaluate]\narms = []\n", ["preceptor.toml:2", "evaluate.arms is []"]),
        ("learn = 3\n", ["preceptor.toml:1", "'learn'"]),
        ('seats = {student = {modell = "x"}}\n', ["preceptor.toml:1", "did you mean seats.student.model"]),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, words: list[str]):
    told = refused(tmp_path, text)
    assert [w for w in words if w not in told] == []


def test_a_bad_value_names_its_layer(tmp_path: Path):
    assert "env PRECEPTOR_LEARN__SEED" in refused(tmp_path, environ={"PRECEPTOR_LEARN__SEED": "-1"})
    assert "flag --set learn.seed" in refused(tmp_path, sets=("learn.seed=x",))
    assert "KEY=VALUE" in refused(tmp_path, sets=("learn.seed",))


def test_a_misspelled_variable_is_not_ignored(tmp_path: Path):
    assert "PRECEPTOR_LEARN__ATTEMPTS" in refused(tmp_path, environ={"PRECEPTOR_LEARN_ATTEMPTS": "3"})
    assert "no section" in refused(tmp_path, environ={"PRECEPTOR_LERN__ATTEMPTS": "3"})
    assert load(tmp_path, environ={"PRECEPTOR_MY_KEY": "x"}).config.learn.attempts == 5


SECRET = "sk-proj-abcdefghijklmnop1234"


@pytest.mark.parametrize(
    "text",
    [
        f'[seats]\nstudent = "openai:{SECRET}"\n',
        f'[seats.student]\napi_key_env = "{SECRET}"\n',
        f'[seats.student]\napi_key = "{SECRET}"\n',
        f'[seats.student]\nmodel = "http://user:{SECRET}@host/v1#m"\n',
        f'[seats.student]\nmodel = "http://host/v1?api_key={SECRET}#m"\n',
        f'[seats.student]\nmodel = "Bearer {SECRET}"\n',
    ],
)
def test_a_secret_is_refused_and_not_shown(tmp_path: Path, text: str):
    told = refused(tmp_path, text)
    assert SECRET not in told
    assert "environment variable" in told


def test_a_secret_in_a_flag_is_not_shown_either(tmp_path: Path):
    assert SECRET not in refused(tmp_path, sets=(f"seats.student={SECRET}",))
    assert SECRET not in refused(tmp_path, sets=(SECRET,))


def test_ordinary_models_are_no_secrets(tmp_path: Path):
    for model in (
        "http://127.0.0.1:11434/v1#llama3.2:1b",
        "openai:gpt-5-mini",
        "http://h/v1#org/Model-7B-Instruct-v0.2",
    ):
        assert load(tmp_path, sets=(f"seats.student={model}",)).config.seats.student.model == model


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path):
    assert load(tmp_path, "\ufeff[learn]\nattempts = 3\n").config.learn.attempts == 3


def test_what_is_no_text_is_said(tmp_path: Path):
    (tmp_path / "preceptor.toml").mkdir()
    with pytest.raises(ConfigError, match=r"preceptor\.toml cannot be read: Is a directory") as caught:
        load_config(tmp_path, environ={})
    assert "file of UTF-8 text" in caught.value.hint


def test_no_file_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="no project folder") as caught:
        load_config(tmp_path / "nothing", environ={})
    assert "preceptor init" in caught.value.hint


def test_python_values_are_taken_as_they_are(tmp_path: Path):
    (tmp_path / "preceptor.toml").write_text("")
    flag = Flag(key="learn.teacher_share", value=(1.0, 0.0), name="settings")
    assert load_config(tmp_path, environ={}, flags=[flag]).config.learn.teacher_share == (1.0, 0.0)


def test_the_clock_can_be_fixed():
    assert clock({"SOURCE_DATE_EPOCH": "1700000000"})() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert clock({})().tzinfo is UTC
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH"):
        clock({"SOURCE_DATE_EPOCH": "yesterday"})
