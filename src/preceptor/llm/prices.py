"""What a call costs: the seat's own price, else the public one of genai-prices; local models cost nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from preceptor.core.settings import SeatConfig
from preceptor.llm.model import Usage

Price = Callable[[Usage], float]
"""The tokens of one call to US dollars. Never negative, and never less for more tokens of one kind."""

_OPENAI = {"openai-chat": "openai", "openai-responses": "openai"}


def free(usage: Usage) -> float:
    """The price of a local model."""
    del usage
    return 0.0


def find_price(spec: str, *, local: bool, own: SeatConfig | None = None) -> Price | None:
    """The price of a model; None where nobody knows it.

    Args:
        spec: the model's seat string.
        local: whether it runs on this machine or network; it is free then, unless ``own`` says otherwise.
        own: the seat, whose price goes before all others.
    """
    if own is not None and own.price_input is not None and own.price_output is not None:
        return _flat(
            own.price_input, own.price_input if own.price_cached is None else own.price_cached, own.price_output
        )
    if local:
        return free
    provider, _, model = spec.partition(":")
    if spec.startswith(("http://", "https://")):
        model = spec.partition("#")[2]
    return _public(spec, provider, model)


def _flat(per_input: float, per_cached: float, per_output: float) -> Price:
    def price(usage: Usage) -> float:
        fresh = usage.input - usage.cached
        return (fresh * per_input + usage.cached * per_cached + usage.output * per_output) / 1e6

    return price


def _public(spec: str, provider: str, model: str) -> Price | None:
    from genai_prices import Usage as Counted  # noqa: PLC0415 - slow to import, seldom needed
    from genai_prices import calc_price  # noqa: PLC0415

    url = spec.partition("#")[0] if "://" in spec else None
    provider = _OPENAI.get(provider, provider)

    def price(usage: Usage) -> float:
        counted = Counted(
            input_tokens=usage.input,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.output,
        )
        tier = {"processing" if usage.tier == "batch" else "service_tier": usage.tier} if usage.tier else None
        if url is not None:
            return float(calc_price(counted, model, provider_api_url=url, price_context=tier).total_price)
        return float(calc_price(counted, model, provider_id=provider, price_context=tier).total_price)

    try:
        price(Usage(input=1, output=1))
    except LookupError:
        return None
    return price


def is_local(url: str) -> bool:
    """Whether a URL points to this machine or its private network."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (
            host == "localhost" or "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan"))
        )
    return address.is_private or address.is_loopback or address.is_link_local
