"""The command line, from the words that were typed to the exit code."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Sequence
from importlib import import_module

from tui.cli.completion import answer_shell
from tui.cli.exit_codes import REFUSED, USAGE, UsageError
from tui.cli.parser import build_parser

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
    parser = build_parser()
    answer_shell(parser)
    from tui.cli.output import flush, prepare_streams  # noqa: PLC0415 - not to complete a word

    prepare_streams()
    code = _code_of(lambda: _run(_parsed(parser, arguments)))
    if arguments is not None:
        return code
    from tui.ending import leave  # noqa: PLC0415 - not for --help

    return leave(code, flush)


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    from tui.cli.output import finish_help, note  # noqa: PLC0415 - not to complete a word

    try:
        return parser.parse_args(arguments)
    except SystemExit:
        finish_help()
        note()  # flushes the words about a wrong usage
        raise


def _code_of(run: Callable[[], int]) -> int:
    from tui.cli.output import OutputLost, note  # noqa: PLC0415 - not to complete a word

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
        from screens.step.failure import as_error  # noqa: PLC0415

        note(as_error(failure).as_text())
    return REFUSED


def command_of(options: argparse.Namespace) -> Callable[..., int]:
    """The function that runs a command; no other command's module is loaded."""
    module, _, function = options.run.partition(":")
    command: Callable[..., int] = getattr(import_module(f"tui.cli.{module}"), function)
    return command


def _run(options: argparse.Namespace) -> int:
    from tui.cli.output import note, note_at_once  # noqa: PLC0415 - not to complete a word
    from tui.ending import unwinding  # noqa: PLC0415 - not for --help
    from tui.host import Machine  # noqa: PLC0415 - as above
    from workflows.core.processes import (  # noqa: PLC0415
        disable_core_dumps,
        search_absolute_folders_only,
    )
    from workflows.core.temporary import remove_leftover_folders  # noqa: PLC0415

    disable_core_dumps()
    search_absolute_folders_only()
    with unwinding(lambda number: note_at_once(_ENDED[number])):
        if options.command == "completion":  # wherever the shell starts, also in a folder that is gone
            return command_of(options)(options)
        if options.command != "credential-process":  # for which an SDK waits
            remove_leftover_folders()
        machine = Machine.this()
        for folder in machine.places.secure():
            note(f"{folder} was open to other users of this computer; now it is yours alone.")
        return command_of(options)(machine, options)
