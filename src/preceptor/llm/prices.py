"""What a call costs: own prices first, then the public table of genai-prices; local models cost nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

Price = Callable[[int, int, int], float]
"""Input tokens (cached ones included), of which cached, and output tokens, to US dollars."""

Prices = Mapping[str, tuple[float, float]]
"""Seat string, or the model's name alone, to US dollars per million input and output tokens."""


def free(input_tokens: int, cached: int, output: int) -> float:
    """The price of a local model."""
    del input_tokens, cached, output
    return 0.0


def find_price(spec: str, *, local: bool, own: Prices) -> Price | None:
    """The price of a model; None where nobody knows it."""
    provider, _, model = spec.partition(":")
    if spec.startswith(("http://", "https://")):
        model = spec.partition("#")[2]
    named = own.get(spec, own.get(model))
    if named is not None:
        return _flat(*named)
    if local:
        return free
    return _public(spec, provider, model)


def _flat(per_input: float, per_output: float) -> Price:
    def price(input_tokens: int, cached: int, output: int) -> float:
        del cached  # an own price has no rate for cached tokens; the full one errs on the safe side
        return (input_tokens * per_input + output * per_output) / 1e6

    return price


def _public(spec: str, provider: str, model: str) -> Price | None:
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - slow to import, seldom needed

    url = spec.partition("#")[0] if "://" in spec else None
    provider = {"openai-chat": "openai", "openai-responses": "openai"}.get(provider, provider)

    def price(input_tokens: int, cached: int, output: int) -> float:
        usage = Usage(input_tokens=input_tokens, cache_read_tokens=cached, output_tokens=output)
        if url is not None:
            return float(calc_price(usage, model, provider_api_url=url).total_price)
        return float(calc_price(usage, model, provider_id=provider).total_price)

    try:
        price(1, 0, 1)
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
