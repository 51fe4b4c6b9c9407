"""Nobody removes the user whose access key the removal itself takes: nothing could finish it then."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from workflows.aws.clients import FOR_A_LOOK, USUAL, Patience
from workflows.aws.sts import caller_identity
from workflows.core.sentences import OnboardError
from workflows.steps.admin.terraform_runs import factory_for, located, own_profile, project_files
from workflows.steps.shared.module import Context, Refused


class OwnUser(Refused):
    """Somebody is about to be removed whose access key iam-onboard uses for it."""

    def __init__(self, name: str, account: str) -> None:
        super().__init__(
            "You can't remove your own user",
            f"iam-onboard uses an access key of {name} for {account}.",
            why="Without that key, nothing here could finish the removal. Nothing was changed.",
            next=f"Take {name} out under Project, and ask another admin to do it.",
        )


def refuse_own_user(names: Collection[str], context: Context) -> None:
    """Stop before somebody loses the access key that their removal from the step's layer takes.

    Raises:
        OwnUser: one of the people owns it.
        OnboardError: the layer or its profile is missing, or AWS can't be asked.
    """
    if (own := _own_user(context, USUAL)) in names:
        raise OwnUser(own, context.item)


def refuse_own_user_early(context: Context) -> None:
    """Check all removals before they are written, where AWS can be asked at once; Deactivate asks again.

    Raises:
        OwnUser: somebody owns a key that their removal takes.
    """
    for account in context.decisions.layers:
        own, here = "", replace(context, item=account)
        names = context.decisions.of(account).remove
        with suppress(OnboardError):
            if names and not _may_open_a_window(here):
                own = _own_user(here, FOR_A_LOOK)
        if own in names:
            raise OwnUser(own, account)


def _may_open_a_window(context: Context) -> bool:
    return any("credential_process" in settings for _, settings in own_profile(context).chain)


def _own_user(context: Context, patience: Patience) -> str:
    """Return the user whose access key plans and applies the step's layer; "" if another account has it."""
    project, location = located(context)
    files, factory = project_files(context, project), factory_for(context, project, patience)
    with factory.profile_client("sts", files, own_profile(context).base) as sts:
        own = caller_identity(sts)
    return own.user_name or "" if own.account == location.account_id else ""
