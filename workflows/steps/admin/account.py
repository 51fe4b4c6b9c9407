"""The account step: its alias and password policy, with computed values; plain values can be changed.

Most layers compute the alias (`"${var.project_long}-${var.environment}"`). That expression is worth more than
its value, so it is shown and left alone. The rules come from the IAM API reference,
UpdateAccountPasswordPolicy, and the user guide, "Set an account password policy for IAM users".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workflows.core.sentences import Problem, Sentence, joined
from workflows.layer.edit.account import LEAST, ShortPassword, shortest_password
from workflows.layer.edit.run import check, edit
from workflows.layer.model import AccountSettings, Constant, Layer, Setting
from workflows.layer.names import (
    ALIAS,
    POLICY_ATTRIBUTES,
    POLICY_NUMBERS,
    check_account_alias,
    check_password_policy,
)
from workflows.layer.read.findings import account_resources
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.decisions import Decisions, SettingChanges
from workflows.steps.shared.by_hand import Spot, refused_by_hand, spot_at, spots_of
from workflows.steps.shared.module import Context, Progress, Report


@dataclass(frozen=True)
class LayerView:
    """A layer's settings for the screen.

    Attributes:
        account: its account.
        settings: the settings by name, as the layer has them, without unset ones.
        editable: whether its plain values can be changed at all.
        notice: why there is nothing to show, or why nothing can be changed; "" otherwise.
        spots: places that need editing by hand.
        shortest: the shortest password that the layer generates, or None.
    """

    account: str
    settings: Mapping[str, Setting]
    editable: bool
    notice: Sentence
    spots: tuple[Spot, ...] = ()
    shortest: ShortPassword | None = None

    def can_set(self, name: str) -> bool:
        """Return whether the person can enter a value: replace a plain one, or add one of the policy's."""
        setting = self.settings.get(name)
        return self.editable and (setting.literal if setting else name in POLICY_ATTRIBUTES)


@dataclass(frozen=True)
class Choice:
    """The person's decision for one layer.

    Attributes:
        values: the values entered for editable settings. Text that isn't a whole number stays text, and is an
            error.
        others: the known values of settings that can't be changed.
        shortest: the shortest password that the layer generates, or None.
    """

    values: Mapping[str, Constant] = field(default_factory=dict)
    others: Mapping[str, Constant] = field(default_factory=dict)
    shortest: ShortPassword | None = None


@dataclass(frozen=True)
class Request:
    """The person's decisions, by account."""

    layers: Mapping[str, Choice]


