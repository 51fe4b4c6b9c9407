"""A layer's current state compared with the decisions, and how AWS is asked for a look.

A look asks only where nobody has to enter a code, and runs no program: the state is read from where it is
stored. Everything else that needs the state opens the layer (see `terraform_runs`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from workflows.aws.clients import FOR_A_LOOK, AwsClient
from workflows.aws.iam import find_user, list_access_keys, password_made_at
from workflows.core.grouping import by_key
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence, joined, listed, text_of
from workflows.machine.events import AGREES, NOT_ASKED, Observation, Verdict, unknown
from workflows.steps.admin import new_passwords
from workflows.steps.admin.accepted_plan import ACCESS_KEY, PASSWORD, parts_of, people_of
from workflows.steps.admin.other_sessions import ledger_with, removed_from_files
from workflows.steps.admin.plan_resources import Resource
from workflows.steps.admin.terraform_runs import (
    DeviceSessions,
    Source,
    device_session,
    factory_for,
    located,
    own_profile,
    profiles_of,
    project_files,
    role_credentials,
)
from workflows.steps.admin.users import WORDS
from workflows.steps.decisions import GroupChanges, LayerDecisions
from workflows.steps.kinds import work_of
from workflows.steps.shared.module import Context, GuardedLook
from workflows.terraform.plan import Action
from workflows.terraform.state import State, StoredState, kept_state

NO_MFA_YET = "No MFA device yet"
"""What we wait for from somebody who can sign in."""
_MEMBERSHIPS = ("aws_iam_group_membership.", "aws_iam_user_group_membership.")


def stored(context: Context) -> StoredState | None:
    """Read the state of the step's layer; None if that takes Terraform or a code.

    Raises:
        OnboardError: it can't be read.
        OSError: init's record of it can't be read.
    """
    environment, (_, location) = context.environment, located(context)
    with contextlib.suppress(CodeDue):
        return kept_state(
            location.path,
            location.named_backend,
            environment.variables,
            lambda region: client_without_code("s3", context, "", region),
            own_endpoint=environment.endpoint_url is not None,
        )
    return None


class CodeDue(OnboardError):  # noqa: N818 - the name says what is needed
    """A look would need a person: to enter a code, or at a window that opens."""


@contextlib.contextmanager
def client_without_code(
    service: str, context: Context, wanted: Sentence, region: str | None = None
) -> Iterator[AwsClient]:
    """Open a client that signs with the profile of the step's layer.

    Args:
        service: boto3's name for it.
        wanted: what to check, for a sentence like "iam-onboard hasn't checked …".
        region: the region; None for the profile's.

    Raises:
        CodeDue: a person would be needed.
        OnboardError: the layer or its profile is missing, or the profile can't be used.
    """
    project, location = located(context)
    profile, files = profiles_of(context, project, location)[0], project_files(context, project)
    factory = factory_for(context, project, FOR_A_LOOK)
    code_due = CodeDue("AWS wants a code", f"iam-onboard hasn't checked {wanted}: AWS wants a code for that.")
    if any("credential_process" in settings for _, settings in profile.chain):
        raise code_due  # it may open a window and wait for a person
    if profile.source is Source.FILES:
        with factory.profile_client(service, files, profile.name, region=region) as client:
            yield client
        return
    if profile.source is Source.SSO:
        credentials = factory.profile_credentials(files, profile.name)
    elif (role := role_credentials(context, factory, profile)) is not None:
        credentials = role
    else:
        raise code_due
    with credentials, factory.client(service, credentials, region) as client:
        yield client


def _code_due(context: Context) -> str:
    """Return the device whose code would allow a look at the step's layer; "" if a code can't help."""
    try:
        profile = own_profile(context)
    except OnboardError:
        return ""  # the look itself reports it
    outside = any("credential_process" in settings for _, settings in profile.chain)
    held = profile.source is not Source.CODE or DeviceSessions(context.environment).find(profile.serial)
    return "" if outside or held else profile.serial


def _begin(context: Context, code: Secret) -> None:
    device_session(context, located(context)[0], own_profile(context), code, lambda _progress: None)


CODED = GuardedLook(_code_due, _begin)


def reverted_since(context: Context, *accounts: str) -> Observation | None:
    """Say that later sessions undid all of this session's user changes in these accounts; else None.

    Args:
        accounts: the accounts to check; by default all.
    """
    accounts = accounts or context.decisions.layers
    here, later = [context.decisions.of(account) for account in accounts], people_reverted(context)
    if any(changes.groups != GroupChanges() or changes.settings for changes in here):
        return None
    back = [later.get(account, {}) for account in accounts]
    if any(changes.people != {*names} for changes, names in zip(here, back, strict=True)):
        return None
    found = by_key((did, (name, work)) for names in back for name, (did, work) in names.items())
    if not found:
        return None
    words = joined(_reverted(did, parts) for did, parts in found.items())
    names = sorted({name for parts in found.values() for name, _work in parts})
    return Observation(Verdict.REVERTED, words, tuple(names))


def people_reverted(context: Context) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return people whose changes a later session undid, by account, with how and that session's work."""
    ledger, own = ledger_with(context)
    again, gone = ledger.reverted(own), ledger.removals(own)
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for account in context.decisions.layers:
        here = context.decisions.of(account)
        for name in sorted(here.people):
            did, by = ("added again", again) if name in here.remove else ("removed", gone)
            if last := by.get((account, name)):
                found.setdefault(account, {})[name] = did, work_of(last.by)
    return found


