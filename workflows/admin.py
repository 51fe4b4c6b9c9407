"""The admin's workflow: the declaration of each step, and the list of all at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.aws.sts_regions.answers import Audit
from workflows.core.shapes import reading
from workflows.machine.declaration import Condition, Step, Workflow
from workflows.steps.admin.accepted_plan import (
    decisions_in,
    read_plan,
    sent_to,
    somebody_gets_something,
)
from workflows.steps.admin.deactivated import Deactivated
from workflows.steps.decisions import Decisions
from workflows.steps.kinds import KINDS


def _more_than(facts: Mapping[str, Any], kinds: tuple[str, ...]) -> bool:
    """Return whether the session has tasks of other kinds than these."""
    rest = [kind for kind in (*KINDS, "account_wanted", "regions_wanted") if kind not in kinds]
    return any(facts.get(kind) for kind in rest)


def _files_of(files: list[dict[str, str]], account: str) -> list[dict[str, str]]:
    """Return the written files of an account; older sessions did not record the account."""
    return [file for file in files if file.get("account", account) == account]


FILES_CHANGE = Condition(
    "the task is more than new passwords, MFA devices and STS regions",
    lambda facts: _more_than(facts, ("resetting", "mfa_reset", "regions_wanted")),
)
"""The condition of Review."""


TERRAFORM_RUNS = Condition(
    "the task is more than MFA devices and STS regions",
    lambda facts: _more_than(facts, ("mfa_reset", "regions_wanted")),
)
"""The condition of Plan and Apply."""


def _stays(facts: Mapping[str, Any], account: str) -> bool:
    """Return whether the session changes only other accounts and has no plan for this account."""
    files = facts.get("changed_files")
    if not files or _files_of(files, account) or "plan" in facts or facts.get("resetting"):
        return False
    return not decisions_in(facts, account).changes


def _nobody_leaves(facts: Mapping[str, Any], account: str) -> bool:
    """Return whether the session removes nobody from an account."""
    return facts.get("user_changes") is not None and not decisions_in(facts, account).remove


PROJECT = Step(
    id="project",
    title="Project",
    purpose="Choose the project, what to do, and for whom.",
    gives=(
        *("project_root", "project", "layers"),
        *KINDS,
        *("account_wanted", "regions_wanted"),
    ),
    reads=lambda facts: (reading(project_root=str, project=str)(facts), Decisions.from_facts(facts)),
)

PGP_KEYS = Step(
    id="pgp-keys",
    title="PGP keys",
    heading="Collect PGP keys",
    purpose="Terraform encrypts each person's password to their public key.",
    needs=("project_root", "layers", "joining", "rekeying"),
    gives=("keys", "comparisons", "rejected_keys"),
    applies=Condition(
        "somebody joins or gets a new key",
        lambda facts: bool(facts.get("joining") or facts.get("rekeying")),
    ),
    reads=Decisions.from_facts,
)

USERS = Step(
    id="users",
    title="Users",
    heading="Choose who joins and leaves",
    purpose="Each account has its own users. Nothing is written before Review.",
    needs=("project_root", "layers", "joining", "leaving", "keys"),
    gives=("user_changes",),
    applies=Condition(
        "somebody joins, leaves or changes",
        lambda facts: bool(facts.get("joining") or facts.get("leaving") or facts.get("regrouping")),
    ),
    blocked_words="Users needs the PGP keys of the people who join",
    reads=Decisions.from_facts,
)

GROUPS = Step(
    id="groups",
    title="Groups",
    heading="Choose who is in which group",
    purpose="Arrow keys move, Space adds or removes. Nothing is written before Review.",
    needs=("project_root", "layers", "user_changes", "regrouping"),
    gives=("memberships", "group_changes"),
    applies=Condition(
        "somebody joins or changes groups",
        lambda facts: bool(facts.get("joining") or facts.get("regrouping")),
    ),
    blocked_words="Groups needs your choices in Users",
    reads=Decisions.from_facts,
)

ACCOUNT = Step(
    id="account",
    title="Settings",
    heading="Change account settings",
    purpose="Space changes a setting. Nothing is written before Review.",
    needs=("project_root", "layers"),
    gives=("account_changes",),
    skippable=True,
    applies=Condition("the task is about account settings", lambda facts: bool(facts.get("account_wanted"))),
    blocked_words="Settings needs the project",
    reads=Decisions.from_facts,
)

REVIEW = Step(
    id="review",
    title="Review",
    heading="Review every changed line",
    purpose="These lines go into the project. AWS changes only when you apply.",
    needs=(
        *("project_root", "layers", "rekeying", "keys", "user_changes"),
        *("memberships", "group_changes", "account_changes"),
    ),
    gives=("changed_files", "commit"),
    applies=FILES_CHANGE,
    blocked_words="Review needs your choices in Users and Groups",
    reads=reading(
        changed_files=[{"layer": str, "path": str, "sha256": str}],
        commit={"branch": str | None, "sha": str | None},
    ),
)

MFA_RESET = Step(
    id="mfa-reset",
    title="MFA devices",
    heading="Remove a lost MFA device from {item}",
    purpose="The owner can then register another. Call first to check it's really them.",
    needs=("project_root", "project", "mfa_reset"),
    gives=("mfa_devices_reset",),
    skippable=True,
    compared=True,
    repeats_over="layers",
    applies=Condition("somebody lost an MFA device", lambda facts: bool(facts.get("mfa_reset"))),
    blocked_words="MFA devices needs the project",
    reads=reading(mfa_devices_reset={"at": str, "people": Mapping[str, Any]}),
)

DEACTIVATE = Step(
    id="deactivate",
    title="Deactivate",
    heading="Deactivate access keys in {item}",
    purpose="Keys of people who leave, and what else would block their removal.",
    needs=("project_root", "leaving", "user_changes"),
    gives=("deactivated",),
    skippable=True,
    not_needed=_nobody_leaves,
    repeats_over="layers",
    applies=Condition("somebody leaves", lambda facts: bool(facts.get("leaving"))),
    blocked_words="Deactivate needs to know who leaves (Users)",
    reads=reading(deactivated=Deactivated),
)

PLAN = Step(
    id="plan",
    title="Plan",
    heading="Plan for {item}",
    purpose="What an apply would change. Accepting the plan changes nothing yet.",
    needs=("project_root", "changed_files", "resetting"),
    gives=("plan",),
    skippable=True,
    not_needed=_stays,
    repeats_over="layers",
    parts={"changed_files": _files_of},
    applies=TERRAFORM_RUNS,
    blocked_words="Plan needs the files from Review",
    reads=lambda facts: read_plan(facts.get("plan")),
)

APPLY = Step(
    id="apply",
    title="Apply",
    heading="Apply to {item}",
    purpose="Apply makes exactly the changes in the plan you accepted.",
    needs=("project_root", "plan"),
    gives=("applied",),
    not_needed=_stays,
    repeats_over="layers",
    applies=TERRAFORM_RUNS,
    outlives=True,
    seals=True,
    spends=PLAN.id,
    compared=True,
    blocked_words="Apply needs a plan you accepted",
    reads=lambda facts: (
        reading(
            applied={"at": str, "added": int, "changed": int, "destroyed": int, "elsewhere": bool},
        )(facts),
        reading(made=Mapping[str, str], keys=Mapping[str, str])(facts.get("applied") or {}),
    ),
)

HAND_OVER = Step(
    id="hand-over",
    title="Hand over",
    heading="Send the handoffs for {item}",
    purpose="Use email or chat: every secret is encrypted to its recipient.",
    needs=("project_root", "project", "joining", "rekeying", "keys", "applied"),
    gives=("handed_over",),
    skippable=True,
    passed_on=True,
    repeats_over="layers",
    applies=Condition(
        "somebody gets a password, access key, PGP key or other roles in the account",
        lambda _facts: True,
        somebody_gets_something,
    ),
    blocked_words="Hand over comes after this account's apply",
    reads=lambda facts: sent_to(facts.get("handed_over")),
)

STS_REGIONS = Step(
    id="sts-regions",
    title="STS regions",
    heading="Check where STS is active",
    purpose="STS issues temporary credentials. Switch it off in regions nobody uses.",
    needs=("project_root", "project"),
    gives=("sts_regions",),
    skippable=True,
    asked_for=True,
    asked_by="regions_wanted",
    reads=lambda facts: facts.get("sts_regions") and Audit.from_facts("", facts["sts_regions"]),
)

ADMIN = Workflow(
    "admin",
    "Admin",
    (
        PROJECT,  # find the project; choose the tasks and the people
        PGP_KEYS,  # add the PGP keys that people sent
        USERS,  # edit the users
        GROUPS,  # edit groups and memberships
        ACCOUNT,  # edit account alias and password policy, if chosen
        REVIEW,  # show one diff of all layers, then write the files
        MFA_RESET,  # for each layer: remove lost MFA devices
        DEACTIVATE,  # … deactivate the access keys of those who leave
        PLAN,  # … run `terraform plan`
        APPLY,  # … apply exactly that plan with `terraform apply`
        HAND_OVER,  # … send each person a text with the encrypted password
        STS_REGIONS,  # once, only if chosen: check in which regions STS is active
    ),
)
