"""Deactivate people who leave: stop their keys, and remove what would block their removal by Terraform.

Access keys made by hand work until the user is deleted, and IAM doesn't delete a user who still has one, an
MFA device or a policy of their own. So before planning the removal: deactivate what signs, list what blocks,
and remove that item by item, each confirmed by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workflows.aws import iam
from workflows.aws.clients import AwsClient
from workflows.aws.errors import AwsFailure, asked
from workflows.aws.iam import AccessKey, Holding, HoldingKind
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, joined
from workflows.core.shapes import plain, read
from workflows.git import GitSearch
from workflows.gpg.inspect import inspect_key
from workflows.gpg.normalise import normalise
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, Verdict
from workflows.steps.admin.deactivated import Deactivated, Record, Thing
from workflows.steps.admin.own_user import refuse_own_user
from workflows.steps.admin.state_now import CODED, client_without_code
from workflows.steps.admin.terraform_runs import (
    OpenLayer,
    iam_client,
    open_layer,
    read_state,
)
from workflows.steps.shared.module import Context, Progress, Refused, Report
from workflows.terraform.state import State

_SHORT_ID = 16
"""Characters of a long key id, by which people refer to a key too."""
_WORDS = re.compile(r"\w+\W+\w+")
"""A first and last name; a single word would match everywhere."""


_FORCED = {
    *(HoldingKind.PASSWORD, HoldingKind.ACCESS_KEY, HoldingKind.MFA_DEVICE),
    *(HoldingKind.SSH_KEY, HoldingKind.CERTIFICATE),
}
"""What the AWS provider removes with a user whose `force_destroy` is set, from version 3 on
(`resource_aws_iam_user.go`). Service-specific credentials and policies need a newer one."""


@dataclass(frozen=True)
class Leaver:
    """Somebody who leaves, and what the account has of them now.

    Attributes:
        name: the IAM user.
        exists: whether the account has the user.
        password: whether they have a console password; None if the caller may not ask.
        keys: the access keys; None if the caller may not list them.
        blocking: items unknown to Terraform that IAM requires to be gone before it deletes the user.
        denied: kinds of items that the caller may not list.
    """

    name: str
    exists: bool
    password: bool | None = False
    keys: tuple[AccessKey, ...] | None = ()
    blocking: tuple[Holding, ...] = ()
    denied: tuple[HoldingKind, ...] = ()

    @property
    def active_keys(self) -> tuple[AccessKey, ...]:
        """The access keys that still work."""
        return tuple(key for key in self.keys or () if key.active)


@dataclass(frozen=True)
class Findings:
    """What one account and the repository hold."""

    people: tuple[Leaver, ...]
    mentioned: Mapping[str, Mentioned] = field(default_factory=dict)

    @property
    def active_keys(self) -> int:
        """The number of access keys that still work."""
        return sum(len(person.active_keys) for person in self.people)

    @property
    def clear(self) -> bool:
        """Whether no access key works and nothing blocks a removal, as far as everything could be listed."""
        return not any(person.active_keys or person.blocking or person.denied for person in self.people)


@dataclass(frozen=True)
class Request:
    """The person's decision: continue with the last findings.

    Attributes:
        findings: them; None if nothing was checked.
        keeps: whether the keys that still work are to work until the apply.
    """

    findings: Findings | None = None
    keeps: bool = False


def leavers(context: Context) -> tuple[str, ...]:
    """Return the people removed from the step's account."""
    return context.decisions.of(context.item).remove


def survey(
    context: Context,
    report: Report,
    code: Secret | None = None,
    act: Callable[[AwsClient, str], None] | None = None,
) -> Findings:
    """Look up the people who leave: in the account, in Terraform's state and in the repository.

    Args:
        code: an MFA code, if the layer's profile needs one.
        act: called first for each of them that the account has.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OwnUser: iam-onboard itself uses a key of one of them.
        OnboardError: the state or IAM can't be read.
    """
    names = leavers(context)
    if not names:
        return Findings(())
    with open_layer(context, report, code=code) as layer:
        refuse_own_user(names, context)
        state = read_state(layer, context, report)
        with iam_client(context, layer.project, layer.location, layer.files) as client:
            people = []
            for name in names:
                context.raise_if_cancelled()
                if act is not None and _may_be_there(client, name):
                    act(client, name)
                report(Progress(f"Asking what {name} has"))
                people.append(_leaver(client, name, state))
    return Findings(tuple(people), find_mentions(names, context, report))