def _reverted(did: str, parts: Sequence[tuple[str, str]]) -> Sentence:
    """Say what later sessions did with these people, with each session's work."""
    names = sorted({name for name, _work in parts})
    works = [*dict.fromkeys(work for _name, work in parts)]
    was = "was" if len(names) == 1 else "were"
    return f"{listed(names, 2)} {was} {did} by a later session ({listed(works, 2)})."


def observe(context: Context) -> Observation:
    """Check without asking anybody: only later sessions can contradict this one."""
    return reverted_since(context, context.item) or NOT_ASKED


def seen(context: Context) -> Observation:
    """Check whether the state of the step's layer holds the decisions.

    Raises:
        OnboardError: it can't be read.
        OSError: init's record of it can't be read.
    """
    now = stored(context)
    if now is None:
        return unknown(not_looked_at(context))
    missing = _lacking(now.state, context)
    if not missing:
        return AGREES
    what = dict.fromkeys(words for _name, words in missing)
    people = dict.fromkeys(name for name, _words in missing if name)
    words = f"The state of {context.item} is no longer what you decided: {joined(what, '; ')}."
    about = (now.mark.lineage, *map(text_of, what))
    return replace(undone(words, about, context), by_item={context.item: tuple(people)})


def users_in_aws(context: Context, left_out: Container[str]) -> dict[str, bool]:
    """Return whether AWS should have each user that the step's layer adds or removes, but for `left_out`."""
    here = context.decisions.of(context.item)
    back = people_reverted(context).get(context.item, {})
    wanted = {**dict.fromkeys(here.add, True), **dict.fromkeys(here.remove, False)}
    return {name: there for name, there in wanted.items() if name not in back and name not in left_out}


def differences_in_aws(client: AwsClient, people: Mapping[str, bool]) -> dict[str, Sentence]:
    """Return users that AWS has or lacks unexpectedly, each with a phrase to follow "AWS".

    Args:
        people: as from `users_in_aws`.
    """
    there = {name: find_user(client, name) is not None for name in people}
    return {
        name: f"{'has' if there[name] else 'no longer has'} the user {name}"
        for name, wanted in people.items()
        if there[name] is not wanted
    }


def credentials_lost(client: AwsClient, state: State, context: Context) -> dict[str, Sentence]:
    """Return users whose new password or access key is in a state but not in AWS, as `differences_in_aws`.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    resetting, account = context.decisions.resetting, context.item
    found: dict[str, Sentence] = {}
    for name in dict.fromkeys((*people_of(account, context), *resetting)):
        parts = {PASSWORD} if name in resetting else parts_of(name, account, context)
        if PASSWORD in parts and name in state.login_profiles and password_made_at(client, name) is None:
            found[name] = f"no longer has the console password of {name}"
        elif ACCESS_KEY in parts and access_key_lost(client, name, state):
            found[name] = f"no longer has the access key that was made for {name}"
    return found


def access_key_lost(client: AwsClient, name: str, state: State) -> bool:
    """Return whether AWS has none of the access keys that a state has for a user.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    made = {key.access_key_id for key in state.access_keys.get(name, ())}
    return bool(made) and made.isdisjoint(key.access_key_id for key in list_access_keys(client, name))


