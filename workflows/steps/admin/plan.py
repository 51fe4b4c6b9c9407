"""The plan: what Terraform would do in one layer, shown by person before anything is done.

Making it is an action of its own; the step's outcome is the accepted plan. Only that file is applied later,
and only while the files it was made from stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workflows.aws.errors import AwsError
from workflows.aws.iam import get_account_password_policy
from workflows.core.files import read_text, write_atomically
from workflows.core.grouping import by_key
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, count, joined, listed
from workflows.core.shapes import plain
from workflows.desktop.clipboard import ClipboardUnavailable
from workflows.layer.mentioned import Use, named_profiles
from workflows.layer.model import LayerLocation, Project
from workflows.layer.read.layer import read_layer
from workflows.machine.events import AGREES, NOT_ASKED, Choice, Facts, Observation, Verdict, unknown
from workflows.steps.admin import new_passwords, plan_resources, state_now
from workflows.steps.admin.accepted_plan import (
    Planned,
    RoleChange,
    decided,
    is_applied,
    made_before,
    roles_since,
)
from workflows.steps.admin.edits import (
    NOT_WRITTEN,
    LeftOut,
    other_keys,
    refuse_other_keys,
    refuse_unusable_keys,
)
from workflows.steps.admin.judged_plan import (
    begun_here,
    judged,
    made_from_other_files,
    partly_applied,
    refuse_rejected_keys,
    staleness,
)
from workflows.steps.admin.other_sessions import keys_of_later_sessions, other_keys_since, removed_from_files
from workflows.steps.admin.terraform_runs import (
    OpenLayer,
    WrongAccount,
    iam_client,
    located,
    open_layer,
    read_state,
    run_folder,
    watching,
)
from workflows.steps.decisions import Move
from workflows.steps.shared.leftovers import running_in
from workflows.steps.shared.module import Context, Progress, Refused, Report
from workflows.steps.shared.paths import save_text
from workflows.steps.shared.role_profiles import role_profiles
from workflows.terraform.commands import LOCK_SECONDS, inherited
from workflows.terraform.plan import MARKDOWN_HEAD, USER, Action, Plan, plan_markdown
from workflows.terraform.record import (
    PLAN_FILE,
    PlanRecord,
    changed_words,
)
from workflows.terraform.redaction import left_over
from workflows.terraform.results import apply_begun
from workflows.terraform.state import State

MAX_TEXT = 20_000_000
_SHORT = 8


@dataclass(frozen=True)
class Request:
    """The person's decisions.

    Attributes:
        planned: the shown plan, or None.
        acknowledged: addresses of foreign changes that are accepted too.
        elsewhere: the result of `applied_elsewhere`, if the changes were applied somewhere else.
        undoing: the result of `sessions_that_can_undo`.
    """

    planned: Planned | None = None
    acknowledged: tuple[str, ...] = ()
    elsewhere: Mapping[str, Any] | None = None
    undoing: Mapping[str, bool] = field(default_factory=dict)


def make(context: Context, report: Report, code: Secret | None = None) -> Planned:
    """Plan the step's layer, after initialising it if needed; its earlier plan is removed.

    Args:
        report: receives the progress; its payload is Terraform's `Update`.
        code: an MFA code, if the layer's profile needs one.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        Cancelled: the person stopped it.
        LeftOut: a decided person is in neither the plan nor the state.
        OnboardError: a key can't be used, the layer has another key than was decided, or the checkout is
            behind its upstream; or Terraform failed, with its message as the detail.
    """
    refuse_unusable_keys(context)
    rekeyed, begun = tuple(_rekeyed(context)), begun_here(context)
    with open_layer(context, report, code=code, current=True) as layer:
        here = context.decisions.of(context.item)
        moves = here.staying_moves or here.groups.remove
        wanted = context.decisions.resetting or new_passwords.outdated(context)
        state = read_state(layer, context, report, planning=True) if wanted or moves else State()
        anew = new_passwords.addresses(state, context) if wanted else ()
        report(Progress(f"Waiting for the plan. A locked state gets {LOCK_SECONDS} s to become free"))
        record, plan = layer.terraform.plan(replace=anew, watch=watching(context, report))
        gone = {
            change.user for change in plan.drift if change.type == USER and change.action is Action.DELETE
        }
        plan = replace(plan, drift=tuple(change for change in plan.drift if change.address not in begun))
        planned = judged(record, plan, context)
        try:
            refuse_rejected_keys(planned, context)
            refuse_another_account(plan, layer.location)
            refuse_short_passwords(plan, layer.location, _least_length(plan, layer, context, report))
            planned = _completed(planned, gone, layer, context, report)
            planned = replace(planned, roles=_roles_changed(state, layer.project, context))
        except OnboardError:
            layer.terraform.give_up_plan()
            raise
        unchecked = not_checked(plan, layer.location)
        origin = joined((origin_words(record), *unchecked))
        text = plan_markdown(plan, title=layer.location.relative, origin=origin)
        write_atomically(_markdown_file(context), text.encode())
    set_too = (f"Your shell sets {variable}." for variable in inherited(context.environment.variables))
    notes = (*planned.notes, *rekeyed, *unchecked, *set_too)
    planned = replace(planned, summary=(*planned.summary, *notes), notes=notes)
    plan_resources.keep(plan, [change.address for change in planned.foreign], context)
    return planned


def _rekeyed(context: Context) -> Iterator[Sentence]:
    """Yield a sentence for each decided key that a later session replaced in the layer.

    Raises:
        OnboardError: another key is there that nobody decided.
    """
    if not context.decisions.keys:
        return
    layer, later = read_layer(located(context)[1]), keys_of_later_sessions(context)
    refuse_other_keys(layer, context.decisions, later, written=True)
    there = {other.name: other for other in other_keys(layer, context.decisions, written=True)}
    for other in there.values():
        work = later[other.known_by]
        yield f"{other.words} A later session ({work}) added that key, and sends the handoff."
    own = {name: key.fingerprint for name, key in context.decisions.keys.items() if name not in there}
    yield from other_keys_since(own, later)


def _roles_changed(state: State, project: Project, context: Context) -> dict[str, RoleChange]:
    """Return people who stay and can use other roles by their new groups, by the layer's state.

    A state from before the apply gives the same as one from after it. A new group has its sibling's roles.
    """
    here = context.decisions.of(context.item)
    gone = {group.casefold() for group in here.groups.remove}
    members = {name for group, names in state.groups.items() if group.casefold() in gone for name in names}
    lost = _lost_before(gone, state, context)
    staying = sorted({*members, *lost}.difference(here.add, here.remove))
    roles = {group.casefold(): found for group, found in state.group_roles.items()}
    renamed = {new: old for old, new in here.groups.rename.items()}
    before = renamed | {new.name: new.sibling for new in here.groups.add}

    def usable(groups: Iterable[str]) -> set[tuple[str, str]]:
        known = ({group, before.get(group, group)} for group in groups)
        found = {role for names in known for name in names for role in roles.get(name.casefold(), ())}
        profiles = role_profiles(project, tuple(sorted(found)), state.account_id)
        return {(profile.role, profile.account_name) for profile in profiles}

    changed: dict[str, RoleChange] = {}
    for name, move in {**dict.fromkeys(staying, Move()), **here.staying_moves}.items():
        named = (*move.add, *move.remove)
        moved = {each.casefold() for group in named for each in (group, renamed.get(group, group))}
        kept = [group for group in state.groups_of(name) if group.casefold() not in moved]
        old = usable((*kept, *move.remove)) | lost.get(name, set())
        new = usable(group for group in (*kept, *move.add) if group.casefold() not in gone)
        if old != new:
            changed[name] = RoleChange(_by_role(new - old), _by_role(old - new))
    return changed


def _lost_before(gone: set[str], state: State, context: Context) -> dict[str, set[tuple[str, str]]]:
    """Return the roles that people lost by the plan before: the state may have removed groups no more."""
    before = decided(context) if gone else None
    if before is None:
        return {}
    return {
        name: {(role, account) for role, accounts in change.went.items() for account in accounts}
        for name, change in before.roles.items()
        if name in state.users
    }


def _by_role(usable: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    return {role: tuple(accounts) for role, accounts in by_key(sorted(usable)).items()}


def _least_length(plan: Plan, layer: OpenLayer, context: Context, report: Report) -> int | None:
    """Return the minimum password length of the layer's policy, else of the account's own.

    None if neither sets one, the account's policy can't be read, or the plan makes no password.
    """
    if plan.least_password_length or not any(change.password_length for change in plan.changes):
        return plan.least_password_length
    report(Progress("Reading the account's password policy"))
    try:
        with iam_client(context, layer.project, layer.location, layer.files) as iam:
            policy = get_account_password_policy(iam)
    except AwsError as error:
        report(Progress(f"Not checked: whether the passwords are long enough for the account. {error.what}"))
        return None
    return int(policy.get("MinimumPasswordLength") or 0) or None


def _completed(
    planned: Planned, gone: Collection[str | None], layer: OpenLayer, context: Context, report: Report
) -> Planned:
    """Complete a plan with what the state has already: passwords that exist where nothing is left to do.

    Args:
        gone: users in the state that AWS no longer has.

    Raises:
        LeftOut: neither the plan nor the state matches the decisions.
        OnboardError: the state can't be read.
    """
    here, removed = context.decisions.of(context.item), removed_from_files(context)
    # people who only leave a group stay: a removal counts as planned only if it removes the user
    unplanned = {*here.add}.difference(*planned.owners.values()) | {*here.remove}.difference(planned.gone)
    gone_since = removed.by_item.get(context.item, ())
    left_out = tuple(name for name in here.add if name in unplanned and name in gone_since)
    planned = replace(planned, left_out=left_out, notes=(removed.words,) if left_out else ())
    unplanned -= {*gone_since}
    if not (planned.empty or unplanned):
        return planned
    state, before = read_state(layer, context, report, planning=True), decided(context)
    strangers = {*here.remove}.intersection(unplanned) - state.users.keys()
    absent = tuple(sorted(strangers.intersection(before.absent) if before else strangers))
    planned = replace(planned, absent=absent)
    state = replace(state, users={name: arn for name, arn in state.users.items() if name not in gone})
    missing = state_now.not_applied(state, context) if planned.empty else []
    missing = missing or [f"{name} is missing" for name in here.add if name in unplanned - state.users.keys()]
    staying = {*state.users, *(person.name for person in planned.people if person.user == Action.CREATE)}
    missing += [f"{name} stays" for name in here.remove if name in unplanned & staying]
    if missing:
        lacking = joined(missing, "; ")
        raise LeftOut(
            "The plan is incomplete",
            f"Neither the plan nor the state of {context.item} has what you decided: {lacking}.",
            why=NOT_WRITTEN,
            next="Open Review: it shows what is missing, and writes it again.",
        )
    return replace(planned, passwords=_passwords_there(state, context)) if planned.empty else planned


def _passwords_there(state: State, context: Context) -> tuple[str, ...]:
    """Return people who were to get a password by the decisions, and have one in the state."""
    here = context.decisions.of(context.item)
    names = dict.fromkeys((*here.add, *here.new_keys, *context.decisions.resetting))
    return tuple(name for name in names if name in state.login_profiles)


def log_text(context: Context, kind: str) -> str:
    """Return Terraform's redacted output of the last run ("plan", "apply"); "" if there is none.

    Raises:
        OnboardError: it can't be read.
    """
    file = run_folder(context) / f"{kind}.log"
    return read_text(file, MAX_TEXT) if file.exists() else ""


def markdown(context: Context) -> str:
    """Return the last plan's redacted Markdown for a pull request, scanned once more.

    Raises:
        OnboardError: no plan was made yet, or something in it must not leave this machine.
    """
    text = read_text(_markdown_file(context), MAX_TEXT)
    if left := left_over(text):
        raise OnboardError(
            "Can't export the plan",
            f"Its Markdown would still hold {joined(left, ', ')}.",
            why="iam-onboard scans it once more after replacing account ids, keys and secrets.",
            next="Plan again. If that doesn't help, share the plan by hand and report this.",
        )
    return text


def proposed_target(context: Context) -> str:
    """Return the default path for the Markdown."""
    return context.environment.in_home(f"plan-{context.facts.get('project', 'project')}-{context.item}.md")


def export(target: str, context: Context) -> Sentence:
    """Write the Markdown to a file, copy it if there is a clipboard, and report both.

    Args:
        target: the path as typed, relative to the home folder unless absolute.

    Raises:
        OnboardError: it can't be written, it would replace another file, or no plan was made yet.
    """
    text = markdown(context)
    shown = save_text(
        target,
        text,
        context.environment.home,
        mode=0o644,
        replaces=lambda path: read_text(path, MAX_TEXT).startswith(MARKDOWN_HEAD),
    )
    words = f"Written to {shown}"
    try:
        return f"{words}. {context.environment.copy(text)}"
    except ClipboardUnavailable:
        return f"{words}; there is no clipboard here."


def _markdown_file(context: Context) -> Path:
    return run_folder(context) / "plan.md"


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require a plan whose foreign changes are all accepted."""
    if request.elsewhere:
        return []
    if request.planned is None:
        return [Problem("Make the plan first.")]
    missing = [change for change in request.planned.foreign if change.address not in request.acknowledged]
    if not missing:
        return []
    words = f"This session didn't ask for {count(len(missing), 'change')}"
    message = f"{words}. Select each one that you want to apply too, or fix the files and plan again."
    where = ": here, then in" if any(request.undoing.values()) else " of"
    others = listed([*request.undoing], 2)
    back = f"Or put files back in Review (u){where} {others}." if others else ""
    return [Problem(joined((message, back)), "foreign")]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Accept the shown plan, or that the changes were applied elsewhere.

    Raises:
        Refused: the plan or its files changed since it was shown.
        OnboardError: there is no plan.
    """
    if request.elsewhere:
        return {"plan": request.elsewhere}
    planned = request.planned
    if planned is None:
        raise OnboardError("No plan", "There is no plan to accept.", next="Make the plan first.")
    report(Progress("Comparing the plan with the files"))
    if words := staleness(planned, context):
        raise Refused("This plan can't be accepted any more", words)
    if planned.empty:  # nothing of its file is ever applied
        planned.record.plan.unlink(missing_ok=True)
    planned = replace(planned, roles_since=roles_since(planned, context))
    before = made_before(context, partly=partly_applied(context))
    return {"plan": {**planned.as_facts(), "acknowledged": sorted(request.acknowledged), **before}}


def applied_elsewhere(context: Context, report: Report, code: Secret | None = None) -> dict[str, Any]:
    """Confirm from the state that the changes were applied elsewhere, such as by a pull request's automation.

    Args:
        code: an MFA code for reading the state, if the profile needs one.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: the state lacks some of the changes, or doesn't show them.
    """
    if context.decisions.of(context.item).beside_people:
        raise OnboardError(
            "Make a plan instead",
            f"The state doesn't show whether all that you decided for {context.item} is applied.",
            why="Groups themselves, their policies and the account's settings are compared by a plan only.",
            next="If all of it is applied already, the plan has no changes, and the step is done.",
        ).about("elsewhere")
    with open_layer(context, report, code=code) as layer:
        state = read_state(layer, context, report)
        gone_since = removed_from_files(context).by_item.get(context.item, ())
        left_out = [name for name in gone_since if name not in state.users]
        wrong = _not_as_decided(state, left_out, layer, context, report)
    if wrong:
        raise OnboardError(
            "Not applied yet",
            wrong,
            why="iam-onboard has just asked, with the layer's own profile.",
            next="Wait for the pull request to be applied, or plan and apply here.",
        ).about("elsewhere")
    forget(context)
    return {
        **({"left_out": left_out} if left_out else {}),
        "elsewhere": True,
        "empty": False,
        "layer": str(located(context)[1].path),
        "summary": ["Applied elsewhere: the state has what you decided."],
        "counts": {"add": 0, "change": 0, "destroy": 0},
        "passwords": list(_passwords_there(state, context)),
        "roles": plain(_roles_changed(state, layer.project, context)),
        "access_keys": [],
        "destroys": [],
        "gone": [],
    }


def _not_as_decided(
    state: State, left_out: Container[str], layer: OpenLayer, context: Context, report: Report
) -> Sentence:
    """Return a sentence on decisions missing in the state, or else on what AWS lacks of it; "" for none.

    Raises:
        AwsError: AWS can't be asked.
    """
    if missing := state_now.not_applied(state, context):
        return f"The state of {context.item} isn't what you decided: {joined(missing, '; ')}."
    people = state_now.users_in_aws(context, left_out)
    report(Progress("Asking AWS whether it has these users and what was made for them"))
    with iam_client(context, layer.project, layer.location, layer.files) as iam:
        users = state_now.differences_in_aws(iam, people)
        differences = users or state_now.credentials_lost(iam, state, context)
    return state_now.difference_words(differences, context)


def observe(context: Context) -> Observation:
    """Check that the plan's files are unchanged until it is applied; for its state, see `inquire`."""
    planned = decided(context)
    if is_applied(planned, context):
        return _as_reviewed(planned, context)
    if planned is None:
        return NOT_ASKED  # applied elsewhere: only the state knows
    if apply_begun(run_folder(context), planned.record):
        return AGREES  # Apply reports the result
    words = staleness(planned, context)
    readable = not context.decisions.of(context.item).beside_people
    accepting = "Reads the state, and continues if it has exactly what you decided." if readable else ""
    about = (planned.record.plan_sha256,)
    return Observation(Verdict.CHANGED, words, about, accepting=accepting) if words else NOT_ASKED


