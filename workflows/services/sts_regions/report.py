"""An audit as Markdown for people and as JSON for programs.

Neither holds a credential. Account ids are in the Markdown only if the person wants them there: without them
it can be pasted into a pull request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workflows.core.sentences import Sentence, text_of
from workflows.services.sts_regions.answers import AccountAnswer, Audit
from workflows.services.sts_regions.console import entrance, instructions, settings_page
from workflows.services.sts_regions.partition import SOURCE
from workflows.services.sts_regions.verdict import by_urgency, judge, to_do

_ACCOUNT_ID = re.compile(r"\b\d{12}\b")


def record(audit: Audit) -> dict[str, Any]:
    """The audit as a JSON object, account ids included."""
    return {
        "project": audit.project,
        "asked_at": audit.asked_at,
        "regions_allowed": list(audit.allowed),
        "accounts": [_account_record(one, audit.allowed) for one in audit.accounts],
    }


def _account_record(answer: AccountAnswer, allowed: tuple[str, ...]) -> dict[str, Any]:
    wanted = to_do(answer, allowed)
    return {
        "account": answer.account,
        "account_id": answer.account_id,
        "partition": answer.partition,
        "profile": answer.profile,
        "problem": answer.problem,
        "global_endpoint_token_version": answer.token_version,
        "remarks": list(answer.remarks),
        "regions": [
            {
                "region": one.region,
                "sts": str(one.sts),
                "opt_in": str(one.opt_in),
                "allowed": one.region in allowed,
                "verdict": str(judge(one, allowed)),
                "detail": one.detail,
            }
            for one in answer.regions
        ],
        "deactivate": list(wanted.deactivate),
        "activate": list(wanted.activate),
        "enable": list(wanted.enable),
        "not_known": list(wanted.not_known),
        "missing": list(wanted.missing),
        "console": settings_page(answer.partition),
        "entrance": entrance(answer),
    }


def markdown(audit: Audit, *, with_ids: bool = False) -> str:
    """The audit as Markdown.

    Args:
        audit: the audit.
        with_ids: whether account ids, and links that hold one, are in it.
    """
    return "\n".join(_lines(audit, with_ids)).rstrip() + "\n"


def _lines(audit: Audit, with_ids: bool) -> Iterator[str]:  # noqa: FBT001 - passed on from a keyword
    yield f"# STS regions of {audit.project}\n"
    used = ", ".join(audit.allowed) or "none named"
    yield f"Asked at {audit.asked_at}. Regions that the project uses: {used}.\n"
    if not with_ids:
        yield "Account ids are left out; there is nothing secret in this text.\n"
    for answer in audit.accounts:
        yield f"## {answer.account}{f' ({answer.account_id})' if with_ids else ''}\n"
        if answer.problem:
            yield f"Not asked: {_plain(answer.problem, audit, with_ids)}\n"
            continue
        yield f"Tokens of the global endpoint: {token_words(answer.token_version)}.\n"
        for words in answer.remarks:
            yield f"- {words}"
        if answer.remarks:
            yield ""
        yield "| Region | STS | Opt-in | For the project |"
        yield "|---|---|---|---|"
        for one, verdict in by_urgency(answer, audit.allowed):
            yield f"| {one.region} | {one.sts} | {one.opt_in} | {verdict} |"
        yield ""
        yield from _what_to_do(answer, audit.allowed, with_ids)
    yield f"Which endpoints cannot be deactivated: {SOURCE}"


def _what_to_do(answer: AccountAnswer, allowed: tuple[str, ...], with_ids: bool) -> Iterator[str]:  # noqa: FBT001
    wanted = to_do(answer, allowed)
    clicks = instructions(answer, wanted, with_ids=with_ids)
    if clicks:
        yield "By hand, since no API does it:\n"
        for line in clicks:
            yield f"    - {line.strip()}" if line.startswith(" ") else f"- {line}"
        yield ""
    if wanted.missing:
        yield f"Not in the partition {answer.partition}: {', '.join(wanted.missing)}.\n"


def token_words(version: int | None) -> Sentence:
    """What tokens of a version are good for."""
    return {
        1: "version 1, good in the regions that are enabled by default",
        2: "version 2, good in all regions",
    }.get(version or 0, "not known")


def _plain(sentence: Sentence, audit: Audit, with_ids: bool) -> str:  # noqa: FBT001
    """Words of a failure, without the ids of accounts unless they are wanted."""
    words = text_of(sentence)
    if not with_ids:
        for one in audit.accounts:
            words = words.replace(one.account_id, one.account) if one.account_id else words
        words = _ACCOUNT_ID.sub("another account", words)
    return words
