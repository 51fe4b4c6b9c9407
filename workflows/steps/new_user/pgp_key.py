"""The new user's PGP key: an existing or new one, and the request with its public half for the admin.

The first password arrives encrypted to this key. Users who lose it, or forget its passphrase, come back here
for a replacement.
"""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from workflows.core.files import is_there, read_text
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, enumerated, moment_text
from workflows.desktop.clipboard import ClipboardUnavailable, Copied
from workflows.gpg.keyring import (
    OwnKey,
    check_new_key,
    export_public_key,
    generate_key,
    list_secret_keys,
    revocation_certificate,
)
from workflows.gpg.many_keys import likeness
from workflows.gpg.verdict import SEVERITY, Headline, JudgedKey, VerdictKind, contents_of, judge
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.messages import rules
from workflows.messages.envelope import MessageError
from workflows.messages.file_names import request_file
from workflows.messages.handoff import handoff_from
from workflows.messages.request import Request as SentRequest, open_request
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import save_text, typed_path
from workflows.steps.shared.to_send import mailed

DEFAULT_YEARS = 2
MOST_YEARS = 10
MAX_REQUEST = 200_000


@dataclass(frozen=True)
class NewKey:
    """The parameters of a new key. The passphrase is entered twice; `make` drops both."""

    name: str
    email: str
    years: str
    passphrase: Secret = field(repr=False)
    again: Secret = field(repr=False)


@dataclass(frozen=True)
class Request:
    """The user's choices.

    Attributes:
        fingerprint: the chosen key's, "" if none is chosen.
        path: the file for the request, as typed; "" for none.
        made: whether the key was made here.
        replacement: whether it replaces an earlier key whose password can't be decrypted.
        reason: why it is replaced, or "".
    """

    fingerprint: str
    path: str
    made: bool = False
    replacement: bool = False
    reason: str = ""


def check_new(new: NewKey) -> list[Problem]:
    """Return the problems with a new key's parameters; fields as in `NewKey`."""
    years_good = new.years.isascii() and new.years.isdigit() and 1 <= int(new.years) <= MOST_YEARS
    problems = check_new_key(new.name, new.email, "2y", new.passphrase)
    if not years_good:
        problems.append(Problem(f"Enter a number of years from 1 to {MOST_YEARS}.", "years"))
    if new.passphrase.reveal() != new.again.reveal():
        both = "The two passphrases are different. Type both again."
        why = both if new.again.reveal() else "Repeat the passphrase in the field below."
        problems.append(Problem(why, "passphrase"))
    return problems


def make(new: NewKey, context: Context, report: Report) -> OwnChoice:
    """Make an RSA 4096 key with an encryption subkey, which takes seconds. Both passphrases are dropped.

    Raises:
        OnboardError: gpg couldn't make it.
        Cancelled: the user stopped it; no key is in the keyring then.
    """
    with new.passphrase, new.again:
        fingerprint = generate_key(
            new.name,
            new.email,
            f"{new.years}y",
            new.passphrase,
            gnupg_home=context.environment.gnupg_home,
            environment=context.environment.variables,
            progress=lambda _seconds: report(Progress("Creating an RSA 4096 key; this takes a few seconds")),
            cancelled=context.cancelled,
        )
    return own_key(fingerprint, context, report)


def revocation_notice(fingerprint: str, context: Context) -> Sentence:
    """Say where gpg put the revocation certificate of a key made here, and what to do with it."""
    environment = context.environment
    variables = {"HOME": str(environment.home), **environment.variables}
    path = revocation_certificate(fingerprint, environment.gnupg_home, variables)
    return (
        "gpg made a revocation certificate with your key. It is in this file:\n"
        f"{environment.readable(path if path.is_relative_to(environment.home) else path.resolve())}\n"
        "If you lose the key, or somebody steals it, use the file to revoke it. Remove the colon before the "
        "first dashes in the file, and run gpg --import with its path. Then publish the revoked key, and "
        "press “Replace my PGP key”.\n"
        "Keep the file away from this computer, for example on paper: anyone who has it can revoke your key."
    )


