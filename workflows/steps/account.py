"""The account: its alias and its password policy, shown evaluated; plain values may be changed.

Most layers compute the alias (`"${var.project_long}-${var.environment}"`), and that expression is worth more
than its value, so it is shown and left alone. The rules are those of the IAM API reference,
UpdateAccountPasswordPolicy, and of the user guide, "Set an account password policy for IAM users".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workflows.core.errors import Problem
from workflows.core.sentences import Sentence, joined
from workflows.layer.edit import check, edit_layer
from workflows.layer.model import AccountSettings, Constant, Layer, Setting
from workflows.layer.names import check_account_alias, check_password_policy
from workflows.layer.read import POLICY_ATTRIBUTES
from workflows.layer.read_findings import account_resources
from workflows.machine.declaration import Condition, Step
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.account_words import ALIAS, MEANINGS, weaknesses
from workflows.steps.base import Context, Progress, Report
from workflows.steps.by_hand import Spot, refused_by_hand, spot_at, spots_of
from workflows.steps.decisions import Decisions, SettingChanges
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
    reads=Decisions.from_facts,
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
        spots: what can only be changed by hand.
    """

    account: str
    relative: str
    settings: Mapping[str, Setting]
    editable: bool
    told: Sentence
    spots: tuple[Spot, ...] = ()

    def can_set(self, name: str) -> bool:
        """Whether a value for it can be entered: a plain one can be replaced, one of the policy's added."""
        setting = self.settings.get(name)
        if setting is not None:
            return self.editable and setting.literal
        return self.editable and name in POLICY_ATTRIBUTES


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
        by_hand = spots_of(layer, account_resources(layer.files))
        told = "This layer has no module for the account's settings: nothing to do here."
        if by_hand:
            told = " ".join(f"{one.words} ({one.place}, F4)" for one in by_hand)
        return LayerView(account, relative, {}, editable=False, told=told, spots=by_hand)
    told = "" if settings.editable else f"Shown, not edited: change it by hand at {settings.place} (F4)."
    known = {one.name: one for one in (settings.alias, *settings.policy) if one is not None}
    return LayerView(account, relative, known, settings.editable, told, tuple(_spots(layer, settings)))


def _spots(layer: Layer, settings: AccountSettings) -> Iterator[Spot]:
    if not settings.editable:
        yield spot_at(layer, settings.place, "The account's settings are shown, not edited.")
    for one in (settings.alias, *settings.policy):
        if one is not None and not one.literal:
            yield spot_at(layer, one.place, f"{MEANINGS[one.name]} is computed: {one.source}")
    if settings.alias is None:
        yield spot_at(layer, settings.place, "The layer sets no account alias; add account_alias here.")


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
    return [one for one in check_password_policy(name, value) if one.fatal]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record what differs; nothing is written.

    Raises:
        NotPossible: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    layers = read_layers(context)
    changes = {
        account: _differing(layers[account], choice.values)
        for account, choice in request.layers.items()
        if account in layers
    }
    decisions = Decisions(account_changes={account: one for account, one in changes.items() if one})
    for account in decisions.account_changes:
        context.raise_if_cancelled()
        with refused_by_hand(layers[account], "Take that value back here"):
            edit_layer(layers[account], operations(layers[account], decisions))
    return decisions.as_facts(*STEP.gives)


def _differing(layer: Layer, values: Mapping[str, Constant]) -> SettingChanges:
    """What is wanted other than it is written."""
    known = _view(layer).settings
    differing = {
        name: value for name, value in values.items() if name not in known or known[name].value != value
    }
    alias = differing.pop(ALIAS, None)
    policy = {name: value for name, value in differing.items() if isinstance(value, int)}
    return SettingChanges(None if alias is None else str(alias), policy)


def decided(context: Context, view: LayerView) -> dict[str, Constant]:
    """The values to begin with: what was decided before, else what the layer says; unset ones are missing."""
    changes = context.decisions.of(view.account).settings
    values = {name: setting.value for name, setting in view.settings.items() if view.can_set(name)}
    return {**values, **changes.policy, **({ALIAS: changes.alias} if changes.alias else {})}


def observe(context: Context) -> Observation:
    """What was decided can still be edited, or is written already."""
    decisions = Decisions(account_changes=context.decisions.account_changes)
    for account, layer in read_layers(context).items():
        problems = check(layer, operations(layer, decisions))
        if fatal := joined(one.message for one in problems if one.fatal):
            return Observation(Verdict.CHANGED, f"{account}: {fatal}")
    return AGREES
