"""The words of the command line: every command with its arguments, and the function that runs it.

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

_EXIT_CODES = "exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage"
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
    "the Terraform or OpenTofu program to use (default: the one that the layer asks for)",
)
_TRUST_BINARY = _flag("--trust-binary", "run the project's own program too, and remember it: do not ask")
_USER = _argument("name", "NAME", "the IAM user name")
_PROJECT_OR_NAME = _option(
    "project", "PROJECT", "a folder in the project, or its short name (default: this folder)", nargs="?"
)
_OWN_NAMES = (
    _option("--project", "NAME", "the project's short name, as bb"),
    _option("--user", "NAME", "your IAM user name, as jane.doe"),
)
_BASE_PROFILE = (
    _argument("--project", "NAME", "the short name, as bb", required=True),
    _argument("--profile", "NAME", "the base profile, as bb-security", required=True),
    _option("--region", "REGION", "the base profile's region"),
    _JSON,
)
_STORE = _one_of(
    _flag("--keyring", "keep it in the system's keyring (default where there is one)"),
    _option(
        "--pgp-file",
        "FINGERPRINT",
        "keep it in a file encrypted to your own PGP key (default where there is no keyring)",
        nargs="?",
        const="own",
    ),
    _flag("--credentials-file", "keep it in plain text in ~/.aws/NAME/credentials"),
)
_EDIT = (_JSON, _flag("--dry-run", "print the unified diff and write nothing"))


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line; what it gives has `run`, the `module:function` of the command."""
    parser = _Parser(
        prog="iam-onboard",
        description="Brings people into the AWS accounts of a Leverage-style Terraform project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version and exit")
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
    project = _argument("project", "PROJECT", "a folder in the project (default: this one)", nargs="?")
    words = "begin as an admin: bring people in, change groups, remove"
    commands.add("admin", "wizard:admin", words, project, _BINARY)

    handoff = _argument("handoff", "HANDOFF", "the file with the handoff text ('-': stdin)", nargs="?")
    words = "begin as a new user, or go on with the handoff you got"
    commands.add("join", "wizard:join", words, handoff, *_OWN_NAMES)

    resume = commands.add("resume", "wizard:resume", "go on with a session (default: the latest)", _BINARY)
    which = resume.add_argument("session", nargs="?", metavar="ID", help="as `iam-onboard sessions` tells it")
    which.completer = session_ids  # type: ignore[attr-defined]  # argcomplete reads it there

    commands.add("sessions", "wizard:sessions", "list the sessions", _JSON)
    words = "try both roles on a disposable project and a local AWS"
    commands.add("demo", "wizard:demo", words, _flag("--new", "begin with a fresh sandbox"))
    commands.add("doctor", "doctor:doctor", "look at gpg, Terraform, terminal, keyring and clipboard", _JSON)


def _pgp(commands: _Commands) -> None:
    parts = commands.group("pgp", "check PGP keys before an apply does; make a request with yours")
    parts.add(
        "check",
        "pgp_check:check",
        "say what the AWS provider will make of a key",
        _argument(
            "file", "FILE", "a file or folder of keys ('-': stdin, the default)", nargs="?", default="-"
        ),
        _one_of(
            _option("--provider-version", "V", "the AWS provider, as 3.39.0 or '~> 4.10'"),
            _option("--layer", "FOLDER", "the layer whose AWS provider counts"),
        ),
        _option("--user", "NAME", "the IAM user whose key it is to be"),
        _option("--key", "KEY", "of several, the one with this fingerprint or mail"),
        _one_of(_JSON, _flag("--text", "print the key as a file in keys/ has to be")),
        description="Says of PGP keys, in whatever form they were sent, what the AWS provider will make of "
        "them. Files in a layer's keys/ folder are judged as they are.",
        epilog="exit codes: 0 every key may be used, 1 one may not (the reason is told), 2 wrong usage",
    )
    parts.add(
        "request",
        "pgp_request:request",
        "print the text with your public key for your admin",
        *_OWN_NAMES,
        _option("--key", "KEY", "your key, by fingerprint or mail"),
        _flag("--new", "make a new key; asks for a passphrase"),
        _option("--name", "NAME", "your name in the new key"),
        _option("--mail", "ADDRESS", "your mail address in the new key"),
        _argument("--years", "N", "how long the new key is valid (default: 2)", default="2"),
        _flag("--replacement", "you cannot decrypt what you got before"),
        _option("--reason", "TEXT", "why it is replaced"),
        description="Prints the text that asks an admin for an IAM user, with your public PGP key in it. "
        "Nothing in it is secret. What is not told by an option is asked for on the terminal.",
    )
    commands.add(
        "decrypt",
        "decrypt:decrypt",
        "print the one-time password that you got encrypted",
        _argument("file", "FILE", "the text ('-': stdin, the default)", nargs="?", default="-"),
        _option("--account", "NAME", "of a handoff's accounts, this one"),
        description="Decrypts the password in a handoff, or a bare encrypted password, and prints it on "
        "standard output only. The passphrase is asked for by gpg, or here on the terminal.",
    )


