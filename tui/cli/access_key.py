"""`iam-onboard access-key`: the steps Access keys and Rotate without a screen.

Results go to standard output, questions to the terminal, and everything else to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from tui.cli import asking
from tui.cli.arguments import JSON, PROJECT_AND_PROFILE, STORE, Commands, flag, option
from tui.cli.context import performed, report_progress
from tui.cli.output import answer, columns, note
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence, joined

with on_demand():
    from tui import host
    from tui.cli import identity
    from workflows.aws import clients
    from workflows.profiles import plan, write
    from workflows.steps.new_user import access_keys
    from workflows.steps.rotation import rotate as rotation
    from workflows.steps.shared import module, own_access_key, role_profiles
    from workflows.stores import key_records, key_store


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    parts = commands.group("access-key")
    base = (*PROJECT_AND_PROFILE, option("--region", "REGION", "the region of the base profile"), JSON)
    parts.add("list", listed, "list the access keys on this computer, with their age", JSON)
    parts.add(
        "import",
        partial(_change, act=_import),
        "check a key from a downloaded .csv file, or one that you type, and keep it",
        option("csv", "CSV", "the file from the console (default: type the key)", nargs="?"),
        *base,
        STORE,
        flag("--delete", "delete the file after keeping the key"),
        description="Ask AWS whose key it is, then keep it on this computer.",
    )
    parts.add(
        "create",
        partial(_change, act=_create),
        "create a new key, using your current one, and keep it",
        option(
            "--with", "CSV", "the file with your current key (default: the key on this computer)", dest="csv"
        ),
        *base,
        STORE,
        description=(
            "Create an access key and keep it. Asks for an MFA code if you have a device. If the new key "
            "can't be kept, it is deleted again."
        ),
    )
    parts.add(
        "rotate",
        partial(_change, act=_rotate),
        "replace your key with a new one, or continue an interrupted rotation",
        *base,
        flag("--delete-inactive", "first delete an inactive second key, to make room"),
        flag("--finish", "only delete the old key of the last rotation"),
        description="Create a new key, keep and test it, then deactivate the old one. Asks for an MFA "
        "code. Some days later, run it again with --finish to delete the old key.",
    )


def listed(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard access-key list`."""
    records, now = key_records.KeyRecords(machine.places.key_records).all(), machine.now()
    rows = [
        (
            key.project,
            key.profile,
            key.id,
            key.kept,
            f"{key.age_days(now)} days",
            key_records.remark(key, now),
        )
        for key in records
    ]
    lines = columns([(*row, f"! {warning}" if warning else "") for *row, warning in rows], indent="")
    answer([_as_json(record, now) for record in records], lines, as_json=options.json)
    if not (records or options.json):
        note("No access keys on this computer yet. Add one with `iam-onboard access-key import`.")


def _change(
    machine: host.Machine,
    options: argparse.Namespace,
    act: Callable[[argparse.Namespace, module.Context], list[Sentence]],
) -> None:
    """`iam-onboard access-key import|create|rotate`.

    Raises:
        OnboardError: it failed; what was kept before is still there.
    """
    project, profile = options.project, options.profile
    try:
        config = write.profile_paths(machine.home, project).config
    except ValueError:
        raise OnboardError(
            "Not a project name",
            f"“{project}” is not a project's short name.",
            next="Use letters, digits, - and _, as in bb.",
        ) from None
    section = write.sections_in(config, "profile ", str(config)).get(profile)
    present = section.options if section else {}
    region = options.region or present.get("region", clients.USUAL_REGION)
    problems = plan.region_problems(region)
    if act is not _rotate:  # the rotated key is there already
        problems = plan.WantedProfiles((plan.BaseProfile(profile, region),), ()).problems()
    if problems:
        raise OnboardError(
            "Not a base profile",
            joined(problem.message for problem in problems),
            next="Use the base profile and region that `iam-onboard profiles show` lists.",
        )
    account = profile.removeprefix(f"{project}-")
    owner = role_profiles.unknown_user(account, region)
    context = identity.identity_context(machine, project, owner, profile)
    done = act(options, context)
    record = own_access_key.ensure_record(context)
    if act is not _rotate:
        done = [f"{record.id} is the access key of {record.user} in {record.account_id}.", *done]
        if record.kept != key_store.KEPT_IN_FILE and "credential_process" not in present:
            command = f"iam-onboard profiles write {project} --as {account}"
            done.append(f"No profile uses this key yet. To write one: {command}")
    answer({**_as_json(record, machine.now()), "told": done}, done, as_json=options.json)


def _as_json(record: key_records.KeyRecord, now: datetime) -> dict[str, Any]:
    rotation_ = record.rotation
    return {
        "project": record.project,
        "profile": record.profile,
        "id": record.id,
        "kept": record.kept,
        "user": record.user,
        "account_id": record.account_id,
        "age_days": record.age_days(now),
        "old": record.is_old(now),
        "rotation": rotation_.phase.value if rotation_ else "",
        "old_id": rotation_.old_id if rotation_ else "",
    }


def _import(options: argparse.Namespace, context: module.Context) -> list[Sentence]:
    kept, context = identity.with_store(options, context)
    request = identity.given_key(options.csv, kept, delete=options.delete)
    return access_keys.outcome(performed(access_keys, request, context, "access_key"))


def _create(options: argparse.Namespace, context: module.Context) -> list[Sentence]:
    kept, context = identity.with_store(options, context)
    path = identity.typed_path(options.csv)

    def made(code: Secret | None) -> list[Sentence]:
        request = access_keys.Request(kept, access_keys.API, path=path, code=code.reveal() if code else None)
        return access_keys.outcome(performed(access_keys, request, context, "access_key"))

    return _with_code_of(access_keys.needed_device(path, context), context, made)


def _rotate(options: argparse.Namespace, context: module.Context) -> list[Sentence]:
    def done(code: Secret | None) -> list[Sentence]:
        digits = code.reveal() if code else ""
        request = rotation.Request(options.project, options.profile, digits, options.delete_inactive)
        if options.finish:
            return rotation.retired(request, context, report_progress)[1]
        return list(performed(rotation, request, context, "rotated")["told"])

    return _with_code_of(
        rotation.needed_device(own_access_key.ensure_record(context), context), context, done
    )


def _with_code_of(
    serial: str | None, context: module.Context, act: Callable[[Secret | None], list[Sentence]]
) -> list[Sentence]:
    code = asking.ask_code(serial, context.environment) if serial else None
    return asking.with_code(act, code, context.environment)