def _as_reviewed(planned: Planned | None, context: Context) -> Observation:
    """Check that an applied plan was made from Review's files as they are now."""
    others = made_from_other_files(planned, context) if planned is not None else ()
    if not others:
        return AGREES
    words = f"The plan was made before {listed(others, 3)} changed. Plan again."
    return Observation(Verdict.CHANGED, words, others, continuing="Leaves it as it was applied.")


guarded_look = state_now.CODED


def inquire(context: Context) -> Observation:
    """Check that the plan's state is still current, if that can be asked without a code.

    Raises:
        OnboardError: the state can't be read.
    """
    planned, seen = decided(context), observe(context)
    if seen is not NOT_ASKED:
        return seen
    if planned is None:
        return state_now.seen(context)
    now, mark = state_now.stored(context), planned.record.state
    if mark is None or now is None:
        return unknown(state_now.not_looked_at(context))
    words = changed_words(mark, now.mark)
    if not words:
        return AGREES
    about = (planned.record.plan_sha256, now.mark.lineage, str(now.mark.serial))
    if state_now.holds(plan_resources.kept(context), now.state, context):
        there = f"Applied elsewhere: the state of {context.item} has exactly what you decided."
        accepting = "Reads the state again, and continues without an apply here."
        return Observation(Verdict.ELSEWHERE, there, about, accepting=accepting, likely=Choice.ACCEPT)
    return Observation(Verdict.CHANGED, f"{words} Plan {context.item} again.", about)


