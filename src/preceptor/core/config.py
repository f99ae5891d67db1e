"""Loading the settings: defaults, then ``preceptor.toml``, then the environment, then flags.

This is the only module that reads the environment. Secrets are never settings: a setting may only name the
variable that holds one (``api_key_env``), and a value that looks like a key is refused without being shown.
"""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from preceptor.core.clock import Clock, fixed_clock, system_clock
from preceptor.core.errors import ConfigError, unreadable
from preceptor.core.fields import Setting, settings
from preceptor.core.secrets import holds_secret, is_secret, names_secret
from preceptor.core.settings import Config
from preceptor.core.toml_lines import key_lines
from preceptor.core.untrusted import one_line

FILE = "preceptor.toml"
PREFIX = "PRECEPTOR_"

_PLACE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One override from the command line or from Python."""

    key: str
    value: object
    """Text is read as the setting's type; other values are taken as they are."""
    name: str
    """How the user gave it: ``--seed``, ``--set learn.attempts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings that hold, and where each came from."""

    config: Config
    origins: Mapping[str, str]
    """Dotted key to ``default``, ``preceptor.toml:LINE``, ``env NAME`` or ``flag NAME``."""

    def value(self, key: str) -> Any:
        """The value of a setting by its dotted key."""
        found: Any = self.config
        for part in key.split("."):
            found = getattr(found, part)
        return found


def environ() -> Mapping[str, str]:
    """The process environment, for those who wire the rooms."""
    return dict(os.environ)


def tell_children(name: str, value: str) -> None:
    """Sets a variable for processes that are started from here, unless whoever started this one did."""
    os.environ.setdefault(name, value)


def clock(environ: Mapping[str, str]) -> Clock:
    """The clock of a process: fixed by ``SOURCE_DATE_EPOCH`` where that is set, so that runs can be reproduced.

    Raises:
        ConfigError: the variable is not a number of seconds.
    """
    text = environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return system_clock
    try:
        return fixed_clock(datetime.fromtimestamp(int(text), UTC))
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {one_line(text, 40)!r}; allowed: whole seconds since 1970",
            hint="unset SOURCE_DATE_EPOCH, or set it to a number such as 1700000000",
        ) from error


def parse_set(texts: Iterable[str]) -> tuple[Flag, ...]:
    """``KEY=VALUE`` texts of ``--set`` as flags.

    Raises:
        ConfigError: a text has no ``=``.
    """
    flags: list[Flag] = []
    for text in texts:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            shown = "the value" if holds_secret(text) else repr(one_line(text, 60))
            raise ConfigError(f"--set: {shown} is not KEY=VALUE", hint="write for instance --set learn.attempts=3")
        flags.append(Flag(key=key.strip(), value=value.strip(), name=f"--set {key.strip()}"))
    return tuple(flags)


def load_config(folder: Path | None, *, environ: Mapping[str, str], flags: Sequence[Flag] = ()) -> Loaded:
    """The settings of the project in ``folder``; None: as they would be without a file.

    Raises:
        ConfigError: no such file, or a value that cannot hold: names where it stands, the key, what was
            found and what is allowed.
    """
    layers = _Layers()
    if folder is not None:
        layers.add_file(folder / FILE)
    layers.add_environment(environ)
    for flag in flags:
        layers.put(flag.key, flag.value, f"flag {flag.name}")
    return layers.settle()


