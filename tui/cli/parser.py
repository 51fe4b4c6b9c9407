"""The words of the command line: every command with its arguments, and the function that runs it.

The functions are named, not imported, so that help, completion and wrong usage load nothing else.
"""

from __future__ import annotations

import argparse

from tui.cli.completion import SHELLS, session_ids
from tui.cli.exit_codes import DONE

_EXIT_CODES = "exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage"
_EPILOG = f"""\
{_EXIT_CODES}

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


class _Commands:
    """The commands of a parser, or the parts of a command."""

    def __init__(self, parser: argparse.ArgumentParser, *, of_a_command: bool) -> None:
        kind = "part" if of_a_command else "command"
        self._made = parser.add_subparsers(dest=kind, metavar=kind.upper(), required=of_a_command)

    def add(
        self, name: str, run: str, words: str, description: str = "", epilog: str = _EXIT_CODES
    ) -> argparse.ArgumentParser:
        """Add one that is run by `module:function` of `tui.cli`; `words` are its line in the list."""
        described = description or f"{words[0].upper()}{words[1:]}."
        command = self._made.add_parser(name, help=words, description=described, epilog=epilog)
        command.set_defaults(run=run)
        return command

    def group(self, name: str, words: str) -> _Commands:
        """Add one that has parts."""
        return _Commands(self._made.add_parser(name, help=words, epilog=_EXIT_CODES), of_a_command=True)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line; what it gives has `run`, the `module:function` of the command."""
    parser = argparse.ArgumentParser(
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
    _decrypt(commands)
    _layer(commands)
    _regions(commands)
    _plan(commands)
    _apply(commands)
    _handoff(commands)
    _access_key(commands)
    _profiles(commands)
    _verify(commands)
    _shell(commands)
    return parser


def _wizard(commands: _Commands) -> None:
    admin = commands.add("admin", "wizard:admin", "begin as an admin: bring people in, change groups, remove")
    admin.add_argument(
        "project", nargs="?", metavar="PROJECT", help="a folder in the project (default: this one)"
    )
    _binary(admin)

    join = commands.add("join", "wizard:join", "begin as a new user, or go on with the handoff you got")
    join.add_argument(
        "handoff", nargs="?", metavar="HANDOFF", help="the file with the handoff text ('-': stdin)"
    )
    join.add_argument("--project", default="", metavar="NAME", help="the project's short name, as bb")
    join.add_argument("--user", default="", metavar="NAME", help="your IAM user name, as jane.doe")

    resume = commands.add("resume", "wizard:resume", "go on with a session (default: the latest)")
    which = resume.add_argument("session", nargs="?", metavar="ID", help="as `iam-onboard sessions` tells it")
    which.completer = session_ids  # type: ignore[attr-defined]  # argcomplete reads it there
    _binary(resume)

    _json(commands.add("sessions", "wizard:sessions", "list the sessions"))

    demo = commands.add("demo", "wizard:demo", "try both roles on a disposable project and a local AWS")
    demo.add_argument("--new", action="store_true", help="begin with a fresh sandbox")

    _json(commands.add("doctor", "doctor:doctor", "look at gpg, Terraform, terminal, keyring and clipboard"))


def _pgp(commands: _Commands) -> None:
    parts = commands.group("pgp", "check PGP keys before an apply does; make a request with yours")
    check = parts.add(
        "check",
        "pgp_check:check",
        "say what the AWS provider will make of a key",
        "Says of PGP keys, in whatever form they were sent, what the AWS provider will make of them. Files "
        "in a layer's keys/ folder are judged as they are.",
        "exit codes: 0 every key may be used, 1 one may not (the reason is told), 2 wrong usage",
    )
    _file(check, "a file or folder of keys ('-': stdin, the default)")
    version = check.add_mutually_exclusive_group()
    version.add_argument(
        "--provider-version", default="", metavar="V", help="the AWS provider, as 3.39.0 or '~> 4.10'"
    )
    version.add_argument("--layer", default="", metavar="FOLDER", help="the layer whose AWS provider counts")
    check.add_argument("--user", default="", metavar="NAME", help="the IAM user whose key it is to be")
    check.add_argument(
        "--key", default="", metavar="KEY", help="of several, the one with this fingerprint or mail"
    )
    form = check.add_mutually_exclusive_group()
    _json(form)
    form.add_argument("--text", action="store_true", help="print the key as a file in keys/ has to be")

    request = parts.add(
        "request",
        "pgp_request:request",
        "print the text with your public key for your admin",
        "Prints the text that asks an admin for an IAM user, with your public PGP key in it. Nothing in it "
        "is secret. What is not told by an option is asked for on the terminal.",
    )
    request.add_argument("--project", default="", metavar="NAME", help="the project's short name, as bb")
    request.add_argument("--user", default="", metavar="NAME", help="your IAM user name, as jane.doe")
    request.add_argument("--key", default="", metavar="KEY", help="your key, by fingerprint or mail")
    request.add_argument("--new", action="store_true", help="make a new key; asks for a passphrase")
    request.add_argument("--name", default="", metavar="NAME", help="your name in the new key")
    request.add_argument("--mail", default="", metavar="ADDRESS", help="your mail address in the new key")
    request.add_argument(
        "--years", default="2", metavar="N", help="how long the new key is valid (default: 2)"
    )
    request.add_argument("--replacement", action="store_true", help="you cannot decrypt what you got before")
    request.add_argument("--reason", default="", metavar="TEXT", help="why it is replaced")


def _decrypt(commands: _Commands) -> None:
    decrypt = commands.add(
        "decrypt",
        "decrypt:decrypt",
        "print the one-time password that you got encrypted",
        "Decrypts the password in a handoff, or a bare encrypted password, and prints it on standard output "
        "only. The passphrase is asked for by gpg, or here on the terminal.",
    )
    _file(decrypt, "the text ('-': stdin, the default)")
    decrypt.add_argument("--account", default="", metavar="NAME", help="of a handoff's accounts, this one")


def _layer(commands: _Commands) -> None:
    parts = commands.group("layer", "read and edit a base-identities layer, byte for byte")
    show = parts.add("show", "layer:show", "tell people, groups, styles, binary and provider of a layer")
    _layer_argument(show)
    _json(show)

    add = _editing(parts, "add", "add a person as its siblings are written: entry, groups, outputs, key file")
    add.add_argument("name", metavar="NAME", help="the IAM user name")
    add.add_argument(
        "--key", required=True, metavar="FILE", help="the person's public PGP key in any form ('-': stdin)"
    )
    _repeatable(add, "--group", "GROUP", "join it")
    add.add_argument(
        "--access-key",
        action="store_true",
        help="a machine user: with an access key and without a console password",
    )
    add.add_argument(
        "--no-outputs",
        dest="outputs",
        action="store_false",
        help="add no outputs, even if the siblings have some",
    )

    remove = _editing(parts, "remove", "remove a person: entry, groups, outputs and key file")
    remove.add_argument("name", metavar="NAME", help="the IAM user name")

    groups = _editing(parts, "groups", "tell a person's groups, or change them")
    groups.add_argument("name", metavar="NAME", help="the IAM user name")
    _repeatable(groups, "--add", "GROUP", "join it")
    _repeatable(groups, "--remove", "GROUP", "leave it")

    account = _editing(parts, "account", "tell the account's alias and password policy, or change them")
    account.add_argument("--alias", metavar="ALIAS", help="the new alias")
    words = "an attribute of the password policy, as minimum_password_length=16"
    _repeatable(account, "--policy", "KEY=VALUE", words)
    _accounts(parts)


def _accounts(parts: _Commands) -> None:
    words = "tell the project's accounts in common.tfvars, or change them"
    accounts = parts.add("accounts", "layer:accounts", words)
    accounts.add_argument(
        "project",
        nargs="?",
        default=".",
        metavar="PROJECT",
        help="any folder of the project (default: this one)",
    )
    accounts.add_argument(
        "--add", default="", metavar="NAME", help="add an account, as its siblings are written"
    )
    accounts.add_argument("--email", default="", metavar="ADDRESS", help="the address of its root user")
    accounts.add_argument("--id", default="", metavar="ID", help="its 12 digits; without: not made yet")
    accounts.add_argument("--remove", default="", metavar="NAME", help="take an account out of the list")
    _edit_options(accounts)


def _editing(parts: _Commands, name: str, words: str) -> argparse.ArgumentParser:
    part = parts.add(name, f"layer:{name}", words)
    _layer_argument(part)
    _edit_options(part)
    return part


def _edit_options(part: argparse.ArgumentParser) -> None:
    _json(part)
    part.add_argument("--dry-run", action="store_true", help="print the unified diff and write nothing")


def _regions(commands: _Commands) -> None:
    regions = commands.add(
        "regions",
        "regions:regions",
        "tell in which regions each account's STS is active, and which the project uses",
        "Asks the STS endpoint of every region about each account of the project that has a profile, and "
        "holds the answers against `regions_allowed`. Nothing is changed.",
        "exit codes: 0 done, 1 refused or an account that was named could not be asked, 2 wrong usage",
    )
    regions.add_argument(
        "project",
        nargs="?",
        default=".",
        metavar="PROJECT",
        help="a folder in the project (default: this one)",
    )
    _repeatable(regions, "--account", "NAME", "ask only about it")
    form = regions.add_mutually_exclusive_group()
    _json(form, "print JSON, account ids included")
    form.add_argument("--markdown", action="store_true", help="print Markdown, without account ids")
    regions.add_argument("--with-account-ids", action="store_true", help="have account ids in the Markdown")


def _plan(commands: _Commands) -> None:
    plan = commands.add(
        "plan",
        "plan:plan",
        "tell what Terraform or OpenTofu would do in a layer; nothing is changed",
        "Plans a layer with the credentials that it names, initialising it first where that is needed, and "
        "tells the plan by person. A checkout that is behind its upstream is refused.",
    )
    _layer_argument(plan)
    _binary(plan)
    form = plan.add_mutually_exclusive_group()
    form.add_argument(
        "--redact",
        action="store_true",
        help="print Markdown for a pull request, without account ids, ARNs, keys and secrets",
    )
    _json(form)
    plan.add_argument(
        "--out", default="", metavar="FILE", help="keep the plan file (0600), for `iam-onboard apply`"
    )
    words = "whom it is meant to be about: other changes are told as foreign"
    _repeatable(plan, "--for", "NAME", words, dest="people")
    words = "make this person's console password anew (-replace of the login profile)"
    _repeatable(plan, "--password", "NAME", words, dest="passwords")
    plan.add_argument(
        "--init",
        default="",
        choices=("upgrade", "reconfigure"),
        help="initialise first with newer providers, or for a backend that was changed",
    )


def _apply(commands: _Commands) -> None:
    apply = commands.add(
        "apply",
        "apply:apply",
        "apply exactly a plan file that `plan --out` kept",
        "Applies a plan as long as files, program and state are those that it was made from. The plan file "
        "is removed once it is used. Ctrl-C asks Terraform to stop, once, and waits for it; if the terminal "
        "is closed the apply goes on, and the same command tells how it ended.",
    )
    _layer_argument(apply)
    _binary(apply)
    apply.add_argument("plan", metavar="PLANFILE", help="the file of `iam-onboard plan LAYER --out FILE`")
    apply.add_argument(
        "--yes", action="store_true", help="what is destroyed or foreign is meant: do not ask on the terminal"
    )
    _json(apply)


def _handoff(commands: _Commands) -> None:
    parts = commands.group("handoff", "make the text that gives a person their access, or look into one")
    create = parts.add(
        "create",
        "handoff:create",
        "print the text for a person with what the layer's state has of them, encrypted to their key",
        "What is not encrypted to the key in the layer is refused. Nothing in the text is secret.",
    )
    _layer_argument(create)
    _binary(create)
    create.add_argument("name", metavar="NAME", help="the IAM user name")
    words = "another layer of the project whose access is to be in the same text"
    _repeatable(create, "--also", "LAYER", words)
    create.add_argument(
        "--new-password",
        action="store_true",
        help="say that it is about a new password (after `plan --password`), and leave access keys out",
    )
    create.add_argument("--out", default="", metavar="FILE", help="write it into a file (0600)")
    create.add_argument(
        "--no-usual-roles",
        action="store_true",
        help="where the state names no role, leave out the ones that such projects usually have",
    )

    opened = parts.add(
        "open",
        "handoff:show",
        "tell whom a handoff is for, which accounts and roles it gives, and whether your key opens it",
        "Nothing is decrypted, and no ciphertext is printed.",
    )
    opened.add_argument("file", metavar="FILE", help="the message as it came ('-': stdin)")
    opened.add_argument("--user", default="", metavar="NAME", help="refuse one that is for somebody else")
    opened.add_argument("--project", default="", metavar="NAME", help="refuse one for another project")
    _json(opened)


def _access_key(commands: _Commands) -> None:
    parts = commands.group("access-key", "keep, make and rotate the access key that your profiles use")
    _json(parts.add("list", "access_key:listed", "list the access keys that are kept here, with their age"))

    bring = parts.add(
        "import",
        "access_key:bring",
        "prove and keep the key of a downloaded .csv file, or one that you type",
        "AWS is asked whose key it is before anything is kept.",
    )
    bring.add_argument(
        "csv", nargs="?", metavar="CSV", help="the file that the console gave (default: type the key)"
    )
    _base_profile(bring)
    _store(bring)
    bring.add_argument("--delete", action="store_true", help="delete the file when the key is kept")

    create = parts.add(
        "create",
        "access_key:create",
        "make a key with the one that you have, and keep it",
        "Asks for an MFA code. If the new key cannot be kept, it is deleted again.",
    )
    create.add_argument(
        "--with",
        dest="csv",
        metavar="CSV",
        help="the file with the key that you have (default: the kept one)",
    )
    _base_profile(create)
    _store(create)

    rotate = parts.add(
        "rotate",
        "access_key:rotate",
        "put a new key in place of the kept one, or go on with an interrupted rotation",
        "Makes a new key, keeps it, proves it as it comes back, and deactivates the old one. Asks for an MFA "
        "code. Run it again with --finish, some days later, to delete the old key.",
    )
    _base_profile(rotate)
    rotate.add_argument(
        "--delete-inactive", action="store_true", help="delete an inactive second key, to make room"
    )
    rotate.add_argument("--finish", action="store_true", help="only delete the old key of the last rotation")


def _profiles(commands: _Commands) -> None:
    parts = commands.group("profiles", "show and write the profiles of a project in ~/.aws/PROJECT")
    show = parts.add(
        "show",
        "profiles:show",
        "tell which profiles there should be, and what writing them would change",
        "Reads both files and writes nothing.",
    )
    _wanted_profiles(show)
    write = parts.add(
        "write",
        "profiles:write",
        "write the profiles, and an access key if one is given",
        "Merges the profiles into both files: everything else in them stays byte for byte. Asks on the "
        "terminal about profiles that were changed by hand; without one they stay as they are.",
    )
    _wanted_profiles(write)
    write.add_argument(
        "--dry-run", action="store_true", help="print the difference, secrets masked, and stop"
    )
    write.add_argument(
        "--access-keys",
        default="",
        metavar="CSV",
        help="prove and keep the key of this file of the console's",
    )
    _store(write)
    _repeatable(write, "--overwrite", "NAME", "write over this profile although it was changed by hand")
    write.add_argument(
        "--prune",
        action="store_true",
        help="take out profiles that this program wrote and that are no longer wanted",
    )


def _wanted_profiles(command: argparse.ArgumentParser) -> None:
    _project_or_name(command)
    command.add_argument(
        "--as",
        dest="account",
        required=True,
        metavar="ACCOUNT",
        help="where your user is: security or management, or another account of the handoff",
    )
    command.add_argument(
        "--mfa-serial",
        default=None,
        metavar="ARN",
        help="of your code device; '' for none (default: what AWS or the file says)",
    )
    command.add_argument(
        "--region", default="", metavar="REGION", help="of the profiles (default: the project's)"
    )
    command.add_argument(
        "--mfa-names",
        action="store_true",
        help="also the names …-mfa, for Leverage CLI (default where build.env says MFA_ENABLED=true)",
    )
    _json(command)


def _verify(commands: _Commands) -> None:
    verify = commands.add(
        "verify",
        "verify:verify",
        "ask every profile of a project who it is, with one MFA code",
        "Every profile in ~/.aws/PROJECT is asked who it is, the roles by really assuming them. A code is "
        "asked for on the terminal, once for each MFA device.",
        "exit codes: 0 all work, 1 refused or one does not work (the reason is told), 2 wrong usage",
    )
    _project_or_name(verify)
    verify.add_argument(
        "--as",
        dest="account",
        default="",
        metavar="ACCOUNT",
        help="only the profiles of your user there: security, management (default: all)",
    )
    verify.add_argument(
        "--no-code", action="store_true", help="ask for no MFA code; roles that want one say so"
    )
    verify.add_argument(
        "--shell", choices=SHELLS, default="", help="whose form the export lines have (default: your shell's)"
    )
    _json(verify)


def _shell(commands: _Commands) -> None:
    """What a shell or an SDK runs."""
    words = "print what makes Tab complete commands, for bash, zsh or fish"
    completion = commands.add("completion", "completion:completion", words, _COMPLETION)
    completion.formatter_class = argparse.RawDescriptionHelpFormatter
    completion.add_argument("shell", choices=SHELLS)

    process = commands.add(
        "credential-process",
        "credential_process:credential_process",
        "print an access key from the vault, for AWS SDKs",
    )
    process.add_argument("--project", required=True, metavar="NAME")
    process.add_argument("--profile", required=True, metavar="NAME")


# -- arguments that several commands have ---------------------------------------------------------


def _json(command: argparse._ActionsContainer, words: str = "print JSON") -> None:
    command.add_argument("--json", action="store_true", help=words)


def _repeatable(
    command: argparse.ArgumentParser, option: str, metavar: str, words: str, dest: str | None = None
) -> None:
    command.add_argument(
        option, dest=dest, action="append", default=[], metavar=metavar, help=f"{words} (repeatable)"
    )


def _file(command: argparse.ArgumentParser, words: str) -> None:
    command.add_argument("file", nargs="?", default="-", metavar="FILE", help=words)


def _layer_argument(command: argparse.ArgumentParser) -> None:
    words = "the layer's folder, or its account's name in the project of the current folder"
    command.add_argument("layer", metavar="LAYER", help=words)


def _binary(command: argparse.ArgumentParser) -> None:
    words = "the Terraform or OpenTofu program to use (default: the one that the layer asks for)"
    command.add_argument("--binary", default="", metavar="PROGRAM", help=words)


def _project_or_name(command: argparse.ArgumentParser) -> None:
    words = "a folder in the project, or its short name (default: this folder)"
    command.add_argument("project", nargs="?", default="", metavar="PROJECT", help=words)


def _base_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument("--project", required=True, metavar="NAME", help="the short name, as bb")
    command.add_argument("--profile", required=True, metavar="NAME", help="the base profile, as bb-security")
    command.add_argument("--region", default="", metavar="REGION", help="the base profile's region")
    _json(command)


def _store(command: argparse.ArgumentParser) -> None:
    """The options that choose where a key is kept; one of them at most."""
    stores = command.add_mutually_exclusive_group()
    stores.add_argument(
        "--keyring", action="store_true", help="keep it in the system's keyring (default where there is one)"
    )
    stores.add_argument(
        "--pgp-file",
        nargs="?",
        const="own",
        default="",
        metavar="FINGERPRINT",
        help="keep it in a file encrypted to your own PGP key (default where there is no keyring)",
    )
    stores.add_argument(
        "--credentials-file", action="store_true", help="keep it in plain text in ~/.aws/NAME/credentials"
    )
