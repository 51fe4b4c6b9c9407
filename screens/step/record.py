"""The admission record (who was let in with which PGP key), as lines to read, copy and keep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from workflows.core.openpgp import grouped
from workflows.core.sentences import moment_text, text_of
from workflows.steps.admin.admissions import Admission, Admissions, Applied, Outcome
from workflows.steps.decisions import Comparison

TITLE = "Who got access, with which key"
_COMPARED = {
    Comparison.SAME: "the same, recorded {}",
    Comparison.LATER: "not compared yet",
    Comparison.DIFFERS: "it differs, recorded {}",
    None: "this session didn't ask",
}
_NOBODY: Mapping[str, Collection[str]] = {}
_APPLIED = {
    Outcome.APPLIED: "applied {}",
    Outcome.ELSEWHERE: "applied elsewhere, seen {}",
    Outcome.THERE: "already there, seen {}",
}


def record_text(record: Admissions, now: datetime, gone: Mapping[str, Collection[str]] = _NOBODY) -> str:
    """Return the whole record, "" if no key was accepted; `gone` were removed since, by account."""
    last = {entry.person: entry for entry in record.people}
    return "\n".join(
        line
        for entry in record.people
        for line in _lines(entry, record.by, now, gone, replaced=last[entry.person] is not entry)
    )


def _lines(
    admission: Admission, by: str, now: datetime, gone: Mapping[str, Collection[str]], *, replaced: bool
) -> Iterator[str]:
    never = replaced and admission.compared is Comparison.LATER
    compared = _COMPARED[admission.compared].format(moment_text(admission.compared_at, now))
    rows = {
        "Fingerprint": grouped(admission.fingerprint),
        "From": text_of(admission.source),
        "Recorded": f"{moment_text(admission.taken_at, now)}{f', by {by}' if by else ''}",
        "Compared": "never; replaced by another key" if never else compared,
        **{
            account: _applied_words(applied, now)
            + (", removed since" if admission.person in gone.get(account, ()) else "")
            for account, applied in admission.accounts.items()
        },
    }
    width = max(map(len, rows))
    yield admission.person
    yield from (f"  {name:<{width}}  {words}" for name, words in rows.items())


def _applied_words(applied: Applied | None, now: datetime) -> str:
    return _APPLIED[applied.outcome].format(moment_text(applied.at, now)) if applied else "not applied"
