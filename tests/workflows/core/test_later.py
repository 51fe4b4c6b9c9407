from __future__ import annotations

import builtins
import threading

from workflows.core.later import on_demand


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
