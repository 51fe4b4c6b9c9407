"""Edits of several layers as one change set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workflows.layer.edit.operation import Operation
from workflows.layer.edit.run import changes_of, edit
from workflows.layer.model import Layer
from workflows.layer.write import ChangeSet


def propose(edits: Iterable[tuple[Layer, Sequence[Operation]]]) -> ChangeSet:
    """Return the changes that operations make in layers, compared with the disk; nothing is written."""
    made = (edit(layer, operations) for layer, operations in edits)
    return ChangeSet(tuple(change for layer_edit in made for change in changes_of(layer_edit)))
