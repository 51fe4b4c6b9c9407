"""A new PGP key for an existing person: shown, confirmed, recorded, written, planned, handed over."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Never

import pytest
from support.admin_project import AdminProject, decide, put, quiet, taken_key, write
from support.steps import step_of

from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, joined, text_of
from workflows.gpg.inspect import check_key
from workflows.layer.write import ChangeSet
from workflows.machine.events import Verdict
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.messages.request import Request as SentRequest
from workflows.steps.admin import (
    hand_over,
    pgp_keys,
    plan,
    project,
    review,
    state_now,
    users,
)
from workflows.steps.admin.accepted_plan import people_of
from workflows.steps.admin.edits import KeyToCorrect, LeftOut, other_keys, read_layers
from workflows.steps.admin.pgp_keys import Request, TakenKey
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Reset
from workflows.terraform.state import LoginProfile, State

Keys = Mapping[str, bytes]
ALEX = "alex.kim"
SHARED = '"machine.ci"             = "machine.github.actions"\n    '


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    """Return a session in which alex.kim gets a new key in both layers."""
    request = project.Request(
        path=str(admin_project.root), layers=("management", "security"), rekeying=(ALEX,)
    )
    admin_project.run(project, request)
    return admin_project


def taken(admin: AdminProject, keys: Keys, kind: str = "jane.doe", name: str = ALEX) -> TakenKey:
    return taken_key(keys[kind], name, admin.context())


def recorded(admin: AdminProject, key: TakenKey) -> Mapping[str, Any]:
    return admin.run(pgp_keys, Request({key.name: key}, frozenset({key.name})))


def resets(key: TakenKey) -> dict[str, Reset]:
    assert key.replacement is not None
    return dict(key.replacement.resets)


def fatal(admin: AdminProject, *keys: TakenKey, confirmed: tuple[str, ...] = ()) -> list[str]:
    request = Request({key.name: key for key in keys}, frozenset(confirmed))
    return [problem.message for problem in pgp_keys.validate(request, admin.context()) if problem.fatal]


def shared_in(admin: AdminProject, account: str) -> None:
    """Add a machine user that uses the key file of the first one."""
    admin.replace(account, "locals.tf", '"machine.github.actions" =', f'{SHARED}"machine.github.actions" =')


def test_project_takes_new_keys_only_for_who_is_there_and_stays(admin: AdminProject) -> None:
    assert admin.facts["rekeying"] == [ALEX]
    with pytest.raises(OnboardError, match=r": jane\.doe "):
        project.perform(
            project.Request(path=str(admin.root), layers=("security",), rekeying=("jane.doe",)),
            admin.context(),
            quiet,
        )
    both = project.Request(path="/x", layers=("security",), leaving=(ALEX,), rekeying=(ALEX,))
    assert "two fields" in project.validate(both, admin.context())[0].message
    together = project.Request(path="/x", layers=("security",), regrouping=(ALEX,), rekeying=(ALEX,))
    assert project.validate(together, admin.context()) == []


def test_only_the_steps_that_a_new_key_needs_apply(admin: AdminProject) -> None:
    assert step_of(pgp_keys).applies.holds(admin.facts)
    assert all(
        step_of(hand_over).applies.holds_for(admin.facts, account) for account in admin.facts["layers"]
    )
    old = {name: fact for name, fact in admin.facts.items() if name != "rekeying"}
    assert not step_of(pgp_keys).applies.holds(old)
    admin.facts = {**old, "joining": ["jane.doe"]}
    assert pgp_keys.people_of(admin.context()) == ("jane.doe",)


def test_what_is_made_anew_is_told_for_each_layer_and_wants_the_typed_name(
    admin: AdminProject, people_keys: Keys
) -> None:
    key = taken(admin, people_keys)
    there = fingerprint_in(admin.file("security", f"keys/{ALEX}").read_bytes())
    assert there
    assert resets(key) == {
        account: Reset(f"keys/{ALEX}", passwords=(ALEX,), present=there)
        for account in ("management", "security")
    }
    (unconfirmed,) = fatal(admin, key)
    assert re.search(rf"security \(keys/{ALEX}\): [^;]* {ALEX}", unconfirmed)
    assert fatal(admin, key, confirmed=(ALEX,)) == []


def test_a_key_that_no_apply_used_resets_nothing(admin: AdminProject, people_keys: Keys) -> None:
    jane, accounts = "jane.doe", ("management", "security")
    decide(admin, people_keys, joining=(jane,))
    put(admin, {account: {jane: {"auditors"}} for account in accounts})
    write(admin)
    key = taken(admin, people_keys, "juan.delacruz", jane)
    assert set(resets(key)) == {*accounts}, "the file gets the new one"
    assert key.replacement is not None
    assert key.replacement.in_use == ()
    assert fatal(admin, key) == []
    (admin.context().folder / "terraform" / "security" / "apply").mkdir(parents=True)
    key = taken(admin, people_keys, "juan.delacruz", jane)
    assert key.replacement is not None
    assert key.replacement.in_use == ("security",)
    assert len(fatal(admin, key)) == 1


@pytest.mark.parametrize("added", [{}, {"security": [ALEX]}])
def test_a_joiners_key_replaces_only_what_this_session_added(
    admin_project: AdminProject, people_keys: Keys, added: dict[str, list[str]]
) -> None:
    admin_project.begin(ALEX)
    admin_project.facts["user_changes"] = {"add": added}
    key = taken(admin_project, people_keys)
    assert {*(resets(key) if key.replacement else {})} == added.keys()
    warned = text_of(joined(key.verdict.warnings))
    named = [account for account in admin_project.facts["layers"] if account in warned]
    assert {*named} == {"management", "security"} - added.keys()


def test_everybody_who_has_a_shared_key_file_is_named(admin: AdminProject, people_keys: Keys) -> None:
    shared_in(admin, "security")
    admin.facts["rekeying"] = ["machine.github.actions"]
    key = taken(admin, people_keys, name="machine.github.actions")
    found = resets(key)
    both = ("machine.ci", "machine.github.actions")
    assert set(found["security"].access_keys) == set(both)
    assert found["security"].passwords == ()
    assert found["management"].access_keys == ("machine.github.actions",)
    assert key.replacement is not None
    assert all(name in key.replacement.sentences[-1] for name in both)


def test_a_key_that_is_there_already_is_not_replaced_whatever_its_wrapping(
    admin: AdminProject, people_keys: Keys
) -> None:
    one_line = b64encode(people_keys["jane.doe"])
    admin.file("security", f"keys/{ALEX}").write_bytes(one_line)
    key = taken(admin, people_keys)
    assert key.replacement is not None
    assert key.replacement.unchanged == ("security",)
    assert list(resets(key)) == ["management"]
    recorded(admin, key)
    write(admin)
    assert admin.file("security", f"keys/{ALEX}").read_bytes() == one_line
    assert admin.text("management", f"keys/{ALEX}") == key.text


def test_a_key_that_is_there_everywhere_has_nothing_to_replace(
    admin: AdminProject, people_keys: Keys
) -> None:
    for account in ("management", "security"):
        admin.file(account, f"keys/{ALEX}").write_bytes(b64encode(people_keys["jane.doe"]))
    assert fatal(admin, taken(admin, people_keys))


def test_a_file_that_the_provider_cannot_read_is_mended_with_the_same_key(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.file("security", f"keys/{ALEX}").write_bytes(people_keys["jane.doe"])
    assert set(resets(taken(admin, people_keys))) == {"management", "security"}


def test_review_writes_the_key_alone_and_is_done_again_without_a_change(
    admin: AdminProject, people_keys: Keys
) -> None:
    key = taken(admin, people_keys)
    recorded(admin, key)
    shown: ChangeSet = review.prepare(admin.context(), quiet).change_set
    assert [(change.layer.rpartition("/")[2], change.name) for change in shown.changes] == [
        ("base-identities", f"keys/{ALEX}")
    ] * 2
    assert f" {ALEX} " in review.proposed_message(admin.context())
    write(admin)
    assert review.prepare(admin.context(), quiet).change_set.is_empty
    again = pgp_keys.gather({}, {}, {}, admin.context(), quiet).keys[ALEX]
    assert again.replacement == key.replacement
    assert recorded(admin, again) == {"keys": admin.facts["keys"], "comparisons": {}, "rejected_keys": {}}


@pytest.mark.parametrize("joins", [True, False])
def test_no_plan_is_made_for_a_key_that_came_in_the_place_of_the_decided_one(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch, *, joins: bool
) -> None:
    class ReachedError(Exception):
        pass

    def run(*_: object, **__: object) -> Never:
        raise ReachedError

    name = "jane.doe" if joins else ALEX
    if joins:
        decide(admin_project, people_keys, joining=(name,), layers=("security",))
        put(admin_project, {"security": {name: {"auditors"}}})
    else:
        request = project.Request(path=str(admin_project.root), layers=("security",), rekeying=(name,))
        admin_project.run(project, request)
        recorded(admin_project, taken(admin_project, people_keys))
    file = admin_project.file("security", f"keys/{name}")
    before = b"" if joins else file.read_bytes()
    write(admin_project)
    monkeypatch.setattr(plan, "open_layer", run)
    context = replace(admin_project.context(), item="security")
    with pytest.raises(ReachedError):
        plan.make(context, quiet)
    file.write_bytes(b64encode(people_keys["rsa3072"]))
    with pytest.raises(KeyToCorrect if joins else LeftOut):
        plan.make(context, quiet)
    if not joins:
        assert not review.observe(context).continuing, "no plan is made with that key"
        # as on a branch without the commit
        file.write_bytes(before)
        with pytest.raises(LeftOut):
            plan.make(context, quiet)


def test_a_file_without_a_key_is_not_the_old_key_that_nobody_could_read(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.file("security", f"keys/{ALEX}").write_text("unreadable before")
    recorded(admin, taken(admin, people_keys))
    admin.file("security", f"keys/{ALEX}").write_text("garbage since")
    context = admin.context()
    (other,) = other_keys(read_layers(context)["security"], context.decisions, written=True)
    assert not other.replaced


@pytest.mark.parametrize("after", [True, False])
def test_what_is_made_with_a_later_sessions_key_is_left_to_that_one(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    request = project.Request(path=str(admin_project.root), layers=("security",), rekeying=(ALEX,))
    admin_project.run(project, request)
    recorded(admin_project, taken(admin_project, people_keys))
    write(admin_project)
    later = replace(admin_project, folder=admin_project.folder.with_name("later"), facts={})
    later.folder.mkdir()
    later.run(project, request)
    recorded(later, taken(later, people_keys, "rsa3072"))
    write(later)
    for number, one in enumerate((admin_project, later), 1):
        at = f"2026-01-0{number}T00:00:00+00:00"
        summary = Summary(one.folder.name, "admin", at, facts=one.facts, settled={"review": at})
        keep_summary(one.folder, summary, made_from(one.folder))
    applied = {"applied@security": {"at": f"2026-01-0{3 if after else 1}T12:00:00+00:00"}}
    context = replace(admin_project.context(), item="security")
    context = replace(context, every={**context.every, **applied})
    left = hand_over.left_to_later(context)
    assert left.keys() == ({ALEX} if after else set())
    stand = PersonStatus.MADE_LATER if after else PersonStatus.TO_HAND_OVER
    assert status_grid(context).rows == ((ALEX, (stand,)),)


@pytest.mark.parametrize(("kind", "more"), [("rsa3072", 1), ("jane.doe", 0)])
def test_a_key_that_a_later_session_did_not_take_in_is_warned_about(
    admin_project: AdminProject, people_keys: Keys, kind: str, more: int
) -> None:
    """The later session replaces the key in another account than this session."""
    request = project.Request(path=str(admin_project.root), layers=("security",), rekeying=(ALEX,))
    admin_project.run(project, request)
    before = taken(admin_project, people_keys).verdict.warnings
    later = replace(admin_project, folder=admin_project.folder.with_name("later"), facts={})
    later.folder.mkdir()
    later.run(project, replace(request, layers=("management",)))
    recorded(later, taken(later, people_keys, kind))
    write(later)
    for number, one in enumerate((admin_project, later), 1):
        at = f"2026-01-0{number}T00:00:00+00:00"
        began = "2025-12-01T00:00:00+00:00" if one is later else at  # what counts is when it wrote the key
        summary = Summary(one.folder.name, "admin", began, facts=one.facts, settled={"review": at})
        keep_summary(one.folder, summary, made_from(one.folder))
    assert len(taken(admin_project, people_keys).verdict.warnings) == len(before) + more


def test_the_key_in_the_layer_is_shown_and_not_proposed_as_the_new_one(admin: AdminProject) -> None:
    gathered = pgp_keys.gather({}, {}, {}, admin.context(), quiet)
    assert gathered.keys == {}
    assert {(row.account, row.file) for row in gathered.present[ALEX]} == {
        ("management", f"keys/{ALEX}"),
        ("security", f"keys/{ALEX}"),
    }


@pytest.mark.parametrize("now", ["jane.doe", "juan.delacruz", ""])
def test_what_changed_since_it_was_shown_is_not_recorded(
    admin: AdminProject, people_keys: Keys, now: str
) -> None:
    key, file = taken(admin, people_keys), admin.file("security", f"keys/{ALEX}")
    if now:
        file.write_bytes(b64encode(people_keys[now]))
    else:
        file.rename(file.with_name("elsewhere"))
    with pytest.raises(OnboardError, match="changed meanwhile") as caught:
        recorded(admin, key)
    assert f"security (keys/{ALEX})" in caught.value.what
    assert "management" not in caught.value.what


def test_somebody_who_comes_to_share_the_file_is_noticed(admin: AdminProject, people_keys: Keys) -> None:
    admin.facts["rekeying"] = ["machine.github.actions"]
    recorded(admin, taken(admin, people_keys, name="machine.github.actions"))
    assert pgp_keys.observe(admin.context()).verdict is Verdict.AS_DECIDED
    shared_in(admin, "security")
    seen = pgp_keys.observe(admin.context())
    assert seen.contradicts
    assert "machine.ci" in seen.about
    assert seen.by_item == {"security": ("machine.github.actions",)}


def test_two_keys_for_one_file_are_refused_and_one_key_for_two_people_is_told(
    admin: AdminProject, people_keys: Keys
) -> None:
    shared_in(admin, "security")
    admin.facts["rekeying"] = ["machine.ci", "machine.github.actions"]
    first = taken(admin, people_keys, name="machine.ci")
    other = taken(admin, people_keys, "juan.delacruz", name="machine.github.actions")
    assert [words for words in fatal(admin, first, other) if "keys/" in words]
    same = taken(admin, people_keys, name="machine.github.actions")
    both = Request({"machine.ci": first, same.name: same}, frozenset({"machine.ci", same.name}))
    told = [problem.message for problem in pgp_keys.validate(both, admin.context()) if not problem.fatal]
    names = {"machine.ci", "machine.github.actions"}
    assert any(names <= set(text_of(words).split()) for words in told)


def test_plan_takes_everybody_with_the_key_for_chosen_and_hand_over_hands_over(
    admin: AdminProject, people_keys: Keys
) -> None:
    shared_in(admin, "security")
    admin.facts["rekeying"] = ["machine.github.actions"]
    recorded(admin, taken(admin, people_keys, name="machine.github.actions"))
    at_security = replace(admin.context(), item="security")
    both = {"machine.ci", "machine.github.actions"}
    assert at_security.decisions.of("security").people == both
    nobody = {"plan@security": {"passwords": [], "access_keys": []}}
    assert set(people_of("security", admin.context(**nobody))) == both
    assert people_of("security", admin.context(**nobody, rekeying=[])) == ()


def test_applied_elsewhere_means_made_with_the_new_key(admin: AdminProject, people_keys: Keys) -> None:
    key = taken(admin, people_keys)
    recorded(admin, key)
    at_security = replace(admin.context(), item="security")
    old = LoginProfile(ALEX, "address", "secret", "old key", clear=False)
    (missing,) = state_now.not_applied(State(users={ALEX: "arn"}, login_profiles={ALEX: old}), at_security)
    assert missing.startswith(ALEX)
    new = replace(old, pgp_key=key.text.replace("\n", ""))
    assert state_now.not_applied(State(users={ALEX: "arn"}, login_profiles={ALEX: new}), at_security) == []


def request_of(keys: Keys, user: str, kind: str, **fields: Any) -> str:
    details = check_key(keys[kind], environment={"PATH": "/usr/bin:/bin"}).details
    return SentRequest("bb", user, b64encode(keys[kind]).decode(), details.fingerprint, **fields).render()


def test_a_request_of_somebody_who_is_there_proposes_the_replacement(
    admin: AdminProject, people_keys: Keys
) -> None:
    text = request_of(people_keys, "dana.lopez", "juan.delacruz", replacement=True, reason="new laptop")
    found = pgp_keys.take_in_for(text, ALEX, "pasted", admin.context())
    assert (found.replaces, found.asked, found.reason) == ("dana.lopez", True, "new laptop")
    assert set(resets(found.keys["dana.lopez"])) == {"management", "security"}
    own = request_of(people_keys, ALEX, "juan.delacruz", replacement=True)
    assert pgp_keys.take_in_for(own, ALEX, "pasted", admin.context()).replaces == ""


def test_project_tells_of_a_replacement_request_in_the_mailbox(
    admin: AdminProject, people_keys: Keys
) -> None:
    inside = admin.with_mailbox()
    assert inside.environment.mailbox is not None
    for name, replacement in (("dana.lopez", True), ("sam.okafor", False)):
        text = request_of(people_keys, name, "juan.delacruz", replacement=replacement)
        (inside.environment.mailbox / f"request-{name}.txt").write_text(text)
    (inside.environment.mailbox / f"request-{ALEX}.txt").write_text("no request")
    assert project.survey(str(inside.root), inside.context(), quiet).asking == ("dana.lopez",)
    for account in ("management", "security"):
        inside.file(account, "keys/dana.lopez").write_bytes(b64encode(people_keys["juan.delacruz"]))
    served = project.survey(str(inside.root), inside.context(), quiet)
    assert not [words for words in served.remarks if "mailbox" in words], "her new key is in place"
    (inside.environment.mailbox / f"request-{ALEX}.txt").unlink()
    with pytest.raises(OnboardError):  # replacements are offered in Project
        pgp_keys.take_in_mail(["jane.doe"], inside.context(), quiet)


def test_a_computed_key_file_is_left_to_be_replaced_by_hand(admin: AdminProject, people_keys: Keys) -> None:
    for account in ("management", "security"):
        admin.replace(account, "users.tf", 'file("keys/${each.key}")', "local.keys[each.key]")
    key = taken(admin, people_keys)
    assert key.replacement is not None
    assert key.replacement.resets == {}
    assert all("by hand" in words and "locals.tf:" in words for words in key.replacement.by_hand)
    assert fatal(admin, key)


def test_a_joiners_key_that_lies_there_already_stays_byte_by_byte(
    admin: AdminProject, people_keys: Keys
) -> None:
    there = b64encode(people_keys["jane.doe"]) + b"\r\n"
    admin.file("security", "keys/jane.doe").write_bytes(there)
    admin.run(project, project.Request(path=str(admin.root), layers=("security",), joining=("jane.doe",)))
    recorded(admin, taken(admin, people_keys, name="jane.doe"))
    admin.run(users, users.proposal(admin.context(), users.survey(admin.context(), quiet)))
    assert "keys/jane.doe" not in [
        change.name for change in review.prepare(admin.context(), quiet).change_set.changes
    ]
