"""The new user's PGP key: one of theirs or a new one, and the request with its public half for the admin.

The first password comes encrypted to this key. A person who loses it, or forgets its passphrase, comes back
here for a replacement.
"""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from workflows.core.errors import OnboardError, Problem
from workflows.core.files import read_text
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, enumerated
from workflows.desktop.clipboard import ClipboardUnavailable, Copied
from workflows.gpg.keyring import (
    OwnKey,
    check_new_key,
    export_public_key,
    generate_key,
    list_secret_keys,
    revocation_certificate,
)
from workflows.gpg.verdict import Headline, VerdictKind, judge
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.messages import rules
from workflows.messages.envelope import MessageError
from workflows.messages.handoff import handoff_from
from workflows.messages.request import Request as SentRequest, open_request
from workflows.steps.shared.judged_key import SEVERITY, JudgedKey, contents_of
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import save_text, typed_path
from workflows.steps.shared.to_send import mailed

DEFAULT_YEARS = 2
MOST_YEARS = 10
MAX_REQUEST = 200_000


@dataclass(frozen=True)
class NewKey:
    """A key to be made. The passphrases are given twice, and dropped by `make`."""

    name: str
    email: str
    years: str
    passphrase: Secret = field(repr=False)
    again: Secret = field(repr=False)


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        fingerprint: the chosen key's, "" if none is chosen.
        path: the file in which the request is saved, as typed; "" for none.
        made: whether the key was made here.
        replacement: whether it replaces an earlier key, whose password cannot be decrypted.
        reason: why it is replaced, or "".
    """

    fingerprint: str
    path: str
    made: bool = False
    replacement: bool = False
    reason: str = ""


def check_new(new: NewKey) -> list[Problem]:
    """What is not right with the parameters of a new key; fields as in `NewKey`."""
    years_good = new.years.isascii() and new.years.isdigit() and 1 <= int(new.years) <= MOST_YEARS
    problems = check_new_key(new.name, new.email, "2y", new.passphrase)
    if not years_good:
        problems.append(Problem(f"Enter a number of years from 1 to {MOST_YEARS}.", "years"))
    if new.passphrase.reveal() != new.again.reveal():
        problems.append(Problem("The two passphrases are different. Type both again.", "passphrase"))
    return problems


def make(new: NewKey, context: Context, report: Report) -> OwnChoice:
    """Make a key with an encryption subkey, RSA 4096 both; some seconds. Both passphrases are dropped.

    Raises:
        OnboardError: gpg could not make it.
        Cancelled: the person stopped it; no key is in the keyring then.
    """
    with new.passphrase, new.again:
        fingerprint = generate_key(
            new.name,
            new.email,
            f"{new.years}y",
            new.passphrase,
            gnupg_home=context.environment.gnupg_home,
            environment=context.environment.variables,
            progress=lambda _seconds: report(Progress("Making an RSA 4096 key; this takes a few seconds")),
            cancelled=context.cancelled,
        )
    return own_key(fingerprint, context, report)


def revocation_notice(fingerprint: str, context: Context) -> Sentence:
    """Where gpg put the certificate that revokes a key which was made here, and what to do with it."""
    environment = context.environment
    variables = {"HOME": str(environment.home), **environment.variables}
    path = revocation_certificate(fingerprint, environment.gnupg_home, variables)
    return (
        "If you lose the key, or somebody steals it, this file revokes it; gpg made it with the key:\n"
        f"{environment.readable(path if path.is_relative_to(environment.home) else path.resolve())}\n"
        "Keep it away from this computer, for example on paper: anyone with this file can revoke your key."
    )


def default_path(user: str) -> str:
    """Where a request is saved unless the person says otherwise."""
    return f"~/request-{user}.txt"


def validate(request: Request, context: Context) -> list[Problem]:
    """A key is chosen that the password can be read with, the project is known, the file can be written."""
    conditions = (
        (not request.fingerprint, "Choose one of your keys, or make a new one.", "keys"),
        (
            not context.facts.get("project"),
            (
                "A request names the project. Enter its short name in Before you start, or skip this step "
                "(^s) if your admin has your key already."
            ),
            "",
        ),
        (
            request.replacement and request.fingerprint in _unreadable(context),
            (
                "This is the key that your password is encrypted to; a new password would be encrypted to it "
                "again. Choose another key, or make a new one."
            ),
            "keys",
        ),
    )
    problems = [Problem(words, field) for broken, words, field in conditions if broken]
    return [*problems, *rules.prose(request.reason, "reason"), *_path_problems(request.path, context)]


def replaced(context: Context) -> frozenset[str]:
    """The keys that a replacement is for: the one of the last request, and those of the handoff."""
    return frozenset({str(context.facts.get("fingerprint") or ""), *_unreadable(context)})


def _unreadable(context: Context) -> set[str]:
    """The keys that the passwords of the handoff are encrypted to."""
    held = context.facts.get("handoff")
    return {identity.key_fingerprint for identity in handoff_from(held).identities} if held else set()


def _path_problems(typed: str, context: Context) -> list[Problem]:
    """What keeps a file from being written, as far as it is known before anything is done."""
    if not typed.strip():
        return []
    path = typed_path(typed, context.environment.home)
    shown = context.environment.readable(path.parent)
    words = ""
    try:
        if not typed.isprintable():
            words = "A file can't have this name."
        elif path.is_dir():
            words = "This is a folder. Add the name of a file in it."
        elif not path.parent.is_dir():
            words = f"There is no folder {shown}. Choose one that is there."
        elif not os.access(path.parent, os.W_OK | os.X_OK):
            words = f"You don't have permission to write in {shown}. Choose another folder."
    except OSError:  # too long
        words = "A file can't have this name."
    return [Problem(words, "path")] if words else []


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Write the request, and bring it where the person can send it from.

    Raises:
        OnboardError: the key cannot be used, the file cannot be written, or there is no way to take the
            request out of the program.
    """
    key = own_key(request.fingerprint, context, report)
    if not key.accepted:
        raise OnboardError(
            "Can't use this key",
            f"{key.verdict.headline}. {key.verdict.explanation}",
            next="Choose another key, or make a new one.",
        )
    report(Progress("Writing the request"))
    text = request_text(request, key, context)
    places = _places(request, text, context)
    copied = Copied("", certain=False)
    with suppress(ClipboardUnavailable):
        copied = context.environment.clipboard.copy(text)
    if not (places or copied.certain):
        raise OnboardError(
            "The request isn't saved yet",
            "You named no file, and nothing here shows that it was copied.",
            next="Enter a file to save it in, and send that file to your admin.",
        )
    sent = enumerated(places) or "made"
    kind = "a request for a replacement" if request.replacement else "the request"
    earlier = {*(context.facts.get("replaced") or ()), *(replaced(context) if request.replacement else ())}
    return {
        "fingerprint": key.fingerprint,
        "replaced": sorted(earlier - {"", key.fingerprint}),
        "key_made": request.made,
        "request_sent": f"{kind} is {sent}",
        "request_copied": copied.said,
        "sent_at": context.environment.now().isoformat(timespec="seconds"),
    }


