"""The new user's workflow: it reads like the list in the documentation."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
from workflows.steps.new_user.declarations import (
    ACCESS_KEYS,
    BEFORE_YOU_START,
    HANDOFF,
    MFA,
    PGP_KEY,
    PROFILES,
    SIGN_IN,
    VERIFY,
)

NEW_USER = Workflow(
    "new-user",
    "New user",
    (
        BEFORE_YOU_START,  # what is needed, what is here
        PGP_KEY,  # a good PGP key, its public half to the admin; then a wait
        HANDOFF,  # what the admin sent back
        SIGN_IN,  # for each identity: decrypt, sign in, choose a password
        MFA,  # … register an authenticator app
        ACCESS_KEYS,  # … an access key, if one is needed
        PROFILES,  # … ~/.aws/<project>/
        VERIFY,  # every profile says who it is
    ),
)
