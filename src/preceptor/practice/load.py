"""Worlds from YAML: validated by pydantic, errors told with the file and the line."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from preceptor.core.errors import WorldError, unreadable
from preceptor.practice.world import PHASES, Fact, Matter, Move, MoveKind, Rule, Trait, World, spoken

_HINT = "docs/worlds.md describes the format; airline.yaml in preceptor/practice/worlds is a full example"


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _items(value: object) -> object:
    # YAML users write one word without a list; that is fine.
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_items)]
SomeTexts = Annotated[Texts, Field(min_length=1)]


class _Move(_Node):
    kind: MoveKind
    advice: SomeTexts
    say: SomeTexts
    signs: Texts = ()
    why: Texts = ()


class _Fact(_Node):
    name: str = Field(min_length=1)
    generic: str = Field(min_length=1)
    values: SomeTexts
    ask: SomeTexts
    tell: SomeTexts
    advice: SomeTexts
    why: Texts = ()
    signs: Texts = ()
    pattern: str = ""


class _Rule(_Node):
    do: str = ""
    avoid: str = ""
    weight: float = Field(default=1, gt=0, le=5)
    phase: Texts = ()
    style: Texts = ()
    emotion: Texts = ()
    demanding: bool | None = None
    why: str = ""

    @model_validator(mode="after")
    def _one_of(self) -> _Rule:
        if bool(self.do) == bool(self.avoid):
            raise ValueError("a rule has either 'do' or 'avoid'")
        return self


class _Trait(_Node):
    words: SomeTexts
    signs: SomeTexts
    say: Texts = ()


class _Issue(_Node):
    title: str
    story: str
    goal: str
    opens: SomeTexts
    pushes: SomeTexts
    words: SomeTexts
    signs: SomeTexts
    needs: Texts = ()
    solve: SomeTexts
    rules: tuple[_Rule, ...] = ()


class _Heard(_Node):
    moves: dict[str, SomeTexts] = {}
    conditions: dict[str, SomeTexts] = {}
    idle: Texts = ()


class _File(_Node):
    uses: Literal["common", ""] = ""
    name: str = Field(min_length=1)
    firm: str = Field(min_length=1)
    brief: str = Field(min_length=1)
    policy: str = Field(min_length=1)
    synonyms: tuple[Annotated[Texts, Field(min_length=2)], ...] = ()
    facts: dict[str, _Fact] = {}
    moves: dict[str, _Move] = Field(min_length=1)
    issues: dict[str, _Issue] = Field(min_length=1)
    styles: dict[str, _Trait] = Field(min_length=1)
    emotions: dict[str, _Trait] = Field(min_length=1)
    demanding: _Trait
    phases: dict[Literal["open", "detail", "solve", "close"], _Trait]
    customer: dict[
        Literal["mood_up", "mood_down", "unknown", "volunteer", "wait", "bye_good", "bye_bad", "bye_ok"],
        SomeTexts,
    ]
    joiners: tuple[str, ...] = ("",)
    names: Texts = ()
    rules: tuple[_Rule, ...] = ()
    heard: _Heard = _Heard()


def shipped_worlds() -> tuple[str, ...]:
    """Names of the worlds in the package."""
    return tuple(
        w
        for w in ("airline", "retailer")
        if resources.files("preceptor.practice.worlds").joinpath(f"{w}.yaml").is_file()
    )


@lru_cache(maxsize=8)
def shipped_world(name: str) -> World:
    """One of :func:`shipped_worlds`."""
    if name not in shipped_worlds():
        raise WorldError(f"there is no shipped world '{name}'", hint=f"worlds are: {', '.join(shipped_worlds())}")
    return parse_world(_packaged(name), f"{name}.yaml")


def load_world(path: Path) -> World:
    """A world from a YAML file.

    Raises:
        WorldError: the file cannot be read or is wrong; the message names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        shipped = ", ".join(shipped_worlds())
        raise WorldError(
            f"{path} cannot be read as a world: {unreadable(error)}",
            hint=f"give a shipped world ({shipped}) or the path of a YAML file in UTF-8",
        ) from error
    _refuse_depth(text, str(path))
    return parse_world(text, str(path))


def parse_world(text: str, source: str) -> World:
    """A world from YAML text; ``source`` is named in errors."""
    data, lines = _compose(text, source)
    if data.get("uses") == "common":
        base, _ = _compose(_packaged("common"), "common.yaml")
        data = _under(base, data)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(p for p in first["loc"] if not (isinstance(p, str) and p == "[key]"))
        raise _wrong(source, lines, where, first["msg"].removeprefix("Value error, ")) from error
    _check_references(file, source, lines)
    return _build(file)


