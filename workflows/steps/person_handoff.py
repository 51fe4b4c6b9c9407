"""One person's text: every identity that was made for them, encrypted to their key, or why it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, joined
from workflows.messages.handoff import Handoff, Identity
from workflows.steps import conventional_roles, new_passwords
from workflows.steps.base import Context
from workflows.steps.handed import occasion_of, parts_of, people_of
from workflows.steps.handoff_parts import Source, identity


@dataclass(frozen=True)
class PersonHandoff:
    """A person's text, or why there is none.

    Attributes:
        name: the IAM user.
        text: the whole message, "" if there is none.
        accounts: the accounts whose identities are in it.
        trouble: why something is missing, each a sentence.
        plain: the message without roles that are only named by convention; the same where there are none.
        conventional: the accounts whose state names no role, so that the usual ones are in `text`.
    """

    name: str
    text: str
    accounts: tuple[str, ...]
    trouble: tuple[Sentence, ...] = ()
    plain: str = ""
    conventional: tuple[str, ...] = ()

    def without_conventional(self) -> PersonHandoff:
        """The same with the plain text."""
        return replace(self, text=self.plain) if self.conventional else self


def person_handoff(
    name: str, sources: Mapping[str, Source], troubles: Iterable[Sentence], context: Context
) -> PersonHandoff:
    """Make a person's text.

    Args:
        name: the IAM user.
        sources: what was read of the accounts that are applied, by account.
        troubles: why other accounts are missing, each a sentence.
        context: what the step may read.
    """
    identities: list[Identity] = []
    trouble: list[Sentence] = list(troubles)
    for account, source in sources.items():
        if name not in people_of(account, context):
            continue
        stale = new_passwords.unchanged(source.state, context, account).get(name)
        if stale:
            trouble.append(f"{account}: {stale}. Plan and apply again.")
            continue
        parts = parts_of(name, account, context)
        try:
            text = _key_text(name, source, context)
            identities.append(identity(source, name, text, context.world.environment, parts))
        except OnboardError as error:
            trouble.append(joined((f"{account}: {error.what}", error.next)))
    if not identities:
        return PersonHandoff(name, "", (), tuple(trouble))
    accounts = tuple(one.account_name for one in identities)
    try:
        whole = [_with_usual_roles(one, sources[one.account_name]) for one in identities]
        text, plain = (_rendered(name, some, context) for some in (whole, identities))
    except OnboardError as error:
        return PersonHandoff(name, "", (), (*trouble, joined((error.what, error.detail))))
    usual = tuple(
        new.account_name for new, old in zip(whole, identities, strict=True) if new.profiles != old.profiles
    )
    return PersonHandoff(name, text, accounts, tuple(trouble), plain, usual)


def _rendered(name: str, identities: Iterable[Identity], context: Context) -> str:
    """A person's whole message.

    Raises:
        MessageError: a value breaks its rule.
    """
    project, each = str(context.facts["project"]), tuple(_each_profile_once(identities))
    return Handoff(project, each, occasion=occasion_of(name, context)).render()


def _with_usual_roles(one: Identity, source: Source) -> Identity:
    """The identity with the conventional profiles, where the account's state names no role at all."""
    if not one.encrypted_password or not conventional_roles.are_needed(source.state):
        return one
    return replace(one, profiles=conventional_roles.conventional_profiles(source.project, one.account_name))


def _each_profile_once(identities: Iterable[Identity]) -> Iterable[Identity]:
    """The identities, where a profile that two of them give stays with the first."""
    taken: set[str] = set()
    for one in identities:
        own = tuple(profile for profile in one.profiles if profile.profile not in taken)
        taken |= {profile.profile for profile in own}
        yield replace(one, profiles=own)


def _key_text(name: str, source: Source, context: Context) -> str:
    """The key that a person's secrets have to be encrypted to: as decided, else as the layer has it."""
    if name in context.decisions.keys:
        return context.decisions.keys[name].text
    person = source.layer.person(name)
    file = ((person.key_file if person else None) or name).rpartition("/")[2]
    text = source.layer.keys.get(file)
    if text is None and person is None and name not in source.state.users:
        raise OnboardError(
            "Nobody of that name",
            f"Neither the layer nor its state has a user {name}.",
            next="Check the spelling.",
        )
    if text is None:
        raise OnboardError(
            "No key to compare with",
            f"The layer has no key file for {name}.",
            next="Add it in keys/, and plan again.",
        )
    return text
