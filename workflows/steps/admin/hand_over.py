"""The hand-over: one text per person with all their new credentials, encrypted to their key.

The passwords are read from the state, where they are encrypted, so no output has to be exposed. A person gets
one text covering all applied accounts, so the last layer's text holds every identity.

Only what this session made is sent, since the state also holds passwords that people changed long ago. Where
the state names no role that anybody may assume, the text guesses the roles that such projects have by
convention; the admin sees that and may leave them out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from workflows.aws.iam import (
    Arrival,
    arrival,
    describe_password_policy,
    find_user,
    password_made_at,
)
from workflows.core.grouping import by_key
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError, Problem, Sentence, joined, listed
from workflows.core.shapes import moment, plain
from workflows.gpg.decrypt import NotAMessage, clean_ciphertext, is_for
from workflows.gpg.inspect import KeyDetails, inspect_key
from workflows.gpg.normalise import normalise
from workflows.layer.mentioned import account_profile
from workflows.layer.model import Layer, Project
from workflows.layer.read.findings import mfa_denials
from workflows.layer.read.layer import read_layer
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, Verdict, waits_in_words
from workflows.machine.summaries import Summary
from workflows.messages.file_names import handoff_file
from workflows.messages.handoff import (
    ACCESS,
    NEW_CREDENTIALS,
    NEW_KEY,
    NEW_PASSWORD,
    NEW_ROLES,
    Handoff,
    Identity,
    is_handoff_for,
    reminder,
    sign_in_url,
)
from workflows.steps.admin import new_passwords, state_now
from workflows.steps.admin.accepted_plan import (
    ACCESS_KEY,
    BOTH,
    PASSWORD,
    HandedOver,
    RoleChange,
    Sent,
    accounts_of_text,
    made_in,
    marks_in,
    marks_so_far,
    may_get_something,
    parts_of,
    passwords_of,
    people_of,
    rekeyed_in_plan,
)
from workflows.steps.admin.judged_plan import rejected_elsewhere
from workflows.steps.admin.other_sessions import (
    LeftOpen,
    by_account,
    decided_elsewhere,
    keys_of_later_sessions,
    ledger_with,
    left_open_about,
    left_open_sentences,
    other_keys_since,
    rekeyed_before_apply,
)
from workflows.steps.admin.suspect_keys import suspicions
from workflows.steps.admin.terraform_runs import OpenLayer, iam_client, located, open_layer, read_state
from workflows.steps.decisions import Comparison
from workflows.steps.kinds import work_of
from workflows.steps.ledger import Part, siblings, to_hand_over
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import save_text, set_aside
from workflows.steps.shared.role_profiles import conventional_profiles, role_profiles
from workflows.steps.shared.to_send import ToSend, copied, hand_out, mailed
from workflows.terraform.state import AccessKey, State

_POLICY_DEFAULTS: Mapping[str, object] = {
    "minimum_password_length": 8,
    "require_lowercase_characters": True,
    "require_uppercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
}
"""The defaults of terraform-aws-iam's module iam-account (its variables.tf, 5.60)."""


_DENIED = (
    "A policy may deny the new password until you use MFA. If AWS denies it, ask your admin to exempt "
    "iam:ChangePassword from that policy, then sign in again"
)


def occasion_of(name: str, context: Context, handed: Iterable[Identity] = ()) -> str:
    """Return why a person gets a text: one of a handoff's occasions; `handed` is its contents, if known."""
    layers = [context.decisions.of(account) for account in context.decisions.layers]
    if any(name in here.add for here in layers):
        return ACCESS
    if any(name in here.new_keys for here in layers):
        return NEW_KEY
    if name in context.decisions.resetting:
        return NEW_PASSWORD
    here = (account for account in context.decisions.layers if name in people_of(account, context))
    if any(parts_of(name, account, context) for account in here):
        return NEW_CREDENTIALS
    return ACCESS if any(each.encrypted for each in handed) else NEW_ROLES  # with an unopened password


class PlanAgain(OnboardError):  # noqa: N818 - the name says what helps
    """Something to hand over is missing or useless, and another plan and apply make it."""


class NotForThisKey(PlanAgain):
    """Something in the state isn't encrypted to the expected key."""


@dataclass(frozen=True)
class Source:
    """The data for people's identities in one account.

    Attributes:
        project: the project.
        layer: the layer's files, read.
        state: the contents of its state.
        outdated: why AWS makes a person's entry in the state useless, by IAM name.
        elsewhere: what a later session did for a person instead, by IAM name.
        unopened: people whose first password is still the one-time one, though their roles change.
    """

    project: Project
    layer: Layer
    state: State
    outdated: Mapping[str, OnboardError] = field(default_factory=dict)
    elsewhere: Mapping[str, Sentence] = field(default_factory=dict)
    unopened: Collection[str] = ()