def _packaged(name: str) -> str:
    return resources.files("preceptor.practice.worlds").joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _refuse_depth(text: str, source: str) -> None:
    """libyaml's events come one by one; composing goes as deep as the text, and too deep breaks the process."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_loader()):  # pyright: ignore[reportUnknownMemberType]
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                line = cast("Any", event).start_mark.line + 1
                raise WorldError(f"{source}, line {line}: nested too deep to be read", hint=_HINT)
    except yaml.YAMLError:
        return  # told where the file is composed


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_DEEPEST = 50
_MOST = 200_000
"""Values of a file; aliases can make a small file huge."""
_Lines = dict[tuple[str | int, ...], int]


def _compose(text: str, source: str) -> tuple[dict[str, Any], _Lines]:
    try:
        node = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WorldError(f"{source}, line {line}: {error.problem or 'not YAML'}", hint=_HINT) from error
    except yaml.YAMLError as error:
        raise WorldError(f"{source}, line 1: {error}", hint=_HINT) from error
    lines: _Lines = {}
    if not isinstance(node, yaml.MappingNode):
        raise WorldError(f"{source}, line 1: a world is a mapping with name, firm, brief, ...", hint=_HINT)
    try:
        return cast("dict[str, Any]", _plain(node, (), lines, source)), lines
    except RecursionError as error:
        raise WorldError(f"{source}, line 1: nested too deep, or in a circle", hint=_HINT) from error


def _plain(node: yaml.Node, path: tuple[str | int, ...], lines: _Lines, source: str) -> object:
    lines[path] = node.start_mark.line + 1
    if len(lines) > _MOST:
        raise WorldError(f"{source}, line {lines[path]}: too many values; aliases repeat them", hint=_HINT)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, object] = {}
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            key = str(key_node.value)
            if key in result:
                raise WorldError(f"{source}, line {key_node.start_mark.line + 1}: '{key}' stands twice", hint=_HINT)
            result[key] = _plain(value_node, (*path, key), lines, source)
            lines[*path, key] = key_node.start_mark.line + 1
        return result
    if isinstance(node, yaml.SequenceNode):
        items = cast("list[yaml.Node]", node.value)
        return [_plain(item, (*path, i), lines, source) for i, item in enumerate(items)]
    # Text as it stands: "64.90" stays a price, and pydantic reads numbers and yes/no where they are wanted.
    return str(cast("yaml.ScalarNode", node).value)


def _under(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """``base`` completed by ``own``: mappings are joined (``heard`` by its parts), the rules and synonyms of both
    hold, the rest is own."""
    result = dict(base)
    for key, value in own.items():
        known = base.get(key)
        if key == "heard" and isinstance(known, dict) and isinstance(value, dict):
            result[key] = _under(cast("dict[str, Any]", known), cast("dict[str, Any]", value))
        elif isinstance(known, dict) and isinstance(value, dict):
            result[key] = {**cast("dict[str, Any]", known), **cast("dict[str, Any]", value)}
        elif key in ("rules", "synonyms") and isinstance(known, list) and isinstance(value, list):
            # Own ones first, so that the positions in the user's file stay right in errors.
            result[key] = [*cast("list[Any]", value), *cast("list[Any]", known)]
        else:
            result[key] = value
    return result


def _wrong(source: str, lines: _Lines, where: tuple[str | int, ...], message: str) -> WorldError:
    found = where
    while found and found not in lines:
        found = found[:-1]
    name = ".".join(str(p) for p in where) or "the file"
    return WorldError(f"{source}, line {lines.get(found, 1)}: {name}: {message}", hint=_HINT)


def _check_references(file: _File, source: str, lines: _Lines) -> None:
    moves = {*file.moves, *(f"ask_{k}" for k in file.facts)}

    def need(kind: str, names: tuple[str, ...], known: object, where: tuple[str | int, ...]) -> None:
        for name in names:
            if name not in cast("set[str]", known):
                raise _wrong(source, lines, where, f"there is no {kind} '{name}'")

    def check_rules(rules: tuple[_Rule, ...], where: tuple[str | int, ...]) -> None:
        for i, rule in enumerate(rules):
            need("move", (rule.do or rule.avoid,), moves, (*where, i, "do" if rule.do else "avoid"))
            need("phase", rule.phase, set(PHASES), (*where, i, "phase"))
            need("style", rule.style, set(file.styles), (*where, i, "style"))
            need("emotion", rule.emotion, set(file.emotions), (*where, i, "emotion"))

    _check_heard(file, moves, source, lines)
    _check_phrasings(file, source, lines)
    check_rules(file.rules, ("rules",))
    for key, issue in file.issues.items():
        need("fact", issue.needs, set(file.facts), ("issues", key, "needs"))
        need("move", issue.solve, moves, ("issues", key, "solve"))
        check_rules(issue.rules, ("issues", key, "rules"))
    for key, fact in file.facts.items():
        try:
            re.compile(fact.pattern)
        except re.error as error:
            raise _wrong(source, lines, ("facts", key, "pattern"), f"not a regular expression: {error}") from error
    for phase in PHASES:
        if phase not in file.phases:
            raise _wrong(source, lines, ("phases",), f"phase '{phase}' is missing")


def _check_heard(file: _File, moves: set[str], source: str, lines: _Lines) -> None:
    named = {*file.issues, *file.styles, *file.emotions, *file.phases, "demanding"}
    for part, listed, known in (("moves", file.heard.moves, moves), ("conditions", file.heard.conditions, named)):
        for key in listed:
            if key not in known:
                raise _wrong(source, lines, ("heard", part, key), f"the world has nothing called '{key}'")


def _check_phrasings(file: _File, source: str, lines: _Lines) -> None:
    """Every ``[a|b]`` is closed and every ``{name}`` is filled: else agents and customers would say the marks."""
    facts = dict.fromkeys(file.facts, "")
    agents = [(("moves", k, "say"), m.say) for k, m in file.moves.items()]
    agents += [(("facts", k, "ask"), f.ask) for k, f in file.facts.items()]
    customers = [
        (("facts", k, "tell"), tuple(t.replace("{value}", "") for t in f.tell)) for k, f in file.facts.items()
    ]
    customers += [(("issues", k, p), getattr(i, p)) for k, i in file.issues.items() for p in ("opens", "pushes")]
    for where, texts in agents:
        for n, text in enumerate(texts):
            if left := re.search(r"\{[^{}]*\}|[\[\]{}]", spoken(text, 0, facts)):
                told = (
                    f"nothing fills '{left[0]}'; facts are: {', '.join(facts) or 'none'}; choices look like [a|b]"
                )
                raise _wrong(source, lines, (*where, n), told)
    for where, texts in customers:
        for n, text in enumerate(texts):
            if left := re.search(r"\{[^{}]*\}|[\[\]{}]", text):
                told = f"'{left[0]}' would be said as it stands; only 'tell' may hold {{value}}"
                raise _wrong(source, lines, (*where, n), told)


def _rule(rule: _Rule, issue: str) -> Rule:
    return Rule(
        move=rule.do or rule.avoid,
        sign=1 if rule.do else -1,
        weight=rule.weight,
        issue=issue,
        phase=rule.phase,
        style=rule.style,
        emotion=rule.emotion,
        demanding=rule.demanding,
        why=rule.why,
    )


def _build(file: _File) -> World:
    told, named = file.heard.moves, file.heard.conditions
    moves = {k: Move(key=k, heard=told.get(k, ()), **m.model_dump()) for k, m in file.moves.items()}
    for key, fact in file.facts.items():
        ask = f"ask_{key}"
        moves[ask] = Move(
            key=ask, kind="ask", advice=fact.advice, say=fact.ask, signs=fact.signs, why=fact.why,
            heard=told.get(ask, ()),
        )  # fmt: skip
    rules = [_rule(r, key) for key, issue in file.issues.items() for r in issue.rules]
    rules += [_rule(r, "") for r in file.rules]
    return World(
        name=file.name,
        firm=file.firm,
        brief=file.brief.strip(),
        policy=file.policy.strip(),
        moves=moves,
        synonyms=file.synonyms,
        facts={
            k: Fact(key=k, **f.model_dump(include={"name", "generic", "values", "tell", "pattern"}))
            for k, f in file.facts.items()
        },
        rules=tuple(rules),
        issues={
            k: Matter(key=k, heard=named.get(k, ()), **i.model_dump(exclude={"rules"}))
            for k, i in file.issues.items()
        },
        styles=_traits(file.styles, named),
        emotions=_traits(file.emotions, named),
        demanding=_traits({"demanding": file.demanding}, named)["demanding"],
        phases=_traits(cast("dict[str, _Trait]", file.phases), named),
        phrases=cast("dict[str, tuple[str, ...]]", file.customer),
        joiners=file.joiners,
        names=file.names,
        idle=file.heard.idle,
    )


def _traits(traits: dict[str, _Trait], heard: dict[str, tuple[str, ...]]) -> dict[str, Trait]:
    return {k: Trait(key=k, heard=heard.get(k, ()), **t.model_dump()) for k, t in traits.items()}
