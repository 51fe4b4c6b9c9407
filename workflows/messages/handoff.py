"""The handoff: the admin sends a person everything for a start, with passwords and secrets encrypted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

from workflows.core.files import read_text
from workflows.core.sentences import OnboardError, Problem, enumerated, text_of
from workflows.messages import rules
from workflows.messages.envelope import Fields, extract_block, lines_of, render_block
from workflows.messages.file_names import handoff_file
from workflows.profiles.shell_lines import SIGN_IN_DOMAINS

KIND = "handoff"
MAX_HANDOFF = 2_000_000
"""Maximum bytes of a text or file with a handoff."""
ACCESS = "access"
"""The person's first access; the default occasion of a handoff."""
NEW_PASSWORD = "new-password"  # noqa: S105 - an occasion
NEW_KEY = "new-key"
"""A new PGP key, so everything encrypted to the old one is reset."""
NEW_CREDENTIALS = "new-credentials"
"""A console password or an access key for somebody who had none."""
NEW_ROLES = "new-roles"
"""Other roles, with the password and access key as they were."""
_OCCASION = re.compile(r"[a-z][a-z-]{0,39}")


@dataclass(frozen=True)
class RoleProfile:
    """A profile that assumes a role.

    Attributes:
        profile: the profile's name, for example "bb-apps-devstg-devops".
        role: the role's name, for example "DevOps".
        account_name: the account's name in the project, for example "apps-devstg".
        account_id: the account's 12-digit id.
        extra: unknown fields of a newer program, which are kept.
    """

    profile: str
    role: str
    account_name: str
    account_id: str
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def problems(self) -> list[Problem]:
        """Everything in it that breaks a rule."""
        return rules.check(
            profile=self.profile,
            role=self.role,
            account_name=self.account_name,
            account_id=self.account_id,
        )


@dataclass(frozen=True)
class Identity:
    """One IAM user in one account.

    Attributes:
        account_name: the account's name in the project: "management", "root" or "security".
        account_alias: its alias, or "".
        account_id: its 12-digit id.
        user: the IAM user name.
        sign_in_url: the sign-in page; "" for a user without a console password.
        encrypted_password: the one-time password as base64 OpenPGP ciphertext, or None.
        key_fingerprint: the fingerprint of the recipient's PGP key, 40 upper-case hexadecimal digits; "" if
            nothing is encrypted.
        region: the project's primary region.
        partition: "aws", "aws-us-gov" or "aws-cn".
        mfa_required: whether the person must register an MFA device.
        password_policy: the account's password policy, as sentences.
        profiles: the role profiles based on this identity.
        access_key_id: the id of an access key that the layer created (machine users), or None.
        encrypted_secret: its secret as base64 OpenPGP ciphertext, or None.
        mfa_names: whether the project's Leverage CLI reads role profiles named `…-mfa` (MFA_ENABLED=true).
        extra: unknown fields of a newer program, which are kept.
    """

    account_name: str
    account_alias: str
    account_id: str
    user: str
    sign_in_url: str
    encrypted_password: str | None
    key_fingerprint: str
    region: str
    partition: str = "aws"
    mfa_required: bool = True
    password_policy: tuple[str, ...] = ()
    profiles: tuple[RoleProfile, ...] = ()
    access_key_id: str | None = None
    encrypted_secret: str | None = None
    mfa_names: bool = False
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def encrypted(self) -> tuple[str, ...]:
        """The texts in it that only the owner of the key can read."""
        return tuple(text for text in (self.encrypted_password, self.encrypted_secret) if text)

    def with_secrets_of(self, held: Identity) -> Identity:
        """Return it with the password and access key of an earlier handoff, which it leaves as they were."""
        same = (held.account_id, held.user) == (self.account_id, self.user)
        if self.encrypted or not same:
            return self
        return replace(
            self,
            key_fingerprint=held.key_fingerprint,
            encrypted_password=held.encrypted_password if self.sign_in_url else None,
            access_key_id=held.access_key_id,
            encrypted_secret=held.encrypted_secret,
        )

    def without_secrets(self) -> Identity:
        """Return it without password and access key."""
        return replace(self, encrypted_password=None, access_key_id=None, encrypted_secret=None)

    def problems(self) -> list[Problem]:
        """Everything in it that breaks a rule."""
        signs_in = self.sign_in_url or self.encrypted_password
        half_a_key = (self.access_key_id is None) != (self.encrypted_secret is None)
        half = "It has an access key id without the encrypted secret, or a secret without the id."
        return [
            *rules.check(
                account_name=self.account_name,
                account_alias=self.account_alias,
                account_id=self.account_id,
                user=self.user,
                partition=self.partition,
                region=self.region,
            ),
            *(rules.check(key_fingerprint=key) if (key := self.key_fingerprint) or self.encrypted else []),
            *rules.ciphertext(self.encrypted_password, "encrypted_password"),
            *rules.ciphertext(self.encrypted_secret, "encrypted_secret"),
            *(rules.check(access_key_id=self.access_key_id) if self.access_key_id is not None else []),
            *(
                rules.sign_in_url(
                    self.sign_in_url,
                    alias=self.account_alias,
                    account=self.account_id,
                    partition=self.partition,
                )
                if signs_in
                else []
            ),
            *([Problem(half, "access_key_id")] if half_a_key else []),
            *rules.password_policy(self.password_policy),
            *(problem for profile in self.profiles for problem in profile.problems()),
        ]


