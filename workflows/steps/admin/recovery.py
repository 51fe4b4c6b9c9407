"""Recovery after an apply that was killed or met existing resources: repairs the state one item at a time.

A killed Terraform can leave a lock, and users, groups and passwords that AWS has but the state doesn't; every
later apply then fails on them. The repairs come from three sources: resources that the last apply started,
what a new plan would still create, and what the state holds now. Nothing runs before the person agrees, one
item at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from workflows.aws.iam import password_made_at
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence
from workflows.steps.admin.terraform_runs import (
    OpenLayer,
    iam_client,
    open_layer,
    read_state,
    run_folder,
    watching,
)
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.failures import InitWay, LockInfo
from workflows.terraform.plan import (
    ACCOUNT_ID,
    LOGIN_PROFILE,
    NOT_IMPORTABLE,
    USER,
    Action,
    Plan,
    ResourceChange,
)
from workflows.terraform.record import file_sha256
from workflows.terraform.results import (
    ApplyResult,
    EndedRun,
    keep_repairs_left,
    pending_replacements,
    repairs_left,
    replace_next,
    result_of,
    run_that_left,
)
from workflows.terraform.state import State


class Way(StrEnum):
    """How something is repaired."""

    IMPORT = "import"
    REPLACE = "replace"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Repair:
    """One repair, shown before it is done.

    Attributes:
        way: the method.
        address: the resource.
        resource_id: the provider's id for an import.
        command: the command to run, as a person would type it; "" for work by hand.
        why: the reason, in a sentence or two.
    """

    way: Way
    address: str
    resource_id: str
    command: str
    why: Sentence

    @property
    def id(self) -> str:
        """An id among the repairs after one apply."""
        return f"{self.way} {self.address}"

    @property
    def title(self) -> Sentence:
        """The repair as a short phrase, for a list."""
        kind = next((part for part in self.address.split(".") if part.startswith("aws_")), self.address)
        words = kind.removeprefix("aws_iam_").replace("_", " ")
        match self.way:
            case Way.IMPORT:
                return f"import {words} {self.resource_id}"
            case Way.REPLACE:
                return f"replace the {words}"
            case Way.BY_HAND:
                return f"by hand: {words}"


@dataclass(frozen=True)
class Outcome:
    """The result of a repair.

    Attributes:
        words: what happened.
        follow_up: the next repair it requires, or None.
    """

    words: Sentence
    follow_up: Repair | None = None


def needed(result: ApplyResult) -> bool:
    """Return whether an apply with this result can have left something that the next one would fail on."""
    return bool(result.existing) or (result.killed and not result.succeeded)


def is_open(context: Context) -> bool:
    """Return whether the last apply can have left something that nobody has repaired yet."""
    folder = run_folder(context)
    last = result_of(folder)
    return last is not None and needed(last) and repairs_left(folder) != frozenset()


def without_imported(result: ApplyResult | None, context: Context) -> ApplyResult | None:
    """Return the last apply's result, if any, without the troubles that imports have ended since."""
    left = repairs_left(run_folder(context))
    if result is None or left is None:
        return result
    ended = {address for address in result.existing if f"{Way.IMPORT} {address}" not in left}
    return replace(result, troubles=tuple(each for each in result.troubles if each.address not in ended))


def examine(context: Context, report: Report, code: Secret | None = None) -> tuple[Repair, ...]:
    """Compare the last apply with a new plan and the state, and return the repairs needed.

    That plan is removed again; the plan to apply later is made and read in Plan. What was repaired since that
    apply stays so.

    Raises:
        LockHeld: the state is still locked, by the killed apply or by somebody else.
        Cancelled: the person stopped it.
        OnboardError: the plan couldn't be made.
    """
    folder = run_folder(context)
    last, known = result_of(folder), repairs_left(folder)
    if last is None or not is_open(context):
        return ()
    with open_layer(context, report, code=code) as layer:
        report(Progress("Comparing what AWS has with the state: a plan"))
        _, plan = layer.terraform.plan(watch=watching(context, report))
        layer.terraform.give_up_plan()
        found = tuple(_repairs(last, plan, read_state(layer, context, report), layer, context))
    left = tuple(repair for repair in found if known is None or repair.id in known)
    keep_repairs_left(folder, [repair.id for repair in left])
    return left


def carry_out(repair: Repair, context: Context, report: Report, code: Secret | None = None) -> Outcome:
    """Carry out one repair, and record that it is done.

    Raises:
        LockHeld: the state is locked.
        Cancelled: the person stopped it.
        OnboardError: it failed; the detail has Terraform's message.
    """
    outcome, folder = _carried_out(repair, context, report, code), run_folder(context)
    follow_up = {outcome.follow_up.id} if outcome.follow_up else set[str]()
    keep_repairs_left(folder, (repairs_left(folder) or frozenset()) - {repair.id} | follow_up)
    return outcome


def _carried_out(repair: Repair, context: Context, report: Report, code: Secret | None) -> Outcome:
    match repair.way:
        case Way.BY_HAND:
            return Outcome("Left to you.")
        case Way.REPLACE:
            replace_next(run_folder(context), repair.address)
            return Outcome("Noted: the next plan replaces it.")
        case Way.IMPORT:
            return _import(repair, context, report, code)


