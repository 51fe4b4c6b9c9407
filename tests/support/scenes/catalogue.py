"""All scenes by name, and the sizes of their pictures."""

from __future__ import annotations

from collections.abc import Callable

from support.scenes import LARGE, SMALL, Scene, Stage, admin, frame, key_rotation, new_user, regions
from support.scenes.admin import Office

from tui.app.themes import ROLES

Build = Callable[[Stage], Scene]
OfficeBuild = Callable[[Stage, Office], Scene]

ALONE: dict[str, Build] = {
    "home-empty": frame.home_empty,
    "home-sandbox": frame.home_sandbox,
    "home-sessions": frame.home_sessions,
    "home-without-matches": frame.home_without_matches,
    "starting": frame.starting,
    "contradiction": frame.contradiction,
    "welcome-back": frame.welcome_back,
    "before-you-start": new_user.before_start,
    "pgp-key-new": new_user.pgp_key_new,
    "pgp-key-own": new_user.pgp_key_own,
    "handoff-awaited": new_user.handoff_awaited,
    "handoff-arrived": new_user.handoff_arrived,
    "sign-in-locked": new_user.sign_in_locked,
    "sign-in-open": new_user.sign_in_open,
    "mfa": new_user.mfa,
    "mfa-without-browser": new_user.mfa_without_browser,
    "qr-dialog": new_user.qr_dialog,
    "access-keys-asks": new_user.access_keys_asks,
    "access-keys": new_user.access_keys_noticed,
    "access-keys-without-browser": new_user.access_keys_without_browser,
    "profiles": new_user.profiles,
    "verify-locked": new_user.verify_locked,
    "verify-asks": new_user.verify_asks,
    "verify-refused": new_user.verify_refused,
    "verify-for-admin": new_user.verify_for_admin,
    "verify-tried": new_user.verify_tried,
    "verify-answered": new_user.verify_answered,
    "rotation": key_rotation.rotation,
    "retirement": key_rotation.retirement,
    "rotation-without-keys": key_rotation.rotation_without_keys,
    "rotation-refused": key_rotation.rotation_refused,
    "rotation-done": key_rotation.rotation_done,
    "rotation-finished": key_rotation.rotation_finished,
    "retirement-done": key_rotation.retirement_done,
    "before-you-start-without-gpg": new_user.before_start_without_gpg,
    "pgp-key-incomplete": new_user.pgp_key_incomplete,
    "pgp-key-done": new_user.pgp_key_done,
    "handoff-junk": new_user.handoff_junk,
    "handoff-replied": new_user.handoff_replied,
    "handoff-done": new_user.handoff_done,
    "sign-in-wrong": new_user.sign_in_wrong,
    "sign-in-done": new_user.sign_in_done,
    "mfa-wrong-code": new_user.mfa_wrong_code,
    "mfa-done": new_user.mfa_done,
    "access-keys-refused": new_user.access_keys_refused,
    "access-keys-done": new_user.access_keys_done,
    "access-keys-again": new_user.access_keys_again,
    "profiles-conflict": new_user.profiles_conflict,
    "profiles-done": new_user.profiles_done,
    "verify-running": new_user.verify_running,
    "finished-new-user": new_user.finished_new_user,
}
"""Scenes that need only a stage."""

IN_THE_OFFICE: dict[str, OfficeBuild] = {
    "project": admin.project,
    "pgp-keys": admin.pgp_keys,
    "pgp-keys-complete": admin.pgp_keys_complete,
    "pgp-keys-compare": admin.pgp_keys_compare,
    "pgp-keys-compared": admin.pgp_keys_compared,
    "pgp-keys-refused": admin.pgp_keys_refused,
    "pgp-keys-choice": admin.pgp_keys_choice,
    "pgp-keys-in-the-layer": admin.pgp_keys_in_the_layer,
    "users": admin.users,
    "users-everybody": admin.users_everybody,
    "groups": admin.groups,
    "group-dialog": admin.group_dialog,
    "policies-dialog": admin.policies_dialog,
    "account": admin.account_settings,
    "review": admin.review_diff,
    "review-written": admin.review_written,
    "mfa-reset": admin.mfa_reset_found,
    "deactivate": admin.deactivate_found,
    "deactivate-working": admin.deactivate_working,
    "plan-not-made": admin.plan_not_made,
    "plan-running": admin.plan_log,
    "plan": admin.plan_made,
    "plan-resources": admin.plan_resources_shown,
    "plan-empty": admin.plan_empty,
    "plan-failed": admin.plan_failed,
    "plan-foreign": admin.plan_foreign,
    "apply": admin.apply_ready,
    "apply-asks": admin.apply_asks,
    "apply-running": admin.apply_running,
    "apply-stopped": admin.apply_stopped,
    "apply-over": admin.apply_over,
    "confirm-typed-name": admin.confirm_removal,
    "error-dialog": admin.apply_failed,
    "hand-over": admin.hand_over_ready,
    "hand-over-sent": admin.hand_over_sent,
    "hand-over-rejected": admin.hand_over_rejected,
    "hand-over-later": admin.hand_over_later,
    "sts-regions-unasked": regions.sts_regions_unasked,
    "sts-regions": regions.sts_regions,
    "everybody": admin.everybody,
    "waiting": admin.waiting,
    "finished": admin.finished,
    "finished-awaits": admin.finished_awaits,
    "help": admin.help_text,
}
"""Scenes that also need the administrator's project."""

NAMES = (*ALONE, *IN_THE_OFFICE)
LARGE_TOO = (
    *(
        "home-sessions",
        "welcome-back",
        "before-you-start",
        "pgp-key-new",
        "handoff-awaited",
        "sign-in-open",
        "mfa",
    ),
    *("access-keys", "profiles", "verify-answered", "rotation", "retirement", "project", "pgp-keys", "users"),
    *("groups", "account", "review", "mfa-reset", "deactivate", "plan", "plan-running", "apply", "hand-over"),
    *("sts-regions", "everybody", "finished"),
)
"""Each page in its usual state."""
THEMED = ("home-sessions", "groups", "review")
"""Pages that between them have every colour: lists, fields, marks, a cursor, a diff."""

SHOTS: tuple[tuple[str, tuple[int, int], str], ...] = (
    *((name, SMALL, "dark") for name in NAMES),
    *((name, LARGE, "dark") for name in LARGE_TOO),
    *((name, SMALL, theme) for name in THEMED for theme in ROLES if theme != "dark"),
)
"""All pictures: the scene's name, the terminal's columns and lines, and the theme."""


def scene(name: str, stage: Stage, office: Callable[[], Office]) -> Scene:
    """Return a scene by its name; the office is opened only if the scene needs it."""
    if name in ALONE:
        return ALONE[name](stage)
    return IN_THE_OFFICE[name](stage, office())