def state_moved_on(planned: Planned, context: Context) -> Sentence:
    """Say that the state has changed since a plan that nobody has accepted yet; "" if unchanged or unknown.

    Raises:
        OnboardError: the state can't be read.
    """
    mark = planned.record.state
    now = state_now.stored(context) if mark is not None else None
    words = changed_words(mark, now.mark) if mark is not None and now is not None else ""
    return f"{words} Plan again." if words else ""


def forget(context: Context) -> None:
    """Remove the file of a plan that can't be accepted any more, since it can carry the state."""
    if running_in(context.folder, context.item) is None:
        (run_folder(context) / PLAN_FILE).unlink(missing_ok=True)


def accept(_shown: Observation, context: Context, report: Report) -> Facts:
    """Confirm from the state that somebody else already applied the plan.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: the state lacks some of the changes.
    """
    return {"plan": applied_elsewhere(context, report)}


def refuse_another_account(plan: Plan, location: LayerLocation) -> None:
    """Reject a plan with all of its IAM resources in other accounts than the layer's.

    Some may be elsewhere: a provider with an alias can use another account.

    Raises:
        WrongAccount: none is in the layer's account.
    """
    if not plan.accounts or not location.account_id or location.account_id in plan.accounts:
        return
    raise WrongAccount(
        "Wrong account",
        f"Terraform has the layer's users and groups in the account {', '.join(sorted(plan.accounts))}, "
        f"but {location.account} is {location.account_id}.",
        why="The AWS provider uses a different profile or role than the one that was checked. The plan was "
        "removed; nothing was changed.",
        next=f"Look at the `provider` block in {location.relative}: its `profile` and `assume_role`.",
    )