def _import(repair: Repair, context: Context, report: Report, code: Secret | None) -> Outcome:
    with open_layer(context, report, code=code) as layer:
        report(Progress(f"Importing {repair.address}"))
        there = layer.terraform.import_(repair.address, repair.resource_id, watch=watching(context, report))
    if not there:
        return Outcome("AWS has none: the next plan creates it.")
    follow_up = _replacement(repair.address) if f"{LOGIN_PROFILE}." in repair.address else None
    return Outcome("Imported: it is in the state now.", follow_up)


def _repairs(
    last: ApplyResult, plan: Plan, state: State, layer: OpenLayer, context: Context
) -> Iterator[Repair]:
    begun = {*last.existing, *(last.begun if last.killed else ())}
    wanted = {change.address: change for change in plan.changes if change.action is Action.CREATE}
    users = {change.user for change in wanted.values() if change.address in begun and change.type == USER}
    for change in sorted(wanted.values(), key=lambda change: change.type != USER):
        of_them = change.type == LOGIN_PROFILE and change.user in users
        if change.address in begun or (of_them and _has_password(str(change.user), layer, context)):
            yield from _taken_in(change, layer)
    replaced = {change.address for change in plan.replaced} | set(pending_replacements(run_folder(context)))
    for profile in state.login_profiles.values():
        if not profile.encrypted_password and profile.address in begun - replaced:
            yield _replacement(profile.address)


def _has_password(name: str, layer: OpenLayer, context: Context) -> bool:
    """Return whether AWS has a console password of a user, or can't be asked about it."""
    try:
        with iam_client(context, layer.project, layer.location, layer.files) as iam:
            return password_made_at(iam, name) is not None
    except OnboardError:
        return True


def _taken_in(change: ResourceChange, layer: OpenLayer) -> Iterator[Repair]:
    if change.type in NOT_IMPORTABLE:
        why = (
            f"{NOT_IMPORTABLE[change.type]} The next apply creates another; check in the console "
            f"whether {change.user or 'the user'} has one from the interrupted apply, and delete it."
        )
        yield Repair(Way.BY_HAND, change.address, "", "", why)
        return
    resource_id = change.import_id.replace(ACCOUNT_ID, layer.location.account_id or "")
    if not resource_id:
        return
    program = layer.terraform.binary.product.program
    about = change.user or change.group or resource_id
    why = (
        "The last apply had started on it, and it isn't in the state. If AWS has it, the next apply "
        f"fails; an import makes {about} part of this layer. Import it only if nobody else created it "
        "on purpose."
    )
    yield Repair(
        Way.IMPORT, change.address, resource_id, f"{program} import '{change.address}' {resource_id}", why
    )


def _replacement(address: str) -> Repair:
    why = (
        "An import brings no encrypted password, so there would be nothing to hand over. The next plan "
        "creates a new password; nobody has seen the one that AWS has now."
    )
    return Repair(Way.REPLACE, address, "", f"plan -replace='{address}'", why)


INIT_WAYS = {
    InitWay.UPGRADE: (
        "Initialise with upgrade",
        (
            "init -upgrade takes the newest providers and modules that the layer's constraints "
            "allow, and writes them into .terraform.lock.hcl. That file belongs to the repository: commit it "
            "with the layer's files, since your colleagues' next init uses it too."
        ),
    ),
    InitWay.RECONFIGURE: (
        "Initialise with reconfigure",
        (
            "init -reconfigure forgets where this checkout kept its state before, and uses what "
            "the backend files say now. Nothing is copied: if the new place holds no state, the next plan "
            "wants to create everything again. Check the bucket and the key in them first."
        ),
    ),
}
"""The label of each button, and its effect."""


def own_lock(lock: LockInfo, context: Context) -> EndedRun | None:
    """Return the run of the step's layer that died here and left this lock; None unless that is certain.

    Raises:
        OSError: the record of the runs can't be read.
    """
    return run_that_left(lock, run_folder(context))


def unlock(lock: LockInfo, context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Release a state's lock by force. It is `own_lock`, or the person has typed its owner.

    Returns:
        The result, as a sentence.

    Raises:
        OnboardError: it couldn't be released; Terraform reports a lock that is gone meanwhile.
    """
    with open_layer(context, report, code=code) as layer:
        report(Progress(f"Releasing the lock of {lock.who or 'somebody'}"))
        layer.terraform.force_unlock(lock.lock_id)
    return f"The lock of {lock.who or lock.lock_id} is released."


def write_state(context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Write the state that the last apply of the step's layer couldn't write.

    Returns:
        What was done, as a sentence.

    Raises:
        Cancelled: the person stopped it.
        LockHeld: the state is locked, perhaps by that very apply.
        OnboardError: it couldn't be written; the file is still there.
    """
    with open_layer(context, report, code=code) as layer:
        report(Progress("Writing the state that the last apply left"))
        layer.terraform.push_unwritten(watch=watching(context, report))
    return "The state is written: it has what the last apply created. The file is removed."


def initialise(way: InitWay, context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Initialise the step's layer in the chosen way.

    Returns:
        The result, and whether the lock file changed.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: it failed; the detail has Terraform's message.
    """
    with open_layer(context, report, code=code) as layer:
        lock_file = layer.location.path / ".terraform.lock.hcl"
        before = file_sha256(lock_file)
        report(Progress(INIT_WAYS[way][0]))
        layer.terraform.init(
            upgrade=way is InitWay.UPGRADE,
            reconfigure=way is InitWay.RECONFIGURE,
            watch=watching(context, report),
        )
        if file_sha256(lock_file) == before:
            return "Initialised; the lock file is as it was."
        changed = lock_file.relative_to(layer.project.root)
        return f"Initialised. {changed} was changed: commit it with the layer's files."