@dataclass(frozen=True)
class Handoff:
    """Everything for one person.

    Attributes:
        project: the project's short name.
        identities: one or more; management first, then security.
        occasion: why it is sent: one of the constants above, or a newer program's.
        extra: unknown fields of a newer program, which are kept.
        gone: profiles that stop working, by account; only the text for people names them.
    """

    project: str
    identities: tuple[Identity, ...]
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)
    occasion: str = ACCESS
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False, compare=False)

    def problems(self) -> list[Problem]:
        """Return everything in it that breaks a rule; empty if it may be sent and used."""
        accounts = [(identity.account_id, identity.user) for identity in self.identities]
        conditions = (
            (
                not _OCCASION.fullmatch(self.occasion),
                "Its occasion isn't a word of lower-case letters and dashes.",
                "occasion",
            ),
            (
                not 1 <= len(self.identities) <= 20,
                f"It holds {len(self.identities)} identities; 1 to 20 are accepted.",
                "identities",
            ),
            (
                len(set(accounts)) != len(accounts),
                "It names the same user of the same account twice.",
                "identities",
            ),
        )
        names = Counter(profile.profile for identity in self.identities for profile in identity.profiles)
        twice = [name for name, number in names.items() if number > 1][:1]
        return [
            *rules.check(project=self.project),
            *(Problem(words, field) for broken, words, field in conditions if broken),
            *(
                problem._replace(message=f"Identity {number}: {problem.message}")
                for number, identity in enumerate(self.identities[:20], start=1)
                for problem in identity.problems()
            ),
            *(Problem(f"It names the profile {rules.shown(name)} twice.", "profiles") for name in twice),
        ]

    def render(self) -> str:
        """Return the whole text to send, ending with a newline.

        Raises:
            MessageError: a value breaks its rule, above all one that should be encrypted but isn't.
        """
        rules.refuse(self.problems(), KIND)
        return f"{_greeting(self)}\n\n{render_block(KIND, self.payload())}\n"

    def payload(self) -> dict[str, object]:
        """Return its block's content for `handoff_from` as JSON values, including unknown fields."""
        identities = [_identity_payload(identity) for identity in self.identities]
        occasion = {} if self.occasion == ACCESS else {"occasion": self.occasion}
        return {"project": self.project, **occasion, "identities": identities, **self.extra}


def sign_in_url(alias_or_account_id: str, partition: str = "aws") -> str:
    """Return the sign-in address of an account.

    Raises:
        KeyError: the partition is none of "aws", "aws-us-gov" and "aws-cn".
    """
    return f"https://{alias_or_account_id}.{SIGN_IN_DOMAINS[partition]}/console"


def open_handoff(text: str) -> Handoff:
    """Read and check the handoff in a pasted text, file or saved mail.

    Older programs repeated the unchanged password in a handoff with other roles; it is left out.

    Raises:
        MessageError: there is none, it is damaged, a newer program made it, or a value breaks its rule.
    """
    handoff = handoff_from(extract_block(text, KIND))
    if handoff.occasion != NEW_ROLES:
        return handoff
    return replace(handoff, identities=tuple(each.without_secrets() for each in handoff.identities))


def is_handoff_for(project: str, user: str, path: Path) -> bool:
    """Return whether a file has a project's handoff for a user, so that a new one may overwrite it."""
    try:
        handoff = open_handoff(read_text(path, MAX_HANDOFF))
    except OnboardError:
        return False
    return handoff.project == project and all(identity.user == user for identity in handoff.identities)


