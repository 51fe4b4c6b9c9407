"""Which pane shows which step."""

from __future__ import annotations

from collections.abc import Mapping

from screens.access_keys import AccessKeysPane
from screens.account import AccountPane
from screens.apply import ApplyPane
from screens.base import StepPane
from screens.before_you_start import BeforeYouStartPane
from screens.deactivate import DeactivatePane
from screens.groups import GroupsPane
from screens.hand_over import HandOverPane
from screens.handoff import HandoffPane
from screens.mfa import MfaPane
from screens.mfa_reset import MfaResetPane
from screens.pgp_key import PgpKeyPane
from screens.pgp_keys import PgpKeysPane
from screens.plan import PlanPane
from screens.profiles import ProfilesPane
from screens.project import ProjectPane
from screens.review import ReviewPane
from screens.rotation import RetirementPane, RotationPane
from screens.sign_in import SignInPane
from screens.sts_regions import StsRegionsPane
from screens.users import UsersPane
from screens.verify import VerifyPane

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
