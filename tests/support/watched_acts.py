"""Counts the acts of wrapped objects, breaks at one of them, and checks the world after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The process was killed; handlers of ordinary exceptions must not run."""


class Watched:
    """A wrapped object, whose every method is an act, but for reading the clock."""

    def __init__(self, inner: Any, acts: Acts) -> None:
        self._inner, self._acts = inner, acts

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._acts.watched(value, name) if callable(value) and name != "now" else value


@dataclass
class Acts:
    """All acts, in order.

    Attributes:
        look: checks the world after each act.
        break_at: the number of the act that breaks.
        failure: the exception with which it breaks.
        after: whether the act is done before it breaks.
        names: the acts so far.
    """

    look: Callable[[], None]
    break_at: int = -1
    failure: BaseException | None = None
    after: bool = False
    names: list[str] = field(default_factory=list)

    def watched(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Wrap an act so that it is counted and may break."""

        def call(*arguments: Any, **named: Any) -> Any:
            number = len(self.names)
            self.names.append(name)
            broken = number == self.break_at and self.failure is not None
            if broken and not self.after:
                raise self.failure or AssertionError
            result = act(*arguments, **named)
            self.look()
            if broken:
                raise self.failure or AssertionError
            return result

        return call
