"""The command line: the way from its arguments to the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace

from tui.cli.arguments import DONE, REFUSED, USAGE, Run, UsageError
from tui.cli.output import OutputLost, finish_help, flush, note, note_at_once, prepare_streams
from tui.ending import leave, unwinding
from workflows.core.garbage import collection_paused
from workflows.core.later import on_demand

with on_demand():
    import argparse

    import argcomplete

    from tui import host
    from tui.cli import credential_process, parser, wizard
    from workflows.core import files, processes, sentences, temporary

_ENDED: dict[int, str] = {
    signal.SIGINT: "Stopped by Ctrl-C.",
    signal.SIGTERM: "Stopped by SIGTERM.",
    signal.SIGHUP: "Stopped: the terminal was closed.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: the arguments after the program's name; those of this process if None.

    Returns:
        0 done, 1 refused with the reason on standard error, 2 wrong usage, 128 plus the number of the signal
            that ended it.
    """
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions
        argcomplete.autocomplete(parser.build_parser())
    prepare_streams()
    # A command ends before a collection is worth its time; the wizard, which runs for long, turns it on.
    with collection_paused():
        code = _code_of(lambda: _run(_parsed(sys.argv[1:] if arguments is None else arguments)))
        return code if arguments is not None else leave(code, flush)


def _parsed(words: Sequence[str]) -> argparse.Namespace | SimpleNamespace:
    match [*words]:  # what is started most, without argparse, which takes as long as gpg
        case []:
            return SimpleNamespace(command=None, run=None)
        case ["credential-process" as command, "--project", project, "--profile", profile]:  # as in profiles
            run = credential_process.credential_process
            return SimpleNamespace(command=command, run=run, project=project, profile=profile)
    try:
        return parser.build_parser(words).parse_args(words)
    except SystemExit:
        finish_help()
        note()  # flushes the parser's message on wrong usage
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
    except Exception as unforeseen:  # noqa: BLE001 - a traceback could show what a person typed
        note(sentences.as_error(unforeseen).as_text())
    return REFUSED


def _run(options: argparse.Namespace | SimpleNamespace) -> int:
    run: Run = options.run or wizard.wizard
    processes.disable_core_dumps()
    processes.search_absolute_folders_only()
    with unwinding(lambda number: note_at_once(_ENDED[number])):
        if options.command == "completion":  # works wherever the shell starts, even in a deleted folder
            return run(options) or DONE
        if options.command != "credential-process":  # an SDK waits for it
            temporary.remove_leftover_folders()
        machine = host.Machine.this()
        for folder in machine.places.secure():
            note(files.made_private(folder))
        return run(machine, options) or DONE
