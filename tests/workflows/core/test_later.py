from __future__ import annotations

import builtins
import threading

import pytest

from workflows.core.later import Later, on_demand


def test_two_threads_that_import_on_demand_leave_the_usual_import() -> None:
    usual, begun, go_on = builtins.__import__, threading.Event(), threading.Event()

    def other() -> None:
        begun.set()
        with on_demand():
            go_on.wait()

    thread = threading.Thread(target=other)
    with on_demand():
        thread.start()
        begun.wait()
    go_on.set()
    thread.join()
    left, builtins.__import__ = builtins.__import__, usual
    assert left is usual


def test_what_is_named_is_found_only_when_it_is_asked_for() -> None:
    places = Later({"a": "workflows.core.later:Later", "b": "no.such.module"})
    assert (len(places), list(places)) == (2, ["a", "b"])
    assert places["a"] is Later
    with pytest.raises(KeyError):
        places["c"]
    with pytest.raises(ModuleNotFoundError):
        places["b"]
