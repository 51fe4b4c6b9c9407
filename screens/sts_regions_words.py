"""What the screen of the STS regions says of answers, in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflows.core.sentences import Sentence, text_of
from workflows.services.sts_regions.answers import AccountAnswer, Audit, RegionAnswer, StsState
from workflows.services.sts_regions.ask import SOURCE
from workflows.services.sts_regions.report import ToDo, Verdict, instructions, to_do, token_words
from workflows.steps.sts_regions import Survey

MARKS: Mapping[Verdict, str] = {
    Verdict.NEEDED: "✗",
    Verdict.UNUSED: "!",
    Verdict.OPEN: "?",
    Verdict.NAMED: "✓",
    Verdict.ALLOWED: "✓",
    Verdict.OFF: "·",
}
SHORT: Mapping[StsState, str] = {
    StsState.ACTIVE: "active",
    StsState.FIXED: "always on",
    StsState.DEACTIVATED: "deactivated",
    StsState.NOT_OPTED_IN: "not opted in",
    StsState.UNREACHABLE: "unreachable",
    StsState.DENIED: "denied",
    StsState.UNKNOWN: "unknown",
}
_TOLD_CHANGES = 4


def standing(audit: Audit | None, survey: Survey | None, changed: Sequence[Sentence]) -> str:
    """Where the step stands, and what comes next."""
    if audit is None:
        used = f"The project uses {', '.join(survey.allowed)}.\n" if survey and survey.allowed else ""
        return (
            f"{used}Next (^n) asks every region about each account: a session token or the profile's role is "
            "wanted in each, and what AWS gives is dropped. CloudTrail notes every call. ^s leaves it out."
        )
    used = ", ".join(audit.allowed) or "no region is named"
    lines = [f"Asked {audit.asked_at[:16].replace('T', ' ')}. In use: {used}."]
    if changed:
        more = len(changed) - _TOLD_CHANGES
        lines += [f"Changed: {one}" for one in changed[:_TOLD_CHANGES]]
        lines += [f"and {more} more"] if more > 0 else []
    return "\n".join(lines)


def accounts(audit: Audit | None, survey: Survey | None) -> dict[str, str]:
    """A line for each account, by its name."""
    if audit is not None:
        return {one.account: account_line(one, audit.allowed) for one in audit.accounts}
    if survey is None:
        return {}
    return {way.account: f"○ {way.account}  {way.profile or 'no profile'}" for way in survey.ways}


def account_line(answer: AccountAnswer, allowed: tuple[str, ...]) -> str:
    """An account with how much there is to do."""
    if answer.problem:
        return f"– {answer.account}  not asked"
    wanted = to_do(answer, allowed)
    parts = _counted(wanted)
    mark = "✗" if wanted.activate or wanted.enable or wanted.missing else "!" if parts else "✓"
    return f"{mark} {answer.account}  {', '.join(parts) or 'as the project wants it'}"


def _counted(wanted: ToDo) -> list[str]:
    counts = (
        (wanted.deactivate, "to switch off"),
        (wanted.activate, "to switch on"),
        (wanted.enable, "to opt into"),
        (wanted.missing, "not in the partition"),
        (wanted.not_known, "not known"),
    )
    return [f"{len(regions)} {words}" for regions, words in counts if regions]


def to_do_text(answer: AccountAnswer, allowed: tuple[str, ...]) -> str:
    """What is to be done in an account, and what could not be read."""
    if answer.problem:
        return f"Not asked: {answer.problem}"
    wanted = to_do(answer, allowed)
    clicks = [line.replace("  ", "– ", 1) for line in instructions(answer, wanted)]
    lines = [*clicks, *map(text_of, answer.remarks)]
    if wanted.missing:
        lines.append(
            f"The partition {answer.partition} has no {', '.join(wanted.missing)}: see common.tfvars."
        )
    if wanted.deactivate or wanted.activate:
        lines.append("Then r asks again, to see that it is done.")
    lines.append(f"Tokens of the global endpoint: {token_words(answer.token_version)}.")
    return "\n".join(lines)


def region_text(answer: RegionAnswer) -> str:
    """One region in whole words."""
    opt_in = f", {answer.opt_in}" if str(answer.opt_in) != str(answer.sts) else ""
    lines = [f"{answer.region}: {answer.sts}{opt_in}."]
    if answer.sts is StsState.FIXED:
        lines.append(f"It is active, and AWS lets nobody switch it: {SOURCE}")
    if answer.detail:
        lines.append(text_of(answer.detail))
    return "\n".join(lines)


def token_question(answer: AccountAnswer, version: int) -> tuple[str, str]:
    """The title and the body of the question whether the token version is to be changed."""
    title = f"Set the tokens of {answer.account} to version {version}?"
    effect = (
        "Tokens of sts.amazonaws.com then work in all regions. They are longer: what stores a token in a "
        "field of fixed size may fail."
        if version == 2
        else "Tokens of sts.amazonaws.com then work only in the regions that are enabled by default; what "
        "uses them in a region that was opted into fails."
    )
    now = token_words(answer.token_version)
    return title, f"Now: {now}.\n\n{effect}\n\nTokens of regional endpoints are not concerned."


def device(serial: str) -> str:
    """A device's name, with its account: `jane.doe 222222222222`."""
    parts = serial.split(":")
    return f"{serial.rpartition('/')[2]} {parts[4]}" if len(parts) > 5 else serial