def deactivate(context: Context, report: Report, code: Secret | None = None) -> Findings:
    """Deactivate every access key of the people who leave that can be listed, then look again.

    Raises:
        OnboardError: as `survey`, or a key couldn't be deactivated.
    """

    def act(client: AwsClient, name: str) -> None:
        for key in asked(lambda: iam.list_access_keys(client, name), ()):
            if key.active:
                report(Progress(f"Deactivating {key.access_key_id} of {name}"))
                iam.set_access_key_active(client, key.access_key_id, active=False, user=name)

    return survey(context, report, code, act)


def remove(
    name: str, holding: Holding, context: Context, report: Report, code: Secret | None = None
) -> Findings:
    """Remove one item from somebody who leaves, then look again.

    Raises:
        OnboardError: as `survey`, or IAM rejects it.
    """

    def act(client: AwsClient, whose: str) -> None:
        if whose == name:
            report(Progress(f"Removing the {holding.sentence}"))
            iam.remove_holding(client, name, holding)

    return survey(context, report, code, act)


def _may_be_there(client: AwsClient, name: str) -> bool:
    """Return whether the account has the user, or the caller may not ask."""
    return asked(lambda: iam.find_user(client, name) is not None, True)


def _leaver(client: AwsClient, name: str, state: State) -> Leaver:
    """Look up a user in the account; each question stands alone, so a denied one stops no other."""
    gone = Leaver(name, exists=False)
    if not _may_be_there(client, name):
        return gone
    return asked(lambda: _with_holdings(client, name, state), gone, {AwsFailure.NOT_FOUND})


def _with_holdings(client: AwsClient, name: str, state: State) -> Leaver:
    keys = asked(lambda: iam.list_access_keys(client, name), None)
    password = asked(lambda: iam.has_console_password(client, name), None)
    found, not_listed = iam.list_holdings(client, name)
    held = [
        *([Holding(HoldingKind.PASSWORD, "")] if password else []),
        *map(_as_holding, keys or ()),
        *found,
    ]
    blocking = tuple(holding for holding in held if not _terraforms(holding, name, state))
    denied = (*([HoldingKind.ACCESS_KEY] if keys is None else []), *not_listed)
    return Leaver(name, True, password, keys, blocking, denied)


def _as_holding(key: AccessKey) -> Holding:
    return Holding(HoldingKind.ACCESS_KEY, key.access_key_id, "active" if key.active else "inactive")


def _terraforms(holding: Holding, name: str, state: State) -> bool:
    """Return whether Terraform removes the item itself: it is in the state, or goes with the user."""
    owners = {  # the provider removes users from all groups before it deletes them
        HoldingKind.GROUP: state.users,
        HoldingKind.PASSWORD: state.login_profiles,
    }
    if name in owners.get(holding.kind, ()) or (holding.kind in _FORCED and name in state.forced):
        return True
    if holding.kind is HoldingKind.ACCESS_KEY:
        return holding.id in {key.access_key_id for key in state.access_keys.get(name, ())}
    kinds = {
        HoldingKind.INLINE_POLICY: "aws_iam_user_policy.",
        HoldingKind.ATTACHED_POLICY: "aws_iam_user_policy_attachment.",
        HoldingKind.SSH_KEY: "aws_iam_user_ssh_key.",
    }
    # The state's model has no owner for these: if the layer manages any, they may be this user's.
    kind = kinds.get(holding.kind)
    return kind is not None and any(
        kind in address and _label(name) in _label(address) for address in state.addresses
    )


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", text.casefold())


def validate(request: Request, context: Context) -> list[Problem]:
    """Require a look; warn about keys that still work and about items that block."""
    if not leavers(context):
        return []
    if request.findings is None:
        return [Problem("Check what they have first.")]
    return [
        Problem(words, "people", fatal=False)
        for person in request.findings.people
        for words in _left_of(person, request)
    ]


