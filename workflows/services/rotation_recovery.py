"""Finishes or undoes a rotation that was killed, by what was written down before each of its acts."""

from __future__ import annotations

from workflows.services.aws_errors import KEY_REFUSED, AwsError
from workflows.services.key_records import KeyRecord, Phase
from workflows.services.rotation import forget_unknown, prove_kept, put_back, retire
from workflows.services.rotation_parts import Parts


def recover(record: KeyRecord, parts: Parts) -> tuple[KeyRecord, str]:
    """Finish or undo a rotation that was killed.

    Returns:
        The record, and what was done, in a sentence; "" if there was nothing to do.

    Raises:
        OnboardError: it could not be done now; the record still tells how far it is.
    """
    rotation = record.rotation
    if rotation is None or not rotation.interrupted:
        return record, ""
    if rotation.phase is Phase.CREATING:
        return forget_unknown(record, parts)
    kept = parts.store.load()
    arrived = kept is not None and kept.access_key_id == rotation.new_id
    if kept is not None:
        kept.drop()
    if not arrived or not _works(rotation.new_id, parts):
        record = put_back(record, rotation.new_id, parts)
        return record, f"The interrupted rotation is undone: {rotation.old_id} is kept as before."
    return retire(record, parts), f"The interrupted rotation is finished: {rotation.new_id} is kept now."


def _works(access_key_id: str, parts: Parts) -> bool:
    """Whether the kept key works; a network that is down is no answer, and raised."""
    try:
        prove_kept(access_key_id, parts)
    except AwsError as error:
        if error.failure in KEY_REFUSED:
            return False
        raise
    return True
