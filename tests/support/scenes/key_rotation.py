"""Scenes of access keys on this computer: their age on the first page, rotation, deletion of the old key."""

from __future__ import annotations

from datetime import timedelta

from support.scenes import NOW, Scene, Stage

from workflows.environment import Environment
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase, Rotation

OLD, NEW = "AKIAEXAMPLEEXAMPLE01", "AKIAEXAMPLEEXAMPLE02"


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


def retirement(stage: Stage) -> Scene:
    """The old key has been inactive for four days."""
    fact = {
        "project": "bb",
        "profile": "bb-security",
        "id": NEW,
        "old_id": OLD,
        "kept": "this computer's keyring",
        "at": "",
        "told": [],
    }
    session = stage.session("rotation", {"rotated": fact}, "rotation")
    return stage.wizard(session, _environment(stage, waiting=True), "retirement")
