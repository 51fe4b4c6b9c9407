"""The account: its alias and its password policy, shown evaluated; plain values may be changed.

Most layers compute the alias (`"${var.project_long}-${var.environment}"`), and that expression is worth more
than its value, so it is shown and left alone. The rules are those of the IAM API reference,
UpdateAccountPasswordPolicy, and of the user guide, "Set an account password policy for IAM users".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import OnboardError, Problem
from workflows.layer.edit import check
from workflows.layer.model import Constant, Layer, Setting
from workflows.layer.names import POLICY_NUMBERS, check_account_alias, check_password_policy
from workflows.layer.read_account import POLICY_ATTRIBUTES
from workflows.machine.declaration import Condition, Step
from workflows.machine.events import Facts
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.edits import operations, read_layers

STEP = Step(
    id="account",
    title="Account",
    purpose="Look at the account alias and the password policy, and change what is a plain value.",
    needs=("project_root", "layers"),
    gives=("account_changes",),
    skippable=True,
    applies=Condition("the account's settings are wanted", lambda facts: bool(facts.get("account_wanted"))),
    blocked_words="Account needs the project",
)
ALIAS = "account_alias"
MEANINGS: Mapping[str, str] = {
    ALIAS: "Account alias",
    "create_account_password_policy": "The account has a policy of its own",
    "minimum_password_length": "Shortest password",
    "require_lowercase_characters": "Needs a lower-case letter",
    "require_uppercase_characters": "Needs an upper-case letter",
    "require_numbers": "Needs a digit",
    "require_symbols": "Needs a symbol",
    "max_password_age": "Days until it expires",
    "password_reuse_prevention": "Old ones refused",
    "hard_expiry": "Once expired, only an admin can set a new one",
    "allow_users_to_change_password": "People may change their own",
}
"""What each setting means, in a few words."""

_KINDS = (
    *("require_lowercase_characters", "require_uppercase_characters"),
    *("require_numbers", "require_symbols"),
)


@dataclass(frozen=True)
class LayerView:
    """A layer's settings as the screen shows them.

    Attributes:
        account: its account.
        relative: its path in the project.
        settings: the settings by name, as the layer has them; those that it does not set are missing.
        editable: whether plain values in it can be changed at all.
        told: why there is nothing to show, or why nothing can be changed; "" otherwise.
    """

    account: str
    relative: str
    settings: Mapping[str, Setting]
    editable: bool
    told: str

    def can_set(self, name: str) -> bool:
        """Whether a value for it can be entered: a plain value can be replaced, a number added."""
        setting = self.settings.get(name)
        if setting is not None:
            return self.editable and setting.literal
        return self.editable and name in POLICY_NUMBERS

    def unset(self) -> tuple[str, ...]:
        """The policy's attributes that the layer leaves to the module's defaults."""
        return tuple(name for name in POLICY_ATTRIBUTES if name not in self.settings)


@dataclass(frozen=True)
class Choice:
    """What is decided for one layer.

    Attributes:
        values: what was entered for each setting that can be changed; text that is no whole number stays
            text, and is refused.
        others: the values of those that cannot be changed, as far as they can be told.
    """

    values: Mapping[str, Constant] = field(default_factory=dict)
    others: Mapping[str, Constant] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What the person decides, by account name."""

    layers: Mapping[str, Choice]


