"""Passphrases, passwords, seeds and secret keys, held so that they can't leak into a text by accident."""

from __future__ import annotations

from typing import NoReturn, Self


class Dropped(ValueError):  # noqa: N818 - a fact; the caller words the error
    """A secret was dropped before it could be used."""


class Secret:
    """A secret text that can't be printed, formatted, compared, pickled or serialised.

    Only `reveal()` returns the plain value, so every use can be found by that name. `drop()`, or the end of a
    `with` block, forgets it. Python cannot wipe a `str` from memory; dropping shortens the time it is held,
    and the program disables core dumps at its start (`workflows.core.processes`).
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: str | None = value

    def reveal(self) -> str:
        """The plain text.

        Raises:
            Dropped: it was dropped already.
        """
        if self._value is None:
            raise Dropped("this secret was dropped already")
        return self._value

    def drop(self) -> None:
        """Forget the value; `reveal()` raises from now on. Dropping twice is allowed."""
        self._value = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def dropped(self) -> bool:
        """Whether `drop()` was called."""
        return self._value is None

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(********)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")
