"""What is decided: for whom the session is, whose key is which, and what changes in each layer.

The steps from Project to Account give it as facts, a fact's name being the name of the field here; all later
steps read it here. A session of an older program lacks the facts that it did not know: they count as nothing.
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

Switches = Mapping[str, bool]
"""`login_profile` (console password) or `access_key` to whether it is wanted."""


@dataclass(frozen=True)
class Reset:
    """What a new PGP key resets in one layer, since Terraform encrypts it again.

    Attributes:
        file: the key file, relative to the layer's folder, as `keys/jane.doe`.
        passwords: IAM names of the users whose console password is reset.
        access_keys: IAM names of the users whose access key is reset.
        unsure: IAM names of other users of the file, of whom the layer does not tell what they have.
        present: the fingerprint of the key that is there now, or "" where it can't be read.
        unused: whether no apply has used the key that is there, so that AWS has nothing to be reset yet.
    """

    file: str
    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    present: str = left_out(str, compare=False)
    unused: bool = left_out(bool)

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody who has the key file, each once."""
        return tuple(dict.fromkeys((*self.passwords, *self.access_keys, *self.unsure)))


class Comparison(StrEnum):
    """What the person said about a key's fingerprint and its owner's."""

    SAME = "same"
    LATER = "later"


@dataclass(frozen=True)
class DecidedKey:
    """Somebody's PGP key, as it was taken in; see `TakenKey`.

    Attributes:
        expires: when it stops being usable, ISO 8601, or None for never.
        resets: where it replaces another one, what that resets, by account.
        compare_later: `Comparison.LATER`, as sessions of an older program kept it here.
        compared: `Comparison.SAME`, likewise.
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


@dataclass(frozen=True)
class LayerUsers:
    """What changes about the users of one layer.

    Attributes:
        add: IAM names that are added to it.
        remove: IAM names that are removed from it.
        access: by IAM name, console password and access key to switch, as far as they change.
        key_files: by IAM name, the new name of the key file, without folders.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    access: Mapping[str, Switches] = field(default_factory=dict)
    key_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UserChanges:
    """What changes about users, by account; the fields are those of `LayerUsers`."""

    add: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    access: Mapping[str, Mapping[str, Switches]] = left_out(dict)
    key_files: Mapping[str, Mapping[str, str]] = left_out(dict)

    def of(self, account: str) -> LayerUsers:
        """The same for one layer."""
        own = {kind: of_all[account] for kind, of_all in vars(self).items() if account in of_all}
        return LayerUsers(**own)

    def people(self, kind: str) -> list[str]:
        """Whom one of the fields is about, in any layer; sorted."""
        return sorted({name for names in getattr(self, kind).values() for name in names})

    def switch(self, account: str, name: str, fact: str) -> bool | None:
        """What is decided about one of somebody's switches; None for nothing."""
        return self.of(account).access.get(name, {}).get(fact)

    def trimmed(self) -> UserChanges:
        """The same without accounts and people for whom nothing is decided."""
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
    """A group to be made in the shape of another: its module, source and policies, without its members."""

    name: str
    sibling: str


@dataclass(frozen=True)
class PolicyChanges(Move):
    """Managed policies that a group gets and loses: ARNs, or references as `Group.policies` lists them."""


@dataclass(frozen=True)
class GroupChanges:
    """What changes about the groups of one layer; siblings and policies are keyed by the groups' new names.

    Attributes:
        add: groups to make.
        remove: names of groups to remove.
        rename: old name to new name.
        policies: a group's name to the policies that it gets and loses.
    """

    add: tuple[NewGroup, ...] = ()
    remove: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, PolicyChanges] = left_out(dict)

    @property
    def remade(self) -> set[str]:
        """The groups that are added, removed or renamed, by both names."""
        return {*(new.name for new in self.add), *self.remove, *self.rename, *self.rename.values()}


@dataclass(frozen=True)
class SettingChanges:
    """What changes about an account's settings.

    Attributes:
        alias: the new account alias, or None.
        policy: the password policy's attributes with their new values.
        before: the values of these settings before, as far as the layer had them.
    """

    alias: str | None = None
    policy: Mapping[str, int | bool] = field(default_factory=dict)
    before: Mapping[str, int | bool | str] = left_out(dict, compare=False)

    def __bool__(self) -> bool:
        return bool(self.alias or self.policy)