def refuse_short_passwords(plan: Plan, location: LayerLocation, least: int | None) -> None:
    """Reject a plan with passwords that AWS would reject, because it would create the user first.

    Args:
        least: the account's minimum password length; None if unknown.

    Raises:
        OnboardError: a password would be too short.
    """
    short = plan.short_passwords(least or 0)
    if not short:
        return
    names = ", ".join(sorted({profile.user or profile.address for profile in short}))
    fewest = min(profile.password_length or 0 for profile in short)
    raise OnboardError(
        "AWS would reject a password",
        f"The plan gives {names} a password of {fewest} characters, and the password policy of "
        f"{location.account} requires {least}.",
        why="The apply would create the user and then stop at the password (PasswordPolicyViolation).",
        next=f"Write  password_length = {least}  in the module of {names} in {location.relative}, "
        "then plan again.",
    )


def not_checked(plan: Plan, location: LayerLocation) -> tuple[Sentence, ...]:
    """Return a sentence for each provider whose account wasn't checked; none if the plan itself shows it."""
    if location.account_id in plan.accounts:
        return ()
    return tuple(
        f"Not checked: the account of the profile in {profile.place}, whose name only Terraform can "
        f"compute. Make sure that it is for {location.account}."
        for profile in named_profiles(location)
        if not profile.name and profile.use in {Use.PROVIDER, Use.OTHER_PROVIDER}
    )


def origin_words(record: PlanRecord) -> Sentence:
    """Return the program, commit and branch, and any uncommitted sources of the plan."""
    if not record.commit:
        return f"Made with {record.binary}."
    where = f" on the branch {record.branch}" if record.branch else ""
    words = f"Made with {record.binary} from commit {record.commit[:_SHORT]}{where}."
    if not record.uncommitted:
        return words
    files = count(
        len(record.uncommitted), "file that it was made from differs", "files that it was made from differ"
    )
    return f"{words} {files} from that commit: {listed(record.uncommitted, 5)}."
