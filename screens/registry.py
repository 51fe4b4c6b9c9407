"""Which pane shows which step."""

from __future__ import annotations

from collections.abc import Mapping

from screens.admin.account import AccountPane
from screens.admin.apply import ApplyPane
from screens.admin.deactivate import DeactivatePane
from screens.admin.groups import GroupsPane
from screens.admin.hand_over import HandOverPane
from screens.admin.mfa_reset import MfaResetPane
from screens.admin.pgp_keys import PgpKeysPane
from screens.admin.plan import PlanPane
from screens.admin.project import ProjectPane
from screens.admin.review import ReviewPane
from screens.admin.sts_regions import StsRegionsPane
from screens.admin.users import UsersPane
from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.handoff import HandoffPane
from screens.new_user.mfa import MfaPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.new_user.profiles import ProfilesPane
from screens.new_user.sign_in import SignInPane
from screens.new_user.verify import VerifyPane
from screens.rotation.pages import RetirementPane, RotationPane
from screens.step.page import StepPane

PANES: Mapping[str, type[StepPane]] = {
    "project": ProjectPane,
    "pgp-keys": PgpKeysPane,
    "users": UsersPane,
    "groups": GroupsPane,
    "account": AccountPane,
    "review": ReviewPane,
    "mfa-reset": MfaResetPane,
    "deactivate": DeactivatePane,
    "plan": PlanPane,
    "apply": ApplyPane,
    "hand-over": HandOverPane,
    "sts-regions": StsRegionsPane,
    "before-you-start": BeforeYouStartPane,
    "pgp-key": PgpKeyPane,
    "handoff": HandoffPane,
    "sign-in": SignInPane,
    "mfa": MfaPane,
    "access-keys": AccessKeysPane,
    "profiles": ProfilesPane,
    "verify": VerifyPane,
    "rotation": RotationPane,
    "retirement": RetirementPane,
}