class _Layers:
    """Values by dotted key, each with its origin; a later layer replaces an earlier one."""

    def __init__(self) -> None:
        self._known: dict[str, Setting] = {s.key: s for s in settings()}
        self._values: dict[str, object] = {k: s.default for k, s in self._known.items()}
        self._origins: dict[str, str] = dict.fromkeys(self._known, "default")

    def add_file(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise ConfigError(
                f"{path} does not exist: this is no project folder",
                hint="make one with: preceptor init DIR (or name one with --project DIR)",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} cannot be read: {unreadable(error)}", hint="make it a file of UTF-8 text that you may read"
            ) from error
        try:
            tree = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            place = _PLACE.search(str(error))
            line = int(place[1]) if place else len(text.splitlines()) if "end of document" in str(error) else 1
            raise ConfigError(
                f"{path.name}:{line}: not valid TOML: {error}", hint=f"mend that line of {path}"
            ) from error
        lines = key_lines(text)
        for key, value in _flat(tree, frozenset(self._tables())):
            line = lines.get(key) or lines.get(key.rpartition(".")[0]) or 1
            self.put(key, value, f"{path.name}:{line}")

    def add_environment(self, environ: Mapping[str, str]) -> None:
        plain = {s.variable.replace("_", ""): s for s in self._known.values()}
        for name in sorted(environ):
            if not name.startswith(PREFIX):
                continue
            if "__" in name:
                self.put(name.removeprefix(PREFIX).lower().replace("__", "."), environ[name], f"env {name}")
            elif meant := plain.get(name.replace("_", "")):
                raise ConfigError(
                    f"env {name}: no such setting",
                    hint=f"did you mean {meant.variable}? (two underscores between section and key)",
                )

    def put(self, key: str, value: Any, origin: str) -> None:
        if f"{key}.model" in self._known:
            key = f"{key}.model"
        known = self._known.get(key)
        if known is None:
            raise self._unknown(key, origin)
        if isinstance(value, str):
            _refuse_secret(key, value, origin)
            if not origin.startswith(FILE):
                value = _read(known, value)
        if value == "" and known.optional:
            value = None
        _refuse_endless(known, value, origin)
        self._values[key] = value
        self._origins[key] = origin

    def settle(self) -> Loaded:
        tree: dict[str, Any] = {}
        for key, value in self._values.items():
            *parents, last = key.split(".")
            table = tree
            for parent in parents:
                table = table.setdefault(parent, {})
            table[last] = value
        try:
            config = Config.model_validate_json(json.dumps(tree, default=str), strict=True)
        except ValidationError as error:
            raise self._refused(error) from None
        return Loaded(config=config, origins=dict(self._origins))

    def _tables(self) -> set[str]:
        return {key.rpartition(".")[0] for key in self._known} | {key.partition(".")[0] for key in self._known}

    def _unknown(self, key: str, origin: str) -> ConfigError:
        shown = one_line(key, 80)
        if names_secret(key):
            return ConfigError(
                f"{origin}: there is no setting '{shown}': keys and passwords are never settings",
                hint='put the key in an environment variable and name it: api_key_env = "NAME"',
            )
        section = key.partition(".")[0]
        tables = {k.partition(".")[0] for k in self._known}
        if section not in tables:
            near = get_close_matches(section, tables, 1)
            hint = f"did you mean [{near[0]}]?" if near else f"sections are: {', '.join(sorted(tables))}"
            return ConfigError(f"{origin}: there is no section '{one_line(section, 60)}'", hint=hint)
        near = get_close_matches(key, self._known, 1, 0.6)
        here = sorted(k for k in self._known if k.startswith(f"{section}."))
        return ConfigError(
            f"{origin}: there is no setting '{shown}'",
            hint=f"did you mean {near[0]}?" if near else f"settings there: {', '.join(here)}",
        )

    def _refused(self, error: ValidationError) -> ConfigError:
        problems = error.errors()
        first = problems[0]
        parts = [str(p) for p in first["loc"]]
        key = next((k for n in range(len(parts), 0, -1) if (k := ".".join(parts[:n])) in self._known), "")
        more = f" ({len(problems) - 1} more like it)" if len(problems) > 1 else ""
        if not key:
            return ConfigError(
                f"{FILE}: {first['msg'].removeprefix('Value error, ')}{more}", hint="see: preceptor config"
            )
        known = self._known[key]
        return ConfigError(
            f"{self._origins[key]}: {key} is {_shown(self._values[key])}; allowed: {known.allowed}{more}",
            hint=f"{key}: {known.description}",
        )


def _flat(tree: Mapping[str, Any], tables: frozenset[str], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and (value or key in tables):
            yield from _flat(cast("Mapping[str, Any]", value), tables, f"{key}.")
        else:
            yield key, value


def _read(known: Setting, text: str) -> object:
    """Text of the environment or a flag as a value of the setting's type; what cannot be read stays text."""
    if known.kind is str:
        return text
    if text == "" and known.optional:
        return None
    if known.kind is tuple:
        if not text.strip().startswith("["):
            text = ",".join(_quoted(part.strip()) for part in text.split(",") if part.strip())
            text = f"[{text}]"
    elif known.kind is bool:
        text = text.strip().lower()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _quoted(part: str) -> str:
    try:
        float(part)
    except ValueError:
        return json.dumps(part.strip("\"'"))
    return part


def _refuse_secret(key: str, value: str, origin: str) -> None:
    if is_secret(key, value):
        raise ConfigError(
            f"{origin}: the value of {key} looks like a key or password; it is not shown here",
            hint="put the key in an environment variable and give its name in the setting that ends in key_env",
        )


def _refuse_endless(known: Setting, value: object, origin: str) -> None:
    numbers = cast("list[object]", list(value)) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore[reportUnknownArgumentType]
    for number in numbers:
        if isinstance(number, float) and not math.isfinite(number):
            raise ConfigError(
                f"{origin}: {known.key} is {number}; allowed: {known.allowed}",
                hint=f"{known.key}: {known.description}",
            )


def _shown(value: object) -> str:
    return one_line(json.dumps(value, default=str, ensure_ascii=False), 80)
