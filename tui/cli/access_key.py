"""`iam-onboard access-key`: the steps Access keys and Rotate without a screen.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import JSON, PROJECT_AND_PROFILE, STORE, Commands, flag, option
from tui.cli.context import performed, report_progress
from tui.cli.exit_codes import DONE
from tui.cli.output import answer, columns, note
from workflows.core.errors import OnboardError
from workflows.core.sentences import joined

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from tui.host import Machine
    from workflows.core.sentences import Sentence
    from workflows.environment import World
    from workflows.steps.shared.module import Context
    from workflows.stores.key_records import KeyRecord

    Act = Callable[[argparse.Namespace, Context], list[Sentence]]
    """What is done with the key of a base profile; it gives that back in sentences."""


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    parts = commands.group("access-key")
    base = (*PROJECT_AND_PROFILE, option("--region", "REGION", "the region of the base profile"), JSON)
    parts.add("list", listed, "list the access keys on this computer, with their age", JSON)
    parts.add(
        "import",
        bring,
        "check and keep the key from a downloaded .csv file, or one that you type",
        option("csv", "CSV", "the file from the console (default: type the key)", nargs="?"),
        *base,
        STORE,
        flag("--delete", "delete the file after keeping the key"),
        description="It asks AWS whose key it is before it keeps anything.",
    )
    parts.add(
        "create",
        create,
        "create a new key with your present one, and keep it",
        option(
            "--with", "CSV", "the file with your present key (default: the key on this computer)", dest="csv"
        ),
        *base,
        STORE,
        description="Asks for an MFA code. If it can't keep the new key, it deletes it again.",
    )
    parts.add(
        "rotate",
        rotate,
        "replace your key with a new one, or continue an interrupted rotation",
        *base,
        flag("--delete-inactive", "delete an inactive second key first, to make room"),
        flag("--finish", "delete the old key of the last rotation, and do nothing else"),
        description="Creates a new key, keeps it, tests it, and deactivates the old one. Asks for an MFA "
        "code. Some days later, run it again with --finish to delete the old key.",
    )


def listed(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key list`."""
    from workflows.stores.key_records import KeyRecords, remark

    records, now = KeyRecords(machine.places.key_records).all(), machine.now()
    rows = [
        (key.project, key.profile, key.id, key.kept, f"{key.age_days(now)} days", remark(key, now))
        for key in records
    ]
    lines = columns([(*row, f"! {warning}" if warning else "") for *row, warning in rows], indent="")
    answer([_as_json(record, now) for record in records], lines, as_json=options.json)
    if not (records or options.json):
        note("There is no access key here yet. `iam-onboard access-key import` keeps one.")
    return DONE


def bring(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key import [CSV]`.

    Raises:
        OnboardError: it could not be done; what was kept before is still there.
    """
    return _change(machine, options, _import)


def create(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key create`; raises as `bring`."""
    return _change(machine, options, _create)


def rotate(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key rotate`; raises as `bring`."""
    return _change(machine, options, _rotate)


def _change(machine: Machine, options: argparse.Namespace, act: Act) -> int:
    from tui.cli.identity import identity_context
    from workflows.aws.clients import USUAL_REGION
    from workflows.messages.handoff import Identity
    from workflows.profiles.plan import BaseProfile, WantedProfiles, region_problems
    from workflows.profiles.write import profile_paths, sections_in
    from workflows.steps.shared.own_access_key import kept_record
    from workflows.stores.key_store import KEPT_IN_FILE

    project, profile = options.project, options.profile
    try:
        config = profile_paths(machine.home, project).config
    except ValueError:
        raise OnboardError(
            "Not a project name",
            f"“{project}” is not a project's short name.",
            next="Use letters, digits, - and _, as in bb.",
        ) from None
    section = sections_in(config, "profile ", str(config)).get(profile)
    present = section.options if section else {}
    region = options.region or present.get("region", USUAL_REGION)
    problems = region_problems(region)
    if act is not _rotate:  # what is rotated is there already
        problems = WantedProfiles((BaseProfile(profile, region),), ()).problems()
    if problems:
        raise OnboardError(
            "Not a base profile",
            joined(problem.message for problem in problems),
            next="Use the base profile and region that `iam-onboard profiles show` lists.",
        )
    account = profile.removeprefix(f"{project}-")
    identity = Identity(account, "", "", "", "", None, "", region)
    context = identity_context(machine, project, identity, profile)
    done = act(options, context)
    record = kept_record(context)
    if act is not _rotate:
        done = [f"{record.id} is the access key of {record.user} in {record.account_id}.", *done]
        if record.kept != KEPT_IN_FILE and "credential_process" not in present:
            command = f"iam-onboard profiles write {project} --as {account}"
            done.append(f"No profile uses this key yet. To write the profiles that do: {command}")
    answer({**_as_json(record, machine.now()), "told": done}, done, as_json=options.json)
    return DONE


def _as_json(record: KeyRecord, now: datetime) -> dict[str, Any]:
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


def _import(options: argparse.Namespace, context: Context) -> list[Sentence]:
    from tui.cli.identity import given_key, with_store
    from workflows.steps.new_user import access_keys

    kept, context = with_store(options, context)
    request = given_key(options.csv, kept, delete=options.delete)
    return list(performed(access_keys, request, context, "access_key")["told"])


def _create(options: argparse.Namespace, context: Context) -> list[Sentence]:
    from tui.cli.identity import typed_path, with_store
    from workflows.steps.new_user import access_keys

    kept, context = with_store(options, context)
    path = typed_path(options.csv)

    def made(code: str | None) -> list[Sentence]:
        request = access_keys.Request(kept, access_keys.API, path=path, code=code)
        return list(performed(access_keys, request, context, "access_key")["told"])

    return _with_code(access_keys.needed_device(path, context), context.world, made)


def _rotate(options: argparse.Namespace, context: Context) -> list[Sentence]:
    from workflows.steps.rotation import rotate as step
    from workflows.steps.shared.own_access_key import kept_record

    def done(code: str | None) -> list[Sentence]:
        request = step.Request(options.project, options.profile, code or "", options.delete_inactive)
        if options.finish:
            return step.retired(request, context, report_progress)[1]
        return list(performed(step, request, context, "rotated")["told"])

    return _with_code(step.needed_device(kept_record(context), context), context.world, done)


def _with_code(
    serial: str | None, world: World, act: Callable[[str | None], list[Sentence]]
) -> list[Sentence]:
    """Act with the device's code; one that AWS rejects has changed nothing, so ask for another."""
    from workflows.aws.sts import RepeatedCode, WrongCode

    tries = asking.Tries()
    while True:
        try:
            return act(asking.ask_code(serial, world).reveal() if serial else None)
        except (WrongCode, RepeatedCode) as error:
            if not tries.another(error):
                raise
