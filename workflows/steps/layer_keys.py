"""The key files that lie in the layers already, judged to the letter as the provider would read them.

They are shown, never rewritten: a changed file resets the passwords of everybody who has it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from workflows.core.sentences import Sentence
from workflows.layer.model import Layer
from workflows.services.gpg.key_file import JudgedFile, judge_file
from workflows.services.gpg.many_keys import in_parallel
from workflows.services.gpg.verdict import ACCEPTED, EXPIRES_SOON, VerdictKind
from workflows.steps.base import Context, Progress, Report
from workflows.steps.judged_keys import KeyJudge, Mark


@dataclass(frozen=True)
class PresentKey:
    """A key file of a layer, as it is.

    Attributes:
        account: the layer's account.
        file: its path in the layer, as `keys/jane.doe`.
        users: IAM names of those who have it.
        same: other files of these layers with the same key, as `security: keys/machine.ci`.
        kind: how the verdict ends.
        headline: the verdict in a few words.
        explanation: why, in a sentence or two.
        warnings: what to know although it works.
        expires: the day that it stops being usable, in UTC; None for never, and where there is no key.
        soon: whether that day is less than thirty days off, or past.
        algorithm: as "RSA 4096", or "" where there is no key.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits, or "".
        user_ids: the user ids in it.
        for_owner: what to send to its owner, or "".
    """

    account: str
    file: str
    users: tuple[str, ...]
    same: tuple[str, ...]
    kind: VerdictKind
    headline: Sentence
    explanation: Sentence
    warnings: tuple[Sentence, ...]
    expires: date | None
    soon: bool
    algorithm: str
    fingerprint: str
    user_ids: tuple[str, ...]
    for_owner: Sentence

    @property
    def accepted(self) -> bool:
        """Whether the provider can use the file."""
        return self.kind in ACCEPTED

    def concerns(self, name: str) -> bool:
        """Whether it is a person's, by the users that have it or by its name."""
        names = {self.file.removeprefix("keys/"), *self.users}
        return name.casefold() in {one.casefold() for one in names}

    @property
    def mark(self) -> Mark:
        """The verdict at a glance."""
        return Mark.of(self.kind, self.warnings)


def look(context: Context, report: Report, names: Collection[str] | None = None) -> tuple[PresentKey, ...]:
    """Judge the key files of the layers.

    Args:
        context: what the step may read.
        report: takes the progress.
        names: of these people and file names only; None for all.

    Returns:
        A row for each file, the worst first, then by layer and name.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: a layer cannot be read, or gpg is missing.
    """
    judge = KeyJudge(context)
    files = [
        (account, path, data)
        for account, layer in judge.layers.items()
        for path, data in layer.files.keys.items()
        if names is None or _concerns(layer, path, names)
    ]

    def one(file: tuple[str, str, bytes]) -> JudgedFile:
        account, _, data = file
        return judge_file(
            data,
            judge.provider(account),
            context.world.now(),
            environment=context.world.environment,
        )

    def tick(done: int) -> None:
        context.raise_if_cancelled()
        report(Progress("Judging the key files", done, len(files)))

    judged = in_parallel(one, files, tick)
    rows = [
        _row(judge.layers[account], path, found, judge.same_as(account, path), context)
        for (account, path, _), found in zip(files, judged, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.accepted, not row.soon)))


def _concerns(layer: Layer, path: str, names: Collection[str]) -> bool:
    wanted = {name.casefold() for name in names}
    users = {one.iam_name.casefold() for one in layer.people if one.key_file == path}
    return bool(wanted & {path.removeprefix("keys/").casefold(), *users})


def _row(layer: Layer, path: str, found: JudgedFile, same: tuple[str, ...], context: Context) -> PresentKey:
    verdict, now = found.verdict, context.world.now()
    details = found.key.details if found.key else None
    expires = details.expires(now) if details else None
    part = (details.encryption_part(now) or details.primary) if details else None
    return PresentKey(
        account=layer.location.account,
        file=path,
        users=tuple(one.iam_name for one in layer.people if one.key_file == path),
        same=same,
        kind=verdict.kind,
        headline=verdict.headline,
        explanation=verdict.explanation,
        warnings=verdict.warnings,
        expires=expires.date() if expires else None,
        soon=expires is not None and expires < now + EXPIRES_SOON,
        algorithm=part.description if part else "",
        fingerprint=details.fingerprint if details else "",
        user_ids=tuple(one.text for one in details.user_ids if one.holds) if details else (),
        for_owner=verdict.sentence_for_owner,
    )
