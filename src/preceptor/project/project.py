"""A project folder: settings, a domain, a library, runs; and the doors to learning and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from preceptor.core import config as core_config
from preceptor.core.config import Flag, Loaded
from preceptor.core.records import Domain
from preceptor.core.settings import Config
from preceptor.practice import load_world
from preceptor.project.domain_folder import read_domain
from preceptor.project.domain_write import write_blank, write_domain
from preceptor.project.scaffold import check_free, write_settings
from preceptor.prompts import PromptSet, load_prompts


class Project:
    """One project folder, opened. Nothing is read or written before it is needed, but the settings."""

    def __init__(self, folder: Path, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.config: Config = loaded.config
        self.origins: Mapping[str, str] = loaded.origins
        self.environ = environ
        self.clock = core_config.clock(environ)

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        *,
        flags: Sequence[Flag] = (),
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """The project in the folder ``path``.

        Args:
            flags: overrides with the names that the user gave them by.
            settings: overrides by dotted key, as in ``{"learn.attempts": 3}``.
            environ: instead of the process environment.

        Raises:
            ConfigError: there is no project, or a setting cannot hold.
        """
        folder = Path(path)
        environ = core_config.environ() if environ is None else environ
        given = [Flag(key=k, value=v, name=f"settings[{k!r}]") for k, v in (settings or {}).items()]
        return cls(folder, core_config.load_config(folder, environ=environ, flags=[*flags, *given]), environ)

    @classmethod
    def create(
        cls,
        path: str | Path,
        world: str = "airline",
        *,
        blank: bool = False,
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """A new project in ``path``, with the domain of a practice world or, if ``blank``, a template of one.

        Args:
            world: name of a shipped practice world, or the path of a world file.
            settings: settings to write into ``preceptor.toml``, by dotted key.

        Raises:
            InputError: the folder holds something already, or there is no such world.
        """
        folder = Path(path)
        check_free(folder)
        domain = None if blank else load_world(world).domain()
        write_settings(folder, settings or {})
        target = folder / "domain"
        if domain is None:
            write_blank(target)
        else:
            write_domain(target, domain)
        return cls.open(folder, environ=environ)

    @cached_property
    def domain(self) -> Domain:
        """The domain, read once.

        Raises:
            InputError: a file of the domain is wrong; names file and line.
        """
        return read_domain(self.folder / self.config.domain.folder)

    @cached_property
    def prompts(self) -> PromptSet:
        """Built-in prompts, with the project's own in their place."""
        own = self.config.prompts.folder
        return load_prompts(self.folder / own if own else None)
