from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workflows.machine.summaries import Summary
from workflows.steps.kinds import work_of
from workflows.steps.later_sessions import (
    applied_changes,
    awaiting,
    changed_later,
    finished_by,
    passwords_made,
    removals,
    removed,
    renewed,
    reverted,
    still_awaited,
    to_hand_over,
    written_changes,
)


def session(created: str, *applied: str, root: str = "/bb", **changes: dict[str, list[str]]) -> Summary:
    facts: dict[str, Any] = {"project_root": root, "user_changes": changes}
    facts["joining"] = sorted({name for names in changes.get("add", {}).values() for name in names})
    facts["leaving"] = sorted({name for names in changes.get("remove", {}).values() for name in names})
    return Summary(
        created, "admin", created, facts=facts, settled={f"apply@{account}": created for account in applied}
    )


ADD = session("1", "management", "security", add={"management": ["jane"], "security": ["jane"]})
REMOVE = session("2", "management", "security", remove={"management": ["jane"], "security": ["jane"]})


def begun(created: str, session: Summary) -> Summary:
    """Return a session with the same work, started and applied at another time."""
    return replace(session, id=created, created=created, settled=dict.fromkeys(session.settled, created))


def test_what_a_later_session_removed_or_added_again_is_taken_back() -> None:
    back = {"management": {"jane": "Remove jane"}, "security": {"jane": "Remove jane"}}
    assert reverted(ADD.facts, ADD.created, applied_changes([ADD, REMOVE])) == back
    again = begun("3", ADD)
    assert reverted(ADD.facts, ADD.created, applied_changes([again, REMOVE])) == {}
    assert finished_by(REMOVE, applied_changes([ADD, REMOVE, again]), {}) == ("Add jane",)


def test_an_apply_that_came_after_a_removal_adds_nobody_whom_its_plan_left_out() -> None:
    after = dict.fromkeys(ADD.settled, "3")
    late = replace(ADD, settled=after)
    assert reverted(late.facts, late.created, applied_changes([late, REMOVE])) == {}
    left_out = {step: {"applied": {"at": "3", "left_out": ["jane"]}} for step in after}
    without = replace(late, gave=left_out)
    back = {"management": {"jane": "Remove jane"}, "security": {"jane": "Remove jane"}}
    assert reverted(without.facts, without.created, applied_changes([without, REMOVE])) == back
    assert len(passwords_made([late])) == 2
    assert passwords_made([without]) == {}


def test_a_session_is_over_where_all_that_it_did_was_taken_back() -> None:
    assert finished_by(ADD, applied_changes([ADD, REMOVE]), {}) == ("Remove jane",)
    half = session("3", "security", remove={"security": ["jane"]})
    assert finished_by(ADD, applied_changes([half]), {}) == ()
    rest = session("4", "management", remove={"management": ["jane"]})
    assert finished_by(ADD, applied_changes([rest, half]), {}) == ("Remove jane",)


@pytest.mark.parametrize("holds", [True, False], ids=["in the files", "put back"])
def test_a_session_is_over_where_a_removal_only_waits_for_its_apply(holds: bool) -> None:
    half = replace(REMOVE, settled={"review": "2", "apply@management": "2"})
    half = replace(half, facts={**half.facts, "layers": ["management", "security"]})
    own = replace(ADD, settled={"apply@management": "1"}, next_step="plan")
    applied = applied_changes([own, half])
    assert finished_by(own, applied, {}) == ()
    written = written_changes([own, half], lambda _session: holds)
    assert finished_by(own, applied, written) == (("Remove jane",) if holds else ())
    assert finished_by(ADD, applied, written) == ()  # she can sign in there until then
    device = replace(own, facts={**own.facts, "mfa_reset": ["jane"]})
    assert finished_by(device, applied, written) == ()
    whole = replace(half, settled={**half.settled, "apply@security": "3"})
    assert written_changes([own, whole], lambda _session: pytest.fail("nothing waits")) == {}


@pytest.mark.parametrize(
    "other",
    [
        begun("0", REMOVE),
        replace(REMOVE, settled={}),
        replace(REMOVE, facts={**REMOVE.facts, "project_root": "/other"}),
        replace(REMOVE, facts={}),
    ],
    ids=["earlier", "not applied", "another project", "nothing decided"],
)
def test_another_session_takes_nothing_back(other: Summary) -> None:
    assert finished_by(ADD, applied_changes([other]), {}) == ()


@pytest.mark.parametrize(
    "own",
    [
        replace(ADD, facts={**ADD.facts, "account_wanted": True}),
        replace(ADD, facts={**ADD.facts, "regrouping": ["sam"]}),
        replace(ADD, facts={}),
    ],
    ids=["does more", "is for others", "nothing decided"],
)
def test_a_session_with_more_to_it_is_not_over(own: Summary) -> None:
    assert finished_by(own, applied_changes([REMOVE]), {}) == ()