def default_path(context: Context) -> str:
    """Return the default path of a request."""
    return context.environment.in_home(request_file(str(context.facts.get("user") or "me")))


def validate(request: Request, context: Context) -> list[Problem]:
    """Require a key that can decrypt the password, a known project and a writable file."""
    conditions = (
        (not request.fingerprint, "Choose one of your keys, or create a new one.", "keys"),
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
                "Your password is encrypted to this key already; a new one would be too. Choose "
                "another key, or create a new one."
            ),
            "keys",
        ),
    )
    problems = [Problem(words, field) for broken, words, field in conditions if broken]
    return [*problems, *rules.prose(request.reason, "reason"), *_path_problems(request.path, context)]


def replaced(context: Context) -> frozenset[str]:
    """Return the keys that a replacement is for: the last request's and those of the handoff."""
    return frozenset({str(context.facts.get("fingerprint") or ""), *_unreadable(context)})


def _unreadable(context: Context) -> set[str]:
    """Return the keys that the handoff's passwords are encrypted to."""
    held = context.facts.get("handoff")
    identities = handoff_from(held).identities if held else ()
    return {identity.key_fingerprint for identity in identities if identity.encrypted}


def _path_problems(typed: str, context: Context) -> list[Problem]:
    """Return what would keep a file from being written, as far as it is known beforehand."""
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
    """Write the request, and put it where the user can send it from.

    Raises:
        OnboardError: the key can't be used, the file can't be written, or there is no way to get the request
            out of the program.
    """
    key = own_key(request.fingerprint, context, report)
    if not key.accepted:
        raise OnboardError(
            "Can't use this key",
            f"{key.verdict.headline}. {key.verdict.explanation}",
            next="Choose another key, or create a new one.",
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
            "You named no file, and iam-onboard can't tell whether it was copied.",
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
        "request_file": str(typed_path(request.path, context.environment.home))
        if request.path.strip()
        else "",
        "request_copied": copied.said,
        "sent_at": context.environment.now().isoformat(timespec="seconds"),
    }


def sent_text(context: Context) -> str:
    """Say where the sent request is, and when it was copied: the clipboard may hold something else now."""
    facts = context.facts
    copied, sent_at = (facts.get(name) for name in ("request_copied", "sent_at"))
    if not (copied and sent_at):
        return f"{facts['request_sent']}."
    when = moment_text(str(sent_at), context.environment.now())
    return f"{facts['request_sent']}. {when[:1].upper()}{when[1:]}: {copied}"


def missing_request(context: Context) -> str:
    """Return where the request was saved, if no file is there any more; else ""."""
    saved = str(context.facts.get("request_file") or "")
    with suppress(OnboardError):  # if its folder can't be entered, nobody knows
        if saved and not is_there(Path(saved)):
            return context.environment.readable(saved)
    return ""


def request_text(request: Request, key: OwnChoice, context: Context) -> str:
    """Return the text for the admin.

    Raises:
        OnboardError: the key isn't in the keyring, or a value breaks the message's rules.
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
    """Put the request into the files that the user can send it from; return these places."""
    environment, places = context.environment, list[Sentence]()
    if request.path.strip():
        own = partial(_is_own_request, context)
        saved = save_text(request.path, text, environment.home, replaces=own)
        places.append(f"saved as {saved}")
    if mailed(text, request_file(str(context.facts["user"])), environment):
        places.append("in the sandbox's mailbox")
    return places


def _is_own_request(context: Context, path: Path) -> bool:
    """Return whether a file holds this user's request for this project, so that it may be replaced."""
    try:
        sent = open_request(read_text(path, MAX_REQUEST))
    except MessageError:
        return False
    return (sent.project, sent.user) == (context.facts["project"], context.facts["user"])


