"""`iam-onboard pgp check|request`: verdicts on keys, for scripts and pipes; and the text for the admin.

Verdicts and texts go to standard output, everything about the run itself to standard error. `request` is the
wizard's step "PGP key" without its screen.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tui.cli import asking
from tui.cli.arguments import (
    DONE,
    JSON,
    OWN_NAMES,
    REFUSED,
    Commands,
    UsageError,
    argument,
    flag,
    one_of,
    option,
)
from tui.cli.context import own_context, own_key
from tui.cli.output import answer, hand_out, note
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, joined, text_of

with on_demand():
    from tui import host
    from tui.cli import key_report, lookup
    from workflows.core import files, openpgp, temporary
    from workflows.gpg import many_keys, normalise, provider_library, refusals
    from workflows.messages import rules
    from workflows.steps.new_user import pgp_key
    from workflows.steps.shared import module


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    parts = commands.group("pgp")
    parts.add(
        "check",
        check,
        "check whether the AWS provider can use a PGP key",
        argument(
            "file", "FILE", "a file or folder of keys ('-': stdin, the default)", nargs="?", default="-"
        ),
        one_of(
            option("--provider-version", "V", "the version of the AWS provider, such as 3.39.0 or '~> 4.10'"),
            option(
                "--layer",
                "LAYER",
                "check for the provider of this layer (its folder, or its account's name)",
            ),
        ),
        option("--user", "NAME", "the IAM user that the key should belong to"),
        option("--key", "KEY", "choose one of several keys by fingerprint or email address"),
        one_of(JSON, flag("--text", "print the key in the form that keys/ needs")),
        description="Check whether the AWS provider can use PGP keys, in whatever form you got them. Files "
        "in a layer's keys/ folder are checked exactly as they are.",
        epilog="exit codes: 0 every key works, 1 one can't be used (the output says why), 2 wrong usage",
    )
    parts.add(
        "request",
        request,
        "print the request for your admin, with your public key",
        *OWN_NAMES,
        one_of(
            option("--key", "KEY", "your key, by fingerprint or email address"),
            flag("--new", "make a new key; iam-onboard asks for a passphrase"),
        ),
        option("--name", "NAME", "your name, for the new key"),
        option("--mail", "ADDRESS", "your email address, for the new key"),
        argument("--years", "N", "how many years the new key is valid (default: 2)", default="2"),
        flag("--replacement", "say that you can't decrypt what you were sent"),
        option("--reason", "TEXT", "why you replace your key"),
        description="Print a message that asks your admin for an IAM user, with your public PGP key. "
        "Nothing in it is secret. Asks on the terminal for anything the options leave out.",
    )


def check(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard pgp check`: the verdict on each input key.

    Raises:
        OnboardError: nothing can be read, or the requested key is missing.
        UsageError: the provider's version is invalid.
    """
    if options.provider_version and not provider_library.check_version(options.provider_version):
        raise UsageError(f"{options.provider_version!r} isn't a version such as 3.39.0 or '~> 4.10'.")
    path = None if options.file == "-" else machine.path(options.file)
    reports = list(_reports(machine, options, path))
    if options.text:
        return _print_text(reports)
    texts = "\n".join(report.as_text() for report in reports).split("\n")[:-1]
    answer([report.as_record() for report in reports], texts, as_json=options.json)
    if not reports:
        note("There is no key in this folder.")
        return REFUSED
    several = len(reports) > 1 and (path is None or not path.is_dir())
    if several:
        note(f"You gave {len(reports)} keys. Choose one with --key.")
    return REFUSED if several or not all(report.verdict.accepted for report in reports) else DONE


def _reports(
    machine: host.Machine, options: argparse.Namespace, path: Path | None
) -> Iterator[key_report.KeyReport]:
    layer = _layer_of(path)
    version = options.provider_version or key_report.provider_of(
        _layer_named(machine, options.layer) if options.layer else layer
    )
    if path is not None and path.is_dir():
        yield from _folder(machine, path, version, as_it_is=layer is not None)
        return
    data = asking.given(machine, options.file, normalise.KEYRING_LIMIT, "the key")
    source = key_report.Source(path.name if path else "standard input", options.user, version, machine.now())
    if layer is not None:
        yield key_report.report_on(data, source, machine.environment, as_it_is=True)
        return
    try:
        keys = many_keys.check_keys(data, environment=machine.environment)
    except refusals.KeyRefused as refused:
        if not options.json:
            raise
        yield key_report.KeyReport.unreadable(refused, source)
        return
    if options.key:
        keys = (many_keys.choose(keys, options.key),)
    yield from (key_report.KeyReport.of(key, source) for key in keys)


