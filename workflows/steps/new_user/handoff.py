"""The handoff on arrival: opened, and rejected if it is for somebody else, before anything uses it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial, reduce
from hashlib import sha256
from pathlib import Path

from workflows.core.files import is_there, read_text
from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError, Problem, Sentence, count, enumerated, joined, listed
from workflows.core.shapes import moment
from workflows.gpg.decrypt import BRING_THE_KEY, clean_ciphertext, is_for
from workflows.gpg.inspect import KeyDetails
from workflows.gpg.keyring import OwnKey, list_secret_keys
from workflows.machine.events import Choice, Facts, Observation, Verdict
from workflows.messages.file_names import handoff_file, reply_file
from workflows.messages.handoff import MAX_HANDOFF, Handoff, Identity, open_handoff
from workflows.profiles.write import profile_paths
from workflows.steps.shared.module import Context, Progress, Report, unless_refused
from workflows.steps.shared.own_identity import handoff_of
from workflows.steps.shared.paths import typed_path

_NEWER = "A newer handoff arrived after the one you accepted."
_NEWER_ELSEWHERE = (
    "A newer handoff arrived, but for a PGP key that isn't on this computer. Bring that key here, or "
    "ask for a replacement."
)
_CONTINUING = "You keep the accounts of the handoff that you accepted."
_EFFECTS = ("Use the new handoff", "Keep the old one")
_WITHOUT_READING = ("Read it first", "Keep the old one", "Use the new handoff")
_COUNTS = "Nothing changes here until you accept it."
_SIGNS_IN = {
    "account_id": "account id",
    "account_alias": "alias",
    "user": "user name",
    "sign_in_url": "sign-in page",
}
_LISTS = {
    "password_policy": "password policy",
    "mfa_required": "need for MFA",
    "mfa_names": "profile names",
    "access_key_id": "access key",
}
_LARGEST_CONFIG = 10_000_000
_MAX_REPLY = 4_000
"""Limit of an admin's reply in bytes: a few sentences and a fingerprint."""
_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):")


@dataclass(frozen=True)
class Request:
    """The handoff to read.

    Attributes:
        text: the pasted text.
        path: otherwise its file, as typed.
        shown: the message that the user was shown; no other one is accepted. "" before that.
    """

    text: str = ""
    path: str = ""
    shown: str = ""


class HandoffChanged(OnboardError):  # noqa: N818 - the name says what happened
    """The handoff isn't the one that the user was shown."""

    def __init__(self) -> None:
        super().__init__(
            "The handoff has changed",
            "The handoff you were asked about is gone.",
            next="Read the one that is there now, or ask your admin to send it again.",
        )


@dataclass(frozen=True)
class Arrival:
    """A usable handoff.

    Attributes:
        handoff: its contents, with what stays of the accepted one.
        came: its contents alone.
        source: the file that it came from, as a phrase; "" for a text.
        own_keys: for each identity that came, the user id of the user's key that it is encrypted to, or ""
            if nothing in it is encrypted.
        remarks: what the user should know, one sentence each.
        stays: the accounts whose password and access keys it leaves as they were.
        known: ids of the project's accounts that this computer knows.
        text: the message that it was read from.
    """

    handoff: Handoff
    came: Handoff
    source: str
    own_keys: tuple[str, ...]
    remarks: tuple[Sentence, ...]
    stays: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    text: str = ""


def mail_name(context: Context) -> str:
    """Return the name of the file that holds this user's handoff."""
    return handoff_file(str(context.facts.get("user", "")))


def arrived(context: Context) -> Path | None:
    """Return the newest handoff for this user since the last accepted one, or the request sent.

    It is in the downloads folder, or in the sandbox's mailbox.
    """
    path, written = _newest(context)
    return path if written >= _since(context) else None


def _since(context: Context) -> float:
    """Return when a handoff was last accepted, or the request sent (seconds since the epoch)."""
    moments = [context.facts.get(fact) for fact in ("sent_at", "accepted_at")]
    return max((datetime.fromisoformat(str(moment)).timestamp() for moment in moments if moment), default=0.0)