RESET = Summary(
    "0",
    "admin",
    "0",
    facts={"project_root": "/bb", "layers": ["management", "security"], "resetting": ["jane"]},
    next_step="plan",
)


@pytest.mark.parametrize(
    ("own", "others", "over"),
    [
        pytest.param(RESET, [REMOVE], True, id="removed"),
        pytest.param(RESET, [REMOVE, begun("3", ADD)], False, id="added again"),
        pytest.param(RESET, [ADD, session("2", "security", remove={"security": ["jane"]})], False, id="half"),
        pytest.param(RESET, [replace(REMOVE, settled={"apply@security": "2"})], False, id="half applied"),
        pytest.param(replace(RESET, created="3"), [REMOVE], False, id="begun after"),
        pytest.param(
            replace(RESET, facts={**RESET.facts, "resetting": ["jane", "sam"]}), [REMOVE], False, id="others"
        ),
        pytest.param(
            replace(RESET, facts={**RESET.facts, "memberships": {"security": {"jane": {"add": ["x"]}}}}),
            [session("2", "security", remove={"security": ["jane"]})],
            True,
            id="where it is decided",
        ),
        pytest.param(replace(ADD, settled={}, next_step="plan"), [REMOVE], True, id="to be added"),
        pytest.param(
            replace(ADD, settled=dict.fromkeys(ADD.settled, "3")), [REMOVE], False, id="added here after it"
        ),
    ],
)
def test_an_open_session_is_over_once_later_ones_removed_all_whom_it_is_for(
    own: Summary, others: list[Summary], over: bool
) -> None:
    assert bool(finished_by(own, applied_changes([own, *others]), {})) is over


def test_the_accounts_of_a_removal_are_in_the_order_of_the_decisions() -> None:
    accounts = [f"account-{number}" for number in range(9, 0, -1)]
    everywhere = {account: ["jane"] for account in accounts}
    own = session("1", add=everywhere)
    applied = applied_changes([session("2", *accounts, remove=everywhere)])
    assert list(removals(["jane"], own.facts, own.created, applied)["jane"]) == accounts


def test_who_got_another_password_in_a_later_session() -> None:
    def later(created: str, *applied: str, root: str = "/bb") -> Summary:
        made = session(created, *applied, root=root)
        return replace(made, facts={**made.facts, "resetting": ["jane"]})

    def found(*others: Summary) -> dict[str, str]:
        found = renewed("security", ADD, passwords_made([ADD, *others]))
        return {name: work_of(last) for name, last in found.items()}

    assert found(later("2", "security")) == {"jane": "Reset password of jane"}
    assert found(later("0", "security"), later("2", "management"), later("2", "security", root="/x")) == {}
    assert found(REMOVE, begun("3", ADD)) == {"jane": "Add jane"}


