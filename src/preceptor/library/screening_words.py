"""The words and shapes that screening looks for."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W\d_][\w'’-]*")
_AMOUNT = r"(?<![\w.])[#$€£]?\d[\d.,:/-]*\d|(?<![\w.])[#$€£]?\d"
_REFERENCE = r"\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{4,}\b"
"""Such as QX4T7B."""
NUMBER = re.compile(f"{_AMOUNT}|{_REFERENCE}")
SENTENCE_START = re.compile(r"(?:^|[.!?:;\"“(]\s*)$")
NO_NAMES = frozenset(
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Mr",
        "Mrs",
        "Ms",
        "Miss",
        "Dr",
        "Sir",
        "Madam",
        "Please",
        "Thanks",
        "Thank",
        "Hi",
        "Hello",
        "Dear",
    ]
)
"""Capitalised in English, and nobody's name."""

_JUDGED = r"(?:good|better|best|bad|worse|worst|ideal|model|reference|expert|other|second|first|example)"
SETTING = re.compile(
    rf"\b{_JUDGED} (?:agent|repl(?:y|ies)|response|answer)s?\b"
    r"|\b(?:the|a) (?:teacher|scenario|sample|transcript|prompt|language model)\b"
    r"|\b(?:the|a) student\b(?! (?:fare|discount|card|ticket|rate|id|pass|price))"
    r"|\b(?:as|like) (?:in )?the example\b|\bsimulat(?:ed|ion)\b"
    r"|\b(?:in |for )?this (?:specific |exact )?scenario\b",
    re.IGNORECASE,
)
CUSTOMERS_WORD = re.compile(r"\b(?:customer|passenger|they|caller)\b|^(?:a |the )?$", re.IGNORECASE)
_RULES = r"(?:instructions?|prompts?|polic(?:y|ies)|rules?|guidelines?|restrictions?|limits)"
ORDER = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass|circumvent)\b.{{0,40}}?\b{_RULES}\b"
    rf"|\b(?:do not|don['’]t|never) (?:follow|obey|apply|respect)\b.{{0,30}}?\b{_RULES}\b"
    rf"|\b(?:reveal|print|show|repeat|output|leak|disclose)\b.{{0,20}}?\b(?:your|system|hidden)\b.{{0,20}}?"
    rf"\b(?:{_RULES}|text|message)\b"
    r"|\bsystem prompt\b|\byou are now\b|\bjailbreak\b|\bdeveloper mode\b|\bunrestricted\b"
    r"|\bwithout (?:any )?limits\b|\byou must obey\b|\bpretend (?:that you are|to be|you are)\b"
    r"|\bact as (?:a|an|if) (?!soon)\w+ (?:assistant|model|ai)\b"
    r"|</?\s*(?:advice|policy|system|instructions?)\b[^>]{0,40}>?",
    re.IGNORECASE,
)
LINK = re.compile(
    r"https?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+\.\w{2,}"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|me|ly|co|eu|de|uk|example|info|app|dev|help)\b(?:/\S*)?",
    re.IGNORECASE,
)
_POINT = r"(?:\b\d{1,2}[.)](?=\s)|\(\w\)(?=\s)|(?:^|(?<=\s))[-*•](?=\s)|\bstep \d+\b)"
POINT = re.compile(_POINT, re.IGNORECASE)
LIST = re.compile(
    rf"{_POINT}.+?{_POINT}|\bfirst\b.+?\bsecond(?:ly)?\b.+?\bthird(?:ly)?\b", re.IGNORECASE | re.DOTALL
)

_MONEY = r"(?:refund|money|compensation|reimburse\w*|credit|voucher|discount|upgrade|payment|costs?|fees?)"
PROMISE = re.compile(
    r"\b(?:promise|guarantee|assure|commit to|swear)\b"
    rf"(?:.{{0,40}}?\b{_MONEY}\b| (?:that|them|the customer|a|to)\b)"
    r"|\b(?:make|grant|allow) (?:them )?an exception\b|\bwaive\b|\bbend the rules?\b"
    r"|\brules? (?:does|do) not apply\b"
    rf"|\b(?:offer|grant|give) (?:them |the customer )?a (?:free|goodwill|full|special)\b"
    r"|\b(?:offer|grant|give|pay|hand out)\b[^.;:,]{0,30}?\b(?:goodwill|cash|(?:extra|more) (?:money|payment)s?)\b"
    rf"|\b(?:we will|we['’]ll|we shall)\b.{{0,20}}?\b(?:pay|cover|reimburse|refund|compensate)\b"
    rf"|\bwill (?:get|receive|have)\b.{{0,20}}?\b{_MONEY}\b"
    r"|\bgive (?:them )?(?:their|the) money back\b|\brefund the fare\b|\breimburs(?:e|ing) (?:all|every|any)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"[.;:,]|\bbut\b|\bthen\b")
NEGATED = re.compile(
    r"\b(?:not|never|no|nothing|nobody|without|avoid|cannot|why|whether|who)\b|n['’]t\b", re.IGNORECASE
)

GENERIC = frozenset(
    [
        "a",
        "able",
        "accurate",
        "act",
        "aim",
        "all",
        "always",
        "an",
        "and",
        "any",
        "appropriate",
        "appropriately",
        "are",
        "as",
        "assist",
        "attentive",
        "be",
        "best",
        "better",
        "calm",
        "calmly",
        "care",
        "caring",
        "clear",
        "clearly",
        "communicate",
        "communication",
        "courteous",
        "customer",
        "customer's",
        "customers",
        "deliver",
        "do",
        "effective",
        "effectively",
        "efficient",
        "empathetic",
        "empathy",
        "ensure",
        "excellent",
        "experience",
        "feel",
        "feels",
        "friendliness",
        "friendly",
        "friendliest",
        "give",
        "good",
        "great",
        "handle",
        "happy",
        "help",
        "helpful",
        "helpfully",
        "helps",
        "high",
        "in",
        "information",
        "informative",
        "kind",
        "kindly",
        "kindness",
        "level",
        "make",
        "manner",
        "matter",
        "more",
        "most",
        "nice",
        "of",
        "offer",
        "patience",
        "patient",
        "patiently",
        "polite",
        "politely",
        "positive",
        "possible",
        "professional",
        "professionally",
        "professionalism",
        "proper",
        "properly",
        "provide",
        "quality",
        "remain",
        "reply",
        "respect",
        "respectful",
        "respectfully",
        "respond",
        "response",
        "satisfaction",
        "satisfied",
        "service",
        "should",
        "show",
        "situation",
        "stay",
        "support",
        "supportive",
        "sure",
        "that",
        "the",
        "their",
        "them",
        "they",
        "to",
        "try",
        "understand",
        "understanding",
        "use",
        "very",
        "warm",
        "way",
        "well",
        "with",
        "you",
        "your",
        "answer",
        "problem",
        "issue",
        "concern",
        "concerns",
        "needs",
        "need",
        "is",
        "it",
    ]
)
"""Words of which a rule says nothing that could be done or checked, however they are put together."""
