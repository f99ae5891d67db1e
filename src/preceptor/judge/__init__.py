"""Comparison of two replies, satisfaction with a dialogue and more, all asked of a model and checked."""

from preceptor.judge.breaches import Breach, PolicyCheck, find_breaches
from preceptor.judge.case import Case
from preceptor.judge.compare import Pair, compare, prefer_reply
from preceptor.judge.prefer import Preferred, prefer
from preceptor.judge.rate import Rating, rate
from preceptor.judge.service import DIMENSIONS, Service, rate_service

__all__ = [
    "DIMENSIONS",
    "Breach",
    "Case",
    "Pair",
    "PolicyCheck",
    "Preferred",
    "Rating",
    "Service",
    "compare",
    "find_breaches",
    "prefer",
    "prefer_reply",
    "rate",
    "rate_service",
]
