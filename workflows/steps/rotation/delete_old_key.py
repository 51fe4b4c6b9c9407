"""Delete the old key: the last step of a rotation, some days later, when nothing has missed it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.aws.authenticator import code_problem
from workflows.core.sentences import Problem
from workflows.machine.events import AGREES, Facts, Observation, Verdict, unknown
from workflows.steps.rotation import rotate as rotation
from workflows.steps.shared.module import Context, Report


@dataclass(frozen=True)
class Request:
    """The user's input.

    Attributes:
        code: from the MFA device; "" if the user has none.
    """

    code: str = ""


def validate(request: Request, context: Context) -> list[Problem]:
    """Require a well-formed code if the rotation needed one."""
    needed = request.code.strip() or context.facts["rotated"].get("mfa")
    problem = code_problem(request.code) if needed else None
    return [problem] if problem else []


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Delete the old key after proving the kept one again.

    Raises:
        OnboardError: it stays, inactive.
    """
    known = context.facts["rotated"]
    record = rotation.record_of(context)
    if record is not None and record.rotation is None and record.id == known["id"]:
        return {"retired": {"id": known["old_id"], "told": [f"{known['old_id']} was deleted already."]}}
    asked = rotation.Request(known["project"], known["profile"], request.code)
    _, sentences = rotation.retired(asked, context, report)
    return {"retired": {"id": known["old_id"], "told": sentences}}


def observe(context: Context) -> Observation:
    """Check that the record has no old key; AWS isn't asked, since deletion is final."""
    record, old_id = rotation.record_of(context), context.facts["retired"]["id"]
    if record is None:
        return unknown("Its replacement is no longer kept here.")
    if record.rotation is not None and record.rotation.old_id == old_id:
        return Observation(Verdict.CHANGED, f"{old_id} is still waiting to be deleted.", about=(old_id,))
    return AGREES
