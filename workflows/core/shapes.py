"""Convert frozen dataclasses to JSON values and back, checking every value on the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from workflows.core.sentences import OnboardError

T = TypeVar("T")


class WrongShape(OnboardError):  # noqa: N818 - it says what is wrong
    """A stored value of the wrong type.

    Attributes:
        name: the path of the value, such as `user_changes.add.security`.
    """

    def __init__(self, name: str, wanted: str) -> None:
        super().__init__(
            "The session's record is damaged",
            f"{name} should be {wanted}, but isn't.",
            why="Somebody edited the file that holds it, or the disk damaged it.",
            next="Redo the step that writes it, or start a new session.",
        )
        self.name = name


def left_out(factory: Any, *, compare: bool = True) -> Any:
    """A dataclass field that `plain` omits while it is empty."""
    return field(default_factory=factory, metadata={"left out": True}, compare=compare)


def plain(value: Any) -> Any:
    """Convert a value to JSON: dataclasses to objects, sets to sorted lists, paths and times to strings."""
    if is_dataclass(value) and not isinstance(value, type):
        named = ((declared, getattr(value, declared.name)) for declared in fields(value))
        return {
            declared.name: plain(own) for declared, own in named if own or "left out" not in declared.metadata
        }
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


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy of a JSON value with every text changed, including the names in objects."""
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [with_texts(own, change) for own in value]
        case Mapping():
            return {with_texts(name, change): with_texts(own, change) for name, own in value.items()}
    return value


def read(kind: type[T], value: Any, name: str = "") -> T:
    """Convert a JSON value to a type; unknown fields are ignored.

    Args:
        kind: a dataclass of such kinds, `list[X]`, `tuple[X, ...]`, `frozenset[X]`, `Mapping[str, X]`,
            `X | None`, an enum, a path, a datetime with a time zone or a plain value; or `{"name": X}` for an
            object with these fields and `[X]` for a list. A field that is missing or null takes its default.
        name: the value's name in errors; field names are appended with a dot.

    Raises:
        WrongShape: it has another type, or a field without a default is missing.
    """
    found: T = _read(kind, value, name)
    return found


def reading(**kinds: Any) -> Callable[[Mapping[str, Any]], object]:
    """Return a function that reads facts, ignores missing or null ones, and raises `WrongShape` for others.

    Args:
        kinds: the type of each fact by name, as for `read`.
    """

    def reads(facts: Mapping[str, Any]) -> object:
        given = {name: kind for name, kind in kinds.items() if facts.get(name) is not None}
        return {name: _read(kind, facts[name], name) for name, kind in given.items()}

    return reads


def texts(value: Any) -> tuple[str, ...]:
    """The strings in a stored list, or () for any other value: what only describes a session never fails."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list | tuple) else ()


def as_list(value: Any) -> list[Any]:
    """Return a list unchanged, None as an empty list, anything else as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def moment(value: Any, name: str) -> datetime:
    """Parse a stored time; only times with a time zone can be compared.

    Args:
        value: an ISO 8601 string with a time zone.
        name: the value's name in errors.

    Raises:
        WrongShape: it is anything else.
    """
    with suppress(TypeError, ValueError):
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return found
    return _refuse(name, "a date with a time zone")


def _read(kind: Any, value: Any, name: str) -> Any:
    if type(value) is kind:  # most values: strings, numbers
        return value
    if is_dataclass(kind):
        return _object(kind, value, name)
    if isinstance(kind, dict | list):
        return _literal(kind, value, name)
    if _parts(kind)[0] is not None:
        return _composed(kind, value, name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        with suppress(ValueError):
            return kind(value)
        _refuse(name, f"one of {', '.join(str(member.value) for member in kind)}")
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
        return _read(next(part for part in kinds if part is not NoneType), value, name)
    if origin in {list, tuple, frozenset, set}:
        return origin(_read(kinds[0], own, f"{name}[{at}]") for at, own in enumerate(_items(value, name)))
    return {key: _read(kinds[1], own, f"{name}.{key}") for key, own in _mapping(value, name).items()}


def _object(kind: Any, value: Any, name: str) -> Any:
    known, own = _mapping(value, name), {}
    for declared, own_kind in _kinds(kind):
        path = f"{name}.{declared.name}".lstrip(".")
        if known.get(declared.name) is not None:
            own[declared.name] = _read(own_kind, known[declared.name], path)
        elif declared.default is MISSING and declared.default_factory is MISSING:
            if not _optional(own_kind):
                _refuse(path, "there")
            own[declared.name] = None
    return kind(**own)


@cache
def _kinds(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((declared, hints[declared.name]) for declared in fields(kind) if declared.init)


def _literal(kind: dict[str, Any] | list[Any], value: Any, name: str) -> Any:
    if isinstance(kind, list):
        return [_read(kind[0], own, f"{name}[{at}]") for at, own in enumerate(_items(value, name))]
    known = _mapping(value, name)
    given = (key for key, own in kind.items() if known.get(key) is not None or not _optional(own))
    return {key: _read(kind[key], known.get(key), f"{name}.{key}") for key in given}


def _optional(kind: Any) -> bool:
    return NoneType in get_args(kind)


def _items(value: Any, name: str) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else _refuse(name, "a list")


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _refuse(name, "an object")


def _refuse(name: str, wanted: str) -> NoReturn:
    raise WrongShape(name, wanted)
