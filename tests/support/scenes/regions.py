"""A scene of the STS regions, with the answers of two accounts."""

from __future__ import annotations

from support.scenes import NOW, Scene, Stage
from support.scenes.admin import Office

from workflows.aws.sts_regions.answers import AccountAnswer, Audit, OptIn, RegionAnswer, StsState
from workflows.aws.sts_regions.ask import regions_of
from workflows.sandbox.strict.state import ENABLED_BY_DEFAULT

_ALLOWED = ("us-east-1", "us-west-2")


def _answer(region: str, off: tuple[str, ...]) -> RegionAnswer:
    if region not in ENABLED_BY_DEFAULT:
        return RegionAnswer(region, StsState.NOT_OPTED_IN, OptIn.OUT)
    state = StsState.FIXED if region == "us-east-1" else StsState.ACTIVE
    return RegionAnswer(region, StsState.DEACTIVATED if region in off else state, OptIn.DEFAULT)


def sts_regions_unasked(stage: Stage, office: Office) -> Scene:
    session = stage.session("admin", office.facts, "project")
    return stage.wizard(session, office.admin.environment, "sts-regions")


def sts_regions(stage: Stage, office: Office) -> Scene:
    """Earlier answers: one account is nearly done, the other is not."""
    regions = regions_of("aws")
    off = {"management": ("us-west-2", "sa-east-1"), "security": tuple(set(regions) - set(_ALLOWED))}
    accounts = tuple(
        AccountAnswer(
            name,
            number * 12,
            "aws",
            f"bb-{name}-devops",
            regions=tuple(_answer(region, off[name]) for region in regions),
            token_version=1,
        )
        for name, number in (("management", "1"), ("security", "2"))
    )
    audit = Audit("bb", NOW.isoformat(timespec="seconds"), _ALLOWED, accounts)
    facts = {**office.facts, "sts_regions": audit.as_facts()}
    session = stage.session("admin", facts, "project", "sts-regions")
    return stage.wizard(session, office.admin.environment, "sts-regions")
