"""The admin's workflow: it reads like the list in the documentation."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
from workflows.steps.admin.declarations import (
    ACCOUNT,
    APPLY,
    DEACTIVATE,
    GROUPS,
    HAND_OVER,
    MFA_RESET,
    PGP_KEYS,
    PLAN,
    PROJECT,
    REVIEW,
    STS_REGIONS,
    USERS,
)

ADMIN = Workflow(
    "admin",
    "Admin",
    (
        PROJECT,  # find the project; say what is to be done, and for whom
        PGP_KEYS,  # take in the PGP keys that people sent
        USERS,  # edit the users
        GROUPS,  # edit groups and memberships
        ACCOUNT,  # account alias and password policy, if wanted
        REVIEW,  # one diff over all layers, then write
        MFA_RESET,  # for each layer: take away lost MFA devices
        DEACTIVATE,  # … stop the keys of those who leave
        PLAN,  # … terraform plan
        APPLY,  # … terraform apply, exactly that plan
        HAND_OVER,  # … the encrypted passwords, as a text for each person
        STS_REGIONS,  # once, and only when somebody asks for it: where each account's STS is active
    ),
)