def _layer(commands: _Commands) -> None:
    parts = commands.group("layer", "read and edit a base-identities layer, byte for byte")
    words = "tell people, groups, styles, binary and provider of a layer"
    parts.add("show", "layer:show", words, _LAYER, _JSON)
    key = (
        "the person's public PGP key in any form ('-': stdin); a machine user may share a file that is "
        "in the layer's keys/, by its name"
    )
    parts.add(
        "add",
        "layer:add",
        "add a person as its siblings are written: entry, groups, outputs, key file",
        _LAYER,
        *_EDIT,
        _USER,
        _argument("--key", "FILE", key, required=True),
        _repeatable("--group", "GROUP", "join it"),
        _flag("--access-key", "a machine user: with an access key and without a console password"),
        _flag(
            "--no-outputs", "add no outputs, even if siblings have some", dest="outputs", action="store_false"
        ),
    )
    words = "remove a person: entry, groups, outputs and key file"
    parts.add("remove", "layer:remove", words, _LAYER, *_EDIT, _USER)
    changes = (_repeatable("--add", "GROUP", "join it"), _repeatable("--remove", "GROUP", "leave it"))
    words = "tell a person's groups, or change them"
    parts.add("groups", "layer:groups", words, _LAYER, *_EDIT, _USER, *changes)
    attribute = "an attribute of the password policy, as minimum_password_length=16"
    parts.add(
        "account",
        "layer:account",
        "tell the account's alias and password policy, or change them",
        _LAYER,
        *_EDIT,
        _argument("--alias", "ALIAS", "the new alias"),
        _repeatable("--policy", "KEY=VALUE", attribute),
    )
    parts.add(
        "accounts",
        "layer:accounts",
        "tell the project's accounts in common.tfvars, or change them",
        _argument(
            "project", "PROJECT", "any folder of the project (default: this one)", nargs="?", default="."
        ),
        *_EDIT,
        _option("--add", "NAME", "add an account, as its siblings are written"),
        _option("--email", "ADDRESS", "the address of its root user"),
        _option("--id", "ID", "its 12 digits; without: not made yet"),
        _option("--remove", "NAME", "take an account out of the list"),
    )


def _regions(commands: _Commands) -> None:
    commands.add(
        "regions",
        "regions:regions",
        "tell in which regions each account's STS is active, and which the project uses",
        _argument(
            "project", "PROJECT", "a folder in the project (default: this one)", nargs="?", default="."
        ),
        _repeatable("--account", "NAME", "ask only about it"),
        _one_of(
            _flag("--json", "print JSON, account ids included"),
            _flag("--markdown", "print Markdown, without account ids"),
        ),
        _flag("--with-account-ids", "have account ids in the Markdown"),
        description="Asks the STS endpoint of every region about each account of the project that has a "
        "profile, and holds the answers against `regions_allowed`. Nothing is changed.",
        epilog="exit codes: 0 done, 1 refused or an account that was named could not be asked, 2 wrong usage",
    )


def _terraform(commands: _Commands) -> None:
    commands.add(
        "plan",
        "plan:plan",
        "tell what Terraform or OpenTofu would do in a layer; nothing is changed",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _one_of(
            _flag(
                "--redact", "print Markdown for a pull request, without account ids, ARNs, keys and secrets"
            ),
            _JSON,
        ),
        _option("--out", "FILE", "keep the plan file (0600), for `iam-onboard apply`"),
        _repeatable(
            "--for", "NAME", "whom it is meant to be about: other changes are told as foreign", dest="people"
        ),
        _repeatable(
            "--password",
            "NAME",
            "reset this person's console password, by -replace of the login profile",
            dest="passwords",
        ),
        _option(
            "--init",
            None,
            "initialise first with newer providers, or for a backend that was changed",
            choices=("upgrade", "reconfigure"),
        ),
        description="Plans a layer with the credentials that it names, initialising it first where that is "
        "needed, and tells the plan by person. A checkout that is behind its upstream is refused.",
    )
    commands.add(
        "apply",
        "apply:apply",
        "apply exactly a plan file that `plan --out` kept",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _argument("plan", "PLANFILE", "the file of `iam-onboard plan LAYER --out FILE`"),
        _flag("--yes", "what is destroyed or foreign is meant: do not ask on the terminal"),
        _JSON,
        description="Applies a plan as long as files, program and state are those that it was made from. The "
        "plan file is removed once it is used. Ctrl-C asks Terraform to stop, once, and waits for it; if the "
        "terminal is closed the apply goes on, and the same command tells how it ended.",
    )


