"""Which account a plan would change, as far as its profile files could not tell that before.

The profiles that a layer names were asked before Terraform ran. A name that only Terraform works out was not,
and a provider can take on a role by itself; so what the plan read is held against the layer's account too.
"""

from __future__ import annotations

from workflows.core.sentences import Sentence
from workflows.layer.profile_names import Use, named_profiles
from workflows.layer.project import LayerLocation
from workflows.services.terraform.plan import Plan
from workflows.steps.account_check import WrongAccount

_THAT_CHANGE = (Use.PROVIDER, Use.OTHER_PROVIDER)


def refuse_another_account(plan: Plan, location: LayerLocation) -> None:
    """Let no plan be read whose IAM resources are all in other accounts than the layer's.

    Some may be: a provider with an alias can be for another account.

    Raises:
        WrongAccount: none is in the layer's account.
    """
    if not plan.accounts or not location.account_id or location.account_id in plan.accounts:
        return
    raise WrongAccount(
        "Wrong account",
        f"The layer's users and groups are in the account {', '.join(sorted(plan.accounts))} for Terraform, "
        f"and {location.account} is {location.account_id}.",
        why="The AWS provider uses another profile or role than the one that was checked before. The plan "
        "was removed; nothing was changed.",
        next=f"Look at the `provider` block in {location.relative}: its `profile` and `assume_role`.",
    )


def not_checked(plan: Plan, location: LayerLocation) -> tuple[Sentence, ...]:
    """A sentence for each provider whose account nobody could check; none once the plan itself tells."""
    if location.account_id in plan.accounts:
        return ()
    return tuple(
        f"Not checked: the account of the profile in {one.place}, whose name only Terraform works out. Make "
        f"sure that it is the one of {location.account}."
        for one in named_profiles(location)
        if not one.name and one.use in _THAT_CHANGE
    )
