"""The admin's decisions: the people, their PGP keys, and the changes in each layer.

The steps from Project to Account record them as facts, named like the fields here; all later steps read them
here. Facts missing from sessions of older programs count as empty.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from workflows.core.sentences import Sentence, listed
from workflows.core.shapes import left_out, plain, read
from workflows.steps.kinds import KINDS

_NOT_COMPARED = "Nobody has compared the PGP fingerprint of {} yet."
_UNLIKE = "None of the PGP user ids looks like {}."

Switches = Mapping[str, bool]
"""Whether `login_profile` (console password) or `access_key` is wanted, by that name."""


@dataclass(frozen=True)
class Reset:
    """What a new PGP key resets in one layer, because Terraform encrypts it again.

    Attributes:
        file: the key file, relative to the layer's folder, as `keys/jane.doe`.
        passwords: IAM names of the users whose console password is reset.
        access_keys: IAM names of the users whose access key is reset.
        unsure: IAM names of other users with this file, where the layer doesn't show what they have.
        present: the fingerprint of the replaced key, or "" where there is none or it can't be read.
        unused: whether no apply has used the current key yet, so that AWS has nothing to reset.
    """

    file: str
    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    present: str = left_out(str)
    unused: bool = left_out(bool)

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody who uses the key file, each once."""
        return tuple(dict.fromkeys((*self.passwords, *self.access_keys, *self.unsure)))


class Comparison(StrEnum):
    """The admin's answer after comparing a key's fingerprint with its owner."""

    SAME = "same"
    LATER = "later"
    DIFFERS = "differs"


@dataclass(frozen=True)
class DecidedKey:
    """Somebody's PGP key as it was accepted; see `TakenKey`.

    Attributes:
        expires: when it expires, ISO 8601, or None for never.
        resets: what it resets where it replaces another key, by account.
        compare_later: `Comparison.LATER`, as sessions of older programs stored it.
        compared: `Comparison.SAME`, likewise.
        unlike: whether none of its user ids looks like its owner.
    """

    text: str
    fingerprint: str = ""
    algorithm: str = ""
    expires: str | None = None
    user_ids: tuple[str, ...] = ()
    verdict: str = ""
    source: Sentence = ""
    resets: Mapping[str, Reset] = left_out(dict)
    compare_later: bool = left_out(bool)
    compared: bool = left_out(bool)
    unlike: bool = left_out(bool)


@dataclass(frozen=True)
class LayerUsers:
    """Changes to the users of one layer.

    Attributes:
        add: IAM names to add.
        remove: IAM names to remove.
        access: switches of console password and access key that change, by IAM name.
        key_files: the new name of the key file, without folders, by IAM name.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    access: Mapping[str, Switches] = field(default_factory=dict)
    key_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UserChanges:
    """Changes to users, by account; the fields are those of `LayerUsers`."""

    add: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    access: Mapping[str, Mapping[str, Switches]] = left_out(dict)
    key_files: Mapping[str, Mapping[str, str]] = left_out(dict)

    def of(self, account: str) -> LayerUsers:
        """Return the changes for one layer."""
        own = {kind: of_all[account] for kind, of_all in vars(self).items() if account in of_all}
        return LayerUsers(**own)

    def people(self, kind: str) -> list[str]:
        """Return the people that one of the fields names in any layer, sorted."""
        return sorted({name for names in getattr(self, kind).values() for name in names})

    def switch(self, account: str, name: str, fact: str) -> bool | None:
        """Return the decision about one of somebody's switches; None if there is none."""
        return self.of(account).access.get(name, {}).get(fact)

    def trimmed(self) -> UserChanges:
        """Return a copy without accounts and people that have no decision."""
        return UserChanges(**{kind: _trimmed(of_all) for kind, of_all in vars(self).items()})


def _trimmed(of_all: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        account: {name: value for name, value in decided.items() if value}
        if isinstance(decided, Mapping)
        else decided
        for account, decided in of_all.items()
    }
    return {account: decided for account, decided in kept.items() if decided}


