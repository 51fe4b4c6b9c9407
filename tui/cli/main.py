"""The command line: every command, and the way from its arguments to the exit code.

A command's module is loaded on demand; the help that lists them needs none.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from tui.cli.arguments import DONE, EXIT_CODES, REFUSED, USAGE, Commands, Parser, Run, UsageError
from tui.cli.output import OutputLost, finish_help, flush, note, note_at_once, prepare_streams, say
from tui.ending import leave, unwinding
from workflows.core.garbage import collection_paused
from workflows.core.later import on_demand

with on_demand():
    from importlib import metadata

    import argcomplete

    from screens.widgets import failure
    from tui import host
    from tui.cli import wizard
    from workflows.core import files, processes, temporary

_COMMANDS = {
    "admin": ("wizard", "start as an admin: add people, change groups, remove people"),
    "join": ("wizard", "start as a new user, or continue with your handoff"),
    "resume": ("wizard", "resume a session (default: the latest)"),
    "sessions": ("wizard", "list your sessions"),
    "demo": ("wizard", "try both roles on a disposable project with a local AWS"),
    "doctor": ("doctor", "check gpg, Terraform, terminal, keyring and clipboard"),
    "pgp": ("pgp", "check a PGP key, or request access with yours"),
    "decrypt": ("decrypt", "decrypt and print your one-time password"),
    "layer": ("layer", "read and edit a base-identities layer"),
    "regions": ("regions", "show where STS is active in each account, and which regions the project uses"),
    "plan": ("plan", "show what Terraform or OpenTofu would change in a layer"),
    "apply": ("apply", "apply a plan that `plan --out` kept"),
    "handoff": ("handoff", "make a person's handoff, or check one that you received"),
    "access-key": ("access_key", "keep, create and rotate the access key that your profiles use"),
    "profiles": ("profiles", "show or write the profiles of a project in ~/.aws/PROJECT"),
    "verify": ("verify", "check that every profile of a project works, with one MFA code"),
    "completion": ("completion", "print the lines for Tab completion in bash, zsh or fish"),
    "credential-process": ("credential_process", "print an access key for AWS SDKs"),
}
"""Each command in the order of the help: the module in `tui.cli` that declares it, and its help line."""
_EPILOG = f"""\
{EXIT_CODES}

`iam-onboard` on its own opens the wizard. To try it safely, run `iam-onboard demo` first."""
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
        argcomplete.autocomplete(build_parser())
    prepare_streams()
    code = _code_of(lambda: _run(_parsed(sys.argv[1:] if arguments is None else arguments)))
    return code if arguments is not None else leave(code, flush)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    try:
        return build_parser(words).parse_args(words)
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
        note(failure.as_error(unforeseen).as_text())
    return REFUSED


def _run(options: argparse.Namespace) -> int:
    run: Run = options.run or wizard.wizard
    processes.disable_core_dumps()
    processes.search_absolute_folders_only()
    # a command ends before a collection finds anything worth its time; the wizard turns it on
    with unwinding(lambda number: note_at_once(_ENDED[number])), collection_paused():
        if options.command == "completion":  # works wherever the shell starts, even in a deleted folder
            return run(options) or DONE
        if options.command != "credential-process":  # an SDK waits for it
            temporary.remove_leftover_folders()
        machine = host.Machine.this()
        for folder in machine.places.secure():
            note(files.made_private(folder))
        return run(machine, options) or DONE


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        say(f"iam-onboard {metadata.version('iam-onboard')}")
        parser.exit(DONE)


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the command line's parser; its result has `run`, the function of the command.

    Args:
        words: the arguments. If they start with a command, the parser knows no other one; else it only lists
            the commands. None for a complete parser of all commands.
    """
    parser = Parser(
        prog="iam-onboard",
        description="Give people access to the AWS accounts of a Leverage-style Terraform project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(run=None)
    commands = Commands(parser, {name: summary for name, (_, summary) in _COMMANDS.items()})
    wanted = _COMMANDS if words is None else words[:1]
    if set(wanted) <= set(_COMMANDS):
        for module in dict.fromkeys(_COMMANDS[name][0] for name in wanted):
            import_module(f"tui.cli.{module}").add_to(commands)
    else:
        for name in _COMMANDS:
            commands.add(name, None)
    return parser
