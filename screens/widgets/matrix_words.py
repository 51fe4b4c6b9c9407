"""The matrix in words: what is marked, whose groups are which, and what else the layer holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workflows.layer.managed_policies import short_policy
from workflows.layer.model import Group
from workflows.steps.group_views import Chosen, LayerChoice, LayerView

_MOST = 6
"""So many groups of a person are named."""


def about_person(view: LayerView, choice: LayerChoice, name: str) -> str:
    """The person's groups as a sentence, what changes first; "" for nobody."""
    if not name:
        return ""
    why = view.chosen.get(name)
    kind = why.value if why else "a machine user" if view.is_machine(name) else ""
    who = f"{name} ({kind})" if kind else name
    if why is Chosen.LEAVES:
        return f"{who}: leaves every group: {_some(sorted(view.before(name)))}"
    before = view.before(name)
    after = view.with_followed(name, view.after(name, choice)) - set(choice.remove)
    order = [*view.by_name, *(one.name for one in choice.add)]

    def called(groups: Iterable[str]) -> list[str]:
        return [choice.rename.get(one, one) for one in order if one in groups]

    parts = [
        f"joins {_listed(called(after - before))}" if after - before else "",
        f"leaves {_listed(called(before - after))}" if before - after else "",
        f"{'stays' if before != after else 'is'} in {_some(called(after & before))}"
        if after & before
        else "",
    ]
    return (
        f"{who}: {'; '.join(filter(None, parts))}"
        if any(parts)
        else f"! {who}: in no group{_that_is_known(view)}"
    )


def about_group(view: LayerView, choice: LayerChoice, group: str) -> str:
    """A group with its policies and what happens to it, as a sentence; "" for none."""
    if not group:
        return ""
    known, changes = view.by_name.get(group), choice.policies_of(group)
    there = view.like(choice, group)
    policies = [
        *(f"- {short_policy(one)}" for one in changes.remove),
        *(f"+ {short_policy(one)}" for one in changes.add),
        *(short_policy(one) for one in (there.policies if there else ()) if one not in changes.remove),
    ]
    parts = [_members(known) if known else f"new, made like {there.name if there else '?'}"]
    if group in choice.rename:
        parts.append(f"to be called {choice.rename[group]}")
    if group in choice.remove:
        parts.append("to be removed")
    parts.append(f"policies: {_listed(policies) or 'none'}")
    words = f"{group}: {'; '.join(parts)}"
    place = view.place_of(group)
    if known is not None and not known.editable:
        by_hand = f"edit its members by hand at {place}, because {known.reason}"
        words = f"{group}: {by_hand}; {'; '.join(parts)}"
    return words


def _members(group: Group) -> str:
    """How many there are; a computed list that names nobody may well have some."""
    count = len(group.members)
    if not count and group.computed:
        return "members not known"
    return f"{count:,} member{'' if count == 1 else 's'}"


def about_gone(view: LayerView, names: Sequence[str]) -> str:
    """Who is not there any more to be put into other groups, as a sentence; "" for nobody."""
    return f"! Not in {view.account}, though their groups were to change: {_some(names)}." if names else ""


def about_layer(view: LayerView) -> str:
    """What the layer holds in comments or computed, each with its place; "" for nothing."""
    return "\n".join(f"! {one.words} ({one.place}, F4)" for one in view.spots)


def _that_is_known(view: LayerView) -> str:
    """The members of a computed group cannot be told."""
    return " that can be told" if any(one.computed for one in view.by_name.values()) else ""


def _some(names: Sequence[str]) -> str:
    """The first names, so that what is told below them keeps its place."""
    left = len(names) - _MOST
    return _listed(names) if left <= 0 else f"{_listed(names[:_MOST])} and {left:,} more"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
