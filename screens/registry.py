"""The pane of each step, loaded when the step is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflows.core.later import Later

if TYPE_CHECKING:
    from screens.step.page import StepPane

PANES: Mapping[str, type[StepPane]] = Later(
    {
        "project": "screens.admin.project:ProjectPane",
        "pgp-keys": "screens.admin.pgp_keys:PgpKeysPane",
        "users": "screens.admin.users:UsersPane",
        "groups": "screens.admin.groups:GroupsPane",
        "account": "screens.admin.account:AccountPane",
        "review": "screens.admin.review:ReviewPane",
        "mfa-reset": "screens.admin.mfa_reset:MfaResetPane",
        "deactivate": "screens.admin.deactivate:DeactivatePane",
        "plan": "screens.admin.plan:PlanPane",
        "apply": "screens.admin.apply:ApplyPane",
        "hand-over": "screens.admin.hand_over:HandOverPane",
        "sts-regions": "screens.admin.sts_regions:StsRegionsPane",
        "before-you-start": "screens.new_user.before_you_start:BeforeYouStartPane",
        "pgp-key": "screens.new_user.pgp_key:PgpKeyPane",
        "handoff": "screens.new_user.handoff:HandoffPane",
        "sign-in": "screens.new_user.sign_in:SignInPane",
        "mfa": "screens.new_user.mfa:MfaPane",
        "access-keys": "screens.new_user.access_keys:AccessKeysPane",
        "profiles": "screens.new_user.profiles:ProfilesPane",
        "verify": "screens.new_user.verify:VerifyPane",
        "rotation": "screens.rotation.pages:RotationPane",
        "retirement": "screens.rotation.pages:RetirementPane",
    }
)
