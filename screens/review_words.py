"""The sentences of the review's screen."""

from __future__ import annotations

from collections.abc import Sequence

from screens.widgets.file_diffs import FileDiff

_NOTES_SHOWN = 3
_LAYERS_SHOWN = 3
"""With more layers only the sum is told: the list of files below has the rest."""


def told(diff: FileDiff) -> str:
    """One file with what changes in it, for the list."""
    what = "new" if diff.change.before is None else "gone" if diff.change.after is None else ""
    account = diff.change.layer.partition("/")[0]
    counts = f"+{diff.added:,} -{diff.removed:,}"
    return f"{account}  {diff.change.name}  {counts}{f'  {what}' if what else ''}"


def noted(notes: Sequence[str]) -> list[str]:
    """The first notes, a line each."""
    more = [f"! and {len(notes) - _NOTES_SHOWN} more"] if len(notes) > _NOTES_SHOWN else []
    return [*(f"! {one}" for one in notes[:_NOTES_SHOWN]), *more]


def summary(diffs: Sequence[FileDiff], written: int, *, resumed: bool = False) -> str:
    """How much changes in each layer, or that the session has written it all, be it after a kill."""
    if resumed and written:
        return (
            f"✓ All is written ({written} files), although this was interrupted; Next (^n) goes on from here."
        )
    if not diffs and written:
        return f"✓ All is written ({written} files); the files say what was decided."
    if not diffs:
        return "✓ The files already say what was decided; nothing is written."
    layers = dict.fromkeys(one.change.layer for one in diffs)
    lines = [_counts(layer, [one for one in diffs if one.change.layer == layer]) for layer in layers]
    if len(layers) > 1:
        lines.append(_counts(f"{len(layers)} layers", diffs))
    shown = lines if len(layers) <= _LAYERS_SHOWN else lines[-1:]
    return "\n".join([*shown[:-1], f"{shown[-1]}. Next (^n) writes this."])


def _counts(name: str, diffs: Sequence[FileDiff]) -> str:
    added, removed = sum(one.added for one in diffs), sum(one.removed for one in diffs)
    files = "1 file" if len(diffs) == 1 else f"{len(diffs):,} files"
    return f"{name}: {files}, +{added:,} -{removed:,}"