def handoff_from(payload: Mapping[str, object]) -> Handoff:
    """Read and check the handoff in a block's payload.

    Raises:
        MessageError: something is missing, or a value breaks its rule.
    """
    values = Fields(payload, "the handoff")
    handoff = Handoff(
        project=values.word("project"),
        identities=tuple(_identity(fields) for fields in values.objects("identities", "identity")),
        occasion=values.word("occasion", ACCESS),
        extra=values.rest(),
    )
    rules.refuse(handoff.problems(), KIND)
    return handoff


def _identity(values: Fields) -> Identity:
    return Identity(
        account_name=values.word("account_name"),
        account_alias=values.word("account_alias", ""),
        account_id=values.word("account_id"),
        user=values.word("user"),
        sign_in_url=values.word("sign_in_url", ""),
        encrypted_password=values.base64("encrypted_password"),
        key_fingerprint=values.word("key_fingerprint", "").upper(),
        region=values.word("region"),
        partition=values.word("partition", "aws"),
        mfa_required=values.flag("mfa_required", default=True),
        password_policy=values.proses("password_policy"),
        profiles=tuple(
            RoleProfile(
                profile=fields.word("profile"),
                role=fields.word("role"),
                account_name=fields.word("account_name"),
                account_id=fields.word("account_id"),
                extra=fields.rest(),
            )
            for fields in values.objects("profiles", "profile")
        ),
        access_key_id=values.word("access_key_id", "") or None,
        encrypted_secret=values.base64("encrypted_secret"),
        mfa_names=values.flag("mfa_names", default=False),
        extra=values.rest(),
    )


def _identity_payload(identity: Identity) -> dict[str, object]:
    has_key = identity.access_key_id is not None and identity.encrypted_secret is not None
    payload: dict[str, object] = {
        "account_name": identity.account_name,
        "account_alias": identity.account_alias,
        "account_id": identity.account_id,
        "partition": identity.partition,
        "region": identity.region,
        "user": identity.user,
        "sign_in_url": identity.sign_in_url,
        "key_fingerprint": identity.key_fingerprint or None,
        "mfa_required": identity.mfa_required,
        "password_policy": list(identity.password_policy),
        "mfa_names": identity.mfa_names or None,
        "encrypted_password": identity.encrypted_password and lines_of(identity.encrypted_password),
        "access_key_id": identity.access_key_id if has_key else None,
        "encrypted_secret": lines_of(identity.encrypted_secret or "") if has_key else None,
        "profiles": [
            {
                "profile": profile.profile,
                "role": profile.role,
                "account_name": profile.account_name,
                "account_id": profile.account_id,
                **profile.extra,
            }
            for profile in identity.profiles
        ],
    }
    return {**{name: value for name, value in payload.items() if value is not None}, **identity.extra}


_HOLDS: Mapping[tuple[bool, bool], tuple[str, str]] = {
    (True, False): ("passwords in it are", "password"),
    (False, True): ("secret keys in it are", "access key"),
    (True, True): ("passwords and secret keys in it are", "password and access key"),
    (False, False): ("passwords in it are", "password"),
}
"""By (passwords, access keys): what is encrypted, and what is reset if decryption fails."""
_WIDTH = 72
_FIRST = "Your access to the AWS accounts of {project} is ready."
_OPENINGS: Mapping[str, str] = {
    "new-password": "Your AWS password in {accounts} of {project} was reset. The old one no longer works "
    "there. Your access keys stay as they were.",
    "new-key": "Your new PGP key is in place in {accounts} of {project}. Everything that I had "
    "encrypted to the old key there was reset, so your old password no longer works. Access "
    "keys that you made yourself still do.",
    "new-credentials": "You have new credentials for the AWS accounts of {project}.",
    "new-roles": "Your roles have changed in {project}. Your password and access keys stay as they were.",
}
"""The first sentence of a message by occasion, except for the person's first message."""
_DONE = "If you already replaced one of these passwords with your own, that account is done."
"""A message repeats the passwords of one that was sent after the first of several applies."""
_ROLES_BY_HAND = """the users below can use these roles now, and no others. In
~/.aws/{project}/config, add a profile for each that has none, and remove
the profiles that stop working. Leave all others as they are."""
_CANT_DECRYPT = """If you can't decrypt it, send me your current public PGP key, and I'll make
a new {remade}."""


