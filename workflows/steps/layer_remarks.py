"""What a person should know of the layers before anything is chosen: first what needs a hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from workflows.core.sentences import Sentence
from workflows.layer.model import Finding, Layer

_MOST = 3


def layer_remarks(layers: Iterable[Layer]) -> list[Sentence]:
    """What the layers hold that is not simply read and edited, each a sentence with its place.

    What is commented out takes one line a layer, however much it is, after what is to be edited by hand. More
    than three lines end with one that says how many are left out.

    Args:
        layers: in the order they are worked on.
    """
    urgent: list[Sentence] = []
    others: list[Sentence] = []
    for layer in layers:
        account = layer.location.account
        shown = [one for one in layer.findings if not one.hidden]
        urgent += [f"{account}: {one.message} ({one.place})" for one in shown if one.hand_edit]
        others += [f"{account}: {one.message} ({one.place})" for one in shown if not one.hand_edit]
        others += [f"{account}: {words}" for words in _hidden(layer.findings)]
    told = [*urgent, *others]
    left = len(told) - _MOST
    return (
        told if left <= 0 else [*told[:_MOST], f"{left} more: Users and Groups list them with their places."]
    )


def _hidden(findings: Iterable[Finding]) -> Iterator[Sentence]:
    hidden = [one for one in findings if one.hidden]
    if len(hidden) == 1:
        yield f"{hidden[0].message} ({hidden[0].place})"
    elif hidden:
        kinds = Counter(one.subject for one in hidden)
        words = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items()]
        yield f"{' and '.join(words)} are hidden in comments (the first at {hidden[0].place})"