def request_text(request: Request, key: OwnChoice, context: Context) -> str:
    """The text for the admin.

    Raises:
        OnboardError: the key is not in the keyring, or a value breaks the message's rules.
    """
    environment = context.environment
    binary = export_public_key(key.fingerprint, environment.gnupg_home, environment.variables)
    return SentRequest(
        project=str(context.facts["project"]),
        user=str(context.facts["user"]),
        public_key=base64.b64encode(binary).decode("ascii"),
        fingerprint=key.fingerprint,
        name=key.name,
        replacement=request.replacement,
        reason=request.reason.strip(),
    ).render()


def _places(request: Request, text: str, context: Context) -> list[Sentence]:
    """Put the request into the files that the person can send it from; gives these places."""
    environment, places = context.environment, list[Sentence]()
    if request.path.strip():
        own = partial(_is_own_request, context)
        saved = save_text(request.path, text, environment.home, replaces=own, whole=environment.sandbox)
        places.append(f"saved as {saved}")
    if mailed(text, f"request-{context.facts['user']}.txt", environment):
        places.append("in the sandbox's mailbox")
    return places


def _is_own_request(context: Context, path: Path) -> bool:
    """Whether a file has a request of this person for this project, whose place another one may take."""
    try:
        sent = open_request(read_text(path, MAX_REQUEST))
    except MessageError:
        return False
    return (sent.project, sent.user) == (context.facts["project"], context.facts["user"])