def _left_of(person: Leaver, request: Request) -> Iterator[Sentence]:
    """Describe what still works for somebody without a decision, blocks, or can't be seen."""
    if person.denied:
        works = ", so keys may still work" if person.keys is None else ""
        yield f"{_not_listed(person.name, person.denied)}{works}."
    active = ", ".join(key.access_key_id for key in person.active_keys)
    if active and not request.keeps:
        yield f"{person.name} still has keys that work: {active}."
    holdings = [item for item in person.blocking if item.kind is not HoldingKind.ACCESS_KEY]
    if holdings or len(person.blocking) > len(person.active_keys):
        things = joined((item.sentence for item in person.blocking), ", ")
        yield f"AWS may reject the removal of {person.name} (DeleteConflict) because of: {things}."


def _not_listed(name: str, kinds: Iterable[HoldingKind]) -> Sentence:
    return f"You aren't allowed to list {joined((kind.plural for kind in kinds), ', ')} of {name}"


def perform(request: Request, context: Context, _report: Report) -> Facts:
    """Record the last findings; none of them is secret."""
    people = {
        person.name: Record(
            inactive=tuple(key.access_key_id for key in person.keys or () if not key.active),
            active=tuple(key.access_key_id for key in person.active_keys),
            blocking=tuple(map(_thing, person.blocking)),
            denied=tuple(kind.value for kind in person.denied),
        )
        for person in (request.findings.people if request.findings else ())
    }
    at = context.environment.now().isoformat(timespec="seconds")
    return {"deactivated": plain(Deactivated(at, people))}


def _thing(holding: Holding) -> Thing:
    return Thing(holding.kind.value, holding.id)


def recorded(context: Context) -> Deactivated:
    """Return what the step recorded; of nobody if it was skipped."""
    fact = context.facts.get("deactivated")
    return read(Deactivated, fact, "deactivated") if fact else Deactivated("", {})


def observe(context: Context) -> Observation:
    """Agree if nobody leaves; otherwise only AWS knows whether a key works by now: see `inquire`."""
    return NOT_ASKED if recorded(context).people else AGREES


guarded_look = CODED


def inquire(context: Context) -> Observation:
    """Check whether an access key works that didn't before, if AWS can be asked without a code.

    Raises:
        OnboardError: AWS can't be asked.
    """
    people = recorded(context).people
    with client_without_code("iam", context, "whether their keys are still inactive") as client:
        there = [name for name in people if iam.find_user(client, name) is not None]
        keys = [key for name in there for key in _working(people[name], iam.list_access_keys(client, name))]
    words = f"These access keys work now: {', '.join(keys)}."
    return Observation(Verdict.UNDONE, words, tuple(keys)) if keys else AGREES


def _working(before: Record, keys: Iterable[AccessKey]) -> list[str]:
    """Return the access keys that work now and didn't when the step was done."""
    return [key.access_key_id for key in keys if key.active and key.access_key_id not in before.active]


class Appeared(Refused):
    """People about to be removed have something by now that the step didn't record."""


def refuse_appeared(names: Collection[str], layer: OpenLayer, context: Context, report: Report) -> None:
    """Stop before people are removed who have something by now that the step didn't record.

    Raises:
        Appeared: somebody does.
        OwnUser: iam-onboard itself uses a key of one of them.
        OnboardError: the state or IAM can't be read.
    """
    if names:
        refuse_own_user(names, context)
    people = recorded(context).people
    if not (asked_about := [name for name in people if name in names]):
        return
    state = read_state(layer, context, report, planning=True)
    report(Progress("Asking AWS what they have now"))
    with iam_client(context, layer.project, layer.location, layer.files) as client:
        found = [_leaver(client, name, state) for name in asked_about]
    if news := [sentence for person in found for sentence in _news(people[person.name], person)]:
        raise Appeared(
            "Something changed after Deactivate",
            joined(news),
            why="That isn't what Deactivate recorded. Nothing was removed.",
            next="Deactivate is open again: decide about it there.",
        )


def _news(before: Record, person: Leaver) -> Iterator[Sentence]:
    """Yield what somebody has by now, and what can't be compared any more."""
    if things := [*_since(before, person)]:
        yield f"{person.name} now has: {joined(things, ', ')}."
    if unseen := [kind for kind in person.denied if kind.value not in before.denied]:
        yield f"{_not_listed(person.name, unseen)} any more."