@dataclass(frozen=True)
class Move:
    """Groups that a person joins and leaves; a renamed group counts under its new name."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True)
class NewGroup:
    """A group to create like another: its module, source and policies, without its members."""

    name: str
    sibling: str


@dataclass(frozen=True)
class PolicyChanges(Move):
    """Managed policies that a group gets and loses: ARNs, or references as `Group.policies` lists them."""


@dataclass(frozen=True)
class GroupChanges:
    """Changes to the groups of one layer; siblings and policies are keyed by the groups' new names.

    Attributes:
        add: groups to create.
        remove: names of groups to remove.
        rename: old name to new name.
        policies: the policies that a group gets and loses, by group.
    """

    add: tuple[NewGroup, ...] = ()
    remove: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, PolicyChanges] = left_out(dict)

    @property
    def remade(self) -> set[str]:
        """The groups that are added, removed or renamed, by old and new names."""
        return {*(new.name for new in self.add), *self.remove, *self.rename, *self.rename.values()}


@dataclass(frozen=True)
class SettingChanges:
    """Changes to an account's settings.

    Attributes:
        alias: the new account alias, or None.
        policy: the password policy's attributes with their new values.
        before: the previous values of these settings, as far as the layer had them.
    """

    alias: str | None = None
    policy: Mapping[str, int | bool] = field(default_factory=dict)
    before: Mapping[str, int | bool | str] = left_out(dict, compare=False)

    def __bool__(self) -> bool:
        return bool(self.alias or self.policy)


@dataclass(frozen=True)
class LayerDecisions(LayerUsers):
    """All decisions for one layer.

    Attributes:
        moves: the groups to join and to leave, by IAM name.
        groups: changes to the groups themselves.
        settings: changes to the account.
        new_keys: the text of the new key for each user whose key file is replaced, by IAM name.
    """

    moves: Mapping[str, Move] = field(default_factory=dict)
    groups: GroupChanges = GroupChanges()
    settings: SettingChanges = SettingChanges()
    new_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def staying_moves(self) -> dict[str, Move]:
        """The moves of users who were there before, and stay."""
        others = {*self.add, *self.remove}
        return {name: move for name, move in self.moves.items() if move and name not in others}

    @property
    def switched(self) -> set[str]:
        """People whose password, access key or key file changes."""
        return {*self.access, *self.key_files}

    @property
    def people(self) -> set[str]:
        """Everybody with a decision in this layer."""
        moved = {name for name, move in self.moves.items() if move}
        return {*self.add, *self.remove, *self.new_keys} | moved | self.switched

    @property
    def changes(self) -> bool:
        """Whether this layer has any decision."""
        return bool(self.people) or self.beside_people

    @property
    def beside_people(self) -> bool:
        """Whether groups themselves or the account's settings change, which only a plan compares."""
        return bool(self.groups.remade or self.groups.policies or self.settings)


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work to do: its people and layers.

    Attributes:
        layers: the accounts whose layers are edited, in working order.
        joining: people who join.
        leaving: people who leave.
        regrouping: people whose groups, access or key file change.
        rekeying: people whose PGP key is replaced.
        resetting: people who get a new console password. No file is edited; Terraform replaces the login
            profile.
        mfa_reset: people whose MFA device is removed through IAM.
        account_wanted: whether to review the account alias and password policy.
        regions_wanted: whether to review the regions with STS.
    """

    layers: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    regrouping: tuple[str, ...] = ()
    rekeying: tuple[str, ...] = ()
    resetting: tuple[str, ...] = ()
    mfa_reset: tuple[str, ...] = ()
    account_wanted: bool = False
    regions_wanted: bool = False

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody in this session, each once."""
        return tuple(dict.fromkeys(name for kind in KINDS for name in getattr(self, kind)))

    @property
    def staying(self) -> tuple[str, ...]:
        """Existing users who stay, each once."""
        return tuple(dict.fromkeys((*self.regrouping, *self.rekeying, *self.resetting, *self.mfa_reset)))


