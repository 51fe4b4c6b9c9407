"""Things that are named now and imported when somebody first asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar, cast

T = TypeVar("T")


class Later(Mapping[str, T]):
    """A mapping whose values are imported one by one.

    Args:
        places: for each key a module ("workflows.steps.admin.plan"), or a name in one
            ("screens.admin.plan:PlanPane").
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, key: str) -> T:
        module, _, name = self._places[key].partition(":")
        found = import_module(module)
        return cast("T", getattr(found, name) if name else found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