def observe(context: Context) -> Observation:
    """The key is still in the keyring, and a password can still be encrypted to it."""
    fingerprint = str(context.facts["fingerprint"])
    key = next((key for key in own_keys(context, lambda _: None) if key.fingerprint == fingerprint), None)
    if key is None:
        return Observation(Verdict.CHANGED, f"The key {fingerprint[-16:]} is no longer in your keyring.")
    if not key.accepted:
        sent = "request_sent" in context.facts
        keeping = "Keeps it: what was encrypted to it already may still open." if sent else ""
        words = f"Your key {fingerprint[-16:]}: {key.verdict.headline}."
        return Observation(Verdict.CHANGED, words, (fingerprint,), continuing=keeping)
    return AGREES


@dataclass(frozen=True, kw_only=True)
class OwnChoice(JudgedKey):
    """One of the person's keys; it may be used if a password can be encrypted to it and decrypted here.

    Attributes:
        user_id: its first user id, as "Jane Doe <jane@a.example>".
        mails: the mail addresses in its user ids, in lower case.
        replaced: whether the person sent another one in its place.
    """

    user_id: str
    mails: tuple[str, ...] = ()
    replaced: bool = False

    @property
    def name(self) -> str:
        """The person's name in the user id, or ""."""
        return self.user_id.partition("<")[0].strip() if "<" in self.user_id else ""


def own_keys(context: Context, report: Report) -> tuple[OwnChoice, ...]:
    """The person's keys with a secret half, good ones first, and what is wrong with the others.

    A replaced one comes after those that can take its place.

    Raises:
        OnboardError: the keyring cannot be read, or gpg is not installed.
    """
    report(Progress("Reading your PGP keys"))
    environment = context.environment
    found = [_choice(key, context) for key in list_secret_keys(environment.gnupg_home, environment.variables)]
    return tuple(sorted(found, key=lambda key: (not key.accepted, key.replaced, SEVERITY[key.verdict.kind])))


def _choice(key: OwnKey, context: Context) -> OwnChoice:
    details, now = key.details, context.environment.now()
    verdict, part = judge(details, None, now), details.encryption_part(now)
    if verdict.accepted and part is not None and part.key_id not in key.present:
        verdict = replace(
            verdict,
            kind=VerdictKind.REFUSED_BY_US,
            headline=Headline.HALF_ELSEWHERE,
            explanation="You couldn't decrypt on this computer what is encrypted to it.",
        )
    replaced = details.fingerprint in (context.facts.get("replaced") or ())
    if verdict.accepted and replaced:
        verdict = replace(
            verdict,
            headline="Replaced",
            explanation="It still opens older files; keep it for them.",
            warnings=("You chose another key in its place.", *verdict.warnings),
        )
    return OwnChoice(
        user_id=next((user_id.text for user_id in details.user_ids), "(no user id)"),
        mails=tuple(mail.casefold() for mail in details.mails),
        replaced=replaced,
        verdict=verdict,
        **contents_of(details, now),
    )


def own_key(fingerprint: str, context: Context, report: Report) -> OwnChoice:
    """The person's key of a fingerprint.

    Raises:
        OnboardError: it is not in their keyring, or the keyring cannot be read.
    """
    for key in own_keys(context, report):
        if key.fingerprint == fingerprint:
            return key
    raise OnboardError(
        "This key isn't on this computer",
        f"Your keyring has no secret key with the fingerprint {fingerprint}.",
        next="Choose another key, or make a new one.",
    )
