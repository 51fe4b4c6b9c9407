"""Name things now and import them on first use.

Help and completion load a command's module too, and need only its arguments.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar, cast

from workflows.core.garbage import collection_paused

T = TypeVar("T")
_ALONE = threading.RLock()


class Later(Mapping[str, T]):
    """A mapping that imports each value when it is first read.

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


class _Module(ModuleType):
    """A stand-in that imports its module when a name is first read."""

    def __getattr__(self, name: str) -> Any:
        with collection_paused():
            module = import_module(self.__name__)
        return getattr(module, name)


@contextmanager
def on_demand() -> Iterator[None]:
    """Load modules imported in this block (`import module`, `from package import module`) on first use.

    Names inside a module can't be imported in the block: write `module.name`. Threads wait for each other's
    blocks: otherwise the second would put back the first's import.
    """
    thread = threading.get_ident()

    def promised(name: str, *arguments: Any) -> Any:
        if threading.get_ident() != thread:
            return usual(name, *arguments)
        modules = {module: _Module(f"{name}.{module}") for module in arguments[2] or ()}
        return SimpleNamespace(**modules) if modules else _Module(name)

    with _ALONE:
        usual, builtins.__import__ = builtins.__import__, promised  # type: ignore[assignment]  # by position
        try:
            yield
        finally:
            builtins.__import__ = usual
