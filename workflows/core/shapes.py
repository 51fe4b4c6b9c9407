"""Frozen dataclasses from JSON values, checked, and back: how what was kept is read as what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Any,
    NoReturn,
    NotRequired,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from workflows.core.errors import OnboardError

T = TypeVar("T")


class WrongShape(OnboardError):  # noqa: N818 - it says what is wrong
    """A kept value that is not what it should be.

    Attributes:
        name: the value's, as `user_changes.add.security`.
    """

    def __init__(self, name: str, wanted: str) -> None:
        super().__init__(
            "The session's record is damaged",
            f"{name} should be {wanted}, but isn't.",
            why="The file that holds it was edited or damaged.",
            next="Redo the step that decides it, or start a new session.",
        )
        self.name = name


def left_out(factory: Any, *, compare: bool = True) -> Any:
    """A field that is not written at all while it is empty."""
    return field(default_factory=factory, metadata={"left out": True}, compare=compare)


def plain(value: Any) -> Any:
    """A value as JSON: objects for dataclasses, sorted lists for sets, texts for paths and moments."""
    if is_dataclass(value) and not isinstance(value, type):
        named = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: plain(own) for one, own in named if own or "left out" not in one.metadata}
    if isinstance(value, Mapping):
        return {name: plain(own) for name, own in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(own) for own in value)
    if isinstance(value, list | tuple):
        return [plain(own) for own in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def read(kind: type[T], value: Any, name: str = "") -> T:
    """A JSON value as what it should be; fields that the kind does not have are passed over.

    Args:
        kind: a dataclass or typed dictionary of such kinds, `list[X]`, `tuple[X, ...]`, `frozenset[X]`,
            `Mapping[str, X]`, `X | None`, an enum, a path, a moment with a time zone or a plain value. A
            field that is missing or null takes its default.
        value: the value.
        name: what a refusal calls it; a field's name is added with a dot.

    Raises:
        WrongShape: it is something else, or a field without a default is missing.
    """
    found: T = _read(kind, value, name)
    return found


def reading(**kinds: Any) -> Callable[[Mapping[str, Any]], object]:
    """What reads facts, those that are missing or null passed over, and raises `WrongShape` for wrong ones.

    Args:
        kinds: what the fact of each name is, as for `read`.
    """

    def reads(facts: Mapping[str, Any]) -> object:
        given = {name: kind for name, kind in kinds.items() if facts.get(name) is not None}
        return {name: _read(kind, facts[name], name) for name, kind in given.items()}

    return reads


def moment(value: Any, name: str) -> datetime:
    """A kept moment, aware: only such ones can be compared.

    Args:
        value: a text in ISO 8601, with a time zone.
        name: what a refusal calls it.

    Raises:
        WrongShape: it is something else.
    """
    with suppress(TypeError, ValueError):
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return found
    return _refuse(name, "a date with a time zone")


def _read(kind: Any, value: Any, name: str) -> Any:
    if type(value) is kind:  # what most values are: a text, a number
        return value
    if is_dataclass(kind):
        return _object(kind, value, name)
    if is_typeddict(kind):
        return _dictionary(kind, value, name)
    if _parts(kind)[0] is not None:
        return _composed(kind, value, name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        with suppress(ValueError):
            return kind(value)
        _refuse(name, f"one of {', '.join(str(one.value) for one in kind)}")
    if kind is datetime:
        return moment(value, name)
    if kind is Path:
        return Path(_read(str, value, name))
    if kind is not Any and type(value) is not kind:
        _refuse(name, {str: "a text", bool: "true or false", int: "a whole number"}.get(kind, kind.__name__))
    return value


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def _composed(kind: Any, value: Any, name: str) -> Any:
    origin, kinds = _parts(kind)
    if origin in {Union, UnionType}:
        if type(value) in kinds:
            return value
        return _read(next(one for one in kinds if one is not NoneType), value, name)
    if origin in {list, tuple, frozenset, set}:
        if not isinstance(value, list | tuple):
            _refuse(name, "a list")
        return origin(_read(kinds[0], own, f"{name}[{at}]") for at, own in enumerate(value))
    own_kind = kinds[1]
    return {key: _read(own_kind, own, f"{name}.{key}") for key, own in _mapping(value, name).items()}


def _object(kind: Any, value: Any, name: str) -> Any:
    known, own = _mapping(value, name), {}
    for one, own_kind in _kinds(kind):
        path = f"{name}.{one.name}".lstrip(".")
        if known.get(one.name) is not None:
            own[one.name] = _read(own_kind, known[one.name], path)
        elif one.default is MISSING and one.default_factory is MISSING:
            if NoneType not in get_args(own_kind):
                _refuse(path, "there")
            own[one.name] = None
    return kind(**own)


def _dictionary(kind: Any, value: Any, name: str) -> dict[str, Any]:
    known, own = _mapping(value, name), {}
    for field_name, own_kind, needed in _fields_of(kind):
        if needed or known.get(field_name) is not None:
            own[field_name] = _read(own_kind, known.get(field_name), f"{name}.{field_name}")
    return own


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """A typed dictionary's fields: the name, the kind, and whether it has to be there."""
    hints = get_type_hints(kind, include_extras=True).items()
    optional = {name: get_args(own)[0] for name, own in hints if get_origin(own) is NotRequired}
    return tuple((name, optional.get(name, own), name not in optional) for name, own in hints)


@cache
def _kinds(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((one, hints[one.name]) for one in fields(kind) if one.init)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _refuse(name, "an object")


def _refuse(name: str, wanted: str) -> NoReturn:
    raise WrongShape(name, wanted)
