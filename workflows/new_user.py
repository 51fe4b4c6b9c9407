"""The new user's workflow: it reads like the list in the documentation."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
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
from workflows.steps.shared.module import StepModule

STEPS: tuple[StepModule, ...] = (
    before_you_start,  # what is needed, what is here
    pgp_key,  # a good PGP key, its public half to the admin; then a wait
    handoff,  # what the admin sent back
    sign_in,  # for each identity: decrypt, sign in, choose a password
    mfa,  # … register an authenticator app
    access_keys,  # … an access key, if one is needed
    profiles,  # … ~/.aws/<project>/
    verify,  # every profile says who it is
)

NEW_USER = Workflow("new-user", "New user", tuple(module.STEP for module in STEPS))
