"""Scenes of access keys on this computer: their age on the first page, rotation, deletion of the old key."""

from __future__ import annotations

from datetime import timedelta

from support.scenes import NOW, Scene, Stage, keys

from screens.rotation import pages
from workflows.aws.sts import WrongCode
from workflows.environment import Environment
from workflows.machine.events import Facts
from workflows.machine.session import Session
from workflows.steps.rotation import rotate
from workflows.steps.shared.module import Context, Report
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase, Rotation

OLD, NEW = "AKIAEXAMPLEEXAMPLE01", "AKIAEXAMPLEEXAMPLE02"
_DEVICE = "arn:aws:iam::222222222222:mfa/jane.doe"


def _environment(stage: Stage, *, waiting: bool) -> Environment:
    environment = stage.environment()
    records = KeyRecords(environment.key_records_folder)
    security = KeyRecord(
        project="bb",
        profile="bb-security",
        id=NEW if waiting else OLD,
        kept="keyring",
        user="jane.doe",
        account_id="222222222222",
        region="us-east-1",
        kept_at=NOW - timedelta(days=4 if waiting else 97),
        created=NOW - timedelta(days=4 if waiting else 97),
    )
    security = stage.foreign(security)
    if waiting:
        rotation = Rotation(Phase.WAITING, OLD, NEW, (OLD,), NOW - timedelta(days=4))
        records.put(KeyRecord(**{**vars(security), "rotation": rotation}))
        return environment
    records.put(security)
    records.put(
        KeyRecord(
            **{
                **vars(security),
                "profile": "bb-management",
                "id": "AKIAEXAMPLEEXAMPLE03",
                "kept": "credentials-file",
                "created": NOW - timedelta(days=12),
            }
        )
    )
    return environment


def rotation(stage: Stage) -> Scene:
    """Two keys on this computer, one of them old."""
    return stage.wizard(stage.session("rotation", {}), _environment(stage, waiting=False), "rotation")


def rotation_without_keys(stage: Stage) -> Scene:
    """No key is kept on this computer."""
    return stage.wizard(stage.session("rotation", {}), stage.environment(), "rotation")


def rotation_refused(stage: Stage) -> Scene:
    """AWS rejected the code."""

    def perform(_request: rotate.Request, _context: Context, _report: Report) -> Facts:
        raise WrongCode(
            "AWS rejected the code",
            "AWS rejected the MFA code.",
            next="Wait for the app's next code and enter that one.",
        )

    stage.put(rotate, "perform", perform)
    stage.put(pages, "_open", lambda *_: None)
    pressed = keys("tab", *"123456", "ctrl+n", "left", "enter")
    environment = _environment(stage, waiting=False)
    return stage.wizard(stage.session("rotation", {}), environment, "rotation", pressed)


def rotation_done(stage: Stage) -> Scene:
    """The new key works, and the old one is deactivated."""
    return stage.wizard(_rotated(stage), _environment(stage, waiting=True), "rotation")


def retirement(stage: Stage) -> Scene:
    """The old key has been inactive for four days."""
    return stage.wizard(_rotated(stage), _environment(stage, waiting=True), "retirement")


def retirement_done(stage: Stage) -> Scene:
    """The old key is deleted."""
    return stage.wizard(_rotated(stage, "retirement"), _environment(stage, waiting=False), "retirement")


def rotation_finished(stage: Stage) -> Scene:
    """The closing page of a rotation."""
    return stage.wizard(_rotated(stage, "retirement"), _environment(stage, waiting=False), "")


def _rotated(stage: Stage, *done: str) -> Session:
    fact = {
        "project": "bb",
        "profile": "bb-security",
        "id": NEW,
        "old_id": OLD,
        "kept": "this computer's keyring",
        "mfa": True,
        "at": NOW.isoformat(),
        "told": [
            f"{NEW} is kept in this computer's keyring, and works.",
            f"{OLD} is deactivated. Delete it in a few days, if no program has failed.",
        ],
    }
    facts = {"rotated": fact, "retired": {"id": OLD, "told": [f"{OLD} is deleted."]}}
    return stage.session("rotation", facts, "rotation", *done)