def _unread(context: Context) -> Iterator[Handoff]:
    """Yield the sandbox's handoffs for this user whose place another one took before they were read."""
    if (mail := context.environment.mail(mail_name(context))) is None:
        return
    written = {file: file.stat().st_mtime for file in mail.parent.glob(f"{mail.stem} (*){mail.suffix}")}
    for file in sorted(written, key=written.__getitem__, reverse=True):
        if written[file] >= _since(context):
            with suppress(OnboardError):  # it was for somebody else, or not one
                earlier = open_handoff(read_text(file, MAX_HANDOFF))
                _check_addressee(earlier, context)
                yield earlier


def earlier(context: Context) -> Path | None:
    """Return the newest handoff for this user if it is older than the request: it may be for the same key."""
    return None if arrived(context) else _newest(context)[0]


def reply(context: Context) -> list[str]:
    """Return the lines of the admin's reply to the last request, if the sandbox's mailbox has one.

    It says why the key can't be used, or that its fingerprint differs.
    """
    mail = context.environment.mail(reply_file(str(context.facts.get("user", ""))))
    with suppress(OSError, OnboardError):  # there is none, it went away again, or it is something else
        if mail and mail.stat().st_mtime >= _since(context):
            return read_text(mail, _MAX_REPLY).splitlines()
    return []


def _newest(context: Context) -> tuple[Path | None, float]:
    """Return the file of the last handoff for this user, and its time (seconds since the epoch)."""
    name, found = mail_name(context), list[tuple[float, Path]]()
    for path in filter(None, (context.environment.mail(name), context.environment.downloads / name)):
        with suppress(OSError):
            if path.is_file():
                found.append((path.stat().st_mtime, path))
    written, newest = max(found, default=(0.0, None))
    return newest, written


def read(request: Request, context: Context, report: Report) -> Arrival:
    """Open a handoff and check that it is for this user; nothing is decrypted.

    Raises:
        OnboardError: it can't be read, is damaged, or is for another person, project or key.
    """
    environment = context.environment
    report(Progress("Reading your PGP keys"))
    keys = list_secret_keys(environment.gnupg_home, environment.variables)
    report(Progress("Reading the handoff"))
    try:
        text, source = _text_and_source(request, context)
        handoff = open_handoff(text)
        _check_addressee(handoff, context)
        if _is_mail(request, context):
            handoff = reduce(partial(_with_unread, keys=keys), _unread(context), handoff)
        came, owners = handoff, [own_key(identity, keys) for identity in handoff.identities]
        remarks = tuple(_remarks(handoff, owners, context))
        if "handoff" in context.facts:
            handoff = _with_what_stays(handoff, handoff_of(context))
            _refuse_the_one_before(handoff, context)
            handoff = _with_those_left_out(handoff, handoff_of(context), keys)
            remarks += tuple(filter(None, [Changes.between(handoff_of(context), handoff).words]))
            if missing := left_out(handoff, context):
                them = "them" if len(missing) > 1 else "it"
                remarks += (f"It leaves out {enumerated(missing)}. Ask your admin if you still need {them}.",)
    except OnboardError as error:
        error.about("text" if request.text.strip() else "path")
        raise
    names = tuple(_user_id(key.details) if key else "" for key in owners)
    accepted = handoff_of(context) if "handoff" in context.facts else None
    known = known_accounts(handoff.project, environment.home, accepted)
    stays = tuple(each.account_name for each in came.identities if accepted and _only_roles(each))
    return Arrival(handoff, came, source, names, remarks, stays, known, text)


def asked_since(facts: Facts) -> bool:
    """Return whether a request was sent after the handoff was accepted, so that another one is due.

    Raises:
        WrongShape: one of the two times is invalid.
    """
    sent, accepted = (facts.get(fact) for fact in ("sent_at", "accepted_at"))
    return bool(sent and accepted) and moment(sent, "sent_at") > moment(accepted, "accepted_at")


def awaiting_password(context: Context) -> list[str]:
    """Return the accounts whose password is for a replaced PGP key: a new one is still to come."""
    if "handoff" not in context.facts:
        return []
    replaced = context.facts.get("replaced") or ()
    return [
        identity.account_name
        for identity in handoff_of(context).identities
        if identity.encrypted_password and identity.key_fingerprint in replaced
    ]


