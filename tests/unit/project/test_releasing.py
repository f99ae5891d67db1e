from pathlib import Path

import pytest

from preceptor.core.errors import ConfigError
from preceptor.project import Project
from preceptor.project.releasing import author


def project(folder: Path, **environ: str) -> Project:
    return Project.create(folder, environ=environ)


def test_who_acts_is_told_or_the_account_that_the_environment_names(tmp_path: Path):
    found = project(tmp_path / "p", USER="mara")
    assert (author(found, "ute"), author(found, None)) == ("ute", "mara")


def test_without_a_name_in_the_environment_it_is_the_process_own_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("preceptor.project.releasing.getuser", lambda: "svc-preceptor")
    assert author(project(tmp_path / "p"), None) == "svc-preceptor"


def test_an_account_without_a_name_has_to_tell_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("preceptor.project.releasing.getuser", nameless)
    with pytest.raises(ConfigError, match="not known who"):
        author(project(tmp_path / "p"), None)
