"""The code of the steps; each module is loaded when it is first used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflows.core.later import Later

if TYPE_CHECKING:
    from workflows.steps.admin import (
        account,
        apply,
        deactivate,
        groups,
        hand_over,
        mfa_reset,
        pgp_keys,
        plan,
        project,
        review,
        sts_regions,
        users,
    )
    from workflows.steps.new_user import (
        access_keys,
        before_you_start,
        handoff,
        mfa,
        pgp_key,
        profiles,
        sign_in,
        verify,
    )
    from workflows.steps.rotation import delete_old_key, rotate
    from workflows.steps.shared.module import StepModule

    CHECKED: tuple[StepModule, ...] = (
        *(project, pgp_keys, users, groups, account, review),
        *(mfa_reset, deactivate, plan, apply, hand_over, sts_regions),
        *(before_you_start, pgp_key, handoff, sign_in, mfa, access_keys, profiles, verify),
        *(rotate, delete_old_key),
    )
    """For the type checker only: every module must match `StepModule`."""

MODULES: Mapping[str, Mapping[str, StepModule]] = {
    "admin": Later(
        {
            "project": "workflows.steps.admin.project",
            "pgp-keys": "workflows.steps.admin.pgp_keys",
            "users": "workflows.steps.admin.users",
            "groups": "workflows.steps.admin.groups",
            "account": "workflows.steps.admin.account",
            "review": "workflows.steps.admin.review",
            "mfa-reset": "workflows.steps.admin.mfa_reset",
            "deactivate": "workflows.steps.admin.deactivate",
            "plan": "workflows.steps.admin.plan",
            "apply": "workflows.steps.admin.apply",
            "hand-over": "workflows.steps.admin.hand_over",
            "sts-regions": "workflows.steps.admin.sts_regions",
        }
    ),
    "new-user": Later(
        {
            "before-you-start": "workflows.steps.new_user.before_you_start",
            "pgp-key": "workflows.steps.new_user.pgp_key",
            "handoff": "workflows.steps.new_user.handoff",
            "sign-in": "workflows.steps.new_user.sign_in",
            "mfa": "workflows.steps.new_user.mfa",
            "access-keys": "workflows.steps.new_user.access_keys",
            "profiles": "workflows.steps.new_user.profiles",
            "verify": "workflows.steps.new_user.verify",
        }
    ),
    "rotation": Later(
        {
            "rotation": "workflows.steps.rotation.rotate",
            "retirement": "workflows.steps.rotation.delete_old_key",
        }
    ),
}
"""Workflow -> step -> module; `tests/workflows/test_step_modules.py` loads each."""
