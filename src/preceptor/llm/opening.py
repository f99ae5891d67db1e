"""From a seat string to a chat model. Nothing connects before the first call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from preceptor.core.errors import ConfigError
from preceptor.core.settings import SeatConfig
from preceptor.llm.faults import Door
from preceptor.llm.model import ChatModel
from preceptor.llm.modes import ModeMemory
from preceptor.llm.prices import is_local

_FORMS = "practice:NAME, http://HOST:PORT/v1#MODEL, or PROVIDER:MODEL such as openai:gpt-5-mini"
_SECRET_NAME = re.compile(r"key|token|secret|password|sig", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model, and whether it is local: runs on this machine or network and costs nothing."""

    model: ChatModel
    local: bool


def open_model(
    seat: str,
    config: SeatConfig,
    *,
    environ: Mapping[str, str],
    factories: Mapping[str, Callable[[str], ChatModel]],
    modes: ModeMemory | None = None,
) -> Opened:
    """The model that a seat's string names.

    Raises:
        ConfigError: the string is malformed, or its key or extra is missing.
    """
    scheme, colon, rest = config.model.partition(":")
    if not colon or not scheme or not rest:
        raise ConfigError(f"seats.{seat}: '{_shown(config.model)}' is no seat string", hint=f"write {_FORMS}")
    if scheme in factories:
        return Opened(model=factories[scheme](rest), local=True)
    key = _named_key(seat, config, environ)
    if scheme in ("http", "https"):
        return _by_url(seat, config, key, modes)
    from preceptor.llm.provider import open_provider  # noqa: PLC0415 - loads a provider's whole SDK

    made = open_provider(seat, scheme, rest, config.api_key_env, key, environ, modes)
    return Opened(model=made, local=False)


def _by_url(seat: str, config: SeatConfig, key: str, modes: ModeMemory | None) -> Opened:
    base, _, model = config.model.partition("#")
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"seats.{seat}: {_shown(base)}: {error}", hint=f"write {_FORMS}") from error
    if not parts.hostname or not model.strip():
        raise ConfigError(
            f"seats.{seat}: '{_shown(config.model)}' lacks {'a host' if not parts.hostname else 'a model'}",
            hint="write http://HOST:PORT/v1#MODEL, for instance http://127.0.0.1:11434/v1#llama3.2:3b",
        )
    if parts.username or parts.password or any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query)):
        raise ConfigError(
            f"seats.{seat}: the URL of {parts.hostname} holds a key or password",
            hint="put it into an environment variable and name that in api_key_env",
        )
    if parts.query:
        raise ConfigError(
            f"seats.{seat}: the URL of {parts.hostname} has a query", hint="leave out all from '?' on"
        )
    from preceptor.llm.http import HttpModel  # noqa: PLC0415 - aiohttp, only where a URL is used

    door = Door(spec=f"{base}#{model}", key_env=config.api_key_env, secrets=(key,) if key else ())
    return Opened(model=HttpModel(base, model, door=door, key=key, modes=modes), local=is_local(base))


def _named_key(seat: str, config: SeatConfig, environ: Mapping[str, str]) -> str:
    """The key in the variable that the seat names; empty where it names none."""
    name = config.api_key_env
    if not name:
        return ""
    key = environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"seats.{seat}: the environment variable {name} is not set", hint=f"export {name}=...")
    return key


def _shown(text: str) -> str:
    """A seat string for a message, without what may be a password before an @."""
    return re.sub(r"//[^/@]*@", "//[...]@", text)