def reminder(project: str, sent: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return a reminder to open handoffs, each given by its occasion and accounts; it names no person."""
    each = [*sent]
    openings = {_opening(project, occasion, accounts) for occasion, accounts in each}
    opening = openings.pop() if len(openings) == 1 else f"There is news about your access to {project}."
    join = all(occasion == ACCESS for occasion, _ in each)
    mfa = "Then set up MFA." if join else "If you have no MFA device there, set one up too."
    asks = (
        f"Please use `iam-onboard` to open the handoff that I sent you, and choose your own password. {mfa}"
    )
    return (
        f"Hello,\n\n{opening} {asks}\n\n"
        "If you don't have it any more, or it doesn't open, tell me and I'll send it again.\n"
    )


def _opening(project: str, occasion: str, accounts: Sequence[str]) -> str:
    """Say why a person gets a handoff."""
    named = text_of(enumerated(accounts))
    return _OPENINGS.get(occasion, _FIRST).format(project=project, accounts=named)


def _greeting(handoff: Handoff) -> str:
    """Return the text above the block: what it is, how to continue with the wizard, and how by hand."""
    again = handoff.occasion in _OPENINGS
    accounts = [identity.account_name for identity in handoff.identities]
    passwords = [identity.encrypted_password is not None for identity in handoff.identities]
    access_key = any(identity.encrypted_secret is not None for identity in handoff.identities)
    encrypted, remade = _HOLDS[any(passwords), access_key]
    opening = _opening(handoff.project, handoff.occasion, accounts)
    roles_only = handoff.occasion == NEW_ROLES
    done = f" {_DONE}" if sum(passwords) > 1 else ""
    file = handoff_file(handoff.identities[0].user)
    held = f": {encrypted} encrypted to the PGP key named below. Tell me if it isn't yours.{done}"
    by_hand = f" {_ROLES_BY_HAND.format(project=handoff.project)}" if roles_only else ""
    secrecy = "Nothing in this message is secret" + ("." if roles_only else held)
    parts = [
        f"""Hello,

{fill(f"{opening} {secrecy}", _WIDTH, break_on_hyphens=False)}

With iam-onboard: save this whole message as {file} and run

  iam-onboard join {file}

or paste it at the step "Handoff". The wizard does the rest.

Without it:{by_hand}""",
        *(
            "\n".join(
                (
                    _by_hand(identity, again=again) if identity.encrypted else _roles_by_hand(identity),
                    *_gone_by_hand(handoff.gone.get(identity.account_name, ())),
                )
            )
            for identity in handoff.identities
        ),
        *(() if roles_only else (_CANT_DECRYPT.format(remade=remade),)),
        "For iam-onboard (leave it as it is):",
    ]
    return "\n\n".join(parts)


def _gone_by_hand(gone: Sequence[str]) -> tuple[str, ...]:
    return ("  These profiles stop working:", *(f"  - {profile}" for profile in gone)) if gone else ()


def _roles_by_hand(identity: Identity) -> str:
    """Return the roles of a user whose password stays as it is."""
    roles = (
        f"  - {role.role} in {role.account_name} ({role.account_id}), profile {role.profile}"
        for role in identity.profiles
    )
    head = f"* {identity.account_name} (account {identity.account_id}), user {identity.user}"
    return "\n".join((head if identity.profiles else f"{head}: no roles", *roles))


def _by_hand(identity: Identity, *, again: bool) -> str:
    lines = [
        f"* {identity.account_name} (account {identity.account_id})",
        f"  User: {identity.user}",
        f"  PGP key: {identity.key_fingerprint}",
    ]
    if identity.sign_in_url:
        lines.insert(1, f"  Sign in at: {identity.sign_in_url}")
    if identity.encrypted_password is not None:
        lines += ["  Your one-time password, in a terminal (zsh: a % at its end isn't part of it):", ""]
        lines += _decrypt(identity.encrypted_password)
        lines += ["", "  Sign in with it and choose a new one."]
        lines += [f"  - {sentence}" for sentence in identity.password_policy]
        if identity.mfa_required and again:
            lines.append("  If you have an MFA device there, it stays as it is.")
        elif identity.mfa_required:
            lines.append('  Then add MFA under "Security credentials": an authenticator app, not a')
            lines.append("  passkey. Sign out and in again.")
    if identity.access_key_id is not None and identity.encrypted_secret is not None:
        lines += [f"  Access key id: {identity.access_key_id}", "  Its secret, in a terminal:", ""]
        lines += _decrypt(identity.encrypted_secret)
    return "\n".join(lines)


def _decrypt(ciphertext: str) -> list[str]:
    """Return a decryption command to paste into sh, bash or zsh."""
    return ["base64 --decode <<'END' | gpg --decrypt", *lines_of(ciphertext), "END"]
