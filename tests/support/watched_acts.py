"""Counts the acts on what is wrapped, breaks at one of them, and looks at the world after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The process is gone: no handler of it runs any more."""


class Watched:
    """Something whose every method is an act."""

    def __init__(self, inner: Any, acts: Acts) -> None:
        self._inner, self._acts = inner, acts

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._acts.watched(value, name) if callable(value) else value


@dataclass
class Acts:
    """Every act, in order.

    Attributes:
        look: looks at the world after each of them.
        break_at: the number of the one that breaks.
        failure: what it breaks with.
        after: whether the act was done before it breaks.
        names: the acts so far.
    """

    look: Callable[[], None]
    break_at: int = -1
    failure: BaseException | None = None
    after: bool = False
    names: list[str] = field(default_factory=list)

    def watched(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The same act, counted."""

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
