"""What replacing a person's PGP key makes anew, by name: told before it is decided, and looked up later.

`pgp_key` forces a new login profile and a new access key of everybody who has the key file. So this is told
per layer, confirmed with the typed name, and recorded in the fact `keys`; Review, Plan and Hand over go by
what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.core.openpgp import holds
from workflows.core.sentences import Sentence
from workflows.layer.model import Layer, Person
from workflows.services.gpg.normalise import PublicKeyText


@dataclass(frozen=True)
class Reset:
    """What a new key makes anew in one layer.

    Attributes:
        account: the layer's account.
        file: the key file, relative to the layer's folder, as `keys/jane.doe`.
        passwords: IAM names of the users whose console password is made anew.
        access_keys: IAM names of the users whose access key is made anew.
        unsure: IAM names of other users of the file, of whom the layer does not tell what they have.
    """

    account: str
    file: str
    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody who has the key file, each once."""
        return tuple(dict.fromkeys((*self.passwords, *self.access_keys, *self.unsure)))

    @property
    def words(self) -> Sentence:
        """What is made anew, in a sentence that names everybody."""
        parts = []
        if self.passwords:
            parts.append(f"the console password of {_listed(self.passwords)}")
        if self.access_keys:
            parts.append(f"the access key of {_listed(self.access_keys)}")
        if self.unsure:
            parts.append(f"whatever {_listed(self.unsure)} got with this key")
        return f"{self.account} ({self.file}): {' and '.join(parts)}"

    def as_fact(self) -> dict[str, Any]:
        """The same as JSON values, without the account."""
        return {
            "file": self.file,
            "passwords": list(self.passwords),
            "access_keys": list(self.access_keys),
            "unsure": list(self.unsure),
        }

    @classmethod
    def from_fact(cls, account: str, fact: Mapping[str, Any]) -> Reset:
        """What `as_fact` gave."""
        lists = (tuple(fact[name]) for name in ("passwords", "access_keys", "unsure"))
        return cls(account, str(fact["file"]), *lists)


@dataclass(frozen=True)
class Replacement:
    """A new key for somebody who is there already.

    Attributes:
        resets: what is made anew, by layer.
        unchanged: the accounts whose layer holds this key already.
        by_hand: where the layer does not say which file holds the key, as sentences with the place.
    """

    resets: tuple[Reset, ...] = ()
    unchanged: tuple[str, ...] = ()
    by_hand: tuple[Sentence, ...] = ()


def replacement(
    name: str, key: PublicKeyText, layers: Iterable[Layer], decided: Mapping[str, Any] | None
) -> Replacement:
    """What replacing somebody's key would do.

    A file that holds the key already, in whatever wrapping the provider can read, stays as it is.

    Args:
        name: the IAM name.
        key: the new key.
        layers: those that are worked on.
        decided: the fact on this person from before, if there is one: what this session wrote is no reason
            to call the key unchanged.
    """
    before = decided.get("resets", {}) if decided and decided.get("text") == key.text else {}
    resets: list[Reset] = []
    unchanged: list[str] = []
    by_hand: list[str] = []
    for layer in layers:
        account, person = layer.location.account, layer.person(name)
        if person is None:
            continue
        if person.key_file is None:
            place = f"{layer.location.relative}/{person.place}"
            by_hand.append(f"{account}: the key file of {name} is computed; replace it by hand ({place}).")
            continue
        present = layer.files.keys.get(person.key_file)
        same = present is not None and holds(present, key.text.encode())
        if same and account not in before:
            unchanged.append(account)
        else:
            resets.append(_reset(layer, person))
    return Replacement(tuple(resets), tuple(unchanged), tuple(by_hand))


def _reset(layer: Layer, person: Person) -> Reset:
    sharing = [one for one in layer.people if one.key_file == person.key_file]
    told = [one for one in sharing if one.login_profile or one.access_key]
    return Reset(
        layer.location.account,
        str(person.key_file),
        passwords=tuple(one.iam_name for one in sharing if one.login_profile),
        access_keys=tuple(one.iam_name for one in sharing if one.access_key),
        unsure=tuple(one.iam_name for one in sharing if one not in told),
    )


def reset_users(facts: Mapping[str, Any], account: str) -> tuple[str, ...]:
    """Everybody whose secrets in an account are made anew because a key file is replaced.

    Args:
        facts: facts with `rekeying` and `keys`, as far as there are any.
        account: the account.
    """
    return tuple(new_keys(facts, account))


def new_keys(facts: Mapping[str, Any], account: str) -> dict[str, str]:
    """The same people, each with the text of the new key."""
    found: dict[str, str] = {}
    for name in facts.get("rekeying") or ():
        key = (facts.get("keys") or {}).get(name) or {}
        fact = key.get("resets", {}).get(account)
        if fact is not None:
            found |= dict.fromkeys(Reset.from_fact(account, fact).users, str(key["text"]))
    return found


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
