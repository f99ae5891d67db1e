"""The body of a chat completion: untrusted in every field."""

from __future__ import annotations

import json
from typing import cast

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError, ModelError
from preceptor.llm.faults import Door
from preceptor.llm.model import ChatReply, ChatRequest, Finish, Usage, known_tier
from preceptor.llm.tokens import estimated_usage

_MOST_TOKENS = 10**8
Fields = dict[str, object]


def opened(body: str, content_type: str, request: ChatRequest, door: Door) -> ChatReply:
    """The answer in a 200 response.

    Raises:
        ModelDownError: this is no chat API (a web page, a stream).
        BadAnswerError: it is one, but the answer is malformed.
    """
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_json(body, content_type, door) from error
    envelope = _fields(value)
    choices = envelope.get("choices")
    if not isinstance(choices, list) or not choices:
        said = door.words(json.dumps(value), 120)
        raise BadAnswerError(f"{door.spec} answered without a choice: {said}", kind="bad-envelope")
    choice = _fields(cast("list[object]", choices)[0])
    message = _fields(choice.get("message"))
    text, refused = _text(message)
    finish: Finish = "refusal" if refused else _finish(choice.get("finish_reason"))
    name = envelope.get("model")
    return ChatReply(
        text=text,
        finish=finish,
        usage=_usage(envelope) or estimated_usage(request, text),
        model=door.words(name, 120) if isinstance(name, str) else "",
    )


def _not_json(body: str, content_type: str, door: Door) -> ModelError:
    if "json" in content_type:
        # Cut mid-body, or garbage from a proxy: another try may bring the whole.
        return ModelBusyError(f"{door.spec} sent broken JSON: {door.words(body, 80)}", kind="cut")
    kind = door.words(content_type.partition(";")[0], 40) or "no content type"
    return ModelDownError(
        f"{door.spec} answered with {kind}, not with JSON: {door.words(body, 80)}",
        hint="the URL of an OpenAI-compatible server usually ends in /v1",
        kind="wrong-content",
    )


def _text(message: Fields) -> tuple[str, bool]:
    content = message.get("content")
    if isinstance(content, list):
        parts = [_fields(part).get("text") for part in cast("list[object]", content)]
        content = "".join(part for part in parts if isinstance(part, str))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal and not content:
        return refusal, True
    text = content if isinstance(content, str) else ""
    return text if text.strip() else _called(message), False


def _called(message: Fields) -> str:
    """The arguments of the first tool call: how some models answer, asked to or not. Empty where there is none."""
    calls = message.get("tool_calls")
    first = cast("list[object]", calls)[0] if isinstance(calls, list) and calls else message.get("function_call")
    fields = _fields(first)
    arguments = _fields(fields.get("function") or fields).get("arguments")
    return json.dumps(arguments) if isinstance(arguments, dict) else arguments if isinstance(arguments, str) else ""


def _finish(reason: object) -> Finish:
    known: dict[object, Finish] = {"stop": "stop", "length": "length", "content_filter": "refusal"}
    return known.get(reason, "other") if isinstance(reason, str) else "other"


def _usage(envelope: Fields) -> Usage | None:
    """The server's count; None where it tells none or nonsense.

    Most providers count thoughts as part of the completion; some (xAI, Gemini's compatible API) beside it, and only
    the total shows them.
    """
    fields = _fields(envelope.get("usage"))
    sent, got = _count(fields.get("prompt_tokens")), _count(fields.get("completion_tokens"))
    if sent is None or got is None:
        return None
    details = _fields(fields.get("prompt_tokens_details"))
    cached = _count(details.get("cached_tokens")) or _count(fields.get("prompt_cache_hit_tokens")) or 0
    written = _count(details.get("cache_write_tokens")) or _count(fields.get("cache_creation_input_tokens")) or 0
    reasoning = _count(_fields(fields.get("completion_tokens_details")).get("reasoning_tokens")) or 0
    beside = (_count(fields.get("total_tokens")) or 0) - sent - got
    if beside > 0 and reasoning and beside == reasoning:
        got += beside
    return Usage(
        input=sent,
        output=got,
        cached=min(cached, sent),
        cache_write=min(written, max(0, sent - cached)),
        reasoning=min(reasoning, got),
        tier=known_tier(envelope.get("service_tier")),
    )


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < _MOST_TOKENS else None


def _fields(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}