def _folder(
    machine: host.Machine, folder: Path, version: str | None, *, as_it_is: bool
) -> list[key_report.KeyReport]:
    """Report on every file of a folder, in the order of their names."""
    with files.explained(folder, "read"):
        # List broken links, too: Terraform fails on them.
        found = (file for file in folder.iterdir() if file.is_file() or not file.exists())
        keys = sorted(file for file in found if not file.name.startswith("."))

    def report(file: Path) -> key_report.KeyReport:
        source = key_report.Source(file.name, file.name if as_it_is else "", version, machine.now())
        try:
            data = files.read_bytes(file, normalise.KEYRING_LIMIT)
        except OnboardError as error:
            return key_report.KeyReport.unreadable(error, source)
        return key_report.report_on(data, source, machine.environment, as_it_is=as_it_is)

    reports = many_keys.in_parallel(report, keys)
    twice = many_keys.same_keys(
        {report.source.name: report.key for report in reports if report.key is not None}
    )
    return [replace(report, same=twice.get(report.source.name, ())) for report in reports]


def _layer_named(machine: host.Machine, text: str) -> Path:
    """Return the named layer: any folder with Terraform files, or what every command accepts as a layer."""
    folder = machine.path(text)
    return folder if any(folder.glob("*.tf")) else lookup.find_layer(machine, text)[1].path


def _layer_of(path: Path | None) -> Path | None:
    """Return the layer whose `keys` folder a path is in (or is), or None."""
    if path is None:
        return None
    keys = path if path.is_dir() else path.parent
    return keys.parent if keys.name == "keys" and any(keys.parent.glob("*.tf")) else None


def _print_text(reports: list[key_report.KeyReport]) -> int:
    """Print the only key as a file for `keys/`; a verdict against it goes to standard error."""
    refused = next((report for report in reports if not report.key_accepted), None)
    if refused is not None:
        note(refused.as_text().rstrip("\n"))
        return REFUSED
    keys = [report.key for report in reports if report.key is not None]
    if len(keys) != 1:
        note(f"--text needs one key, not {len(reports)}.")
        return REFUSED
    hand_out(keys[0].key.text)
    return DONE


def request(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard pgp request`: print the request.

    Raises:
        OnboardError: there is no usable key, it couldn't be made, or a value breaks a rule.
    """
    if not (options.project and options.user) and not asking.has_terminal():
        raise UsageError("Add --project and --user: there is no terminal to ask on.")
    project = options.project or asking.ask("The project's short name, such as bb (your admin knows it): ")
    user = options.user or asking.ask("Your IAM user name, such as jane.doe: ")
    problems = [*rules.check(project=project, user=user), *rules.prose(options.reason, "reason")]
    if problems:
        raise UsageError(text_of(joined((problem.message for problem in problems), "\n")))
    with temporary.temporary_folder() as folder:
        context = own_context(machine, {"project": project, "user": user}, folder)
        key = (
            _make(options, context)
            if options.new
            else own_key(
                context,
                options.key,
                "--key",
                "Make one: `iam-onboard pgp request --new`, or in the wizard `iam-onboard join`.",
            )
        )
        if key is None:
            return REFUSED
        wanted = pgp_key.Request(
            key.fingerprint,
            "",
            made=options.new,
            replacement=options.replacement or bool(options.reason),
            reason=options.reason,
        )
        text = pgp_key.request_text(wanted, key, context)
    hand_out(text)
    note(f"Your key: {key.user_id}, {key.algorithm}", f"  {openpgp.grouped(key.fingerprint)}")
    note(*(f"  ! {warning}" for warning in key.verdict.warnings))
    return DONE


def _make(options: argparse.Namespace, context: module.Context) -> pgp_key.OwnChoice | None:
    """Make a key after asking for what the options omit; None if an answer can't be used."""
    name = options.name or asking.ask("Your name: ")
    mail = options.mail or asking.ask("Your email address: ")
    first = asking.ask_secret("A passphrase for the key: ")
    new = pgp_key.NewKey(name, mail, options.years, first, asking.ask_secret("The same passphrase again: "))
    problems = pgp_key.check_new(new)
    for problem in problems:
        note(f"{'iam-onboard' if problem.fatal else 'Warning'}: {problem.message}")
    if any(problem.fatal for problem in problems):
        new.passphrase.drop()
        new.again.drop()
        return None
    note("Creating an RSA 4096 key; this takes a few seconds.")
    made = pgp_key.make(new, context, lambda _progress: None)
    note(pgp_key.revocation_notice(made.fingerprint, context))
    return made
