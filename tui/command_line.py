"""The command line. What only one command needs is imported by that command, so `--help` is quick."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from tui.cli.access_key_arguments import add_access_key_command
from tui.cli.arguments import Commands
from tui.cli.completion import SHELLS, answer_shell, session_ids
from tui.cli.exit_codes import DONE, REFUSED, USAGE, UsageError
from tui.cli.layer_arguments import add_layer_commands
from tui.cli.pgp_arguments import add_pgp_commands
from tui.cli.profiles_arguments import add_profiles_command
from tui.cli.regions_arguments import add_regions_command
from tui.cli.terraform_arguments import add_terraform_commands
from tui.cli.verify_arguments import add_verify_command

_EPILOG = """\
exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage

`iam-onboard` alone opens the wizard. Try `iam-onboard demo` first: a disposable project and a local AWS."""


_COMPLETION = """\
Prints lines for the shell. To have completion in every new shell, add to its start file:

  bash  ~/.bashrc                    eval "$(iam-onboard completion bash)"
  zsh   ~/.zshrc, after compinit     eval "$(iam-onboard completion zsh)"
  fish  ~/.config/fish/config.fish   iam-onboard completion fish | source"""


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, rarely wanted

        from tui.cli.output import say  # noqa: PLC0415 - not for --help

        say(f"iam-onboard {version('iam-onboard')}")
        parser.exit(DONE)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="iam-onboard",
        description="Brings people into the AWS accounts of a Leverage-style Terraform project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    _add_wizard_commands(commands)
    add_pgp_commands(commands)
    add_layer_commands(commands)
    add_regions_command(commands)
    add_terraform_commands(commands)
    add_access_key_command(commands)
    add_profiles_command(commands)
    add_verify_command(commands)
    _add_shell_commands(commands)
    return parser


def _add_wizard_commands(commands: Commands) -> None:
    """What opens the wizard, and what tells about it."""
    admin = commands.add_parser("admin", help="begin as an admin: bring people in, change groups, remove")
    admin.add_argument(
        "project", nargs="?", metavar="PROJECT", help="a folder in the project (default: this one)"
    )
    _add_binary(admin)

    join = commands.add_parser("join", help="begin as a new user, or go on with the handoff you got")
    join.add_argument(
        "handoff", nargs="?", metavar="HANDOFF", help="the file with the handoff text ('-': stdin)"
    )
    join.add_argument("--project", default="", metavar="NAME", help="the project's short name, as bb")
    join.add_argument("--user", default="", metavar="NAME", help="your IAM user name, as jane.doe")

    resume = commands.add_parser("resume", help="go on with a session (default: the latest)")
    which = resume.add_argument("session", nargs="?", metavar="ID", help="as `iam-onboard sessions` tells it")
    which.completer = session_ids  # type: ignore[attr-defined]  # argcomplete reads it there
    _add_binary(resume)

    sessions = commands.add_parser("sessions", help="list the sessions")
    sessions.add_argument("--json", action="store_true", help="print JSON")

    demo = commands.add_parser("demo", help="try both roles on a disposable project and a local AWS")
    demo.add_argument("--new", action="store_true", help="begin with a fresh sandbox")

    doctor = commands.add_parser("doctor", help="look at gpg, Terraform, terminal, keyring and clipboard")
    doctor.add_argument("--json", action="store_true", help="print JSON")


def _add_shell_commands(commands: Commands) -> None:
    """What a shell or an SDK runs."""
    completion = commands.add_parser(
        "completion",
        help="print what makes Tab complete commands, for bash, zsh or fish",
        description=_COMPLETION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=SHELLS)

    process = commands.add_parser(
        "credential-process", help="print an access key from the vault, for AWS SDKs"
    )
    process.add_argument("--project", required=True, metavar="NAME")
    process.add_argument("--profile", required=True, metavar="NAME")


def _add_binary(command: argparse.ArgumentParser) -> None:
    words = "the Terraform or OpenTofu program to use (default: the one that the layer asks for)"
    command.add_argument("--binary", default="", metavar="PROGRAM", help=words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: the words after the program's name; those of this process if None.

    Returns:
        0 done, 1 refused with the reason on standard error, 2 wrong usage.
    """
    parser = build_parser()
    answer_shell(parser)
    options = parser.parse_args(arguments)
    from tui.cli.output import OutputLost, note, show_any_character  # noqa: PLC0415 - not for --help

    show_any_character()
    try:
        return _run(options)
    except UsageError as error:
        note(f"iam-onboard: {error}")
        return USAGE
    except OutputLost as lost:
        note(*lost.args)
    except KeyboardInterrupt:
        return 130
    except Exception as failure:  # noqa: BLE001 - a traceback could show what a person typed
        from screens.failure import as_error  # noqa: PLC0415

        note(as_error(failure).as_text())
    return REFUSED


def _run(options: argparse.Namespace) -> int:
    from tui import pieces  # noqa: PLC0415 - keeps --help free of everything else
    from tui.cli import wizard  # noqa: PLC0415
    from workflows.core.processes import disable_core_dumps  # noqa: PLC0415

    disable_core_dumps()
    run: dict[str | None, Callable[[argparse.Namespace], int]] = {
        None: wizard.wizard,
        "admin": wizard.admin,
        "join": wizard.join,
        "resume": wizard.resume,
        "sessions": wizard.sessions,
        "demo": wizard.demo,
        "doctor": wizard.doctor,
        "pgp": pieces.pgp,
        "layer": pieces.layer,
        "decrypt": pieces.decrypt,
        "plan": pieces.plan,
        "apply": pieces.apply,
        "handoff": pieces.handoff,
        "regions": pieces.regions,
        "access-key": pieces.access_key,
        "profiles": pieces.profiles,
        "verify": pieces.verify,
        "completion": pieces.completion,
        "credential-process": pieces.credential_process,
    }
    return run[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