def _refuse_the_one_before(incoming: Handoff, context: Context) -> None:
    """Reject a handoff from before the accepted one, or that one if the user has since asked for another.

    Raises:
        OnboardError: it is such a handoff.
    """
    held = handoff_of(context).identities
    if old := _outdated(incoming, context):
        raise OnboardError(
            "You have accepted a newer handoff",
            f"That one has another password for {enumerated(old)}; the one in this handoff was replaced.",
            next="Keep the newer one, or ask your admin for another.",
        )
    if asked_since(context.facts) and all(identity in held for identity in incoming.identities):
        raise OnboardError(
            "You already have this handoff",
            "It was sent before your last request, so it isn't for the key in that request.",
            next="Wait for the next handoff from your admin.",
        )


def _outdated(incoming: Handoff, context: Context) -> list[str]:
    """Return the accounts whose password in a handoff was replaced by a later one that was accepted."""
    replaced: Collection[str] = context.facts.get("replaced_passwords") or ()
    return [
        identity.account_name
        for identity in incoming.identities
        if identity.encrypted_password and _digest(identity.encrypted_password) in replaced
    ]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _replaced_passwords(accepted: Handoff, context: Context) -> list[str]:
    """Return the digests of all encrypted passwords in accepted handoffs that later ones replaced."""
    before: Collection[str] = context.facts.get("replaced_passwords") or ()
    if "handoff" not in context.facts:
        return [*before]
    held = handoff_of(context)
    renewed = Changes.between(held, accepted).renewed
    old = [identity.encrypted_password for identity in held.identities if identity.account_name in renewed]
    return [*before, *(_digest(password) for password in old if password)]


def _with_what_stays(incoming: Handoff, held: Handoff) -> Handoff:
    """Add the password and access key of an earlier handoff where this one leaves them as they were."""
    before = {identity.account_name: identity for identity in held.identities}
    now = (
        identity.with_secrets_of(before.get(identity.account_name, identity))
        for identity in incoming.identities
    )
    return replace(incoming, identities=tuple(now))


def _with_unread(incoming: Handoff, unread: Handoff, keys: Sequence[OwnKey]) -> Handoff:
    """Add to a handoff what an unread one before it has and a key here still opens."""
    opened = tuple(identity for identity in unread.identities if _opens(identity, keys))
    return _with_those_left_out(_with_what_stays(incoming, replace(unread, identities=opened)), unread, keys)


def _with_those_left_out(incoming: Handoff, held: Handoff, keys: Sequence[OwnKey]) -> Handoff:
    """Add accounts of the previous handoff that this one omits and that a key here still opens."""
    now = {identity.account_name: identity for identity in incoming.identities}
    left_out = [old for old in held.identities if old.account_name not in now and _opens(old, keys)]
    taken = {profile.profile for old in left_out for profile in old.profiles}
    for name, identity in now.items():
        own = tuple(profile for profile in identity.profiles if profile.profile not in taken)
        now[name] = replace(identity, profiles=own)
    before = {old.account_name: old for old in held.identities if old in left_out or old.account_name in now}
    whole = replace(incoming, identities=tuple({**before, **now}.values()))
    return incoming if any(problem.fatal for problem in whole.problems()) else whole


def left_out(handoff: Handoff, context: Context) -> list[str]:
    """Return accounts of earlier handoffs that this one omits and that can't be kept."""
    before: list[str] = list(context.facts.get("left_out") or ())
    if "handoff" in context.facts:
        before += [identity.account_name for identity in handoff_of(context).identities]
    now = {identity.account_name for identity in handoff.identities}
    return [name for name in before if name not in now]


def _opens(identity: Identity, keys: Sequence[OwnKey]) -> bool:
    return not identity.encrypted or _owner(identity, keys) is not None


def _owner(identity: Identity, keys: Sequence[OwnKey]) -> OwnKey | None:
    with suppress(OnboardError):
        return own_key(identity, keys)
    return None


