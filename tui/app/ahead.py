"""What is loaded while a person reads home, so that a session and each of its steps then open at once."""

from __future__ import annotations

import gc


def load_ahead() -> None:
    """Load the wizard, the help, and the code and page of every step; the collector leaves them alone then.

    A full collection over all that is loaded takes longer than a step may take to be shown.
    """
    import textual.widgets._markdown  # noqa: F401, PLC0415 - later than home

    import tui.app.wizard  # noqa: F401, PLC0415 - likewise
    from screens.registry import PANES  # noqa: PLC0415
    from workflows.step_modules import MODULES  # noqa: PLC0415

    for every in (*MODULES.values(), PANES):
        list(every.values())
    gc.collect()
    gc.freeze()