def _since(before: Record, person: Leaver) -> Iterator[Sentence]:
    """Yield what somebody has now and didn't before: keys that work, and what blocks the removal."""
    new = {*_working(before, person.keys or ())}
    yield from (_as_holding(key).sentence for key in person.keys or () if key.access_key_id in new)
    keys, others = {*before.active, *before.inactive, *new}, {*before.blocking}
    by_text = any(isinstance(thing, str) for thing in others)  # an earlier version's: only AWS compares
    for item in person.blocking:
        known = item.id in keys if item.kind is HoldingKind.ACCESS_KEY else _thing(item) in others or by_text
        if not known:
            yield item.sentence


@dataclass(frozen=True)
class Mention:
    """A place that mentions a person.

    Attributes:
        place: the file and the line, as "README.md:12"; the file alone if its name is what mentions them.
        by: what it matched: "name", "email address" or "PGP key".
        text: the line, stripped; "" for a file's name.
    """

    place: str
    by: str
    text: str


@dataclass(frozen=True)
class Mentioned:
    """What was found about a person.

    Attributes:
        mentions: the places, by file and line.
        remark: what the search left out and why, or "".
    """

    mentions: tuple[Mention, ...]
    remark: Sentence = ""


def find_mentions(names: Iterable[str], context: Context, report: Report) -> dict[str, Mentioned]:
    """Find where the checkout still mentions people; nothing if the project is no repository.

    Raises:
        OnboardError: git fails.
    """
    git = GitSearch(context.root, context.environment.variables)
    if not git.is_repository():
        remark = "The project isn't a git repository, so iam-onboard didn't search it for mentions."
        return {name: Mentioned((), remark) for name in names}
    found = {}
    for name in names:
        context.raise_if_cancelled()
        report(Progress(f"Looking for what mentions {name}"))
        found[name] = _of(name, git, context)
    return found


def _of(name: str, git: GitSearch, context: Context) -> Mentioned:
    own, remark = _by_key(name, git, context)
    terms = {**own, **_by_name(name)}
    patterns = {  # matches whole words only
        term: re.compile(rf"(?<![A-Za-z0-9]){re.escape(term)}(?![A-Za-z0-9])", re.IGNORECASE)
        for term in terms
    }
    found = [
        Mention(str(path), "name", "")
        for path in git.paths()
        if any(patterns[term].search(str(path)) for term in _by_name(name)) and (git.root() / path).exists()
    ]
    hits = (
        (hit, [words for term, words in terms.items() if patterns[term].search(hit.text)])
        for hit in git.hits(list(terms))
    )
    found += [Mention(f"{hit.path}:{hit.line}", by[0], hit.text.strip()) for hit, by in hits if by]
    return Mentioned(tuple(found), remark)


def _by_name(name: str) -> dict[str, str]:
    """Return patterns of the name as in `user_jane_doe`, `@jane-doe` and "Jane Doe"."""
    return dict.fromkeys((name, *(re.sub(r"[^A-Za-z0-9]", mark, name) for mark in "_- ")), "name")


def _by_key(name: str, git: GitSearch, context: Context) -> tuple[dict[str, str], str]:
    """Return the mail addresses and fingerprint of the person's key, as last committed."""
    terms: dict[str, str] = {}
    try:
        for text in git.last_contents(name):
            details = inspect_key(normalise(text).binary, environment=context.environment.variables)
            real = (user_id.text.partition("<")[0].partition("(")[0].strip() for user_id in details.user_ids)
            terms |= {real_name: "name in the PGP key" for real_name in real if _WORDS.search(real_name)}
            terms |= {user_id.mail: "email address" for user_id in details.user_ids if user_id.mail}
            terms |= {details.fingerprint: "PGP key", details.fingerprint[-_SHORT_ID:]: "PGP key"}
    except OnboardError as error:
        return terms, f"iam-onboard couldn't search for {name}'s email address and key: {error.what}"
    return terms, ""


def as_text(found: Mapping[str, Mentioned]) -> str:
    """Format the mentions as text to read, or to send to the owners of the files."""
    return "\n".join(
        line
        for name, mentioned in found.items()
        for line in (
            f"{name}: {'mentioned in' if mentioned.mentions else 'nothing else mentions them'}",
            *(f"  {each.place}  ({each.by})  {each.text}".rstrip() for each in mentioned.mentions),
            *([f"  ! {mentioned.remark}"] if mentioned.remark else []),
        )
    )
