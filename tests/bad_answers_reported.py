"""More kinds of bad answers: those that people report of small models in the trackers of DSPy, TextGrad, DeepEval,
Ollama, vLLM, llama.cpp, Outlines and OpenAI's clients. Columns as in :mod:`tests.bad_answers`.

Seen there, for instance: an object in a box of another name and a stray ``</invoke>`` (stanfordnlp/dspy#8539), a
function call with ``parameters`` (stanfordnlp/dspy#8264), field markers instead of JSON (stanfordnlp/dspy#8577),
tags that are missing or of another name (zou-group/textgrad#15), a missing comma (confident-ai/deepeval#489),
escapes that JSON has not (confident-ai/deepeval#2280, dottxt-ai/outlines#432), JSON cut off by the limit
(confident-ai/deepeval#929), white space without end (openai/openai-node#1185, vllm-project/vllm#42110), a number
without end (vllm-project/vllm#52011), the schema echoed (getzep/graphiti#868).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from preceptor.llm.model import Finish

Make = Callable[[str], str]
Row = tuple[str, Make, Finish, str, str]


def _fields(good: str) -> dict[str, Any]:
    return json.loads(good)


def _keyed(change: Callable[[str], str]) -> Make:
    return lambda good: json.dumps({change(k): v for k, v in _fields(good).items()})


def _lines(form: str) -> Make:
    return lambda good: "\n".join(form.format(k=k, v=v) for k, v in _fields(good).items())


def _last_text(change: Callable[[str], str]) -> Make:
    """The object with its last text written as ``change`` of its JSON spelling."""

    def make(good: str) -> str:
        value = _fields(good)
        name = [k for k, v in value.items() if isinstance(v, str)][-1:] or list(value)[-1:]
        spelled = json.dumps(value[name[0]])
        value[name[0]] = "@@"
        return json.dumps(value).replace('"@@"', change(spelled))

    return make


def _schema(good: str) -> str:
    fields = {k: {"type": "string", "title": k} for k in _fields(good)}
    return json.dumps({"properties": fields, "required": list(fields)})


def _defs(good: str) -> str:
    return json.dumps({"$defs": {"Answer": {"type": "object"}}, "$ref": "#/$defs/Answer"})


def _filled_schema(good: str) -> str:
    return json.dumps({"type": "object", "properties": _fields(good)})


def _typed(good: str) -> str:
    return json.dumps({k: {"type": type(v).__name__, "value": v} for k, v in _fields(good).items()})


def _pairs(good: str) -> str:
    return json.dumps([{"key": k, "value": v} for k, v in _fields(good).items()])


def _column(good: str) -> str:
    return json.dumps({k: [v] for k, v in _fields(good).items()})


def _half_then_whole(good: str) -> str:
    return f"{good[: len(good) // 2]}\n\nSorry, again:\n{good}"


def _one_by_one(good: str) -> str:
    return "\n".join(json.dumps({k: v}) for k, v in _fields(good).items())


def _stop(name: str, make: Make, fill: str, say: str) -> Row:
    return (name, make, "stop", fill, say)


WRAPPED: list[Row] = [
    _stop("a box named json_input", lambda g: f'{{"json_input": {g}}}', "same", "wrong-shape"),
    _stop(
        "a box with text in it and a stray end tag",
        lambda g: json.dumps({"json": g + "\n</invoke>"}),
        "same",
        "wrong-shape",
    ),
    _stop(
        "a function call with parameters",
        lambda g: f'{{"type": "function", "name": "json_tool_call", "parameters": {g}}}',
        "same",
        "wrong-shape",
    ),
    _stop(
        "a function call with input",
        lambda g: f'{{"type": "tool_use", "id": "t1", "name": "answer", "input": {g}}}',
        "same",
        "wrong-shape",
    ),
    _stop("a list of tool calls", lambda g: f'[{{"name": "answer", "arguments": {g}}}]', "same", "wrong-shape"),
    _stop(
        "a tool_calls envelope",
        lambda g: f'{{"tool_calls": [{{"function": {{"name": "answer", "arguments": {json.dumps(g)}}}}}]}}',
        "wrong-shape",
        "wrong-shape",
    ),
    _stop(
        "a mistral tool call",
        lambda g: f'[TOOL_CALLS] [{{"name": "answer", "arguments": {g}}}]',
        "same",
        "wrong-shape",
    ),
    _stop(
        "a llama tool call",
        lambda g: f'<|python_tag|>{{"name": "answer", "parameters": {g}}}',
        "same",
        "wrong-shape",
    ),
    _stop("a function tag", lambda g: f"<function=answer>{g}</function>", "same", "wrong-shape"),
    _stop(
        "a chat completion",
        lambda g: json.dumps({"choices": [{"message": {"role": "assistant", "content": g}}]}),
        "wrong-shape",
        "wrong-shape",
    ),
    _stop("a chat message", lambda g: json.dumps({"role": "assistant", "content": g}), "same", "wrong-shape"),
    _stop("answer tags", lambda g: f"<answer>{g}</answer>", "same", "data"),
    _stop("output tags with a line break", lambda g: f"<output>\n{g}\n</output>", "same", "data"),
    _stop("json tags", lambda g: f"<json>{g}</json>", "same", "data"),
    _stop("tags of another optimiser", lambda g: f"<IMPROVED_VARIABLE>{g}</IMPROVED_VARIABLE>", "same", "data"),
    _stop("an end tag that nothing opened", lambda g: f"{g}\n</invoke>", "same", "wrong-shape"),
    _stop(
        "field markers and the object",
        lambda g: f"[[ ## output ## ]]\n{g}\n\n[[ ## completed ## ]]",
        "same",
        "wrong-shape",
    ),
    _stop("bold label before", lambda g: f"**Answer:** {g}", "same", "data"),
    _stop("a heading before", lambda g: f"### JSON\n\n{g}", "same", "data"),
    _stop("quoted as markdown", lambda g: f"> {g}", "same", "data"),
    _stop("inline code", lambda g: f"`{g}`", "same", "wrong-shape"),
    _stop("tilde fence", lambda g: f"~~~json\n{g}\n~~~", "same", "data"),
    _stop("four backticks", lambda g: f"````json\n{g}\n````", "same", "wrong-shape"),
    _stop("fenced as json5", lambda g: f"```json5\n{g}\n```", "same", "wrong-shape"),
    _stop("fenced as python with a name", lambda g: f"```python\nresult = {g}\n```", "same", "data"),
    _stop("assigned in JavaScript", lambda g: f"const answer = {g};", "same", "data"),
    _stop("a return statement", lambda g: f"return {g}", "same", "data"),
    _stop("a print call", lambda g: f"print({g})", "same", "data"),
    _stop("LaTeX box", lambda g: f"\\boxed{{{g}}}", "same", "data"),
    _stop("JSON lines mark before", lambda g: f"data: {g}\n\ndata: [DONE]", "same", "data"),
    _stop("a role label before", lambda g: f"assistant: {g}", "same", "data"),
    _stop("a role label in brackets", lambda g: f"[ASSISTANT] {g} [/ASSISTANT]", "same", "data"),
    _stop("a Llama-2 instruction after", lambda g: f"{g} [INST] And now? [/INST]", "same", "wrong-shape"),
    _stop("goes on as the human", lambda g: f"{g}\n\nHuman: Thanks! Another one?", "same", "wrong-shape"),
    _stop("an example after the answer", lambda g: f"{g}\n\nExample of a reason: {{...}}", "same", "wrong-shape"),
    _stop("a thought in square brackets", lambda g: f"[thinking] It is the first. [/thinking] {g}", "same", "data"),
    _stop("a thought in other tags", lambda g: f"<scratchpad>Is it first?</scratchpad>{g}", "same", "data"),
    _stop("a reflection after", lambda g: f"{g}\n<reflection>I am sure.</reflection>", "same", "wrong-shape"),
    _stop("thought markers of Qwen without the first", lambda g: f"Well.</think>{g}", "same", "wrong-shape"),
    _stop("empty thought before", lambda g: f"<think>\n\n</think>\n\n{g}", "same", "wrong-shape"),
    _stop("a thought in capitals", lambda g: f"<THINK>first</THINK>{g}", "same", "wrong-shape"),
    _stop("line breaks without end before", lambda g: "\n" * 900 + g, "same", "wrong-shape"),
    _stop("line breaks without end after", lambda g: g + "\n" * 900, "same", "wrong-shape"),
    _stop("tabs and breaks between keys", lambda g: json.dumps(_fields(g), indent="\t\t\t"), "same", "wrong-shape"),
    _stop("an object after a cut-off one", _half_then_whole, "same", "wrong-shape"),
    _stop("the same object three times", lambda g: f"{g}\n{g}\n{g}", "same", "wrong-shape"),
    _stop(
        "a draft that differs and the answer",
        lambda g: f"Draft: {g.replace('first', 'same')}\nFinal: {g}",
        "ambiguous",
        "data",
    ),
    _stop("non-breaking spaces", lambda g: g.replace(" ", "\u00a0"), "data", "wrong-shape"),
    _stop("full-width punctuation", lambda g: g.replace(",", "，").replace(":", "："), "not-json", "wrong-shape"),
    _stop(
        "carriage returns", lambda g: json.dumps(_fields(g), indent=1).replace("\n", "\r\n"), "same", "wrong-shape"
    ),
]

BENT: list[Row] = [
    _stop("escaped apostrophe", _last_text(lambda t: t[:-1] + "\\'s\""), "data", "wrong-shape"),
    _stop("escaped underscore", _last_text(lambda t: t[:-1] + '\\_"'), "data", "wrong-shape"),
    _stop("a Windows path", _last_text(lambda t: t[:-1] + 'C:\\path"'), "data", "wrong-shape"),
    _stop("LaTeX in a text", _last_text(lambda t: t[:-1] + '\\alpha"'), "data", "wrong-shape"),
    _stop("every quote escaped", lambda g: g.replace('"', '\\"'), "same", "data"),
    _stop("double braces of a template", lambda g: "{" + g + "}", "same", "wrong-shape"),
    _stop("a missing last brace", lambda g: g[:-1], "truncated", "wrong-shape"),
    _stop("one brace too many", lambda g: g + "}", "same", "wrong-shape"),
    _stop("a bracket for the last brace", lambda g: g[:-1] + "]", "truncated", "wrong-shape"),
    _stop(
        "semicolons for commas", lambda g: g.replace('", ', '"; ').replace("5, ", "5; "), "not-json", "wrong-shape"
    ),
    _stop("two commas", lambda g: g.replace(", ", ",, "), "not-json", "wrong-shape"),
    _stop("a leading comma", lambda g: g.replace("{", "{, ", 1), "same", "wrong-shape"),
    _stop("an ellipsis at the end", lambda g: g[:-1] + ", ...}", "not-json", "wrong-shape"),
    _stop("a hash comment", lambda g: g.replace("{", "{ # verdict\n", 1), "same", "wrong-shape"),
    _stop("an HTML comment", lambda g: f"<!-- answer -->{g}", "same", "data"),
    _stop("back quotes for quotes", lambda g: g.replace('"', "`"), "same", "wrong-shape"),
    _stop("angle quotes for quotes", lambda g: g.replace('"', "»"), "not-json", "data"),
    _stop("field markers instead of JSON", _lines("[[ ## {k} ## ]]\n{v}\n"), "not-json", "data"),
    _stop("labels instead of JSON", _lines("**{k}**: {v}"), "not-json", "data"),
    _stop("tags instead of JSON", _lines("<{k}>{v}</{k}>"), "not-json", "data"),
    _stop("TOML", _lines('{k} = "{v}"'), "not-json", "data"),
    _stop("an object a key", _one_by_one, "wrong-shape", "wrong-shape"),
    _stop("a list of pairs", _pairs, "wrong-shape", "wrong-shape"),
    _stop("values in lists", _column, "wrong-shape", "wrong-shape"),
    _stop("values with their types", _typed, "wrong-shape", "wrong-shape"),
    _stop("the schema with its properties", _schema, "wrong-shape", "wrong-shape"),
    _stop("the schema by reference", _defs, "wrong-shape", "wrong-shape"),
    _stop("the data within the schema", _filled_schema, "wrong-shape", "wrong-shape"),
    _stop("keys with capitals", _keyed(str.title), "wrong-shape", "wrong-shape"),
    _stop("keys with spaces around", _keyed(lambda k: f" {k} "), "same", "wrong-shape"),
    _stop("keys in camel case with a prefix", _keyed(lambda k: f"the{k.title()}"), "wrong-shape", "wrong-shape"),
    _stop("keys with a number", _keyed(lambda k: f"1. {k}"), "wrong-shape", "wrong-shape"),
    (
        "white space until the limit",
        lambda g: g[: g.index(":") + 1] + " \n" * 2000,
        "length",
        "truncated",
        "wrong-shape",
    ),
    ("a number until the limit", lambda g: '{"score": 3.' + "3" * 900, "length", "repetition", "repetition"),
    ("a text until the limit", lambda g: g[:-2] + " and so on" * 200, "length", "repetition", "repetition"),
    (
        "cut off within a fence by the limit",
        lambda g: f"```json\n{g[: len(g) // 2]}",
        "length",
        "truncated",
        "wrong-shape",
    ),
]

REPORTED: tuple[Row, ...] = (*WRAPPED, *BENT)