def observe(context: Context) -> Observation:
    """Check that the key is in the keyring, and that a password can still be encrypted to it."""
    fingerprint = str(context.facts["fingerprint"])
    key = next((key for key in own_keys(context, lambda _: None) if key.fingerprint == fingerprint), None)
    if key is None:
        return Observation(Verdict.CHANGED, f"The key {fingerprint[-16:]} is no longer in your keyring.")
    if not key.accepted:
        sent = "request_sent" in context.facts
        keeping = "Keeps it; what is already encrypted to it may still open." if sent else ""
        words = f"Your key {fingerprint[-16:]}: {key.verdict.headline}."
        return Observation(Verdict.CHANGED, words, (fingerprint,), continuing=keeping)
    return AGREES


@dataclass(frozen=True, kw_only=True)
class OwnChoice(JudgedKey):
    """One of the user's keys, usable if a password can be encrypted to it and decrypted here.

    Attributes:
        user_id: its first user id, such as "Jane Doe <jane@a.example>".
        mails: the mail addresses in its user ids, in lower case.
        replaced: whether the user sent another key in its place.
        unlike: whether none of its user ids looks like the IAM user name.
    """

    user_id: str
    mails: tuple[str, ...] = ()
    replaced: bool = False
    unlike: bool = False

    @property
    def name(self) -> str:
        """The user's name in the user id, or ""."""
        return self.user_id.partition("<")[0].strip() if "<" in self.user_id else ""


def own_keys(context: Context, report: Report) -> tuple[OwnChoice, ...]:
    """Return the user's keys that have a secret half, usable ones first, and what is wrong with the others.

    Replaced keys come after their possible replacements.

    Raises:
        OnboardError: the keyring can't be read, or gpg isn't installed.
    """
    report(Progress("Reading your PGP keys"))
    environment = context.environment
    found = [_choice(key, context) for key in list_secret_keys(environment.gnupg_home, environment.variables)]

    def rank(key: OwnChoice) -> tuple[bool, bool, bool, int]:
        return not key.accepted, key.replaced, key.unlike, SEVERITY[key.verdict.kind]

    return tuple(sorted(found, key=rank))


def _choice(key: OwnKey, context: Context) -> OwnChoice:
    details, now = key.details, context.environment.now()
    verdict = judge(details, None, now)
    if verdict.accepted and not key.opens(now):
        verdict = replace(
            verdict,
            kind=VerdictKind.REFUSED_BY_US,
            headline=Headline.HALF_ELSEWHERE,
            explanation="You couldn't decrypt your password with it on this computer.",
        )
    replaced = details.fingerprint in (context.facts.get("replaced") or ())
    if verdict.accepted and replaced:
        verdict = replace(
            verdict,
            headline="Replaced",
            explanation="It still opens older files; keep it for them.",
            warnings=("You replaced it with another key.", *verdict.warnings),
        )
    user = str(context.facts.get("user") or "")
    unlike = not likeness(user, details)
    if verdict.accepted and unlike:
        unlikely = f"None of its user ids looks like {user}: is it yours?"
        verdict = replace(verdict, warnings=(*verdict.warnings, unlikely))
    return OwnChoice(
        user_id=next((user_id.text for user_id in details.user_ids), "(no user id)"),
        mails=tuple(mail.casefold() for mail in details.mails),
        replaced=replaced,
        unlike=unlike,
        verdict=verdict,
        **contents_of(details, now),
    )


def own_key(fingerprint: str, context: Context, report: Report) -> OwnChoice:
    """Return the user's key with a fingerprint.

    Raises:
        OnboardError: it isn't in their keyring, or the keyring can't be read.
    """
    for key in own_keys(context, report):
        if key.fingerprint == fingerprint:
            return key
    raise OnboardError(
        "This key isn't on this computer",
        f"Your keyring has no secret key with the fingerprint {fingerprint}.",
        next="Choose another key, or create a new one.",
    )
