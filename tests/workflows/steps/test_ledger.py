from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workflows.machine.summaries import Summary
from workflows.steps.kinds import work_of
from workflows.steps.ledger import Ledger, ledgers, to_hand_over


def session(created: str, *applied: str, root: str = "/bb", **changes: dict[str, list[str]]) -> Summary:
    facts: dict[str, Any] = {"project_root": root, "user_changes": changes}
    facts["joining"] = sorted({name for names in changes.get("add", {}).values() for name in names})
    facts["leaving"] = sorted({name for names in changes.get("remove", {}).values() for name in names})
    return Summary(
        created, "admin", created, facts=facts, settled={f"apply@{account}": created for account in applied}
    )


def ledger(*sessions: Summary, holds: bool = False) -> Ledger:
    return ledgers(sessions, lambda _session: holds).get("/bb", Ledger((), lambda _session: holds))


ADD = session("1", "management", "security", add={"management": ["jane"], "security": ["jane"]})
REMOVE = session("2", "management", "security", remove={"management": ["jane"], "security": ["jane"]})


def begun(created: str, session: Summary) -> Summary:
    """Return a session with the same work, started and applied at another time."""
    return replace(session, id=created, created=created, settled=dict.fromkeys(session.settled, created))


def test_what_a_later_session_removed_or_added_again_is_taken_back() -> None:
    assert ledger(ADD, REMOVE).reverted(ADD).keys() == {("management", "jane"), ("security", "jane")}
    again = begun("3", ADD)
    assert ledger(again, REMOVE).reverted(ADD) == {}
    assert ledger(ADD, REMOVE, again).finished_by(REMOVE) == ("Add jane",)


def test_an_apply_that_came_after_a_removal_adds_nobody_whom_its_plan_left_out() -> None:
    after = dict.fromkeys(ADD.settled, "3")
    late = replace(ADD, settled=after)
    assert ledger(late, REMOVE).reverted(late) == {}
    left_out = {step: {"applied": {"at": "3", "left_out": ["jane"]}} for step in after}
    without = replace(late, gave=left_out)
    assert len(ledger(without, REMOVE).reverted(without)) == 2
    assert len(ledger(late).passwords) == 2
    assert ledger(without).passwords == {}


def test_a_session_is_over_where_all_that_it_did_was_taken_back() -> None:
    assert ledger(ADD, REMOVE).finished_by(ADD) == ("Remove jane",)
    half = session("3", "security", remove={"security": ["jane"]})
    assert ledger(half).finished_by(ADD) == ()
    rest = session("4", "management", remove={"management": ["jane"]})
    assert ledger(rest, half).finished_by(ADD) == ("Remove jane",)


@pytest.mark.parametrize("holds", [True, False], ids=["in the files", "put back"])
def test_a_session_is_over_where_a_removal_only_waits_for_its_apply(holds: bool) -> None:
    half = replace(REMOVE, settled={"review": "2", "apply@management": "2"})
    half = replace(half, facts={**half.facts, "layers": ["management", "security"]})
    own = replace(ADD, settled={"apply@management": "1"}, next_step="plan")
    assert ledger(own, half).finished_by(own) == ()
    waiting = ledger(own, half, holds=holds)
    assert waiting.finished_by(own) == (("Remove jane",) if holds else ())
    assert waiting.finished_by(ADD) == ()  # she can sign in there until then
    device = replace(own, facts={**own.facts, "mfa_reset": ["jane"]})
    assert waiting.finished_by(device) == ()
    whole = replace(half, settled={**half.settled, "apply@security": "3"})
    assert Ledger([own, whole], lambda _session: pytest.fail("nothing waits")).written == {}


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
    assert ledger(other).finished_by(ADD) == ()


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
    assert ledger(REMOVE).finished_by(own) == ()


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
    assert bool(ledger(own, *others).finished_by(own)) is over


def test_the_accounts_of_a_removal_are_in_the_order_of_the_decisions() -> None:
    accounts = [f"account-{number}" for number in range(9, 0, -1)]
    everywhere = {account: ["jane"] for account in accounts}
    own = session("1", add=everywhere)
    found = ledger(session("2", *accounts, remove=everywhere)).removals(own, ["jane"])
    assert [account for account, _ in found] == accounts


def test_who_got_another_password_in_a_later_session() -> None:
    def later(created: str, *applied: str, root: str = "/bb") -> Summary:
        made = session(created, *applied, root=root)
        return replace(made, facts={**made.facts, "resetting": ["jane"]})

    def found(*others: Summary) -> dict[str, Summary]:
        every = ledger(ADD, *others)
        found = every.renewed(ADD, every.passwords).items()
        return {name: last for (account, name), last in found if account == "security"}

    reset, again = later("2", "security"), begun("3", ADD)
    assert found(reset) == {"jane": reset}
    assert found(later("0", "security"), later("2", "management"), later("2", "security", root="/x")) == {}
    assert found(REMOVE, again) == {"jane": again}