def survey(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen.

    Raises:
        OnboardError: a layer can't be read.
    """
    report(Progress("Reading the account's settings"))
    return tuple(_view(layer) for layer in read_layers(context).values())


def _view(layer: Layer) -> LayerView:
    account, settings = layer.location.account, layer.account
    if settings is None:
        by_hand = spots_of(layer, account_resources(layer.files))
        nothing = "This layer has no module for the account's settings: nothing to do here."
        notice = joined(f"{spot.words} ({spot.place}, F4)" for spot in by_hand) or nothing
        return LayerView(account, {}, editable=False, notice=notice, spots=by_hand)
    notice = "" if settings.editable else f"Read-only here: change it by hand at {settings.place} (F4)."
    known = {setting.name: setting for setting in (settings.alias, *settings.policy) if setting is not None}
    shortest = shortest_password(layer, POLICY_NUMBERS[LEAST][1] + 1)
    return LayerView(account, known, settings.editable, notice, tuple(_spots(layer, settings)), shortest)


def _spots(layer: Layer, settings: AccountSettings) -> Iterator[Spot]:
    if not settings.editable:
        yield spot_at(layer, settings.place, "The account's settings are read-only here.")
    for setting in (settings.alias, *settings.policy):
        if setting is not None and not setting.literal:
            yield spot_at(layer, setting.place, f"{MEANINGS[setting.name]} is computed: {setting.source}")
    if settings.alias is None:
        yield spot_at(layer, settings.place, "The layer sets no account alias; add account_alias here.")


def field_of(account: str, name: str) -> str:
    """Return the field name that problems use for a layer's setting."""
    return f"set-{account}-{name}"


def validate(request: Request, _context: Context) -> list[Problem]:
    """Check values by AWS's rules; warn about a weak policy and a changed sign-in address."""
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        fatal = [
            Problem(f"{account}: {found.message}", field_of(account, name))
            for name, value in choice.values.items()
            for found in _refused(name, value)
        ]
        problems += fatal
        if not fatal:
            problems += [Problem(f"{account}: {words}", fatal=False) for words in weaknesses(choice)]
    return problems


def _refused(name: str, value: Constant) -> list[Problem]:
    if name == ALIAS:
        return check_account_alias(str(value))
    found = check_password_policy(name, value, MEANINGS.get(name, ""))
    return [problem for problem in found if problem.fatal]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer can be edited as wanted, and record the differences; write nothing.

    Raises:
        NotPossible: a layer can't be edited that way; names the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    layers = read_layers(context)
    changes = {
        account: _differing(layers[account], choice.values)
        for account, choice in request.layers.items()
        if account in layers
    }
    decisions = Decisions(account_changes={account: change for account, change in changes.items() if change})
    for account in decisions.account_changes:
        context.raise_if_cancelled()
        with refused_by_hand(layers[account], "Undo that value here"):
            edit(layers[account], operations(layers[account], decisions))
    return decisions.as_facts("account_changes")


def _differing(layer: Layer, values: Mapping[str, Constant]) -> SettingChanges:
    """Return the wanted values that differ from the layer."""
    known = _view(layer).settings
    differing = {
        name: value for name, value in values.items() if name not in known or known[name].value != value
    }
    written = {name: known[name].value for name in differing if name in known}
    before = {name: value for name, value in written.items() if isinstance(value, int | str)}
    alias = differing.pop(ALIAS, None)
    policy = {name: value for name, value in differing.items() if isinstance(value, int)}
    return SettingChanges(None if alias is None else str(alias), policy, before)


def decided(context: Context, view: LayerView) -> dict[str, Constant]:
    """Return the initial values: earlier decisions, else the layer's values; unset ones are missing."""
    changes = context.decisions.of(view.account).settings
    values = {name: setting.value for name, setting in view.settings.items() if view.can_set(name)}
    return {**values, **_values(changes)}


def _values(changes: SettingChanges) -> dict[str, Constant]:
    return {**changes.policy, **({ALIAS: changes.alias} if changes.alias else {})}


def in_words(changes: SettingChanges) -> Iterator[Sentence]:
    """Describe the changes to an account's settings, with the previous values."""
    for name, value in _values(changes).items():
        was = f", was {_shown(changes.before[name])}" if name in changes.before else ""
        yield f"{MEANINGS.get(name, name)}: {_shown(value)}{was}"


def _shown(value: Constant) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def observe(context: Context) -> Observation:
    """Check that the decisions can still be made in the layers, or are written already."""
    decisions = Decisions(account_changes=context.decisions.account_changes)
    for account, layer in read_layers(context).items():
        problems = check(layer, operations(layer, decisions))
        if fatal := joined(problem.message for problem in problems if problem.fatal):
            return Observation(Verdict.CHANGED, f"{account}: {fatal}")
    return AGREES


MEANINGS: Mapping[str, str] = {
    ALIAS: "Account alias",
    "create_account_password_policy": "Has its own password policy",
    "minimum_password_length": "Shortest password",
    "require_lowercase_characters": "Needs a lower-case letter",
    "require_uppercase_characters": "Needs an upper-case letter",
    "require_numbers": "Needs a digit",
    "require_symbols": "Needs a symbol",
    "max_password_age": "Days until expiry",
    "password_reuse_prevention": "Passwords remembered",
    "hard_expiry": "Only an admin can reset an expired password",
    "allow_users_to_change_password": "People can change their own password",
}
"""What each setting means, in short."""

EXPLANATIONS: Mapping[str, str] = {
    ALIAS: (
        "First part of https://ALIAS.signin.aws.amazon.com/console: 3 to 63 lower-case letters, digits and "
        "dashes, unique in AWS. A new alias changes everybody's sign-in address."
    ),
    "create_account_password_policy": (
        "Without its own policy, the account has AWS's default: 8 characters of three kinds, no expiry. "
        "The password settings then have no effect."
    ),
    "minimum_password_length": (
        "AWS allows 6 to 128 characters. Existing passwords stay valid until they are changed."
    ),
    "require_lowercase_characters": "A new password needs at least one letter from a to z.",
    "require_uppercase_characters": "A new password needs at least one letter from A to Z.",
    "require_numbers": "A new password needs at least one digit.",
    "require_symbols": "A new password needs one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '",
    "max_password_age": (
        "Passwords expire after this many days, 1 to 1095; 0 means never. Anyone with an older one must "
        "change it at the next sign-in."
    ),
    "password_reuse_prevention": (
        "A new password can't be one of this many previous ones, 1 to 24; 0 allows any."
    ),
    "hard_expiry": "If your password expires, you can't replace it: an admin has to set a new one.",
    "allow_users_to_change_password": (
        "Everybody in the account can change their own password. At the first sign-in people must, so "
        "without this, one of their groups has to allow it."
    ),
}
"""What each setting does, and the values AWS accepts."""

DEFAULTS: Mapping[str, bool] = {
    "create_account_password_policy": True,
    "require_lowercase_characters": True,
    "require_uppercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
    "hard_expiry": False,
    "allow_users_to_change_password": True,
}
"""The defaults of switches that a layer doesn't set."""

_ZEROS = {"max_password_age": "never", "password_reuse_prevention": "none"}
_KINDS = (
    *("require_lowercase_characters", "require_uppercase_characters"),
    *("require_numbers", "require_symbols"),
)

_WEAK: Mapping[str, tuple[bool, Sentence]] = {
    "create_account_password_policy": (
        False,
        "Without its own password policy, the account accepts passwords of 8 characters.",
    ),
    "allow_users_to_change_password": (
        False,
        "People can replace their first password only if a group of theirs allows it.",
    ),
    "hard_expiry": (True, "Anyone whose password expires is locked out until an admin sets a new one."),
}
"""Switches that weaken a policy, with the value that does so."""


def limits(name: str) -> Sentence:
    """Return the limits that AWS sets for a number of the policy; "" for a switch."""
    if name not in POLICY_NUMBERS:
        return ""
    least, most = POLICY_NUMBERS[name]
    return f"{least} to {most}" + (f", 0: {_ZEROS[name]}" if name in _ZEROS else "")


def weaknesses(choice: Choice) -> tuple[Sentence, ...]:
    """Describe weaknesses of a policy, or its conflicts with the generated passwords, one sentence each.

    Args:
        choice: its values; missing attributes have the module's default.
    """
    policy = {**choice.others, **choice.values}
    length, short = policy.get(LEAST), choice.shortest
    found: list[Sentence] = []
    if isinstance(length, int):
        found += [problem.message for problem in check_password_policy(LEAST, length) if not problem.fatal]
        if short and length > short.length and policy.get("create_account_password_policy") is not False:
            found.append(short._replace(least=length).warning)
    if not any(policy.get(kind, True) for kind in _KINDS):
        found.append("No kind of character is required: letters alone would do.")
    return (*found, *(words for name, (value, words) in _WEAK.items() if policy.get(name) is value))
