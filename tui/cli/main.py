"""The command line, from the words that were typed to the exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

from tui.cli.arguments import DONE, REFUSED, USAGE, Run, UsageError
from tui.cli.output import OutputLost, finish_help, flush, note, note_at_once, prepare_streams
from tui.cli.parser import build_parser
from tui.ending import leave, unwinding

_ENDED: dict[int, str] = {
    signal.SIGINT: "Stopped by Ctrl-C.",
    signal.SIGTERM: "Stopped by SIGTERM.",
    signal.SIGHUP: "Stopped: the terminal was closed.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: the words after the program's name; those of this process if None.

    Returns:
        0 done, 1 refused with the reason on standard error, 2 wrong usage, 128 and the number of the signal
        that ended it.
    """
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next
        import argcomplete

        argcomplete.autocomplete(build_parser())
    prepare_streams()
    code = _code_of(lambda: _run(_parsed(sys.argv[1:] if arguments is None else arguments)))
    return code if arguments is not None else leave(code, flush)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    try:
        return build_parser(words).parse_args(words)
    except SystemExit:
        finish_help()
        note()  # flushes what the parser wrote about a wrong usage
        raise


def _code_of(run: Callable[[], int]) -> int:
    try:
        return run()
    except UsageError as error:
        note(f"iam-onboard: {error}")
        return USAGE
    except OutputLost as lost:
        note(*lost.args)
    except KeyboardInterrupt as stopped:
        number = stopped.args[0] if stopped.args else signal.SIGINT
        note(_ENDED[number])
        return 128 + int(number)
    except Exception as failure:  # noqa: BLE001 - a traceback could show what a person typed
        from screens.step.failure import as_error

        note(as_error(failure).as_text())
    return REFUSED


def _run(options: argparse.Namespace) -> int:
    from tui.host import Machine
    from workflows.core.processes import disable_core_dumps, search_absolute_folders_only
    from workflows.core.temporary import remove_leftover_folders

    run: Run = options.run
    disable_core_dumps()
    search_absolute_folders_only()
    with unwinding(lambda number: note_at_once(_ENDED[number])):
        if options.command == "completion":  # wherever the shell starts, also in a folder that is gone
            return run(options) or DONE
        if options.command != "credential-process":  # for which an SDK waits
            remove_leftover_folders()
        machine = Machine.this()
        for folder in machine.places.secure():
            note(f"{folder} had permissions for other users; now only you have them.")
        return run(machine, options) or DONE