@pytest.mark.parametrize(("first", "second"), [("0", "2"), ("2", "0")])
def test_of_two_passwords_the_one_that_was_applied_last_counts(first: str, second: str) -> None:
    """It does not matter which of the two sessions was started first."""
    facts = {"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]}
    one = Summary("one", "admin", first, facts=facts, settled={"apply@security": "3"})
    two = Summary("two", "admin", second, facts=facts, settled={"apply@security": "4"}, awaited=("jane",))
    both = ledger(one, two)
    assert both.renewed(one, both.passwords) == {("security", "jane"): two}
    assert both.renewed(two, both.passwords) == {}
    assert both.still_awaited(two) == ("jane",)
    assert both.still_awaited(replace(one, awaited=("jane",))) == ()


@pytest.mark.parametrize(
    ("applied", "made", "last"),
    [
        ("4", {"jane": "4"}, "one"),
        ("4", {"jane": "1"}, "two"),
        ("4", {}, "two"),
        ("2", {"jane": "2"}, "two"),
    ],
    ids=["as an extra", "before, and something else since", "nothing", "before"],
)
def test_the_session_whose_apply_made_a_password_last_hands_it_over(
    applied: str, made: dict[str, str], last: str
) -> None:
    """One is for somebody else, and began earlier; its apply replaces the password as an accepted extra."""
    at = "apply@security"
    known = {"project_root": "/bb", "layers": ["security"]}
    facts, part = {**known, "regrouping": ["alex"]}, ("security", "jane")
    gave = {at: {"applied": {"at": applied, "made": made}}}
    one = Summary("one", "admin", "1", facts=facts, settled={at: applied}, gave=gave, next_step="hand-over")
    two = Summary("two", "admin", "2", facts={**known, "resetting": ["jane"]}, settled={at: "3"})
    waiting = [replace(each, awaited=("jane",)) for each in (one, two)]
    both = ledger(*waiting)
    assert both.passwords[part].id == last
    assert [each.id for each in waiting if part in both.renewed(each, both.passwords)] == [
        each.id for each in waiting if each.id != last
    ]
    assert (part in to_hand_over(one)) is bool(made)


def test_a_session_that_made_no_password_yet_is_renewed_by_later_ones_alone() -> None:
    facts = {"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]}
    own = Summary("own", "admin", "1", facts=facts)
    for created, found in (("0", []), ("2", ["jane"])):
        other = Summary("other", "admin", created, facts=facts, settled={"apply@security": "3"})
        both = ledger(own, other)
        assert [name for _, name in both.renewed(own, both.passwords)] == found


def test_whom_a_later_session_removed_for_good() -> None:
    def found(*others: Summary) -> list[str]:
        return [work_of(last.by) for last in ledger(ADD, *others).removals(ADD).values()]

    assert found(REMOVE) == ["Remove jane"] * 2
    assert found(REMOVE, begun("3", ADD)) == []
    assert found(begun("0", REMOVE)) == []
    assert found(replace(REMOVE, facts={**REMOVE.facts, "project_root": "/other"})) == []


@pytest.mark.parametrize(("applied", "gone"), [("3", True), ("1", False)])
def test_a_removal_counts_if_it_was_applied_later_even_by_a_session_that_began_earlier(
    applied: str, *, gone: bool
) -> None:
    own = replace(
        RESET, id="own", created="2", settled={"apply@security": "2"}, awaited=("jane",), next_step=""
    )
    removal = replace(begun("1", REMOVE), settled=dict.fromkeys(REMOVE.settled, applied))
    both = ledger(own, removal)
    assert bool(both.removals(own)) is gone
    assert both.still_awaited(own) == (() if gone else ("jane",))
    assert both.finished_by(own) == (("Remove jane",) if gone else ())


def test_who_joins_again_is_not_removed_by_the_session_that_removed_them_before() -> None:
    own = replace(ADD, id="own", created="2", settled={}, next_step="plan")
    removal = replace(begun("1", REMOVE), settled=dict.fromkeys(REMOVE.settled, "3"))
    assert ledger(own, removal).removals(own) == {}
    assert ledger(own, removal).finished_by(own) == ()


def test_who_was_removed_from_all_accounts_by_later_sessions_is_awaited_no_longer() -> None:
    own = replace(ADD, facts={**ADD.facts, "layers": ["management", "security"]}, awaited=("jane", "sam"))
    half = session("3", "security", remove={"security": ["jane"]})

    def found(*others: Summary) -> tuple[str, ...]:
        return ledger(own, *others).still_awaited(own)

    assert found() == ("jane", "sam")
    assert found(REMOVE) == ("sam",)
    assert found(half) == ("jane", "sam")
    again = begun("3", ADD)
    assert found(REMOVE, again) == ("sam",), "the last session waits for her"
    assert found(REMOVE, replace(again, facts={**again.facts, "joining": []})) == ("jane", "sam")
    reset = replace(own, facts={"project_root": "/bb", "layers": ["security"], "resetting": ["jane"]})
    assert ledger(reset, half).still_awaited(reset) == ("sam",)


@pytest.mark.parametrize(("step", "kind"), [("apply", "resetting"), ("mfa-reset", "mfa_reset")])
def test_whom_a_later_session_awaits_everywhere_is_awaited_in_that_one_alone(step: str, kind: str) -> None:
    own = replace(ADD, facts={**ADD.facts, "layers": ["management", "security"]}, awaited=("jane", "sam"))

    def found(created: str, *accounts: str, own: Summary = own) -> tuple[str, ...]:
        later = session(created)
        settled = {f"{step}@{account}": created for account in accounts}
        reset = {"mfa_devices_reset": {"at": created, "people": {"jane": ["a device"]}, "none": []}}
        gave = {key: reset for key in settled if step == "mfa-reset"}
        later = replace(later, facts={**later.facts, kind: ["jane"]}, settled=settled, gave=gave)
        return ledger(own, later).still_awaited(own)

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
    assert ledger(own, later).still_awaited(own) == ("jane",)
    assert ledger(later).awaiting == {}


def test_for_whom_a_later_session_changed_something_and_applied_it() -> None:
    def later(created: str, *applied: str, root: str = "/bb", **facts: Any) -> Summary:
        made = session(created, *applied, root=root)
        layers = {"layers": ["management", "security"]}
        return replace(made, facts={**made.facts, **layers, **facts})

    def found(*others: Summary, own: Summary = ADD) -> set[str]:
        return ledger(own, *others).changed_later("security", own)

    moves = {"security": {"jane": {"add": ["devops"]}}}
    assert found(later("2", "security", regrouping=["jane"], memberships=moves)) == {"jane"}
    elsewhere = {"management": moves["security"]}
    assert found(later("2", "security", regrouping=["jane"], memberships=elsewhere)) == set()
    assert found(later("2", "management", regrouping=["jane"])) == set()
    assert found(later("0", "security", regrouping=["jane"])) == set()
    assert found(later("2", "security", regrouping=["jane"], root="/x")) == set()
    began_earlier = replace(later("0", "security", regrouping=["jane"]), settled={"apply@security": "2"})
    assert found(began_earlier) == {"jane"}
    wrote_over = replace(ADD, settled={"review": "1", "apply@security": "4"})
    wrote = replace(began_earlier, settled={"review": "2", "apply@security": "3"})
    assert found(wrote, own=wrote_over) == {"jane"}
    assert found(replace(wrote, settled={**wrote.settled, "review": "0"}), own=wrote_over) == set()


@pytest.mark.parametrize(
    ("settled", "elsewhere", "applied"),
    [
        ({"plan@security": "3", "apply@security": "4"}, False, True),
        ({"plan@security": "3", "apply@security": "4"}, True, False),
        ({"plan@security": "1", "apply@security": "4"}, False, False),
        ({"plan@security": "3"}, False, False),
        ({"plan@management": "3", "apply@management": "4"}, False, False),
    ],
)
def test_what_a_session_wrote_is_applied_by_another_that_planned_after_that(
    settled: dict[str, str], *, elsewhere: bool, applied: bool
) -> None:
    own = replace(ADD, settled={"review": "2"})
    gave = {"apply@security": {"applied": {"elsewhere": elsewhere}}}
    other = replace(REMOVE, settled=settled, gave=gave)
    assert ledger(own, other).applied_for(own, "security") == (other if applied else None)
    assert not ledger(own, other).applied_for(replace(own, settled={}), "security"), "it wrote nothing"
    for at, named in (("4.5", applied), ("3.5", False), ("1.5", applied)):
        late = replace(own, settled={**own.settled, "apply@security": at})
        assert ledger(late, other).applied_for(late, "security") == (other if named else None)
    alone = replace(own, settled={**own.settled, **settled})
    assert not ledger(alone).applied_for(alone, "security")


def test_who_joins_in_one_account_got_no_password_in_another_that_is_applied_too() -> None:
    again = session("3", "management", "security", add={"security": ["jane"]})
    every = ledger(again)
    assert every.renewed(ADD, every.passwords).keys() == {("security", "jane")}


def test_what_was_there_before_an_apply_was_made_by_whoever_applied_it() -> None:
    """The apply of an empty plan hands over what another session made as an extra of its own."""
    made = {"apply@security": {"applied": {"at": "2", "made": {"jane": "2"}}}}
    extra = replace(session("2", "security"), gave=made)
    own = replace(session("1", add={"security": ["jane"]}), settled={"apply@security": "3"})
    nothing = replace(own, gave={"apply@security": {"applied": {"at": "3", "made": {}}}})
    assert ledger(nothing).passwords == {("security", "jane"): nothing}
    assert ledger(nothing, extra).passwords == {("security", "jane"): extra}
    assert ledger(own, extra).passwords == {("security", "jane"): own}, "older programs don't say"


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
