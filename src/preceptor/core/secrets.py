"""What looks like a key or a password: refused where it is a setting, and never repeated on a screen."""

from __future__ import annotations

import re

MASK = "***"
"""As SQLAlchemy writes it in the place of a database's password."""

_SECRETS = (
    re.compile(
        r"()(?:\b(?:sk|pk|rk|gsk|xai|hf|ghp)[-_][A-Za-z0-9_-]{16,}|\bAIza[A-Za-z0-9_-]{20,})()",
        re.IGNORECASE,
    ),
    re.compile(r"(\bBearer\s+)\S{8,}()", re.IGNORECASE),
    # A database's password may hold what ends the place of a user in other URLs.
    re.compile(r"(\bpostgres(?:ql)?(?:\+\w+)?://[^:/\s@]*:)\S+(@)", re.IGNORECASE),
    re.compile(r"(://[^/\s@#]*:)[^/\s@#]+(@)"),
    re.compile(r"([?&][a-z_-]*(?:key|token|secret|password)=)[^&#\s]*()", re.IGNORECASE),
)
"""Each with what stands before and after the secret."""
_KEY = re.compile(r"(?:^|[._-])(?:api_?key|key|token|secret|password)$", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def holds_secret(text: str) -> bool:
    """Whether a key or a password seems to stand in it."""
    return any(secret.search(text) for secret in _SECRETS)


def is_secret(key: str, value: str) -> bool:
    """Whether ``value`` may not be shown as the value of a setting ``key``."""
    if key.endswith("key_env") and value and not _VARIABLE.fullmatch(value):
        return True  # the key itself, where the name of a variable is meant
    return names_secret(key) or holds_secret(value)


def names_secret(key: str) -> bool:
    """Whether a setting of this name would hold a secret; there is none."""
    return bool(_KEY.search(key))


def masked(text: str) -> str:
    """``text`` with each secret in it replaced by :data:`MASK`."""
    for secret in _SECRETS:
        text = secret.sub(rf"\g<1>{MASK}\g<2>", text)
    return text


def masked_word(word: str) -> str:
    """:func:`masked` for a word of a command line, which may be ``KEY=VALUE``."""
    key, _, value = word.removeprefix("--set=").partition("=")
    if value and is_secret(key, value) and not holds_secret(value):
        return word.removesuffix(value) + MASK
    return masked(word)
