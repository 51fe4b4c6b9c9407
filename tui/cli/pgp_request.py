"""`iam-onboard pgp request`: the text for the admin, with a key that is there or a new one.

It is the wizard's step "PGP key" without its screen.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tui.cli import asking
from tui.cli.context import own_context, tell
from tui.cli.exit_codes import DONE, REFUSED, UsageError
from tui.cli.output import hand_out, note
from tui.host import Machine
from workflows.core.errors import OnboardError, Problem
from workflows.core.openpgp import grouped
from workflows.core.sentences import joined, text_of
from workflows.core.temporary import temporary_folder
from workflows.messages import rules
from workflows.steps.new_user import pgp_key
from workflows.steps.new_user.pgp_key import OwnChoice, own_keys
from workflows.steps.shared.module import Context


def request(machine: Machine, options: argparse.Namespace) -> int:
    """Print the request.

    Raises:
        OnboardError: there is no key that can be used, it could not be made, or a value breaks a rule.
    """
    if not (options.project and options.user) and not asking.has_terminal():
        raise UsageError("Add --project and --user: there is no terminal to ask on.")
    options.project = options.project or asking.ask(
        "The project's short name, such as bb (your admin knows it): "
    )
    options.user = options.user or asking.ask("Your IAM user name, such as jane.doe: ")
    problems = [
        *rules.check(project=options.project, user=options.user),
        *rules.prose(options.reason, "reason"),
    ]
    if problems:
        raise UsageError(text_of(joined((problem.message for problem in problems), "\n")))
    if options.new and options.key:
        raise UsageError("Use --new or --key, not both.")
    with temporary_folder() as folder:
        facts = {"project": options.project, "user": options.user}
        context = own_context(machine, facts, folder)
        if options.new:
            key = _make(options, context)
            if key is None:
                return REFUSED
        else:
            key = _choose(own_keys(context, tell), options.key)
        wanted = pgp_key.Request(
            key.fingerprint,
            "",
            made=options.new,
            replacement=options.replacement or bool(options.reason),
            reason=options.reason,
        )
        text = pgp_key.request_text(wanted, key, context)
    hand_out(text)
    note(f"Your key: {key.user_id}, {key.algorithm}", f"  {grouped(key.fingerprint)}")
    note(*(f"  ! {warning}" for warning in key.warnings))
    return DONE


def _make(options: argparse.Namespace, context: Context) -> OwnChoice | None:
    """A new key, made after asking for what the options leave out; None if an answer can't be used."""
    name = options.name or asking.ask("Your name: ")
    mail = options.mail or asking.ask("Your mail address: ")
    first = asking.ask_secret("A passphrase for the key: ")
    new = pgp_key.NewKey(name, mail, options.years, first, asking.ask_secret("The same passphrase again: "))
    problems: list[Problem] = pgp_key.check_new(new)
    for problem in problems:
        note(f"{'iam-onboard' if problem.fatal else 'Warning'}: {problem.message}")
    if any(problem.fatal for problem in problems):
        new.passphrase.drop()
        new.again.drop()
        return None
    note("Making an RSA 4096 key; this takes a few seconds.")
    made = pgp_key.make(new, context, lambda _progress: None)
    note(pgp_key.revocation_told(made.fingerprint, context))
    return made


def _choose(keys: Sequence[OwnChoice], wanted: str) -> OwnChoice:
    """The key that is named, or the only one that can be used.

    Raises:
        OnboardError: it is not there, cannot be used, or there is more than one.
    """
    digits = "".join(wanted.split()).removeprefix("0x").upper()
    fitting = [
        key
        for key in keys
        if not wanted
        or (len(digits) >= 8 and key.fingerprint.endswith(digits))
        or ("@" in wanted and wanted.strip().casefold() in key.mails)
    ]
    good = [key for key in fitting if key.accepted]
    if len(good) == 1:
        return good[0]
    listed = "\n".join(f"{grouped(key.fingerprint)}  {key.user_id}: {key.headline}" for key in fitting)
    if good:
        next_step = "Choose one with --key and its fingerprint."
        raise OnboardError(
            "Which key?", f"You can use {len(good)} of your keys.", next=next_step, detail=listed
        )
    what = "None of your keys in this keyring matches." if wanted else "You have no PGP key that you can use."
    next_step = "Make one: `iam-onboard pgp request --new`, or in the wizard `iam-onboard join`."
    raise OnboardError("No key to send", what, next=next_step, detail=listed)