def known_accounts(project: str, home: Path, accepted: Handoff | None) -> frozenset[str]:
    """Return ids of a project's accounts that the user's profiles or an accepted handoff name.

    Raises:
        FileError: the profiles can't be read.
    """
    config = profile_paths(home, project).config
    text = read_text(config, _LARGEST_CONFIG) if is_there(config) else ""
    identities = accepted.identities if accepted else ()
    return frozenset(_ACCOUNT.findall(text)).union(
        (identity.account_id for identity in identities),
        (profile.account_id for identity in identities for profile in identity.profiles),
    )


def to_compare(handoff: Handoff, known: frozenset[str]) -> Sentence:
    """Say what to do about accounts that this computer doesn't know in the project; "" if there are none."""
    if not known:
        return "These accounts are new to this computer. Check their ids with your admin."
    accounts = {identity.account_id for identity in handoff.identities}
    accounts |= {profile.account_id for identity in handoff.identities for profile in identity.profiles}
    return "Check the ids that are new to this computer with your admin." if accounts - known else ""


def mark_of(account_id: str, known: frozenset[str]) -> str:
    """Return the suffix for an unknown account id, if any id is known; else "" (see `to_compare`)."""
    return "  ! new to this computer" if known and account_id not in known else ""


def _text_and_source(request: Request, context: Context) -> tuple[str, str]:
    if request.text.strip():
        return request.text, ""
    path = typed_path(request.path, context.environment.home)
    place = "the mailbox" if _is_mail(request, context) else context.environment.readable(path)
    return read_text(path, MAX_HANDOFF), place


def _is_mail(request: Request, context: Context) -> bool:
    """Return whether a handoff is the one in the sandbox's mailbox."""
    path = typed_path(request.path, context.environment.home)
    return not request.text.strip() and path == context.environment.mail(mail_name(context))


def _check_addressee(handoff: Handoff, context: Context) -> None:
    project, user = str(context.facts.get("project") or ""), str(context.facts["user"])
    if project and handoff.project != project:
        raise OnboardError(
            "A handoff for another project",
            f"It is for {handoff.project}, but you are joining {project}.",
            next="Ask your admin for the right one, or correct the project in Before you start.",
        )
    users = {identity.user for identity in handoff.identities}
    strangers = {identity.user for identity in handoff.identities if identity.encrypted_password} - {user}
    if strangers or user not in users:
        raise OnboardError(
            "A handoff for another user",
            f"It is for {', '.join(sorted(strangers or users))}, and you are {user}.",
            why="It went to the wrong person, or your user name is spelled differently here.",
            next="Ask your admin, or correct the user name in Before you start.",
        )
    names = [identity.account_name for identity in handoff.identities]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OnboardError(
            "An account is listed twice",
            f"It has more than one user in {', '.join(twice)}, but iam-onboard sets up only one per account.",
            next="Ask your admin for a handoff for each user.",
        )


def own_key(identity: Identity, keys: Sequence[OwnKey]) -> OwnKey | None:
    """Return the user's key that all of an identity's secrets are encrypted to; None if it has none.

    Raises:
        OnboardError: the named key isn't here, or the secrets aren't encrypted to it.
        NotAMessage: a secret isn't an encrypted message.
    """
    if not identity.encrypted:
        return None
    for key in keys:
        named = any(part.fingerprint == identity.key_fingerprint for part in key.details.parts)
        if named and all(is_for(clean_ciphertext(text), key.details) for text in identity.encrypted):
            return key
        if named:
            raise OnboardError(
                "The password doesn't match its key",
                f"The handoff says that the password of {identity.account_name} is for your key "
                f"{grouped(identity.key_fingerprint)}, but it is encrypted to another one.",
                why="Your admin's project has a different key for you, or mixed two up.",
                next="Ask your admin to check your key file and to send a new handoff.",
            )
    raise OnboardError(
        "This handoff is for another key",
        f"The password of {identity.account_name} is for the key {grouped(identity.key_fingerprint)}, "
        "which isn't on this computer.",
        why="It may be somebody else's handoff, or the key is on another computer or was deleted.",
        next=f"{BRING_THE_KEY} Lost the key? Press “Replace my PGP key”.",
    )


def _only_roles(identity: Identity) -> bool:
    """Return whether an identity that signs in gets no password or access key."""
    return bool(identity.sign_in_url) and not identity.encrypted


