"""The command line: every command with its arguments, and the function that runs it.

The functions are named, not imported, so that help, completion and wrong usage load nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from tui.cli.completion import SHELLS, session_ids
from tui.cli.exit_codes import DONE, USAGE

Argument = Callable[[argparse._ActionsContainer], Any]  # noqa: SLF001 - what parsers and groups share
"""Adds itself to a parser or to a group of one."""

_EXIT_CODES = "exit codes: 0 done, 1 failed (standard error says why), 2 wrong usage"
_EPILOG = f"""\
{_EXIT_CODES}

`iam-onboard` alone opens the wizard. Try `iam-onboard demo` first: a disposable project and a local AWS."""
_COMPLETION = """\
Prints lines for the shell. To have completion in every new shell, add to its start file:

  bash  ~/.bashrc                    eval "$(iam-onboard completion bash)"
  zsh   ~/.zshrc, after compinit     eval "$(iam-onboard completion zsh)"
  fish  ~/.config/fish/config.fish   iam-onboard completion fish | source"""


class _Parser(argparse.ArgumentParser):
    """Complains through the one writer of the command line: a file's name may come from a shell's pattern."""

    def error(self, message: str) -> NoReturn:
        from tui.cli.output import note  # noqa: PLC0415 - not to build the parser

        note(f"{self.format_usage()}{self.prog}: error: {message}")
        raise SystemExit(USAGE)

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's
        from tui.cli.output import hand_out  # noqa: PLC0415 - as above

        hand_out(self.format_help())


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, rarely wanted

        from tui.cli.output import say  # noqa: PLC0415 - not for --help

        say(f"iam-onboard {version('iam-onboard')}")
        parser.exit(DONE)


class _Commands:
    """The commands of a parser, or the parts of a command."""

    def __init__(self, parser: argparse.ArgumentParser, *, of_a_command: bool) -> None:
        kind = "part" if of_a_command else "command"
        self._made = parser.add_subparsers(dest=kind, metavar=kind.upper(), required=of_a_command)

    def add(
        self,
        name: str,
        run: str,
        words: str,
        *arguments: Argument,
        description: str = "",
        epilog: str = _EXIT_CODES,
    ) -> argparse.ArgumentParser:
        """Add one that is run by `module:function` of `tui.cli`; `words` are its line in the list."""
        described = description or f"{words[0].upper()}{words[1:]}."
        command = self._made.add_parser(name, help=words, description=described, epilog=epilog)
        command.set_defaults(run=run)
        for add_to in arguments:
            add_to(command)
        return command

    def group(self, name: str, words: str) -> _Commands:
        """Add one that has parts."""
        return _Commands(self._made.add_parser(name, help=words, epilog=_EXIT_CODES), of_a_command=True)


def _argument(name: str, metavar: str | None, words: str, **more: Any) -> Argument:
    return lambda parser: parser.add_argument(name, metavar=metavar, help=words, **more)


_option = partial(_argument, default="")


def _flag(name: str, words: str, **more: Any) -> Argument:
    return lambda parser: parser.add_argument(name, help=words, **{"action": "store_true", **more})


def _repeatable(name: str, metavar: str, words: str, **more: Any) -> Argument:
    return _argument(name, metavar, f"{words} (repeatable)", action="append", default=[], **more)


def _one_of(*arguments: Argument) -> Argument:
    def add_to(parser: argparse._ActionsContainer) -> None:
        group = parser.add_mutually_exclusive_group()
        for add in arguments:
            add(group)

    return add_to


_JSON = _flag("--json", "print JSON")
_LAYER = _argument(
    "layer", "LAYER", "the layer's folder, or its account's name in the project of the current folder"
)
_BINARY = _option(
    "--binary",
    "PROGRAM",
    "the Terraform or OpenTofu program to use (default: the one the layer asks for)",
)
_TRUST_BINARY = _flag(
    "--trust-binary", "trust the project's own Terraform program without asking, and remember it"
)
_USER = _argument("name", "NAME", "the IAM user name")
_PROJECT_OR_NAME = _option(
    "project", "PROJECT", "a folder of the project, or its short name (default: this folder)", nargs="?"
)
_OWN_NAMES = (
    _option("--project", "NAME", "the project's short name, such as bb"),
    _option("--user", "NAME", "your IAM user name, such as jane.doe"),
)
_BASE_PROFILE = (
    _argument("--project", "NAME", "the project's short name, such as bb", required=True),
    _argument("--profile", "NAME", "the base profile, such as bb-security", required=True),
    _option("--region", "REGION", "the region of the base profile"),
    _JSON,
)
_STORE = _one_of(
    _flag("--keyring", "keep the key in the system keyring (default if there is one)"),
    _option(
        "--pgp-file",
        "FINGERPRINT",
        "keep the key in a file encrypted to your PGP key (default without a keyring)",
        nargs="?",
        const="own",
    ),
    _flag("--credentials-file", "keep the key as plain text in ~/.aws/NAME/credentials"),
)
_EDIT = (_JSON, _flag("--dry-run", "print the unified diff without writing anything"))


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line; what it gives has `run`, the `module:function` of the command."""
    parser = _Parser(
        prog="iam-onboard",
        description="Brings people into the AWS accounts of a Leverage-style Terraform project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(run="wizard:wizard")
    commands = _Commands(parser, of_a_command=False)
    _wizard(commands)
    _pgp(commands)
    _layer(commands)
    _regions(commands)
    _terraform(commands)
    _handoff(commands)
    _access_key(commands)
    _profiles(commands)
    _verify(commands)
    _shell(commands)
    return parser


def _wizard(commands: _Commands) -> None:
    project = _argument("project", "PROJECT", "a folder of the project (default: this one)", nargs="?")
    words = "start as an admin: add people, change groups, remove people"
    commands.add("admin", "wizard:admin", words, project, _BINARY)

    handoff = _argument("handoff", "HANDOFF", "the file with your handoff ('-': stdin)", nargs="?")
    words = "start as a new user, or continue with your handoff"
    commands.add("join", "wizard:join", words, handoff, *_OWN_NAMES)

    resume = commands.add("resume", "wizard:resume", "resume a session (default: the latest)", _BINARY)
    which = resume.add_argument(
        "session", nargs="?", metavar="ID", help="the id that `iam-onboard sessions` shows"
    )
    which.completer = session_ids  # type: ignore[attr-defined]  # argcomplete reads it there

    commands.add("sessions", "wizard:sessions", "list your sessions", _JSON)
    words = "try both roles in a throwaway project with a local AWS"
    commands.add("demo", "wizard:demo", words, _flag("--new", "start with a fresh sandbox"))
    commands.add("doctor", "doctor:doctor", "check gpg, Terraform, terminal, keyring and clipboard", _JSON)


def _pgp(commands: _Commands) -> None:
    parts = commands.group("pgp", "check PGP keys before an apply does, or request access with yours")
    parts.add(
        "check",
        "pgp_check:check",
        "check whether the AWS provider can use a PGP key",
        _argument(
            "file", "FILE", "a file or folder of keys ('-': stdin, the default)", nargs="?", default="-"
        ),
        _one_of(
            _option(
                "--provider-version", "V", "the version of the AWS provider, such as 3.39.0 or '~> 4.10'"
            ),
            _option("--layer", "FOLDER", "check for the AWS provider of this layer"),
        ),
        _option("--user", "NAME", "the IAM user whose key it should be"),
        _option("--key", "KEY", "choose one of several keys by fingerprint or mail address"),
        _one_of(_JSON, _flag("--text", "print the key in the form that keys/ needs")),
        description="Checks whether the AWS provider can use PGP keys, in whatever form you got them. "
        "Files in a layer's keys/ folder are checked exactly as they are.",
        epilog="exit codes: 0 every key works, 1 one can't be used (the output says why), 2 wrong usage",
    )
    parts.add(
        "request",
        "pgp_request:request",
        "print the request for your admin, with your public key",
        *_OWN_NAMES,
        _option("--key", "KEY", "your key, by fingerprint or mail address"),
        _flag("--new", "make a new key; iam-onboard asks for a passphrase"),
        _option("--name", "NAME", "your name, for the new key"),
        _option("--mail", "ADDRESS", "your mail address, for the new key"),
        _argument("--years", "N", "how many years the new key is valid (default: 2)", default="2"),
        _flag("--replacement", "say that you can't decrypt what you got before"),
        _option("--reason", "TEXT", "why you replace your key"),
        description="Prints the text that asks an admin for an IAM user, with your public PGP key. "
        "Nothing in it is secret. iam-onboard asks on the terminal for what the options leave out.",
    )
    commands.add(
        "decrypt",
        "decrypt:decrypt",
        "decrypt and print your one-time password",
        _argument(
            "file",
            "FILE",
            "the handoff or the encrypted password ('-': stdin, the default)",
            nargs="?",
            default="-",
        ),
        _option("--account", "NAME", "choose one of the handoff's accounts"),
        description="Decrypts the password in a handoff, or a bare encrypted password, and prints it to "
        "standard output only. gpg asks for your passphrase, or iam-onboard does on the terminal.",
    )


def _layer(commands: _Commands) -> None:
    parts = commands.group("layer", "read and edit a base-identities layer, byte for byte")
    words = "show a layer's people, groups, styles, binary and provider"
    parts.add("show", "layer:show", words, _LAYER, _JSON)
    key = (
        "the person's public PGP key in any form ('-': stdin); a machine user can share a file "
        "in the layer's keys/, by its name"
    )
    parts.add(
        "add",
        "layer:add",
        "add a person in the layer's own style: entry, groups, outputs, key file",
        _LAYER,
        *_EDIT,
        _USER,
        _argument("--key", "FILE", key, required=True),
        _repeatable("--group", "GROUP", "add the person to this group"),
        _flag("--access-key", "add a machine user: an access key and no console password"),
        _flag(
            "--no-outputs",
            "add no outputs, even if other people have some",
            dest="outputs",
            action="store_false",
        ),
    )
    words = "remove a person: entry, groups, outputs, key file"
    parts.add("remove", "layer:remove", words, _LAYER, *_EDIT, _USER)
    changes = (
        _repeatable("--add", "GROUP", "add the person to this group"),
        _repeatable("--remove", "GROUP", "take the person out of this group"),
    )
    words = "show or change a person's groups"
    parts.add("groups", "layer:groups", words, _LAYER, *_EDIT, _USER, *changes)
    attribute = "set part of the password policy, such as minimum_password_length=16"
    parts.add(
        "account",
        "layer:account",
        "show or change the account's alias and password policy",
        _LAYER,
        *_EDIT,
        _argument("--alias", "ALIAS", "the new alias"),
        _repeatable("--policy", "KEY=VALUE", attribute),
    )
    parts.add(
        "accounts",
        "layer:accounts",
        "show or change the project's accounts in common.tfvars",
        _argument(
            "project", "PROJECT", "any folder of the project (default: this one)", nargs="?", default="."
        ),
        *_EDIT,
        _option("--add", "NAME", "add an account, in the list's own style"),
        _option("--email", "ADDRESS", "the mail address of its root user"),
        _option("--id", "ID", "its 12 digits; leave it out if AWS hasn't created the account yet"),
        _option("--remove", "NAME", "remove an account from the list"),
    )


def _regions(commands: _Commands) -> None:
    commands.add(
        "regions",
        "regions:regions",
        "show where STS is active in each account, and which regions the project uses",
        _argument(
            "project", "PROJECT", "a folder of the project (default: this one)", nargs="?", default="."
        ),
        _repeatable("--account", "NAME", "ask only about this account"),
        _one_of(
            _flag("--json", "print JSON, account ids included"),
            _flag("--markdown", "print Markdown, without account ids"),
        ),
        _flag("--with-account-ids", "include account ids in the Markdown"),
        description="Asks every region's STS endpoint about each account with a profile, and compares the "
        "answers with `regions_allowed`. It changes nothing.",
        epilog="exit codes: 0 done, 1 failed or couldn't ask an account that you named, 2 wrong usage",
    )


def _terraform(commands: _Commands) -> None:
    commands.add(
        "plan",
        "plan:plan",
        "show what Terraform or OpenTofu would change in a layer",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _one_of(
            _flag(
                "--redact", "print Markdown for a pull request, without account ids, ARNs, keys and secrets"
            ),
            _JSON,
        ),
        _option("--out", "FILE", "keep the plan file for `iam-onboard apply` (mode 0600)"),
        _repeatable(
            "--for", "NAME", "the person you plan for: all other changes are listed as foreign", dest="people"
        ),
        _repeatable(
            "--password",
            "NAME",
            "reset this person's console password (-replace of the login profile)",
            dest="passwords",
        ),
        _option(
            "--init",
            None,
            "initialise first: with newer providers, or for a changed backend",
            choices=("upgrade", "reconfigure"),
        ),
        description="Plans a layer with the layer's own profile, initialises it first if needed, and shows "
        "the plan by person. It changes nothing, and stops if the checkout is behind its upstream.",
    )
    commands.add(
        "apply",
        "apply:apply",
        "apply a plan file that `plan --out` kept",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _argument("plan", "PLANFILE", "the file from `iam-onboard plan LAYER --out FILE`"),
        _flag("--yes", "confirm everything destroyed or foreign, without asking on the terminal"),
        _JSON,
        description="Applies a plan if its files, program and state are unchanged, then removes the plan "
        "file. Ctrl-C asks Terraform once to stop, and waits for it. If you close the terminal the apply "
        "continues; run the same command again to see how it ended.",
    )


def _handoff(commands: _Commands) -> None:
    parts = commands.group("handoff", "make a person's handoff, or check one that you got")
    parts.add(
        "create",
        "handoff:create",
        "print a person's handoff from the layer's state, encrypted to their key",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _USER,
        _repeatable("--also", "LAYER", "include the person's access in another layer of the project"),
        _flag(
            "--new-password",
            "hand over a new password (after `plan --password`), without access keys",
        ),
        _option("--out", "FILE", "write the handoff to a file (mode 0600)"),
        _flag(
            "--no-usual-roles",
            "if the state names no role, leave out the usual ones",
        ),
        description="Stops if something isn't encrypted to the key in the layer. Nothing in the text is "
        "secret.",
    )
    parts.add(
        "open",
        "handoff:show",
        "show who a handoff is for, its accounts and roles, and whether your key opens it",
        _argument("file", "FILE", "the message as you got it ('-': stdin)"),
        _option("--user", "NAME", "refuse a handoff for another user"),
        _option("--project", "NAME", "refuse a handoff for another project"),
        _JSON,
        description="It decrypts nothing, and prints no encrypted text.",
    )


def _access_key(commands: _Commands) -> None:
    parts = commands.group("access-key", "keep, create and rotate the access key that your profiles use")
    parts.add("list", "access_key:listed", "list the access keys on this computer, with their age", _JSON)
    parts.add(
        "import",
        "access_key:bring",
        "check and keep the key from a downloaded .csv file, or one that you type",
        _argument("csv", "CSV", "the file from the console (default: type the key)", nargs="?"),
        *_BASE_PROFILE,
        _STORE,
        _flag("--delete", "delete the file after keeping the key"),
        description="It asks AWS whose key it is before it keeps anything.",
    )
    parts.add(
        "create",
        "access_key:create",
        "create a new key with your present one, and keep it",
        _argument(
            "--with", "CSV", "the file with your present key (default: the key on this computer)", dest="csv"
        ),
        *_BASE_PROFILE,
        _STORE,
        description="Asks for an MFA code. If it can't keep the new key, it deletes it again.",
    )
    parts.add(
        "rotate",
        "access_key:rotate",
        "replace your key with a new one, or continue an interrupted rotation",
        *_BASE_PROFILE,
        _flag("--delete-inactive", "delete an inactive second key first, to make room"),
        _flag("--finish", "delete the old key of the last rotation, and do nothing else"),
        description="Creates a new key, keeps it, tests it, and deactivates the old one. Asks for an MFA "
        "code. Some days later, run it again with --finish to delete the old key.",
    )


def _profiles(commands: _Commands) -> None:
    wanted = (
        _PROJECT_OR_NAME,
        _argument(
            "--as",
            "ACCOUNT",
            "the account of your user: security, management, or another one of the handoff",
            dest="account",
            required=True,
        ),
        _argument("--mfa-serial", "ARN", "your MFA device; '' for none (default: as AWS or the file says)"),
        _option("--region", "REGION", "the profiles' region (default: the project's)"),
        _flag(
            "--mfa-names",
            "also write names with -mfa, for Leverage CLI (default if build.env has MFA_ENABLED=true)",
        ),
        _JSON,
    )
    parts = commands.group("profiles", "show or write the profiles of a project in ~/.aws/PROJECT")
    parts.add(
        "show",
        "profiles:show",
        "show your profiles, and what writing them would change",
        *wanted,
        description="Reads both files and writes nothing.",
    )
    parts.add(
        "write",
        "profiles:write",
        "write the profiles, and an access key if one is given",
        *wanted,
        _flag("--dry-run", "print the diff with secrets masked, and stop"),
        _option("--access-keys", "CSV", "check and keep the key in this file from the console"),
        _STORE,
        _repeatable("--overwrite", "NAME", "overwrite this profile even if you changed it by hand"),
        _flag("--prune", "remove profiles that iam-onboard wrote and you no longer need"),
        description="Merges the profiles into both files; everything else in them stays as it is. Asks on "
        "the terminal about profiles that you changed by hand. Without a terminal, those stay as they are.",
    )


def _verify(commands: _Commands) -> None:
    commands.add(
        "verify",
        "verify:verify",
        "check that every profile of a project works, with one MFA code",
        _PROJECT_OR_NAME,
        _option(
            "--as",
            "ACCOUNT",
            "check only your user's profiles in this account (default: all)",
            dest="account",
        ),
        _flag("--no-code", "don't ask for an MFA code; roles that need one say so"),
        _option("--shell", None, "print the export lines for this shell (default: yours)", choices=SHELLS),
        _JSON,
        description="Asks AWS who each profile in ~/.aws/PROJECT is, and assumes every role. "
        "Asks for a code on the terminal, once for each MFA device.",
        epilog="exit codes: 0 all work, 1 failed or one doesn't work (the output says why), 2 wrong usage",
    )


def _shell(commands: _Commands) -> None:
    """What a shell or an SDK runs."""
    shell = _argument("shell", None, "your shell", choices=SHELLS)
    words = "print the lines for Tab completion in bash, zsh or fish"
    completion = commands.add("completion", "completion:completion", words, shell, description=_COMPLETION)
    completion.formatter_class = argparse.RawDescriptionHelpFormatter
    commands.add(
        "credential-process",
        "credential_process:credential_process",
        "print an access key for AWS SDKs",
        _argument("--project", "NAME", "the project's short name, such as bb", required=True),
        _argument("--profile", "NAME", "the base profile, such as bb-security", required=True),
    )