def difference_words(differences: Mapping[str, Sentence], context: Context) -> Sentence:
    """Put what AWS has or lacks unexpectedly into sentences about the step's layer; "" for nothing."""
    has = joined(differences.values(), "; ")
    return f"AWS {has}. The state of {context.item} says otherwise." if differences else ""


def undone(words: Sentence, about: tuple[str, ...], context: Context) -> Observation:
    """Return the observation that something applied has been undone, which another plan would fix."""
    going_on, again = (
        "Leaves it as it is: this was intended.",
        f"Plans {context.item} again, to apply it again.",
    )
    return Observation(Verdict.UNDONE, words, about, continuing=going_on, redoing=again)


def not_looked_at(context: Context) -> Sentence:
    """Say that nobody has read the state of the step's layer, and what that takes."""
    return f"iam-onboard hasn't read the state of {context.item} since then: that takes a code or Terraform."


def holds(resources: Sequence[Resource], state: State, context: Context) -> bool:
    """Return whether a state holds exactly a plan's result; False also if the state can't show it.

    Args:
        resources: what the plan changes.
    """
    changes = [resource for resource in resources if not resource.drift]
    return (
        bool(changes) and not not_applied(state, context) and all(_is_so(change, state) for change in changes)
    )


def _is_so(change: Resource, state: State) -> bool:
    match Action(change.action):
        case Action.CREATE | Action.REPLACE:
            return change.address in state.addresses
        case Action.DELETE | Action.FORGET:
            return change.address not in state.addresses
        case Action.UPDATE:
            return any(kind in change.address for kind in _MEMBERSHIPS)
        case Action.NOTHING:
            return True


def not_applied(state: State, context: Context) -> list[Sentence]:
    """List, each once, what the state of the step's layer lacks of the decisions about people."""
    return [*dict.fromkeys(words for _name, words in _lacking(state, context))]


def _lacking(state: State, context: Context) -> list[tuple[str, Sentence]]:
    """List the missing decisions, each with the person concerned.

    A person whom a later session removed, even from the files only, lacks nothing. After this session's
    apply, a person changed by a later one only has to exist. An empty state has none of them: it doesn't even
    show who is gone.
    """
    here = context.decisions.of(context.item)
    if state == State():
        return [(name, "it is empty") for name in sorted(here.people) or ("",)]
    gone = removed_from_files(context).by_item.get(context.item, ())
    since = {*gone}
    if context.item in context.of_each_item("applied"):
        ledger, own = ledger_with(context)
        since |= ledger.changed_later(context.item, own)
    missing: list[tuple[str, Sentence]] = []
    for name in (name for name in here.add if name not in gone):
        if name not in state.users:
            missing.append((name, f"{name} is not in it"))
        elif name not in since and name not in state.login_profiles and name not in state.access_keys:
            missing.append((name, f"{name} has no console password in it"))
    missing += [(name, f"{name} is still in it") for name in here.remove if name in state.users]
    missing += [
        (name, f"{name} still has what the old key was made for")
        for name in _with_old_keys(state, here)
        if name not in since
    ]
    made = {"login_profile": state.login_profiles, "access_key": state.access_keys}
    missing += [
        (name, f"{name} {'has no' if wanted else 'still has the'} {WORDS[fact]} in it")
        for name, switches in here.access.items()
        if name not in since
        for fact, wanted in switches.items()
        if (name in made[fact]) is not wanted
    ]
    still = new_passwords.unchanged(state, context, context.item)
    missing += [(name, f"{name}: {words}") for name, words in still.items() if name not in since]
    for name, move in ((name, move) for name, move in here.moves.items() if name not in since):
        groups = {group.casefold() for group in state.groups_of(name)}
        missing += [
            (name, f"{name} is not in {group}") for group in move.add if group.casefold() not in groups
        ]
        missing += [
            (name, f"{name} is still in {group}") for group in move.remove if group.casefold() in groups
        ]
    return missing


def _with_old_keys(state: State, here: LayerDecisions) -> Iterator[str]:
    """Yield users of a replaced key file whose password or access key was made with another key."""
    for name, text in here.new_keys.items():
        profile = state.login_profiles.get(name)
        made_with = [profile.pgp_key] if profile else []
        made_with += [key.pgp_key for key in state.access_keys.get(name, ())]
        if any("".join(key.split()) != "".join(text.split()) for key in made_with):
            yield name