def _user_id(details: KeyDetails) -> str:
    return next((user_id.text for user_id in details.user_ids), details.fingerprint[-16:])


def _remarks(handoff: Handoff, owners: Sequence[OwnKey | None], context: Context) -> Iterator[Sentence]:
    asked = context.facts.get("fingerprint")
    for identity, key in zip(handoff.identities, owners, strict=True):
        if _only_roles(identity):
            if "handoff" not in context.facts:
                yield (
                    f"{identity.account_name}: it brings no password. If you haven't chosen your own yet, "
                    "read the handoff before this one first."
                )
        elif key is None:
            yield f"{identity.account_name}: nothing in it is encrypted, so it brings no password."
        elif asked and key.details.fingerprint != asked:
            yield (
                f"{identity.account_name}: encrypted to a different key of yours than the one you sent "
                f"(…{key.details.fingerprint[-8:]}, not …{str(asked)[-8:]}). If you can no longer use "
                "that key, wait for another handoff."
            )


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require a text or a path."""
    if request.text.strip() or request.path.strip():
        return []
    return [Problem("Paste the whole message with the handoff, or enter the path of its file.", "text")]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Read the handoff again and keep it; nothing in it is secret.

    Raises:
        HandoffChanged: it differs from the one that was shown.
        OnboardError: as `read`.
    """
    arrival = read(request, context, report)
    if request.shown not in {"", arrival.text}:
        raise HandoffChanged
    handoff = arrival.handoff
    return {
        "handoff": handoff.payload(),
        "identities": [identity.account_name for identity in handoff.identities],
        "accepted_at": context.environment.now().isoformat(timespec="seconds"),
        "replaced_passwords": _replaced_passwords(handoff, context),
        **({"left_out": missing} if (missing := left_out(handoff, context)) else {}),
    }


def observe(context: Context) -> Observation:
    """Check that no other handoff came for this user, and that the keys for this one are still here."""
    environment = context.environment
    keys = list_secret_keys(environment.gnupg_home, environment.variables)
    if newer := _newer(context):
        return _of_newer(*newer, keys, context)
    identities = handoff_of(context).identities
    return unless_refused(lambda: [own_key(identity, keys) for identity in identities])


@dataclass(frozen=True)
class Changes:
    """How another handoff differs from the accepted one.

    Attributes:
        added: accounts that it adds.
        renewed: accounts whose password it replaces.
        moved: changes of who signs in where, one sentence each.
        besides: other changes, one sentence each.
        staying: accounts of the accepted handoff that it leaves alone.
    """

    added: tuple[str, ...]
    renewed: tuple[str, ...]
    moved: tuple[Sentence, ...]
    besides: tuple[Sentence, ...]
    staying: tuple[str, ...]

    @classmethod
    def between(cls, held: Handoff, incoming: Handoff) -> Changes:
        """Compare the accounts that the incoming handoff has."""
        before = {identity.account_name: identity for identity in held.identities}
        pairs = [(before.get(now.account_name), now) for now in incoming.identities]
        both = [(old, now.with_secrets_of(old)) for old, now in pairs if old is not None]
        return cls(
            tuple(now.account_name for old, now in pairs if old is None),
            tuple(
                now.account_name
                for old, now in both
                if now.encrypted_password not in {None, "", old.encrypted_password}
            ),
            tuple(sentence for old, now in both for sentence in _changed_values(old, now, _SIGNS_IN)),
            tuple(
                sentence
                for old, now in both
                for sentence in (
                    *_changed_values(old, now, {"region": "region"}),
                    *_changed_profiles(old, now),
                    _changed_lists(old, now),
                )
                if sentence
            ),
            tuple(sorted(before.keys() - {now.account_name for old, now in both if now != old})),
        )

    @property
    def to_compare(self) -> bool:
        """Whether the user must check it before use, because it changes where or as whom they sign in."""
        return bool(self.added or self.moved)

    @property
    def words(self) -> Sentence:
        """The changes as sentences; "" if there are none."""
        renewed = enumerated(self.renewed)
        changes = joined(
            (
                f"It adds {enumerated(self.added)}." if self.added else "",
                f"It has a new password for {renewed}. Your old password no longer works there."
                if self.renewed
                else "",
                *self.moved,
                *self.besides,
                "Ask your admin if that's right." if self.moved else "",
            )
        )
        others = "Your other accounts stay." if self.staying else ""
        return joined((changes, others, _COUNTS)) if changes else ""


