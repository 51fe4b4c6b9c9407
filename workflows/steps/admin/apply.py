"""The apply: runs exactly the accepted plan, watched from here but independent of this process.

If the wizard is left or killed meanwhile, Terraform carries on. The next wizard asks for the same apply and
gets its result.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError, Problem, Sentence, joined
from workflows.machine.events import Facts, Observation, Verdict
from workflows.steps.admin import recovery, state_now
from workflows.steps.admin.accepted_plan import Planned, decided
from workflows.steps.admin.deactivate import refuse_appeared
from workflows.steps.admin.edits import refuse_unusable_keys
from workflows.steps.admin.judged_plan import (
    causes,
    doubts_of,
    kept_in_use,
    refuse_rejected_keys,
    standing,
)
from workflows.steps.admin.other_sessions import replaced_before_sent
from workflows.steps.admin.suspect_keys import fingerprints_there
from workflows.steps.admin.terraform_runs import located, open_layer, reopen_layer, run_folder, watching
from workflows.steps.ledger import left_out_of, made_by
from workflows.steps.shared.leftovers import release_credentials
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.results import ApplyCancelled, ApplyFailed, apply_begun, apply_run, result_of
from workflows.terraform.runner import LeftRunning


@dataclass(frozen=True)
class Request:
    """The person's decisions.

    Attributes:
        removals: names of people whose removal was confirmed by typing them.
        code: an MFA code, if the layer's profile needs one.
    """

    removals: tuple[str, ...] = ()
    code: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Outlook:
    """The situation before an apply.

    Attributes:
        begun: an apply of this plan is running, or ran unwatched and its result isn't recorded yet.
        refusal: why the plan can't be applied any more, as a sentence, or "".
        began_at: when that apply began, if its result isn't recorded yet.
        recoverable: whether the last apply can have left something that nobody has recovered yet.
        causes: what went wrong if the last apply of this plan failed, a line for each person.
        in_use: whether that was a removal, because something is attached to the user.
        ended: whether an apply that began has ended.
        stands: who is done after an apply that used up the plan, as a sentence, or "".
        account_id: the account's twelve digits, "" if the project doesn't say.
        replaces: the passwords of other sessions that it replaces unsent, as sentences.
        doubts: what is doubtful about the keys it encrypts to, by name.
    """

    begun: bool = False
    refusal: Sentence = ""
    began_at: float | None = None
    recoverable: bool = False
    causes: tuple[Sentence, ...] = ()
    in_use: bool = False
    ended: bool = False
    stands: Sentence = ""
    account_id: str = ""
    replaces: tuple[Sentence, ...] = ()
    doubts: Mapping[str, Sentence] = field(default_factory=dict)


def survey(context: Context, report: Report) -> Outlook:
    """Check whether an apply of the plan began earlier, and whether the plan still fits its files."""
    report(Progress("Checking the plan"))
    planned = decided(context)
    if planned is None or planned.empty:
        return Outlook()
    folder = run_folder(context)
    if apply_begun(folder, planned.record):
        run = apply_run(folder)
        began_at, ended = (run.description.begun_at, not run.is_running()) if run else (None, True)
        return Outlook(begun=True, began_at=began_at, ended=ended)
    own = recovery.without_imported(result_of(folder, planned.record), context)
    refusal, _rejected, doubts = doubts_of(planned, context)
    return Outlook(
        refusal=refusal,
        recoverable=recovery.is_open(context),
        causes=causes(planned, own) if own else (),
        in_use=own is not None and kept_in_use(planned, own),
        stands=standing(planned, own) if own and not planned.record.plan.is_file() else "",
        account_id="" if refusal else located(context)[1].account_id or "",
        replaces=tuple(replaced_before_sent(planned.passwords, context)),
        doubts=doubts,
    )


def nothing_to_do(context: Context) -> Sentence:
    """Return a sentence why there is nothing to apply, or ""."""
    planned = decided(context)
    if planned is None:
        return "It was applied elsewhere; the state has what you decided."
    return "The plan changes nothing." if planned.empty else ""


def validate(request: Request, context: Context) -> list[Problem]:
    """Require confirmed removals, unless the apply began."""
    planned = decided(context)
    if planned is None or apply_begun(run_folder(context), planned.record):
        return []
    missing = [name for name in planned.gone if name not in request.removals]
    return [Problem(f"Type the name to confirm the removal of {', '.join(missing)}.")] if missing else []


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Apply the plan, or record the result of an apply that began earlier.

    Raises:
        ApplyFailed: Terraform failed part-way; the message says who is done and who isn't.
        ApplyCancelled: the person stopped it; likewise.
        LeftRunning: the wizard is closing while the apply continues.
        Appeared: somebody it removes has something by now that Deactivate didn't record.
        OnboardError: the files, the plan or the account changed.
    """
    planned = decided(context)
    if planned is None or planned.empty:
        return {"applied": _applied(context, planned)}
    run, began_at = apply_run(run_folder(context)), None
    try:
        if apply_begun(run_folder(context), planned.record):
            report(Progress("Finding the earlier apply"))
            began_at = run.description.begun_at if run else None
            try:
                watch = watching(context, report, counting=True)
                reopen_layer(context).terraform.apply(planned.record, watch=watch)
            finally:
                release_credentials(context.folder, context.item)
        else:
            refuse_unusable_keys(context)
            refuse_rejected_keys(planned, context)
            _apply(planned, request, context, report)
    except ApplyFailed as failed:
        failed.what = f"{failed.what} {standing(planned, failed.result)}"
        failed.why = joined(causes(planned, failed.result), "\n") or failed.why
        if not failed.result.untouched and any(trouble.next for trouble in failed.result.troubles):
            failed.next = ""  # each cause has its own
        raise
    except ApplyCancelled as stopped:
        stopped.what = f"{stopped.what} {standing(planned, stopped.result)}"
        raise
    return {"applied": _applied(context, planned, began_at)}