@dataclass(frozen=True)
class PersonHandoff:
    """A person's text, or why there is none.

    Attributes:
        name: the IAM user.
        text: the whole message, "" if there is none.
        accounts: the accounts whose identities are in it.
        trouble: why something is missing, one sentence each.
        plain: the message without roles guessed by convention; the same if there are none.
        conventional: accounts whose state names no role, so that `text` has the usual ones.
        waiting: later accounts in which something for the decided key is still to be made.
        absent: later accounts whose layer doesn't have the user, so that nothing is reset there.
        elsewhere: what later sessions did instead, so that nothing is missing here; one sentence each.
        to_plan: accounts that need another plan and apply to make what is missing.
        doubts: why the text may be for a key that is lost or not theirs, one sentence each.
        rejected: whether the key isn't theirs, so that only another one makes something to send.
        without: why the text lacks a password that its owner hasn't used yet, one sentence each.
    """

    name: str
    text: str
    accounts: tuple[str, ...]
    trouble: tuple[Sentence, ...] = ()
    plain: str = ""
    conventional: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    elsewhere: tuple[Sentence, ...] = ()
    to_plan: tuple[str, ...] = ()
    doubts: tuple[Sentence, ...] = ()
    rejected: bool = False
    without: tuple[Sentence, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether later sessions left nothing to send from here."""
        return bool(self.elsewhere) and not (self.text or self.trouble or self.waiting)

    @property
    def void(self) -> bool:
        """Whether there is no text, and a copy that was sent earlier is of no use."""
        return bool(self.trouble) and not self.text

    def without_conventional(self) -> PersonHandoff:
        """Return the handoff with the plain text."""
        return replace(self, text=self.plain) if self.conventional else self


def person_handoff(
    name: str, sources: Mapping[str, Source], troubles: Iterable[Sentence], context: Context
) -> PersonHandoff:
    """Make a person's text; there is none if earlier accounts' texts have sent everything in it.

    Args:
        sources: what was read of the applied accounts, by account.
        troubles: why other accounts are missing, one sentence each.
    """
    identities: list[Identity] = []
    waiting: list[str] = []
    to_plan: list[str] = []
    trouble: list[Sentence] = list(troubles)
    elsewhere: list[Sentence] = []
    without: list[Sentence] = []
    layers = context.decisions.layers
    later = layers[layers.index(context.item) + 1 :] if context.item in layers else ()
    for account, source in sources.items():
        if name not in people_of(account, context):
            continue
        if did := source.elsewhere.get(name):
            elsewhere.append(f"{account}: {did}")
            continue
        try:
            handed, lacks = _identity_of(name, account, source, context)
            identities.append(handed)
            without += [f"{account}: {lacks}"] if lacks else []
        except OnboardError as error:
            if isinstance(error, NotForThisKey) and account in later and name in context.decisions.rekeying:
                waiting.append(account)
                continue
            trouble.append(joined((f"{account}: {error.what}", error.next)))
            to_plan += [account] if isinstance(error, PlanAgain) else []
    made = partial(
        PersonHandoff,
        name,
        waiting=tuple(waiting),
        absent=tuple(_absent_later(name, context)),
        elsewhere=tuple(elsewhere),
        to_plan=tuple(to_plan),
        rejected=name in context.decisions.rejected,
    )
    accounts = tuple(handed.account_name for handed in identities)
    if {*accounts} <= sent_before(name, context):
        return made("", (), tuple(trouble))
    try:
        whole = [_with_usual_roles(handed, sources[handed.account_name]) for handed in identities]
        project, occasion = str(context.facts["project"]), occasion_of(name, context, identities)
        gone = {account: _profiles_gone(name, account, sources[account], context) for account in accounts}
        text, plain = (
            Handoff(project, _each_profile_once(given), occasion=occasion, gone=gone).render()
            for given in (whole, identities)
        )
    except OnboardError as error:
        return made("", (), (*trouble, joined((error.what, error.detail))))
    usual = tuple(
        new.account_name for new, old in zip(whole, identities, strict=True) if new.profiles != old.profiles
    )
    fingerprint = next(filter(None, (handed.key_fingerprint for handed in identities)), "")  # roles need none
    part, keys = (name, fingerprint), context.decisions.keys
    left = _left_open(part, context)
    doubts = tuple(left_open_sentences({part: left})) if left else ()
    if left and left.answer is Comparison.DIFFERS:
        return made("", (), (*trouble, *doubts), rejected=True)
    if name in keys:
        doubts = tuple(other_keys_since({name: keys[name].fingerprint}, keys_of_later_sessions(context)))
    return made(text, accounts, tuple(trouble), plain, usual, doubts=doubts, without=tuple(without))


def _profiles_gone(name: str, account: str, source: Source, context: Context) -> tuple[str, ...]:
    """Return a person's profiles that stop working by an account's plan."""
    change = made_in(account, context).roles.get(name, RoleChange())
    return tuple(
        account_profile(source.project, where, role)
        for role, accounts in change.went.items()
        for where in accounts
    )


def _absent_later(name: str, context: Context) -> Iterator[str]:
    """Yield the later accounts in which nobody can reset somebody's password: their layer lacks the user."""
    if name in context.decisions.resetting:
        for account in later_layers((name,), context):
            with suppress(OnboardError):  # that account's plan reports it
                if read_layer(located(context, account)[1]).person(name) is None:
                    yield account


def _left_open(part: tuple[str, str], context: Context) -> LeftOpen | None:
    """Return what others leave open about a person's key, as (name, fingerprint)."""
    name, fingerprint = part
    if name in context.decisions.compared:
        return None
    left = left_open_about({name: fingerprint}, context, decided_elsewhere(context)).get(part)
    return None if left and left.whose and name in context.decisions.keys else left


def sent_before(name: str, context: Context) -> set[str]:
    """Return the accounts that the texts sent to a person from earlier accounts cover."""
    layers = context.decisions.layers
    before = layers[: layers.index(context.item)] if context.item in layers else ()
    sent = (account for account in before if marks_in(account, context).get(name, Sent()).sent_at)
    return {covered for account in sent for covered in accounts_of_text(account, context)}


def _identity_of(name: str, account: str, source: Source, context: Context) -> tuple[Identity, Sentence]:
    """Return a person's identity in an account, for the decided key, and why it lacks an unopened password.

    Raises:
        PlanAgain: their credentials are missing or useless.
        OnboardError: something else prevents the hand-over.
    """
    unchanged = new_passwords.unchanged(source.state, context, account)
    if name in unchanged:
        raise PlanAgain("Nothing new", f"{unchanged[name]}.", next=_AGAIN)
    if name in source.outdated:
        raise source.outdated[name]
    parts = parts_of(name, account, context)
    if (parts or name in source.unopened) and name in context.decisions.rejected:
        raise OnboardError("Not their key", "you said that this PGP key isn't theirs.", next=_REPLACE)
    if name in source.unopened:  # their first text may be unread, and this one replaces it
        try:
            return identity(source, name, _details(name, source, context), frozenset({PASSWORD})), ""
        except OnboardError as error:
            lacks = joined((error.what, _LEFT_OUT, _RESET))
            return identity(source, name, None, parts), lacks
    return identity(source, name, _details(name, source, context) if parts else None, parts), ""


def _details(name: str, source: Source, context: Context) -> KeyDetails:
    """Return what is known of the key that a person's secrets must be encrypted to."""
    key = normalise(_key_text(name, source, context)).binary
    return inspect_key(key, environment=context.environment.variables)


def _with_usual_roles(handed: Identity, source: Source) -> Identity:
    """Add the conventional profiles to the identity if the account's state names no role at all."""
    if not handed.encrypted_password or source.state.group_roles:
        return handed
    return replace(handed, profiles=conventional_profiles(source.project, handed.account_name))


def _each_profile_once(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """Return the identities, each profile kept only in the first that has it."""
    each = [(handed, profile) for handed in identities for profile in handed.profiles]
    first = {profile.profile: handed.account_name for handed, profile in reversed(each)}
    return tuple(
        replace(
            handed,
            profiles=tuple(own for own in handed.profiles if first[own.profile] == handed.account_name),
        )
        for handed in identities
    )


def _key_text(name: str, source: Source, context: Context) -> str:
    """Return the key that a person's secrets must be encrypted to: the decided one, else the layer's."""
    if name in context.decisions.keys:
        return context.decisions.keys[name].text
    if (data := source.layer.key_of(name)) is not None:
        return data.decode("utf-8", "replace")
    if source.layer.person(name) is None and name not in source.state.users:
        raise OnboardError(
            "No user of that name",
            f"Neither the layer nor its state has a user {name}.",
            next="Check the spelling.",
        )
    raise OnboardError(
        "No key to compare with",
        f"The layer has no key file for {name}.",
        next="Add it in keys/, and plan again.",
    )


def identity(source: Source, name: str, details: KeyDetails | None, parts: frozenset[str] = BOTH) -> Identity:
    """Return one person's identity in one account, for a handoff.

    Args:
        source: the account's layer and state.
        details: of the key that everything must be encrypted to; None if nothing is.
        parts: what to hand over, of `PASSWORD` and `ACCESS_KEY`; none for other roles.

    Raises:
        NotForThisKey: a password or secret is unencrypted, or encrypted to another key.
        OnboardError: the state lacks the person, or anything to hand over.
    """
    state, account = source.state, source.layer.location.account
    if name not in state.users:
        raise PlanAgain(
            "Not in the state",
            f"The state of {account} has no user {name}.",
            next="Check that the apply succeeded; plan again to see what is left.",
        )
    password = _password(state, name, details) if details and PASSWORD in parts else None
    key = _access_key(state, name, details) if details and ACCESS_KEY in parts else None
    if parts and password is None and key is None:
        raise OnboardError(
            "Nothing to hand over",
            f"The state of {account} has no {' and no '.join(sorted(parts))} of {name}.",
            next="Check the layer: create_iam_user_login_profile has to be true for people.",
        )
    signs_in = bool(password) or (not parts and name in state.login_profiles)
    partition = state.partition or "aws"
    account_id = state.account_id or source.layer.location.account_id or ""
    return Identity(
        account_name=account,
        account_alias=state.account_alias,
        account_id=account_id,
        user=name,
        sign_in_url=sign_in_url(state.account_alias or account_id, partition) if signs_in else "",
        encrypted_password=password,
        key_fingerprint=details.fingerprint if details else "",
        region=source.project.region_of(account),
        partition=partition,
        mfa_required=signs_in,
        password_policy=policy_words(source.layer) if signs_in else (),
        profiles=role_profiles(source.project, state.roles_of(name), account_id),
        access_key_id=key.access_key_id if key else None,
        encrypted_secret=_one_line(key.encrypted_secret) if key else None,
        mfa_names=source.project.mfa_enabled,
    )


def _password(state: State, name: str, details: KeyDetails) -> str | None:
    if (profile := state.login_profiles.get(name)) is None:
        return None
    _check(profile.encrypted_password, details, f"The console password of {name}", clear=profile.clear)
    return _one_line(profile.encrypted_password)


def _access_key(state: State, name: str, details: KeyDetails) -> AccessKey | None:
    keys = [key for key in state.access_keys.get(name, ()) if key.status != "Inactive"]
    if not keys:
        return None
    key = keys[-1]
    _check(key.encrypted_secret, details, f"The secret access key of {name}", clear=key.clear)
    return key


def _check(ciphertext: str, details: KeyDetails, what: str, *, clear: bool) -> None:
    """Reject a secret that the owner of the key can't decrypt.

    Raises:
        NotForThisKey: it is unencrypted, empty, no message, or for another key.
    """
    if clear:
        raise NotForThisKey(
            "An unencrypted secret",
            f"{what} is in the state unencrypted: it was created without a PGP key.",
            why="Anyone who can read the state can read it, so iam-onboard doesn't hand it over.",
            next="Add a key file for the user to the layer, and plan again to replace it.",
        )
    try:
        meant = bool(ciphertext) and is_for(clean_ciphertext(ciphertext), details)
    except NotAMessage as error:
        raise NotForThisKey("Not an encrypted text", f"{what} in the state: {error.what}") from error
    if not meant:
        raise NotForThisKey(
            "Not for this key",
            f"{what} in the state isn't encrypted to the key {grouped(details.fingerprint)}.",
            why="It was created for another key, perhaps before the key file was replaced.",
            next="Plan again: a changed key file creates a new password.",
        )


def _one_line(base64_text: str) -> str:
    return "".join(base64_text.split())


def policy_words(layer: Layer) -> tuple[str, ...]:
    """Describe the account's password policy from the layer; AWS's default if it makes none."""
    settings = layer.account
    denied = (_DENIED,) if mfa_denials(layer.files) else ()
    if settings is None:
        return denied
    values: dict[str, object] = {
        **_POLICY_DEFAULTS,
        **{setting.name: setting.value for setting in settings.policy},
    }
    made = values.get("create_account_password_policy") is not False
    return (*describe_password_policy(values if made else {}), *denied)


_MOST_NAMED = 3
_CLOCKS_DIFFER = timedelta(minutes=5)
_AGAIN = "Plan and apply again."
_REPLACE = "Get their own key, and replace it (n)."
_LEFT_OUT = "This text goes without it."
_RESET = "Reset it with “Reset a password” on Home."
"""The advice if somebody made a password by hand, since another plan would find nothing to do."""
_GONE = {
    Arrival.NO_USER: "the user {}",
    Arrival.NO_PASSWORD: "a console password for {}",
    Arrival.OTHER_PASSWORD: "the password that was made for {}",
}
_ONE_TIME = {Arrival.AWAY, Arrival.MUST_CHOOSE}
_WAITS = {
    Arrival.AWAY: "Not signed in yet",
    Arrival.MUST_CHOOSE: "Signed in without choosing a password yet",
    Arrival.UNSEEN: "No longer the one-time password, but AWS shows no sign-in yet",
    Arrival.NO_MFA: state_now.NO_MFA_YET,
}
"""What we wait for after sending somebody a password."""


@dataclass(frozen=True)
class Request:
    """The person's decisions: what was sent to whom.

    Attributes:
        people: each person's mark.
        nothing: why there is nothing to send now, by person, from AWS and the state.
        skippable: whether the page offers to skip the step.
    """

    people: Mapping[str, Sent]
    nothing: Mapping[str, Sentence] = field(default_factory=dict)
    skippable: bool = True


def of_no_use(handoffs: Iterable[PersonHandoff]) -> Observation | None:
    """Return the contradiction of texts that were sent and that nobody can use any more; None without one."""
    void = [each for each in handoffs if each.void]
    why = by_key((joined(each.trouble), each.name) for each in void)
    words = joined(f"{listed(names, _MOST_NAMED)}: {what}" for what, names in why.items())
    rejected = any(each.rejected for each in void)
    return _lost(words, (each.name for each in void), rejected=rejected) if void else None


def _lost(words: Sentence, names: Iterable[str], *, rejected: bool = False) -> Observation:
    """Return that texts are of no use; a text for a key that isn't its owner's can't be left as it is."""
    continuing = "" if rejected else "Leaves it as it is: this was intended."
    return Observation(Verdict.GONE, words, tuple(names), continuing, here=rejected)


def _undone_elsewhere(context: Context) -> Observation | None:
    """Say that other sessions undid what was done here, or rejected the key of a sent text; else None."""
    if reverted := state_now.reverted_since(context, context.item):
        return reverted
    sent = [name for name, mark in marks_in(context.item, context).items() if mark.sent_at]
    wrong = rejected_elsewhere(sent, context)
    words, names = joined(left_open_sentences(wrong)), (name for name, _ in wrong)
    return _lost(words, names, rejected=True) if wrong else None


def later_layers(names: Iterable[str], context: Context) -> tuple[str, ...]:
    """Return later layers that are still to be applied for some of these people."""
    layers, mine = context.decisions.layers, [*names]
    rest = layers[layers.index(context.item) + 1 :]
    open_ = (name for name in rest if name not in context.of_each_item("applied"))
    return tuple(name for name in open_ if may_get_something(mine, name, context))


def prepare(
    context: Context,
    report: Report,
    code: Secret | None = None,
    other_codes: Mapping[str, Secret | None] | None = None,
) -> tuple[PersonHandoff, ...]:
    """Prepare the text of everybody who got something in this account.

    Args:
        code: an MFA code, if the layer's profile needs one.
        other_codes: codes for the layers of other accounts, by account.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: this layer's state, or AWS's current data, can't be read.
    """
    people = people_of(context.item, context)
    if not people:
        return ()
    codes = {**(other_codes or {}), context.item: code}
    sources: dict[str, Source] = {}
    troubles: list[str] = []
    for account in context.decisions.layers:
        if account not in context.of_each_item("applied") or not {*people} & {*people_of(account, context)}:
            continue
        context.raise_if_cancelled()
        try:
            sources[account] = _source(context, report, account, codes.get(account))
        except Cancelled:
            raise
        except OnboardError as error:
            if account == context.item:
                raise
            troubles.append(f"{account} is left out, because its state couldn't be read: {error.what}")
    report(Progress("Checking what is encrypted to whom"))
    return _with_suspicions([person_handoff(name, sources, troubles, context) for name in people], context)


def _with_suspicions(handoffs: Sequence[PersonHandoff], context: Context) -> tuple[PersonHandoff, ...]:
    """Add what speaks against the keys of the texts."""
    found, others = dict[str, list[Sentence]](), decided_elsewhere(context)
    for account, names in by_key(
        (account, each.name) for each in handoffs for account in each.accounts
    ).items():
        here, rekeyed = replace(context, item=account), rekeyed_in_plan(account, context)
        for name, why in suspicions(names, here, others, rekeyed).items():
            found.setdefault(name, []).append(why)
    return tuple(replace(each, doubts=(*each.doubts, *found.get(each.name, ()))) for each in handoffs)


def _source(context: Context, report: Report, account: str, code: Secret | None) -> Source:
    with open_layer(context, report, account, code=code) as layer:
        state = read_state(layer, context, report)
        report(Progress(f"Asking AWS whether their passwords and keys in {account} have changed"))
        elsewhere = _handled_later(account, context)
        outdated, unopened = _asked_of_aws(state, layer, elsewhere, context)
        return Source(layer.project, read_layer(layer.location), state, outdated, elsewhere, unopened)


def _handled_later(account: str, context: Context) -> dict[str, Sentence]:
    """Return people whom later sessions removed or gave another password, with a sentence each."""
    (ledger, own), rekeyed = ledger_with(context), rekeyed_before_apply(context)
    removals, renewals = ledger.removals(own), ledger.renewed(own, ledger.passwords)
    found: dict[str, Sentence] = {}
    for name in people_of(account, context):
        if removal := removals.get((account, name)):
            found[name] = f"a later session removed them ({work_of(removal.by)})."
        elif last := renewals.get((account, name)):
            found[name] = f"a later session reset their password ({work_of(last)}). Use its text."
        elif work := rekeyed.get((account, name)):
            found[name] = f"a later session replaced their PGP key ({work}). Use its text."
    return found


def has_unread_roles(account: str, context: Context) -> bool:
    """Return whether somebody hasn't finished with a text about roles, by their own session beside this one.

    Only a sandbox has such sessions.
    """
    read = {
        str(each.facts["user"]): str(each.facts["accepted_at"])
        for each in siblings(context.folder, context.folder.parent)
        if each.facts.get("user") and each.facts.get("accepted_at") and not each.next_step
    }
    sent, changed = marks_in(account, context), made_in(account, context).roles
    return any(read.get(name, "") < (sent.get(name, Sent()).sent_at or "") for name in changed)


def left_to_later(context: Context) -> dict[str, tuple[Sentence, ...]]:
    """Return people for whom later sessions left nothing to send from here, with what they did instead."""
    applied = [name for name in context.decisions.layers if name in context.of_each_item("applied")]
    instead = {account: _handled_later(account, context) for account in applied}
    found: dict[str, tuple[Sentence, ...]] = {}
    for name in people_of(context.item, context):
        own = [account for account in applied if name in people_of(account, context)]
        if own and all(name in instead[account] for account in own):
            found[name] = tuple(f"{account}: {instead[account][name]}" for account in own)
    return found


def _asked_of_aws(
    state: State, layer: OpenLayer, elsewhere: Collection[str], context: Context
) -> tuple[dict[str, OnboardError], set[str]]:
    """Return `outdated` and `unopened` of a `Source`.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    account = layer.location.account
    until = _passwords_made_until(account, context)
    found, unopened = dict[str, OnboardError](), set[str]()
    with iam_client(context, layer.project, layer.location, layer.files) as iam:
        for name in people_of(account, context):
            if name in elsewhere or name not in state.users:
                continue
            if find_user(iam, name) is None:
                found[name] = PlanAgain("No user", "AWS no longer has this user.", next=_AGAIN)
            elif name in state.login_profiles and PASSWORD in parts_of(name, account, context):
                made = password_made_at(iam, name)
                if made is None:
                    lost = "AWS no longer has a console password for them."
                    found[name] = PlanAgain("No password", lost, next=_AGAIN)
                elif until is not None and made > until:
                    replaced = "somebody reset their password after this apply."
                    found[name] = OnboardError("Another password", replaced, next=_RESET)
            elif name in state.login_profiles and not parts_of(name, account, context):
                unopened |= {name} if arrival(iam, name) in _ONE_TIME else set()
            with_key = name not in found and ACCESS_KEY in parts_of(name, account, context)
            if with_key and state_now.access_key_lost(iam, name, state):
                lost = "AWS no longer has the access key that was made for them."
                found[name] = PlanAgain("No access key", lost, next=_AGAIN)
    return found, unopened


def _passwords_made_until(account: str, context: Context) -> datetime | None:
    """Return the time by which this session's apply made every password; None for an apply elsewhere."""
    fact: Mapping[str, Any] = context.of_each_item("applied").get(account, {})
    if "at" not in fact or fact.get("elsewhere"):
        return None
    return moment(fact["at"], "apply.at") + _CLOCKS_DIFFER


def save(person: PersonHandoff, target: str, context: Context) -> Sentence:
    """Write a person's text into a file (0600), and report where.

    Args:
        target: the path as typed, relative to the home folder unless absolute.

    Raises:
        OnboardError: it would replace anything but their handoff, or can't be written.
    """
    environment, own = context.environment, own_handoff(person.name, context)
    shown = save_text(target, person.text, environment.home, replaces=own)
    return f"saved as {shown}"


def copy(person: PersonHandoff, context: Context) -> ToSend:
    """Copy a person's text.

    Raises:
        ClipboardUnavailable: there is no clipboard.
    """
    title, file = f"The handoff for {person.name}", default_file(person.name, context)
    handed = copied(title, person.text, file, context.environment)
    return replace(handed, replaces=own_handoff(person.name, context))


def own_handoff(name: str, context: Context) -> Callable[[Path], bool]:
    """Return a check that a file holds this project's handoff for a person, so that it may be replaced."""
    return partial(is_handoff_for, str(context.facts["project"]), name)


def default_file(name: str, context: Context) -> str:
    """Return the default file for a person's text."""
    return context.environment.in_home(handoff_file(name))


def as_of_now(person: PersonHandoff, context: Context, report: Report) -> PersonHandoff | None:
    """Return a text, emptied if another session has replaced its credentials since it was read.

    None if AWS no longer has the user or the password, or the key isn't theirs: then all is to be read again.
    """
    instead = {account: _handled_later(account, context).get(person.name) for account in person.accounts}
    since = tuple(f"{account}: {did}" for account, did in instead.items() if did)
    if not since:
        there = (replace(context, item=account) for account in person.accounts)
        wrong = any(rejected_elsewhere((person.name,), layer) for layer in there)
        return None if wrong or is_gone(person, context, report) else person
    rest = tuple(account for account, did in instead.items() if not did)
    trouble = (f"Read the state again for {listed(rest, _MOST_NAMED)}.",) if rest else ()
    return replace(
        person,
        text="",
        accounts=(),
        doubts=(),
        trouble=(*person.trouble, *trouble),
        elsewhere=(*person.elsewhere, *since),
    )


def is_gone(person: PersonHandoff, context: Context, report: Report) -> bool:
    """Return whether AWS lacks the user or the password of a text, as far as it says so without a code.

    Raises:
        Cancelled: the person stopped it.
    """
    report(Progress(f"Asking AWS about {person.name}"))
    for account in person.accounts:
        if person.name not in passwords_of(account, context):
            continue
        of_account = replace(context, item=account)
        with suppress(OnboardError), state_now.client_without_code("iam", of_account, "") as iam:
            # else rely on the state that was read
            if arrival(iam, person.name, _passwords_made_until(account, context)) in _GONE:
                return True
        context.raise_if_cancelled()
    return False


def to_mailbox(person: PersonHandoff, context: Context) -> Sentence:
    """Put a person's text into the sandbox's mailbox, and report where; an earlier one there is kept.

    Raises:
        OnboardError: there is no mailbox, or it can't be written.
    """
    name = handoff_file(person.name)
    if (mail := context.environment.mail(name)) is None:
        raise OnboardError("No mailbox", "Only the sandbox has a mailbox.", next="Copy or save the text.")
    before = set_aside(mail, person.text)
    mailed(person.text, name, context.environment)
    return f"put into the mailbox as {name}{f'; the earlier one is now {before}' if before else ''}"


def _other_text(remade: Mapping[Part, Summary]) -> Sentence:
    """Say that later sessions replaced passwords in the text sent here."""
    by = _listed_works(remade.values())
    where = listed([*dict.fromkeys(account for account, _ in remade)], _MOST_NAMED)
    return f"A later session ({by}) reset the password in {where}; its text is the one to open."


def remind(awaited: Iterable[str], context: Context) -> ToSend:
    """Give out a reminder for people who haven't signed in yet, and say whom to send it to.

    Raises:
        OnboardError: none of them should open the text sent here any more, or the reminder can't be copied or
            saved.
    """
    layers, (ledger, own) = context.decisions.layers, ledger_with(context)
    since = ledger.renewed(own, ledger.passwords)
    remade = {part: last for part, last in since.items() if part[0] in layers}
    sent = {(account, name) for account in layers for name in passwords_of(account, context)}
    due = sent - remade.keys()
    renewed = {name for _, name in remade} - {name for _, name in due}
    here = [name for name in awaited if name not in renewed]
    others = {part: last for part, last in remade.items() if part[1] in renewed.intersection(awaited)}
    names = listed([*dict.fromkeys(name for _, name in others)], _MOST_NAMED)
    left_out = f"Not for {names}: {_other_text(others)}" if others else ""
    if not here:
        raise OnboardError("Another text is the one to open", left_out, next="Remind them from that session.")
    what = [
        (occasion_of(name, context), [account for account in layers if (account, name) in due])
        for name in here
    ]
    text = reminder(str(context.facts["project"]), what)
    handed = hand_out("A reminder", text, "reminder.txt", context.environment)
    return replace(handed, said=joined((handed.said, f"Send it to {listed(here, _MOST_NAMED)}.", left_out)))


def for_a_new_key(name: str, context: Context) -> dict[str, list[str]]:
    """Return Project's initial values where somebody with access lost the use of their PGP key."""
    decided = context.decisions
    return {
        "joining": [joiner for joiner in decided.joining if joiner != name],
        "rekeying": [*(rekeyed for rekeyed in decided.rekeying if rekeyed != name), name],
    }


def sent_now(how: Sentence, context: Context, before: Sent | None = None) -> Sent:
    """Return the mark for a text sent now; `before` is the mark that it replaces."""
    again = "once more: " if before is not None and before.sent_at else ""
    return Sent(context.environment.now().isoformat(timespec="seconds"), f"{again}{how}")


def marked_by_hand(context: Context, how: Sentence) -> Sent:
    """Return the mark for a text that the person sent themselves; `how` is what they did with it here."""
    return replace(sent_now(how, context), by_hand=True)


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require a usable text for everybody; warn about texts that aren't marked as sent."""
    way_out = "Or skip this (^s)." if request.skippable else ""
    useless = [
        Problem(joined((f"{name}'s text isn't complete:", why, way_out)), "people")
        for name, why in request.nothing.items()
    ]
    missing = [name for name, sent in request.people.items() if sent.sent_at is None]
    if useless or not missing:
        return useless
    verb = "is" if len(missing) == 1 else "are"
    return [Problem(f"{', '.join(missing)} {verb} not marked as sent.", "people", fatal=False)]


def perform(request: Request, context: Context, _report: Report) -> Facts:
    """Record what was sent to whom, also from accounts that left the rest to this one, and nothing else."""
    *before, _here = accounts_of_text(context.item, context)
    marks = (marks_so_far(account, context).items() for account in before)
    sent = {name: mark for earlier in marks for name, mark in earlier if mark.sent_at}
    sent |= {name: request.people.get(name, Sent()) for name in people_of(context.item, context)}
    return {"handed_over": plain(HandedOver(sent))}


def observe(context: Context) -> Observation:
    """Check what other sessions did if somebody got something; AWS alone knows more: see `inquire`.

    It knows nothing about texts that bring other roles only.
    """
    people = people_of(context.item, context)
    asks = any(parts_of(name, context.item, context) for name in people)
    return (_undone_elsewhere(context) if people else None) or (NOT_ASKED if asks else AGREES)


guarded_look = state_now.CODED


def inquire(context: Context) -> Observation:
    """Check with AWS whether people with a new password have chosen their own and set up MFA.

    Raises:
        OnboardError: AWS can't be asked.
    """
    if undone := _undone_elsewhere(context):
        return undone
    sent = [name for name, mark in marks_in(context.item, context).items() if mark.sent_at]
    (ledger, own), accounts = ledger_with(context), accounts_of_text(context.item, context)
    removed, later = ledger.removals(own), ledger.renewed(own, ledger.awaiting)
    removals = {name: removed[at, name] for name in sent for at in accounts if (at, name) in removed}
    parts = [
        (account, name)
        for account in accounts
        for name in passwords_of(account, context)
        if name in sent and (account, name) not in removed
    ]
    others = {part: later[part] for part in parts if part in later}
    if any(part not in later for part in parts):  # AWS says whether a password made since was used
        found = _arrival_observation(_arrivals(parts, later, context), context)
        more = [*_later_session_sentences(others)] if found.words else []
        return replace(found, words=joined((found.words, *more)), waits=()) if more else found
    by, names = _listed_works(last.by for last in removals.values()), tuple(removals)
    gone = (f"{listed(names, _MOST_NAMED)}: removed by a later session ({by}).",) if removals else ()
    words = (*gone, *_later_session_sentences(others))
    return Observation(Verdict.REVERTED, joined(words), names) if words else NOT_ASKED


def _later_session_sentences(others: Mapping[Part, Summary]) -> Iterator[Sentence]:
    """Describe what later sessions did or will do for these people, by account and name."""
    unsent = {part[1]: last for part, last in others.items() if part in to_hand_over(last)}
    others = {part: last for part, last in others.items() if part[1] not in unsent}
    waited = {name: last for (_, name), last in others.items() if name in last.awaited}
    rest = {name: last for (_, name), last in others.items() if name not in waited}
    if unsent:
        yield (
            f"{listed([*unsent], _MOST_NAMED)}: the text sent from here no longer works. "
            f"A later session ({_listed_works(unsent.values())}) still has to send the new one."
        )
    if waited:
        them = listed([*waited], _MOST_NAMED)
        yield f"A later session ({_listed_works(waited.values())}) is waiting for {them}."
    if rest:
        yield f"{listed([*rest], _MOST_NAMED)}: see the later session ({_listed_works(rest.values())})."


def _listed_works(sessions: Iterable[Summary]) -> Sentence:
    return listed([*dict.fromkeys(map(work_of, sessions))], _MOST_NAMED)


def _arrivals(
    parts: Iterable[Part], later: Container[Part], context: Context
) -> dict[tuple[str, Arrival], list[str]]:
    """Return the accounts of people by their progress; `later` parts have had another password since."""
    found: dict[tuple[str, Arrival], list[str]] = {}
    for account, people in by_key(parts).items():
        made_by, there = _passwords_made_until(account, context), replace(context, item=account)
        with state_now.client_without_code("iam", there, "whether they have signed in") as iam:
            for name in people:
                state = arrival(iam, name, None if (account, name) in later else made_by)
                found.setdefault((name, state), []).append(account)
    return found


def _arrival_observation(found: Mapping[tuple[str, Arrival], list[str]], context: Context) -> Observation:
    """Say which people are gone and which are awaited, and where."""
    gone = {name: state for name, state in found if state in _GONE}
    waits = {*_WAITS} if located(context)[0].mfa_enabled else {*_WAITS} - {Arrival.NO_MFA}
    waiting = tuple(
        (_WAITS[state], name, at)
        for (name, state), accounts in found.items()
        if state in waits
        for at in accounts
    )
    about = tuple(dict.fromkeys(name for _, name, _ in waiting))
    words = waits_in_words(waiting)
    if gone:
        lost = (f"AWS no longer has {_GONE[state].format(name)}." for name, state in gone.items())
        return _lost(joined((*lost, words)), gone)
    by_item = by_account((account, name) for _, name, account in waiting)
    awaited = Observation(Verdict.AWAITED, words, about, by_item=by_item, waits=waiting)
    return awaited if waiting else AGREES