def look(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the account's settings"))
    return tuple(_view(layer) for layer in read_layers(context).values())


def _view(layer: Layer) -> LayerView:
    account, relative = layer.location.account, layer.location.relative
    settings = layer.account
    if settings is None:
        told = "This layer has no module for the account's settings: nothing to do here."
        return LayerView(account, relative, {}, editable=False, told=told)
    told = "" if settings.editable else f"Shown, not edited: change it by hand at {settings.place}."
    known = {one.name: one for one in (settings.alias, *settings.policy) if one is not None}
    return LayerView(account, relative, known, settings.editable, told)


def limits(name: str) -> str:
    """What AWS takes for a number of the policy, in words; "" for a switch."""
    if name not in POLICY_NUMBERS:
        return ""
    least, most = POLICY_NUMBERS[name]
    return f"{least} to {most}"


def weaknesses(policy: Mapping[str, Constant]) -> tuple[str, ...]:
    """What is weak about a policy, each a sentence.

    Args:
        policy: values by attribute; an attribute that is not there counts as the module's default.
    """
    found = []
    length = policy.get("minimum_password_length")
    if isinstance(length, int):
        found += [one.message for one in _warnings("minimum_password_length", length)]
    if policy.get("create_account_password_policy") is False:
        found.append("Without a policy of its own the account takes passwords of 8 characters.")
    if not any(policy.get(kind, True) for kind in _KINDS):
        found.append("No kind of character is asked for: letters alone would do.")
    if policy.get("allow_users_to_change_password") is False:
        found.append("People can replace their first password only if a group of theirs allows it.")
    if policy.get("hard_expiry") is True:
        found.append("Whoever lets a password expire is locked out until an admin sets a new one.")
    return tuple(found)


def _warnings(name: str, value: Constant) -> list[Problem]:
    return [one for one in check_password_policy(name, value) if not one.fatal]


def field_of(account: str, name: str) -> str:
    """The name that a problem gives to the field of a setting of a layer."""
    return f"set-{account}-{name}"


def validate(request: Request, context: Context) -> list[Problem]:
    """Values by AWS's rules; a weak policy and another sign-in address are warned about."""
    del context
    problems: list[Problem] = []
    for account, choice in request.layers.items():
        fatal = [
            Problem(f"{account}: {found.message}", field_of(account, name))
            for name, value in choice.values.items()
            for found in _refused(name, value)
        ]
        problems += fatal
        if not fatal:
            weak = weaknesses({**choice.others, **choice.values})
            problems += [Problem(f"{account}: {words}", fatal=False) for words in weak]
    return problems


def _refused(name: str, value: Constant) -> list[Problem]:
    if name == ALIAS:
        return check_account_alias(str(value))
    never = name == "max_password_age" and value == 0 and not isinstance(value, bool)
    return [] if never else [one for one in check_password_policy(name, value) if one.fatal]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record what differs; nothing is written.

    Raises:
        OnboardError: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    layers = read_layers(context)
    changes = {
        account: _differing(layers[account], choice.values)
        for account, choice in request.layers.items()
        if account in layers
    }
    wanted = {account: one for account, one in changes.items() if one["alias"] or one["policy"]}
    refusals = _refusals(layers, wanted)
    if refusals:
        account, words = refusals[0]
        raise OnboardError(
            f"Not possible in {account}",
            words,
            next="Take that value back here, or edit the layer by hand and come back.",
        )
    return {"account_changes": wanted}


def _differing(layer: Layer, values: Mapping[str, Constant]) -> dict[str, Any]:
    """What is wanted other than it is written, in the form of the fact."""
    known = _view(layer).settings
    differing = {
        name: value for name, value in values.items() if name not in known or known[name].value != value
    }
    return {"alias": differing.pop(ALIAS, None), "policy": differing}


def _refusals(layers: Mapping[str, Layer], changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Account and reason where what is wanted cannot be edited."""
    found = []
    for account, layer in layers.items():
        problems = check(layer, operations(layer, {"account_changes": changes}))
        fatal = " ".join(one.message for one in problems if one.fatal)
        if fatal:
            found.append((account, fatal))
    return found


def decided(context: Context, view: LayerView) -> dict[str, Constant]:
    """The values to begin with: what was decided before, else what the layer says; unset ones are missing."""
    changes = (context.facts.get("account_changes") or {}).get(view.account, {})
    values = {name: setting.value for name, setting in view.settings.items() if view.can_set(name)}
    values |= changes.get("policy", {})
    if changes.get("alias"):
        values[ALIAS] = changes["alias"]
    return values


def observe(context: Context) -> Observation:
    """What was decided can still be edited, or is written already."""
    refusals = _refusals(read_layers(context), context.facts["account_changes"])
    if refusals:
        account, words = refusals[0]
        return Observation(holds=False, words=f"{account}: {words}")
    return AGREES