@dataclass(frozen=True, kw_only=True)
class Decisions(Work):
    """All decisions; each field is the fact of that name.

    Attributes:
        keys: the PGP keys of people who join or get a new one, by IAM name.
        comparisons: the answer about the fingerprint of each of these keys. No step needs this fact, so
            comparing a key later makes nothing stale.
        rejected_keys: the fingerprints of keys that were replaced because they weren't their owner's.
        user_changes: changes to users; None until decided.
        memberships: the groups to join and to leave, by account and IAM name.
        group_changes: changes to groups, by account.
        account_changes: changes to account settings, by account.
        named: people named to a command. No session decided more about them, so a command takes what it
            finds.
    """

    keys: Mapping[str, DecidedKey] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    rejected_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    user_changes: UserChanges | None = None
    memberships: Mapping[str, Mapping[str, Move]] = field(default_factory=dict)
    group_changes: Mapping[str, GroupChanges] = field(default_factory=dict)
    account_changes: Mapping[str, SettingChanges] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    @property
    def not_compared(self) -> tuple[str, ...]:
        """People whose key's fingerprint is still to be compared, except joiners that Users left out."""
        return self._answered(Comparison.LATER)

    @property
    def compared(self) -> tuple[str, ...]:
        """People whose key's fingerprint is the same as its owner's, except joiners that Users left out."""
        return self._answered(Comparison.SAME)

    @property
    def rejected(self) -> tuple[str, ...]:
        """People whose accepted key turned out not to be theirs, except joiners that Users left out."""
        return self._answered(Comparison.DIFFERS)

    def _answered(self, answer: Comparison) -> tuple[str, ...]:
        decided = self.user_changes is not None
        left_out = {*self.joining}.difference(self.users.people("add")) if decided else set[str]()
        return tuple(name for name in self.keys if self.comparison(name) is answer and name not in left_out)

    def comparison(self, name: str) -> Comparison | None:
        """Return the answer about the fingerprint of somebody's key; None if nobody was asked."""
        key = self.keys[name]
        before = Comparison.LATER if key.compare_later else Comparison.SAME if key.compared else None
        return self.comparisons.get(name, before)

    def keyed_in(self, account: str) -> frozenset[str]:
        """Return the people to whose key an account encrypts something."""
        rekeyed = (name for name in self.rekeying if name in self.keys and account in self.keys[name].resets)
        return frozenset((*self.of(account).add, *rekeyed))

    def not_compared_sentences(self, gone: Container[str] = (), account: str = "") -> tuple[Sentence, ...]:
        """Return sentences about keys whose fingerprint is still to be compared; none if all are.

        Args:
            gone: people to leave out.
            account: only for this account; "" for all.
        """
        here = self.keyed_in(account) if account else self.not_compared
        names = [name for name in self.not_compared if name in here and name not in gone]
        unlike = [name for name, key in self.keys.items() if key.unlike and name in names]
        said = {_NOT_COMPARED: names, _UNLIKE: unlike}
        return tuple(words.format(listed(who, 3)) for words, who in said.items() if who)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Decisions:
        """Read the decisions from facts, ignoring other facts.

        Raises:
            WrongShape: a fact has the wrong shape (the session's file was damaged).
        """
        return read(cls, facts)

    def as_facts(self, *names: str) -> dict[str, Any]:
        """Return the named facts as JSON values."""
        return {name: plain(getattr(self, name)) for name in names}

    @cached_property
    def users(self) -> UserChanges:
        """Changes to users; empty until decided."""
        return self.user_changes or UserChanges()

    def of(self, account: str) -> LayerDecisions:
        """Return all decisions for one layer."""
        new_keys = {
            user: key.text
            for key in (self.keys[name] for name in self.rekeying if name in self.keys)
            if account in key.resets
            for user in key.resets[account].users
        }
        return LayerDecisions(
            **vars(self.users.of(account)),
            moves=self.memberships.get(account, {}),
            groups=self.group_changes.get(account, GroupChanges()),
            settings=self.account_changes.get(account, SettingChanges()),
            new_keys=new_keys,
        )
