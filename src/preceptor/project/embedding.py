"""From ``[embedder]`` to what makes vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from preceptor.core.errors import ConfigError
from preceptor.core.settings import EmbedderConfig
from preceptor.core.untrusted import one_line
from preceptor.library.embedder import Embedder, FastEmbedder, OnnxEmbedder
from preceptor.library.remembered import Remembering
from preceptor.llm import LedgerRow
from preceptor.llm.embeddings import HttpEmbedder, Patience
from preceptor.llm.prices import is_local

_FORMS = "write onnx:FOLDER, fastembed:MODEL, http://HOST/v1#MODEL or openai:MODEL"
_OPENAI = "https://api.openai.com/v1"
_SERVING = Patience(timeout=2.0, retries=0, rest=10.0)
"""While a customer waits, words alone are better than a late vector."""


def open_embedder(config: EmbedderConfig, environ: Mapping[str, str], *, serving: bool = False) -> Embedder | None:
    """The embedder that the settings name; None: none, strategies are found by words alone.

    Args:
        serving: a customer waits: one short try, then a pause in which none is made.

    Raises:
        ConfigError: the name has another form, a folder or an extra is missing, or the key's variable is not set.
    """
    if not config.model:
        return None
    scheme, _, rest = config.model.partition(":")
    if scheme == "onnx" and rest:
        return OnnxEmbedder(rest)
    if scheme == "fastembed" and rest:
        return FastEmbedder(rest)
    if scheme not in ("http", "https", "openai") or not rest:
        raise ConfigError(f"embedder.model: '{one_line(config.model, 80)}' is no embedder", hint=_FORMS)
    key_env = config.api_key_env or ("OPENAI_API_KEY" if scheme == "openai" else "")
    key = environ.get(key_env, "") if key_env else ""
    if key_env and not key:
        raise ConfigError(f"the variable {key_env} is not set", hint="put the embedder's key into it")
    patience = Patience(timeout=config.timeout, retries=config.retries)
    if serving:
        patience = replace(_SERVING, timeout=min(config.timeout, _SERVING.timeout))
    place = f"{_OPENAI}#{rest}" if scheme == "openai" else config.model
    return HttpEmbedder(place, key=key, key_env=key_env, batch=config.batch, patience=patience)


def embedder_row(embedder: Remembering, config: EmbedderConfig) -> LedgerRow:
    """What an embedder took, for a run's table of spend. Tokens are estimated, by four letters each; the price of a
    server elsewhere is not known."""
    taken = embedder.taken
    scheme = config.model.partition(":")[0]
    local = scheme in ("onnx", "fastembed") or (scheme != "openai" and is_local(config.model.partition("#")[0]))
    return LedgerRow(
        seat="embedder",
        phase="vectors",
        calls=taken.calls,
        replayed=taken.replayed,
        input=-(-taken.letters // 4),
        usd=0.0 if local else None,
        estimated=True,
    )
