"""The admin's workflow: it reads like the list in the documentation."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
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
from workflows.steps.shared.module import StepModule

STEPS: tuple[StepModule, ...] = (
    project,  # find the project; say what is to be done, and for whom
    pgp_keys,  # take in the PGP keys that people sent
    users,  # edit the users
    groups,  # edit groups and memberships
    account,  # account alias and password policy, if wanted
    review,  # one diff over all layers, then write
    mfa_reset,  # for each layer: take away lost MFA devices
    deactivate,  # … stop the keys of those who leave
    plan,  # … terraform plan
    apply,  # … terraform apply, exactly that plan
    hand_over,  # … the encrypted passwords, as a text for each person
    sts_regions,  # once, and only when somebody asks for it: where each account's STS is active
)

ADMIN = Workflow("admin", "Admin", tuple(module.STEP for module in STEPS))
