"""Name things now and import them on first use.

Help and completion load a command's module too, and need only its arguments.
"""

from __future__ import annotations

import builtins
import threading
from collections import UserDict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from workflows.core.garbage import collection_paused

_ALONE = threading.RLock()


class Later(UserDict[str, Any]):
    """A mapping that imports each value when it is first read.

    Args:
        places: for each key a module ("workflows.steps.admin.plan"), or a name in one
            ("screens.admin.plan:PlanPane").
    """

    def __getitem__(self, key: str) -> Any:
        module, _, name = self.data[key].partition(":")
        found = import_module(module)
        return getattr(found, name) if name else found


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
