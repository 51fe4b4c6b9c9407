"""Random workflows, with steps that repeat, apply conditionally or can be skipped."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from workflows.machine.declaration import ALWAYS, Condition, Step, Workflow
from workflows.machine.events import Facts, JsonValue

LISTS = ("layers", "people")
ITEMS = ("a", "b", "c@d/e")
VALUES: st.SearchStrategy[JsonValue] = st.sampled_from([0, 1, True, "1", [1], None])


def item_lists() -> st.SearchStrategy[list[str]]:
    """Return a strategy for the lists that the first step of a random workflow gives."""
    return st.lists(st.sampled_from(ITEMS), unique=True, max_size=len(ITEMS))


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Draw a valid workflow of up to seven steps; the first gives the lists that others repeat over."""
    steps = [Step("lists", "Lists", "", gives=LISTS, skippable=draw(st.booleans()))]
    for number in range(draw(st.integers(1, 6))):
        repeats_over = draw(st.sampled_from(("", *LISTS)))
        needed = draw(st.sets(st.sampled_from(_reachable(steps, repeats_over)), max_size=3))
        steps.append(
            Step(
                f"step-{number}",
                f"Step {number}",
                "",
                needs=tuple(sorted(needed)),
                gives=(f"fact{number}",),
                skippable=draw(st.booleans()),
                repeats_over=repeats_over,
                applies=draw(_conditions([fact for step in steps for fact in step.gives])),
            )
        )
    return Workflow("made-up", "Made up", tuple(steps))


def _reachable(steps: list[Step], repeats_over: str) -> list[str]:
    allowed = {"", repeats_over} if repeats_over else {"", *LISTS}
    return [fact for step in steps if step.repeats_over in allowed for fact in step.gives]


def _conditions(facts: list[str]) -> st.SearchStrategy[Condition]:
    return st.just(ALWAYS) | st.builds(_condition, st.sampled_from(facts), VALUES, st.booleans())


def _condition(fact: str, value: JsonValue, equal: bool) -> Condition:
    holds: Callable[[Facts], bool] = lambda facts: (facts.get(fact) == value) is equal  # noqa: E731
    return Condition(f"{fact} {'is' if equal else 'is not'} {value}", holds)