def _handoff(commands: _Commands) -> None:
    parts = commands.group("handoff", "make the text that gives a person their access, or look into one")
    parts.add(
        "create",
        "handoff:create",
        "print the text for a person with what the layer's state has of them, encrypted to their key",
        _LAYER,
        _BINARY,
        _TRUST_BINARY,
        _USER,
        _repeatable("--also", "LAYER", "another layer of the project whose access is to be in the same text"),
        _flag(
            "--new-password",
            "say that it is about a new password (after `plan --password`), and leave access keys out",
        ),
        _option("--out", "FILE", "write it into a file (0600)"),
        _flag(
            "--no-usual-roles",
            "where the state names no role, leave out the ones that such projects usually have",
        ),
        description="What is not encrypted to the key in the layer is refused. Nothing in the text is "
        "secret.",
    )
    parts.add(
        "open",
        "handoff:show",
        "tell whom a handoff is for, which accounts and roles it gives, and whether your key opens it",
        _argument("file", "FILE", "the message as it came ('-': stdin)"),
        _option("--user", "NAME", "refuse one that is for somebody else"),
        _option("--project", "NAME", "refuse one for another project"),
        _JSON,
        description="Nothing is decrypted, and no ciphertext is printed.",
    )


def _access_key(commands: _Commands) -> None:
    parts = commands.group("access-key", "keep, make and rotate the access key that your profiles use")
    parts.add("list", "access_key:listed", "list the access keys that are kept here, with their age", _JSON)
    parts.add(
        "import",
        "access_key:bring",
        "prove and keep the key of a downloaded .csv file, or one that you type",
        _argument("csv", "CSV", "the file that the console gave (default: type the key)", nargs="?"),
        *_BASE_PROFILE,
        _STORE,
        _flag("--delete", "delete the file when the key is kept"),
        description="AWS is asked whose key it is before anything is kept.",
    )
    parts.add(
        "create",
        "access_key:create",
        "make a key with the one that you have, and keep it",
        _argument("--with", "CSV", "the file with the key that you have (default: the kept one)", dest="csv"),
        *_BASE_PROFILE,
        _STORE,
        description="Asks for an MFA code. If the new key cannot be kept, it is deleted again.",
    )
    parts.add(
        "rotate",
        "access_key:rotate",
        "put a new key in place of the kept one, or go on with an interrupted rotation",
        *_BASE_PROFILE,
        _flag("--delete-inactive", "delete an inactive second key, to make room"),
        _flag("--finish", "only delete the old key of the last rotation"),
        description="Makes a new key, keeps it, proves it as it comes back, and deactivates the old one. "
        "Asks for an MFA code. Run it again with --finish, some days later, to delete the old key.",
    )


def _profiles(commands: _Commands) -> None:
    wanted = (
        _PROJECT_OR_NAME,
        _argument(
            "--as",
            "ACCOUNT",
            "where your user is: security or management, or another account of the handoff",
            dest="account",
            required=True,
        ),
        _argument(
            "--mfa-serial", "ARN", "of your code device; '' for none (default: what AWS or the file says)"
        ),
        _option("--region", "REGION", "of the profiles (default: the project's)"),
        _flag(
            "--mfa-names",
            "also the names …-mfa, for Leverage CLI (default where build.env says MFA_ENABLED=true)",
        ),
        _JSON,
    )
    parts = commands.group("profiles", "show and write the profiles of a project in ~/.aws/PROJECT")
    parts.add(
        "show",
        "profiles:show",
        "tell which profiles there should be, and what writing them would change",
        *wanted,
        description="Reads both files and writes nothing.",
    )
    parts.add(
        "write",
        "profiles:write",
        "write the profiles, and an access key if one is given",
        *wanted,
        _flag("--dry-run", "print the difference, secrets masked, and stop"),
        _option("--access-keys", "CSV", "prove and keep the key of this file of the console's"),
        _STORE,
        _repeatable("--overwrite", "NAME", "write over this profile although it was changed by hand"),
        _flag("--prune", "take out profiles that this program wrote and that are no longer wanted"),
        description="Merges the profiles into both files: everything else in them stays byte for byte. Asks "
        "on the terminal about profiles that were changed by hand; without one they stay as they are.",
    )


def _verify(commands: _Commands) -> None:
    commands.add(
        "verify",
        "verify:verify",
        "ask every profile of a project who it is, with one MFA code",
        _PROJECT_OR_NAME,
        _option(
            "--as",
            "ACCOUNT",
            "only the profiles of your user there: security, management (default: all)",
            dest="account",
        ),
        _flag("--no-code", "ask for no MFA code; roles that want one say so"),
        _option("--shell", None, "whose form the export lines have (default: your shell's)", choices=SHELLS),
        _JSON,
        description="Every profile in ~/.aws/PROJECT is asked who it is, the roles by really assuming them. "
        "A code is asked for on the terminal, once for each MFA device.",
        epilog="exit codes: 0 all work, 1 refused or one does not work (the reason is told), 2 wrong usage",
    )


def _shell(commands: _Commands) -> None:
    """What a shell or an SDK runs."""
    shell = _argument("shell", None, "whose start file they are for", choices=SHELLS)
    words = "print what makes Tab complete commands, for bash, zsh or fish"
    completion = commands.add("completion", "completion:completion", words, shell, description=_COMPLETION)
    completion.formatter_class = argparse.RawDescriptionHelpFormatter
    commands.add(
        "credential-process",
        "credential_process:credential_process",
        "print an access key from the vault, for AWS SDKs",
        _argument("--project", "NAME", "the project's short name, as bb", required=True),
        _argument("--profile", "NAME", "the base profile, as bb-security", required=True),
    )