def _apply(planned: Planned, request: Request, context: Context, report: Report) -> None:
    """Start the apply; a stop before Terraform begins reports that nothing changed."""
    try:
        with open_layer(context, report, code=request.code) as layer:
            refuse_appeared(planned.gone, layer, context, report)
            context.raise_if_cancelled()
            layer.terraform.apply(planned.record, watch=watching(context, report, counting=True))
    except (ApplyCancelled, LeftRunning):
        raise
    except Cancelled as stopped:
        stopped.what = f"{stopped.what} {context.item} is unchanged."
        raise


def _applied(context: Context, planned: Planned | None, began_at: float | None = None) -> dict[str, object]:
    """Return the fact; `began_at` is when an apply began that nobody watched to its end."""
    counts = {} if planned is None or planned.empty else planned.counts
    now = context.environment.now()
    fact = {
        "at": now.isoformat(timespec="seconds"),
        "added": counts.get("add", 0),
        "changed": counts.get("change", 0),
        "destroyed": counts.get("destroy", 0),
        "elsewhere": planned is None,
    }
    if planned is not None:
        # other sessions may have applied between its end and now
        made_at = now if began_at is None else datetime.fromtimestamp(began_at, UTC)
        names = () if planned.empty else planned.encrypted_for
        before = made_by(context.facts.get("applied") or {})
        fact["made"] = {**before, **dict.fromkeys(names, made_at.isoformat(timespec="seconds"))}
        with suppress(OnboardError):  # it is applied, whatever became of the layer since
            fact["keys"] = fingerprints_there(names, context)
    left_out = left_out_of(context.facts["plan"])
    return {**fact, "left_out": list(left_out)} if left_out else fact


# The applied resources are in the state and in AWS: see `inquire`, and `inquire` of Hand over.
observe = state_now.observe


guarded_look = state_now.CODED


def inquire(context: Context) -> Observation:
    """Check whether state and AWS match the decisions, as far as they can be read without a code.

    Raises:
        OnboardError: the state or AWS can't be read.
    """
    if reverted := state_now.reverted_since(context, context.item):
        return reverted
    seen = state_now.seen(context)
    people = state_now.users_in_aws(context, left_out_of(context.facts.get("applied") or {}))
    if seen.verdict is not Verdict.AS_DECIDED or not people:
        return seen
    with state_now.client_without_code("iam", context, "whether AWS has these users") as iam:
        differences = state_now.differences_in_aws(iam, people)
    if not differences:
        return seen
    return state_now.undone(state_now.difference_words(differences, context), tuple(differences), context)