def _changed_values(old: Identity, now: Identity, named: Mapping[str, str]) -> Iterator[Sentence]:
    for name, noun in named.items():
        before, after = (getattr(identity, name) or "none" for identity in (old, now))
        if before != after:
            yield f"The {noun} of {now.account_name} changes from {before} to {after}."


def _changed_profiles(old: Identity, now: Identity) -> Iterator[Sentence]:
    before, after = (
        {profile.profile: replace(profile, extra={}) for profile in each.profiles} for each in (old, now)
    )
    for verb, names in (
        ("adds", [name for name in after if name not in before]),
        ("leaves out", [name for name in before if name not in after]),
        ("changes", [name for name, profile in after.items() if before.get(name, profile) != profile]),
    ):
        if names:
            yield f"It {verb} {count(len(names), 'profile')} of {now.account_name}: {listed(names, 2)}."
        if names and verb == "leaves out":
            yield f"Profiles offers to remove {'them' if names[1:] else 'it'}."


def _changed_lists(old: Identity, now: Identity) -> Sentence:
    nouns = [noun for name, noun in _LISTS.items() if getattr(old, name) != getattr(now, name)]
    return f"It changes the {enumerated(nouns)} of {now.account_name}." if nouns else ""


def _newer(context: Context) -> tuple[str, Handoff] | None:
    """Return a handoff for this user that came after the accepted one, with its text; None without one."""
    path = arrived(context) if "accepted_at" in context.facts else None
    if path is None:
        return None
    with suppress(OnboardError):  # then it is no handoff, or somebody else's; reading it reports which
        text = read_text(path, MAX_HANDOFF)
        handoff = open_handoff(text)
        _check_addressee(handoff, context)
        held = handoff_of(context)
        whole = _with_what_stays(handoff, held)
        news = any(identity not in held.identities for identity in whole.identities)
        if news and not _outdated(handoff, context):
            return text, handoff
    return None


def _of_newer(text: str, handoff: Handoff, keys: Sequence[OwnKey], context: Context) -> Observation:
    """Return the observation for a newer handoff; if no key here opens it, the accepted one may stay."""
    held, digest = handoff_of(context), _digest(text)
    changes = Changes.between(held, handoff)
    if not all(_opens(identity, keys) for identity in handoff.identities):
        return Observation(
            Verdict.CHANGED,
            _NEWER_ELSEWHERE,
            (digest, "for a key that isn't here"),
            continuing=_CONTINUING,
            redoing=changes.words,
            effects=_EFFECTS,
            likely=Choice.CONTINUE,
        )
    known = known_accounts(handoff.project, context.environment.home, held)
    compares = changes.to_compare or bool(to_compare(handoff, known))
    return Observation(
        Verdict.CHANGED,
        _NEWER,
        (digest,),
        continuing="" if changes.renewed else _CONTINUING,
        accepting="" if compares else changes.words or joined(("Your accounts stay.", _COUNTS)),
        redoing=changes.words if compares else "Shows its accounts, and asks whether they are yours.",
        effects=_EFFECTS if compares else _WITHOUT_READING,
        likely=Choice.REDO if compares else Choice.ACCEPT,
    )


def renewed(context: Context) -> tuple[str, ...]:
    """Return the accounts whose password a handoff newer than the accepted one replaces."""
    newer = _newer(context)
    return Changes.between(handoff_of(context), newer[1]).renewed if newer else ()


def accept(shown: Observation, context: Context, report: Report) -> Facts:
    """Accept the newer handoff that the user was asked about, and no other.

    Raises:
        HandoffChanged: it is gone, or now needs comparing.
        OnboardError: as `read`.
    """
    environment, newer = context.environment, _newer(context)
    if newer:
        keys = list_secret_keys(environment.gnupg_home, environment.variables)
        now = _of_newer(*newer, keys, context)
        if now.identity == shown.identity and now.accepting:
            return perform(Request(text=newer[0]), context, report)
    raise HandoffChanged
