"""The answers held against the regions that the project uses, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflows.services.sts_regions.answers import AccountAnswer, RegionAnswer, StsState


class Verdict(StrEnum):
    """What a region's answer is worth to the project."""

    NEEDED = "inactive and needed"
    UNUSED = "active and unused"
    OPEN = "not known"
    ALLOWED = "active and allowed"
    OFF = "inactive and unused"


_ON = frozenset({StsState.ACTIVE, StsState.FIXED})
_OFF = frozenset({StsState.DEACTIVATED, StsState.NOT_OPTED_IN})
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


def judge(answer: RegionAnswer, allowed: tuple[str, ...]) -> Verdict:
    """What a region's answer means for a project that uses these regions."""
    used = answer.region in allowed
    if answer.sts in _ON:
        return Verdict.ALLOWED if used else Verdict.UNUSED
    if answer.sts in _OFF:
        return Verdict.NEEDED if used else Verdict.OFF
    return Verdict.OPEN


def by_urgency(answer: AccountAnswer, allowed: tuple[str, ...]) -> tuple[tuple[RegionAnswer, Verdict], ...]:
    """The regions with their verdicts: what asks for something first, in alphabetical order within."""
    judged = [(one, judge(one, allowed)) for one in answer.regions]
    return tuple(sorted(judged, key=lambda pair: (_ORDER[pair[1]], not switchable(pair[0]), pair[0].region)))


def switchable(answer: RegionAnswer) -> bool:
    """Whether somebody can deactivate or activate the endpoint in the console."""
    return answer.sts in {StsState.ACTIVE, StsState.DEACTIVATED}


@dataclass(frozen=True)
class ToDo:
    """What has to be done by hand in an account.

    Attributes:
        deactivate: regions whose endpoint is active, unused, and can be switched off.
        activate: regions that are used, and whose endpoint is deactivated.
        enable: regions that are used, and that the account has not opted into.
        not_known: regions that could not be asked.
        missing: regions that the project names and the partition does not have.
    """

    deactivate: tuple[str, ...]
    activate: tuple[str, ...]
    enable: tuple[str, ...]
    not_known: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether everything is as the project wants it."""
        return not (self.deactivate or self.activate or self.enable or self.not_known or self.missing)


def to_do(answer: AccountAnswer, allowed: tuple[str, ...]) -> ToDo:
    """What has to be done by hand in an account, so that exactly the allowed regions are active."""

    def those(verdict: Verdict, *states: StsState) -> tuple[str, ...]:
        return tuple(
            one.region
            for one in answer.regions
            if judge(one, allowed) is verdict and (not states or one.sts in states)
        )

    names = {one.region for one in answer.regions}
    return ToDo(
        those(Verdict.UNUSED, StsState.ACTIVE),
        those(Verdict.NEEDED, StsState.DEACTIVATED),
        those(Verdict.NEEDED, StsState.NOT_OPTED_IN),
        those(Verdict.OPEN),
        tuple(region for region in allowed if names and region not in names),
    )