@pytest.mark.parametrize(("first", "second"), [("0", "2"), ("2", "0")])
def test_of_two_passwords_the_one_that_was_applied_last_counts(first: str, second: str) -> None:
    """It does not matter which of the two sessions was started first."""
    facts = {"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]}
    one = Summary("one", "admin", first, facts=facts, settled={"apply@security": "3"})
    two = Summary("two", "admin", second, facts=facts, settled={"apply@security": "4"}, awaited=("jane",))
    made, waiting = passwords_made([one, two]), awaiting([one, two])
    assert (renewed("security", one, made), renewed("security", two, made)) == ({"jane": two}, {})
    assert still_awaited(two, {}, waiting) == ("jane",)
    assert still_awaited(replace(one, awaited=("jane",)), {}, waiting) == ()


def test_a_session_that_made_no_password_yet_is_renewed_by_later_ones_alone() -> None:
    facts = {"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]}
    own = Summary("own", "admin", "1", facts=facts)
    for created, found in (("0", []), ("2", ["jane"])):
        other = Summary("other", "admin", created, facts=facts, settled={"apply@security": "3"})
        assert list(renewed("security", own, passwords_made([own, other]))) == found


def test_whom_a_later_session_removed_for_good() -> None:
    def found(*others: Summary) -> dict[str, str]:
        return removed(ADD.facts, "1", applied_changes([ADD, *others])).get("security", {})

    assert found(REMOVE) == {"jane": "Remove jane"}
    assert found(REMOVE, begun("3", ADD)) == {}
    assert found(begun("0", REMOVE)) == {}
    assert found(replace(REMOVE, facts={**REMOVE.facts, "project_root": "/other"})) == {}


def test_who_was_removed_from_all_accounts_by_later_sessions_is_awaited_no_longer() -> None:
    own = replace(ADD, facts={**ADD.facts, "layers": ["management", "security"]}, awaited=("jane", "sam"))
    half = session("3", "security", remove={"security": ["jane"]})

    def found(*others: Summary) -> tuple[str, ...]:
        return still_awaited(own, applied_changes([own, *others]), {})

    assert found() == ("jane", "sam")
    assert found(REMOVE) == ("sam",)
    assert found(half) == ("jane", "sam")
    assert found(REMOVE, begun("3", ADD)) == ("jane", "sam")
    reset = replace(own, facts={"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]})
    assert still_awaited(reset, applied_changes([reset, half]), {}) == ("sam",)


@pytest.mark.parametrize(("step", "kind"), [("apply", "resetting"), ("mfa-reset", "mfa_reset")])
def test_whom_a_later_session_awaits_everywhere_is_awaited_in_that_one_alone(step: str, kind: str) -> None:
    own = replace(ADD, facts={**ADD.facts, "layers": ["management", "security"]}, awaited=("jane", "sam"))

    def found(created: str, *accounts: str, own: Summary = own) -> tuple[str, ...]:
        later = session(created)
        settled = {f"{step}@{account}": created for account in accounts}
        reset = {"mfa_devices_reset": {"at": created, "people": {"jane": ["a device"]}, "none": []}}
        gave = {key: reset for key in settled if step == "mfa-reset"}
        later = replace(later, facts={**later.facts, kind: ["jane"]}, settled=settled, gave=gave)
        every = [own, later]
        return still_awaited(own, applied_changes(every), awaiting(every))

    assert found("3", "management", "security") == ("sam",)
    assert found("3", "security") == found("0", "management", "security") == ("jane", "sam")
    assert found("3", "management", "security", own=replace(own, awaited=())) == ()


def test_who_had_no_device_to_remove_is_awaited_where_they_were() -> None:
    own = replace(ADD, facts={**ADD.facts, "layers": ["management", "security"]}, awaited=("jane",))
    none = {"mfa_devices_reset": {"at": "3", "people": {}, "none": ["jane"]}}
    keys = ("mfa-reset@management", "mfa-reset@security")
    later = Summary(
        "3",
        "admin",
        "3",
        facts={**session("3").facts, "mfa_reset": ["jane"]},
        settled=dict.fromkeys(keys, "3"),
        gave=dict.fromkeys(keys, none),
    )
    assert still_awaited(own, applied_changes([own, later]), awaiting([own, later])) == ("jane",)
    assert awaiting([later]) == {}


def test_for_whom_a_later_session_changed_something_and_applied_it() -> None:
    def later(created: str, *applied: str, root: str = "/bb", **facts: Any) -> Summary:
        made = session(created, *applied, root=root)
        layers = {"layers": ["management", "security"]}
        return replace(made, facts={**made.facts, **layers, **facts})

    def found(*others: Summary) -> set[tuple[str, str]]:
        return changed_later(ADD.facts, ADD.created, [ADD, *others])

    moves = {"security": {"jane": {"add": ["devops"]}}}
    assert found(later("2", "security", regrouping=["jane"], memberships=moves)) == {("jane", "security")}
    assert found(later("2", "management", regrouping=["jane"], memberships=moves)) == set()
    assert found(later("2", "management", regrouping=["jane"])) == {("jane", "management")}
    assert found(later("0", "management", regrouping=["jane"])) == set()
    assert found(later("2", "management", regrouping=["jane"], root="/x")) == set()


def test_who_joins_in_one_account_got_no_password_in_another_that_is_applied_too() -> None:
    again = session("3", "management", "security", add={"security": ["jane"]})
    made = passwords_made([again])
    assert list(renewed("security", ADD, made)) == ["jane"]
    assert renewed("management", ADD, made) == {}


def test_a_new_password_is_to_be_sent_until_its_own_or_a_later_text_of_the_person_went_out() -> None:
    facts = {"project_root": "/bb", "layers": ["management", "security"], "resetting": ["jane"]}
    both = {"apply@management": "2", "apply@security": "2"}
    reset = Summary("2", "admin", "2", facts=facts, next_step="hand-over", settled=both)
    assert to_hand_over(reset) == {("management", "jane"), ("security", "jane")}
    assert to_hand_over(replace(reset, settled={"apply@management": "2"})) == {("management", "jane")}
    first, last = ({**both, f"hand-over@{account}": "3"} for account in facts["layers"])
    assert to_hand_over(replace(reset, settled=first)) == {("security", "jane")}
    assert to_hand_over(replace(reset, settled=last)) == set()
    assert to_hand_over(replace(reset, next_step="")) == set()  # nothing is left to be sent