@dataclass(frozen=True)
class LayerDecisions(LayerUsers):
    """All that is decided for one layer.

    Attributes:
        moves: the groups to join and to leave, by IAM name.
        groups: what changes about the groups themselves.
        settings: what changes about the account.
        new_keys: who has a key file that is replaced, each with the text of the new key.
    """

    moves: Mapping[str, Move] = field(default_factory=dict)
    groups: GroupChanges = GroupChanges()
    settings: SettingChanges = SettingChanges()
    new_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def switched(self) -> set[str]:
        """Whose password, access key or key file changes."""
        return {*self.access, *self.key_files}

    @property
    def people(self) -> set[str]:
        """Everybody about whom something is decided."""
        moved = {name for name, move in self.moves.items() if move}
        return {*self.add, *self.remove, *self.new_keys} | moved | self.switched

    @property
    def changes(self) -> bool:
        """Whether anything is decided."""
        return bool(self.people or self.groups.remade or self.groups.policies or self.settings)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done, for whom, and in which layers.

    Attributes:
        layers: the accounts whose layers are edited, in their order.
        joining: who joins.
        leaving: who leaves.
        regrouping: whose groups, access or key file change.
        rekeying: whose PGP key is replaced.
        resetting: who gets a new console password: nothing is edited, Terraform replaces the login profile.
        mfa_reset: whose MFA device is taken away, over IAM.
        account_wanted: whether account alias and password policy are looked at.
        regions_wanted: whether the regions with STS are looked at.
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
        """Everybody whom it is for, each once."""
        return tuple(dict.fromkeys(name for kind in KINDS for name in getattr(self, kind)))

    @property
    def staying(self) -> tuple[str, ...]:
        """Everybody who is there and stays, each once."""
        return tuple(dict.fromkeys((*self.regrouping, *self.rekeying, *self.resetting, *self.mfa_reset)))


@dataclass(frozen=True, kw_only=True)
class Decisions(Work):
    """All that is decided; each field is a fact of that name.

    Attributes:
        keys: the PGP keys of those who join or get a new one, by IAM name.
        comparisons: what was said about the fingerprint of each of these keys. No step needs this fact, so
            that comparing a key later makes nothing out of date.
        user_changes: what changes about users; None until it is decided.
        memberships: the groups to join and to leave, by account and IAM name.
        group_changes: what changes about groups, by account.
        account_changes: what changes about accounts, by account.
        named: who was named to a command: no session decided more of them, so whatever is there is meant.
    """

    keys: Mapping[str, DecidedKey] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    user_changes: UserChanges | None = None
    memberships: Mapping[str, Mapping[str, Move]] = field(default_factory=dict)
    group_changes: Mapping[str, GroupChanges] = field(default_factory=dict)
    account_changes: Mapping[str, SettingChanges] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Those whose key's fingerprint is still to be compared; not who was left out after all."""
        decided = self.user_changes is not None
        left_out = {*self.joining}.difference(self.users.people("add")) if decided else set[str]()
        return tuple(
            name for name in self.keys if self.comparison(name) is Comparison.LATER and name not in left_out
        )

    def comparison(self, name: str) -> Comparison | None:
        """What was said about the fingerprint of somebody's key; None where nobody was asked."""
        key = self.keys[name]
        before = Comparison.LATER if key.compare_later else Comparison.SAME if key.compared else None
        return self.comparisons.get(name, before)

    def keyed_in(self, account: str) -> frozenset[str]:
        """Those to whose key something is encrypted in an account."""
        rekeyed = (name for name in self.rekeying if name in self.keys and account in self.keys[name].resets)
        return frozenset((*self.of(account).add, *rekeyed))

    def not_compared_sentences(self, gone: Container[str] = (), account: str = "") -> tuple[Sentence, ...]:
        """That these are still to be compared, as a sentence; none where all are.

        Args:
            gone: who is left out.
            account: the account that it is about; "" for all.
        """
        here = self.keyed_in(account) if account else self.not_compared
        names = [name for name in self.not_compared if name in here and name not in gone]
        return (f"Nobody has compared the PGP fingerprint of {listed(names, 3)} yet.",) if names else ()

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Decisions:
        """What facts say, as far as there are any; others are passed over.

        Raises:
            WrongShape: a fact is not what it should be (the session's file was damaged).
        """
        return read(cls, facts)

    def as_facts(self, *names: str) -> dict[str, Any]:
        """The facts of these names as JSON values."""
        return {name: plain(getattr(self, name)) for name in names}

    @cached_property
    def users(self) -> UserChanges:
        """What changes about users; nothing until it is decided."""
        return self.user_changes or UserChanges()

    def of(self, account: str) -> LayerDecisions:
        """What is decided for one layer."""
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
