from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from support.admin_project import AdminProject, quiet
from support.fakes import fake_environment
from support.pgp import ENVIRONMENT, GpgHome, gpg_home
from support.sample_plan import context
from support.served_aws import jane

from workflows.aws.iam import Arrival
from workflows.core.sentences import Cancelled, OnboardError, text_of
from workflows.core.shapes import plain
from workflows.gpg.inspect import KeyDetails, inspect_key
from workflows.gpg.normalise import normalise
from workflows.layer.discover import find_project
from workflows.layer.mentioned import account_profile
from workflows.layer.model import Project
from workflows.layer.read.layer import read_layer
from workflows.machine.drafts import Drafts
from workflows.machine.events import AGREES, NOT_ASKED, StepKey, Verdict
from workflows.machine.summaries import DRAFTS, Summary, keep_summary, made_from
from workflows.messages.handoff import (
    ACCESS,
    NEW_KEY,
    NEW_PASSWORD,
    NEW_ROLES,
    Handoff,
    open_handoff,
    reminder,
)
from workflows.sandbox.project import lay_out
from workflows.steps.admin import hand_over, other_sessions
from workflows.steps.admin.accepted_plan import HandedOver, Sent, sent_to
from workflows.steps.admin.hand_over import (
    NotForThisKey,
    PersonHandoff,
    PlanAgain,
    Source,
    identity,
    person_handoff,
    policy_words,
)
from workflows.steps.admin.other_sessions import LeftOpen
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Comparison
from workflows.steps.ledger import AppliedChange, Ledger, Part
from workflows.steps.shared.module import Context
from workflows.terraform.state import AccessKey, LoginProfile, Role, State

NAME = "jane.doe"
RESET = "Reset password of b"
RESET_B = Summary("2", "admin", "2", facts={"resetting": ["b"]})
SECURITY, SHARED = "222222222222", "333333333333"


def play(
    monkeypatch: pytest.MonkeyPatch,
    renewed: Mapping[Part, Summary],
    removed: Mapping[Part, Summary] = MappingProxyType({}),
) -> None:
    """Let later sessions have reset passwords and removed users."""
    ledger = Ledger((), lambda _session: False)
    changes = {part: [AppliedChange("3", "remove", by)] for part, by in removed.items()}
    vars(ledger).update(passwords=renewed, awaiting=renewed, applied=changes)
    monkeypatch.setattr(hand_over, "ledger_with", lambda _: (ledger, Summary("1", "admin", "1")))


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key(NAME)
        made.key("somebody.else")
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lay_out(tmp_path / "bb")
    return find_project(tmp_path / "bb")


def encrypted(home: GpgHome, name: str = NAME) -> str:
    return base64.b64encode(home.encrypt(name, "Once-only-1234")).decode()


def login(password: str, **changes: Any) -> LoginProfile:
    return replace(LoginProfile(NAME, "module.user", password, "", clear=False), **changes)


def state(**changes: Any) -> State:
    made = State(
        users={NAME: f"arn:aws:iam::{SECURITY}:user/{NAME}"},
        groups={"devops": (NAME,)},
        group_roles={
            "devops": (Role(SHARED, "DevOps"),),
        },
        account_id=SECURITY,
        account_alias="binbash-security",
        partition="aws",
    )
    return replace(made, **changes)


def source(project: Project, **changes: Any) -> Source:
    location = project.layer("security")
    assert location is not None
    return Source(project, read_layer(location), state(**changes))


def details(home: GpgHome) -> KeyDetails:
    return inspect_key(normalise(home.export(NAME)).binary, environment=ENVIRONMENT)


@contextmanager
def signed(*_: object) -> Iterator[str]:
    yield "a client"


@pytest.mark.parametrize(
    ("mfa", "found", "verdict", "about"),
    [
        ("true", {"a": Arrival.HERE, "b": Arrival.AWAY}, Verdict.AWAITED, ("b",)),
        ("true", {"a": Arrival.NO_MFA, "b": Arrival.MUST_CHOOSE}, Verdict.AWAITED, ("a", "b")),
        ("false", {"a": Arrival.NO_MFA, "b": Arrival.HERE}, Verdict.AS_DECIDED, ()),
        ("true", {"a": Arrival.HERE, "b": Arrival.NO_USER}, Verdict.GONE, ("b",)),
        ("true", {"a": Arrival.NO_PASSWORD, "b": Arrival.AWAY}, Verdict.GONE, ("a",)),
        ("true", {"a": Arrival.OTHER_PASSWORD, "b": Arrival.HERE}, Verdict.GONE, ("a",)),
    ],
)
def test_who_was_sent_a_password_is_asked_of_aws(
    mfa: str,
    found: dict[str, Arrival],
    verdict: Verdict,
    about: tuple[str, ...],
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = "2026-03-01T10:00:00+00:00"
    sent = HandedOver({**{name: Sent(at) for name in (*found, "machine.ci")}, "c": Sent()})
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "located", lambda _: (replace(project, mfa_enabled=mfa == "true"), None))
    monkeypatch.setattr(hand_over, "arrival", lambda _, name, __: found[name])
    facts = {"handed_over": plain(sent)}
    every = {"plan@security": {"passwords": [*found, "c"]}, "handed_over@security": plain(sent)}
    context = Context(fake_environment(tmp_path, {}), facts, every, "security", tmp_path)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about) == (verdict, about)
    missing = [name for name, state in found.items() if state is Arrival.AWAY]
    assert all(f"{name} in security" in text_of(seen.words) for name in missing)
    waits = about if verdict is Verdict.AWAITED else ()
    assert [wait[1:] for wait in seen.waits] == [(name, "security") for name in waits]


def test_what_an_account_left_to_the_next_one_is_asked_about_with_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "located", lambda _: (project, None))
    monkeypatch.setattr(hand_over, "arrival", lambda *_: Arrival.AWAY)
    sent = {"handed_over": plain(HandedOver({"a": Sent("2026-03-01T10:00:00+00:00")}))}
    facts = {**sent, "layers": ["management", "security", "apps-prd"]}
    made = {f"plan@{account}": {"passwords": ["a"]} for account in facts["layers"]}
    made["handed_over@security"] = sent["handed_over"]
    for applied, where in (({"applied@management": {}}, ("management", "security")), ({}, ("security",))):
        context = Context(fake_environment(tmp_path, {}), facts, {**made, **applied}, "security", tmp_path)
        seen = hand_over.inquire(context)
        assert (seen.verdict, seen.about) == (Verdict.AWAITED, ("a",))
        assert seen.by_item == dict.fromkeys(where, ("a",))
        assert all((account in str(seen.words)) is (account in where) for account in facts["layers"])


def test_a_later_account_without_the_user_has_no_reset_to_wait_for(
    admin_project: AdminProject, tmp_path: Path
) -> None:
    admin_project.begin()
    facts = {**admin_project.facts, "resetting": ["alex.kim", "nobody.here"]}
    here = Context(admin_project.environment, facts, facts, "management", tmp_path)
    assert hand_over.later_layers(("nobody.here",), here) == ("security",)
    moved = {"memberships": {"security": {"sam.okafor": {"add": ["ops"]}}}, "layers": facts["layers"]}
    for planned, later in (({}, ("security",)), ({"plan@security": {}}, ())):
        regroups = Context(admin_project.environment, moved, {**moved, **planned}, "management", tmp_path)
        assert hand_over.later_layers(("sam.okafor",), regroups) == later
        removed = {"group_changes": {"security": {"remove": ["ops"]}}, "layers": facts["layers"]}
        regroups = Context(admin_project.environment, removed, {**removed, **planned}, "management", tmp_path)
        assert hand_over.later_layers(("alex.kim",), regroups) == later, "perhaps a member"
    absent = {name: hand_over.person_handoff(name, {}, (), here).absent for name in facts["resetting"]}
    assert absent == {"alex.kim": (), "nobody.here": ("security",)}


def test_whom_an_account_sent_theirs_before_it_left_the_rest_to_the_next_one_is_asked_about_with_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = {"a": Arrival.HERE, "b": Arrival.AWAY}
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "located", lambda _: (project, None))
    monkeypatch.setattr(hand_over, "arrival", lambda _, name, __: arrived[name])
    both, sent = ["management", "security"], Sent("2026-03-01T10:00:00+00:00")
    added = {"management": ["a", "b"], "security": ["a"]}
    facts: dict[str, Any] = {"layers": both, "joining": ["a", "b"], "user_changes": {"add": added}}
    facts |= {f"plan@{account}": {"passwords": names} for account, names in added.items()}
    here = Context(fake_environment(tmp_path, {}), facts, facts, "management", tmp_path)
    assert [hand_over.later_layers((name,), here) for name in arrived] == [("security",), ()]
    facts |= {f"applied@{account}": {} for account in both}
    Drafts(tmp_path / DRAFTS).save(
        StepKey("hand-over", "management"), {"people": plain({"a": Sent(), "b": sent})}
    )
    context = Context(fake_environment(tmp_path, {}), facts, facts, "security", tmp_path)
    given = hand_over.perform(hand_over.Request({"a": sent}), context, lambda _: None)
    every = {**facts, "handed_over@security": given["handed_over"]}
    seen = hand_over.inquire(replace(context, every=every))
    assert seen.by_item == {"management": ("b",)}
    looked = {StepKey("hand-over", "security"): seen}
    rows = status_grid(
        Context(fake_environment(tmp_path, {}), every, every, "", tmp_path, observed=looked)
    ).rows
    there = PersonStatus.SIGNED_IN
    assert rows == (("a", (there, there)), ("b", (PersonStatus.AWAITED, PersonStatus.NOT_HERE)))


@pytest.mark.parametrize("found", Arrival)
def test_nothing_is_sent_to_somebody_whom_aws_no_longer_has(
    found: Arrival, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "arrival", lambda *_: found)
    context = Context(
        fake_environment(tmp_path, {}), {}, {"plan@security": {"passwords": [NAME]}}, "security", tmp_path
    )
    gone = found in {Arrival.NO_USER, Arrival.NO_PASSWORD, Arrival.OTHER_PASSWORD}
    for name, expected in ((NAME, gone), ("machine.ci", False)):
        person = PersonHandoff(name, "text", ("security",), ())
        assert hand_over.is_gone(person, context, lambda _: None) is expected


def test_nothing_is_sent_once_the_person_has_stopped_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {"plan@security": {"passwords": [NAME]}}
    context = Context(fake_environment(tmp_path, {}), {}, every, "security", tmp_path, threading.Event())
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "arrival", lambda *_: context.cancelled.set() or Arrival.HERE)
    with pytest.raises(Cancelled):
        hand_over.is_gone(PersonHandoff(NAME, "text", ("security",), ()), context, lambda _: None)


def test_an_identity_says_all_that_a_person_needs_and_can_be_sent(project: Project, home: GpgHome) -> None:
    password = encrypted(home)
    made = identity(source(project, login_profiles={NAME: login(password)}), NAME, details(home))
    assert made.sign_in_url == "https://binbash-security.signin.aws.amazon.com/console"
    assert made.encrypted_password == password
    assert made.key_fingerprint == home.fingerprint(NAME)
    assert made.mfa_required
    assert [(profile.profile, profile.role) for profile in made.profiles] == [("bb-shared-devops", "DevOps")]
    assert made.access_key_id is None
    assert Handoff("bb", (made,)).problems() == []


def test_it_says_whether_leverage_cli_reads_names_for_mfa(project: Project, home: GpgHome) -> None:
    profiles = {NAME: login(encrypted(home))}
    for enabled in (False, True):
        there = source(replace(project, mfa_enabled=enabled), login_profiles=profiles)
        text = Handoff("bb", (identity(there, NAME, details(home)),)).render()
        assert open_handoff(text).identities[0].mfa_names is enabled
        assert ("mfa_names" in text) is enabled


def test_without_an_alias_and_in_another_partition_the_address_still_fits(
    project: Project, home: GpgHome
) -> None:
    changes: dict[str, Any] = {"account_alias": "", "partition": "aws-us-gov"}
    made = identity(
        source(project, login_profiles={NAME: login(encrypted(home))}, **changes),
        NAME,
        details(home),
    )
    assert made.sign_in_url == f"https://{SECURITY}.signin.amazonaws-us-gov.com/console"


def test_a_machine_gets_its_key_without_an_address_and_without_mfa(project: Project, home: GpgHome) -> None:
    own = AccessKey("AKIAABCDEFGHIJKLMNOP", encrypted(home), "", "Active", False)
    inactive = replace(own, access_key_id="AKIAINACTIVEINACTIVE", status="Inactive")
    made = identity(source(project, access_keys={NAME: (own, inactive)}), NAME, details(home))
    assert made.access_key_id == "AKIAABCDEFGHIJKLMNOP"
    assert made.encrypted_secret == own.encrypted_secret
    assert (made.sign_in_url, made.encrypted_password, made.mfa_required) == ("", None, False)
    assert Handoff("bb", (made,)).problems() == []


def test_what_is_for_another_key_is_refused(project: Project, home: GpgHome) -> None:
    other = login(encrypted(home, "somebody.else"))
    with pytest.raises(NotForThisKey):
        identity(source(project, login_profiles={NAME: other}), NAME, details(home))


@pytest.mark.parametrize("password", ["", "bm90IGEgbWVzc2FnZQ=="])
def test_what_is_no_message_is_refused(project: Project, home: GpgHome, password: str) -> None:
    with pytest.raises(NotForThisKey):
        identity(source(project, login_profiles={NAME: login(password)}), NAME, details(home))


def test_a_password_in_clear_is_refused(project: Project, home: GpgHome) -> None:
    clear = login("", clear=True)
    with pytest.raises(NotForThisKey, match="unencrypted"):
        identity(source(project, login_profiles={NAME: clear}), NAME, details(home))


def test_a_person_who_is_not_in_the_state_is_told_so(project: Project, home: GpgHome) -> None:
    with pytest.raises(OnboardError, match=f" security .*{NAME}"):
        identity(source(project, users={}), NAME, details(home))
    with pytest.raises(OnboardError, match=f" security .*{NAME}"):
        identity(source(project), NAME, details(home))


def test_a_backend_that_names_the_same_role_by_another_word_gives_the_profile(project: Project) -> None:
    assert account_profile(project, "management", "Admin") == "bb-management-administrator"
    assert account_profile(project, "management", "Auditor") == "bb-management-auditor"
    assert account_profile(project, "security", "DevOps") == "bb-security-devops"


def test_the_password_rules_are_the_layers_with_the_modules_defaults(project: Project) -> None:
    words = policy_words(source(project).layer)
    assert words[0] == "16 to 128 characters"
    location = project.layer("security")
    assert location is not None
    file = location.path / "account.tf"
    file.write_text(file.read_text().replace("  minimum_password_length        = 16\n", ""))
    assert policy_words(read_layer(location))[0] == "8 to 128 characters"


def test_an_account_in_which_nobody_got_anything_leaves_nothing_to_ask(tmp_path: Path) -> None:
    facts = {
        "layers": ["management", "security"],
        "user_changes": {"add": {"security": [NAME]}, "remove": {}},
    }
    context = Context(fake_environment(tmp_path, {}), facts, {}, "management", tmp_path)
    assert hand_over.observe(context) is AGREES
    assert hand_over.observe(replace(context, item="security")) is NOT_ASKED


@pytest.mark.parametrize(
    ("facts", "next_step", "unread"),
    [
        ({}, "", True),
        ({"user": NAME}, "", True),
        ({"user": NAME, "accepted_at": "2026-03-01T10:00:00+00:00"}, "", True),
        ({"user": "sam", "accepted_at": "2026-03-03T10:00:00+00:00"}, "", True),
        ({"user": NAME, "accepted_at": "2026-03-03T10:00:00+00:00"}, "verify", True),
        ({"user": NAME, "accepted_at": "2026-03-03T10:00:00+00:00"}, "", False),
    ],
)
def test_a_text_about_roles_is_read_once_their_own_session_is_through_with_it(
    tmp_path: Path, facts: dict[str, Any], next_step: str, *, unread: bool
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    theirs.mkdir()
    keep_summary(theirs, Summary("theirs", "new-user", facts=facts, next_step=next_step), made_from(theirs))
    sent = {"people": {NAME: {"sent_at": "2026-03-02T10:00:00+00:00", "how": "copied"}}}
    every = {"layers": ["security"], "regrouping": [NAME], "handed_over@security": sent}
    every["plan@security"] = {"roles": {NAME: {"went": {"DevOps": ["shared"]}}}}
    context = Context(fake_environment(tmp_path, {}), every, every, "security", mine, threading.Event())
    assert hand_over.has_unread_roles("security", context) is unread


def test_who_can_use_other_roles_keeps_the_password_and_nothing_more_is_asked(
    project: Project, home: GpgHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {NAME: {"went": {"DevOps": ["shared"]}}}
    facts = {"layers": ["security"], "regrouping": [NAME], "plan@security": {"roles": roles}}
    context = Context(fake_environment(tmp_path, {}), facts, facts, "security", tmp_path, threading.Event())
    assert hand_over.observe(context) is AGREES
    assert hand_over.occasion_of(NAME, context) == NEW_ROLES
    monkeypatch.setattr(hand_over, "iam_client", lambda *_: nullcontext())
    layer: Any = SimpleNamespace(project=None, files=None, location=SimpleNamespace(account="security"))
    password, own = (
        login(encrypted(home)),
        AccessKey("AKIAABCDEFGHIJKLMNOP", encrypted(home), "", "Active", clear=False),
    )
    full = {"login_profiles": {NAME: password}, "access_keys": {NAME: (own,)}}
    for user, useless in (("arn", []), (None, [NAME])):
        monkeypatch.setattr(hand_over, "find_user", lambda *_, user=user: user)
        for found in Arrival:
            monkeypatch.setattr(hand_over, "arrival", lambda *_, found=found: found)
            outdated, unopened = hand_over._asked_of_aws(state(**full), layer, (), context)
            assert [*outdated] == useless
            one_time = found in {Arrival.AWAY, Arrival.MUST_CHOOSE}
            assert unopened == ({NAME} if one_time and not useless else set())
    lost = {"login_profiles": {NAME: login(encrypted(home, "somebody.else"))}, "group_roles": {}}
    imported = {"login_profiles": {NAME: login("")}}
    for changes in (full, lost, imported, {}):
        there = source(project, **changes)
        there.layer.files.keys.clear()
        made = person_handoff(
            NAME, {"security": there}, (), replace(context, facts={**facts, "project": "bb"})
        )
        assert (made.accounts, made.trouble, made.conventional) == (("security",), (), ())
        assert "bb-shared-devops\n" in made.text
        (sent,) = open_handoff(made.text).identities
        assert (sent.encrypted, bool(sent.profiles)) == ((), "group_roles" not in changes)
        assert bool(sent.sign_in_url) is sent.mfa_required is bool(changes)


def test_who_has_not_signed_in_yet_gets_the_password_with_the_other_roles(
    project: Project, home: GpgHome, tmp_path: Path
) -> None:
    facts = {"project": "bb", "layers": ["security"], "regrouping": [NAME]}
    every = {"plan@security": {"roles": {NAME: {"came": {"DevOps": ["shared"]}}}}}
    context = Context(fake_environment(tmp_path, {}), facts, every, "security", tmp_path)
    own = encrypted(home)
    for password, sent in ((own, own), (encrypted(home, "somebody.else"), None)):
        there = replace(source(project, login_profiles={NAME: login(password)}), unopened={NAME})
        there.layer.files.keys[f"keys/{NAME}"] = normalise(home.export(NAME)).text.encode()
        made = person_handoff(NAME, {"security": there}, (), context)
        handoff = open_handoff(made.text)
        assert [each.encrypted_password for each in handoff.identities] == [sent]
        assert handoff.occasion == (ACCESS if sent else NEW_ROLES)
        assert handoff.identities[0].profiles
        assert made.trouble == ()
        assert len(made.without) == (sent is None), "a password is never left out silently"


def test_no_unopened_password_is_sent_again_for_a_key_that_is_not_theirs(
    project: Project, home: GpgHome, tmp_path: Path
) -> None:
    there = replace(source(project, login_profiles={NAME: login(encrypted(home))}), unopened={NAME})
    there.layer.files.keys[f"keys/{NAME}"] = normalise(home.export(NAME)).text.encode()
    every = {"plan@security": {"roles": {NAME: {"came": {"DevOps": ["shared"]}}}}}
    for answer in (Comparison.SAME, Comparison.DIFFERS):
        context = with_key(home, tmp_path, regrouping=[NAME], comparisons={NAME: answer})
        made = person_handoff(NAME, {"security": there}, (), replace(context, every=every))
        assert (bool(made.text), made.rejected) == (answer is Comparison.SAME, answer is Comparison.DIFFERS)


@pytest.mark.parametrize(("here", "waits"), [("management", True), ("security", False)])
def test_while_a_key_is_replaced_a_later_account_is_still_to_come_and_not_at_fault(
    here: str, project: Project, home: GpgHome, tmp_path: Path, *, waits: bool
) -> None:
    other = source(project, login_profiles={NAME: login(encrypted(home, "somebody.else"))})
    other.layer.files.keys[f"keys/{NAME}"] = normalise(home.export(NAME)).text.encode()
    facts = {"project": "bb", "layers": ["management", "security"], "rekeying": [NAME]}
    every = {**facts, "plan@security": {"passwords": [NAME]}}
    context = Context(fake_environment(tmp_path, {}), facts, every, here, tmp_path)
    made = person_handoff(NAME, {"security": other}, (), context)
    assert (made.waiting, bool(made.trouble)) == ((("security",), False) if waits else ((), True))


def test_an_account_that_a_later_session_took_over_is_neither_sent_nor_missing(
    project: Project, home: GpgHome, tmp_path: Path
) -> None:
    facts = {"project": "bb", "layers": ["security"]}
    every = {**facts, "plan@security": {"passwords": [NAME]}}
    context = Context(fake_environment(tmp_path, {}), facts, every, "security", tmp_path)
    kept = source(project, login_profiles={NAME: login(encrypted(home))})
    made = person_handoff(NAME, {"security": replace(kept, elsewhere={NAME: "removed"})}, (), context)
    assert (made.settled, made.text, made.trouble, len(made.elsewhere)) == (True, "", (), 1)
    lost = person_handoff(
        NAME, {"security": replace(kept, outdated={NAME: PlanAgain("gone", "gone")})}, (), context
    )
    assert (lost.settled, len(lost.trouble), lost.to_plan) == (False, 1, ("security",))
    reset = replace(kept, outdated={NAME: OnboardError("another", "another")})  # no plan changes that
    assert person_handoff(NAME, {"security": reset}, (), context).to_plan == ()


def test_who_is_left_to_later_sessions_in_every_applied_account_is_known_without_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"project": "bb", "layers": ["management", "security"]}
    play(
        monkeypatch,
        removed={("management", "a"): Summary("3", "admin", "3", facts={"leaving": ["a"]})},
        renewed={(account, "b"): RESET_B for account in facts["layers"]},
    )
    made = {f"plan@{account}": {"passwords": ["a", "b"]} for account in facts["layers"]}
    context = Context(fake_environment(tmp_path, {}), facts, made, "management", tmp_path)
    assert hand_over.left_to_later(context) == {}
    one = replace(context, every={**made, "applied@management": {}})
    assert hand_over.left_to_later(one).keys() == {"a", "b"}
    both = replace(one, every={**one.every, "applied@security": {}})
    assert {name: len(words) for name, words in hand_over.left_to_later(both).items()} == {"b": 2}


def with_key(home: GpgHome, folder: Path, **facts: object) -> Context:
    """Return the context of a session with somebody's key, and with a password for them."""
    key = {"text": normalise(home.export(NAME)).text, "fingerprint": details(home).fingerprint}
    decided = {"project": "bb", "layers": ["security"], "keys": {NAME: {**key, "source": "pasted"}}, **facts}
    every = {"plan@security": {"passwords": [NAME]}}
    return Context(fake_environment(folder, {}), decided, every, "security", folder)


def test_a_profile_that_two_accounts_give_stands_with_the_first(
    project: Project, home: GpgHome, tmp_path: Path
) -> None:
    accounts = ("management", "security")
    context = with_key(home, tmp_path, layers=[*accounts])
    context = replace(context, every={f"plan@{account}": {"passwords": [NAME]} for account in accounts})
    here = source(project, login_profiles={NAME: login(encrypted(home))})
    there = {"account_id": "111111111111", "users": {NAME: f"arn:aws:iam::111111111111:user/{NAME}"}}
    location = project.layer("management")
    assert location is not None
    management = replace(here, layer=read_layer(location), state=replace(here.state, **there))
    sources = {"management": management, "security": here}
    handoff = open_handoff(person_handoff(NAME, sources, (), context).text)
    with_profiles = [each.account_name for each in handoff.identities if each.profiles]
    assert (len(handoff.identities), with_profiles) == (2, ["management"])


@pytest.mark.parametrize("sent", [True, False])
def test_what_another_account_has_sent_is_not_sent_again_where_this_one_has_nothing(
    project: Project, home: GpgHome, tmp_path: Path, *, sent: bool
) -> None:
    accounts = ("management", "security")
    context = replace(with_key(home, tmp_path, layers=[*accounts]), item="security")
    at = "2026-03-01T10:00:00+00:00" if sent else None
    handed_over = {"handed_over@management": plain(HandedOver({NAME: Sent(at)}))}
    plans = {f"plan@{account}": {"passwords": [NAME]} for account in accounts}
    context = replace(context, every={**plans, **handed_over})
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    location = project.layer("management")
    assert location is not None
    management = replace(read, layer=read_layer(location))
    lost = replace(read, outdated={NAME: PlanAgain("gone", "gone")})
    made = person_handoff(NAME, {"management": management, "security": lost}, (), context)
    assert (made.void, made.to_plan) == (sent, ("security",))
    assert made.accounts == (() if sent else ("management",))


@pytest.mark.parametrize("same", [True, False])
def test_a_text_for_another_key_than_a_later_session_took_in_is_doubted(
    project: Project, home: GpgHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    context, fingerprint = with_key(home, tmp_path), details(home).fingerprint
    later = {(NAME, fingerprint if same else "A" * 40): "Replace a key"}
    monkeypatch.setattr(hand_over, "keys_of_later_sessions", lambda _: later)
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    made = person_handoff(NAME, {"security": read}, (), context)
    assert (bool(made.text), made.trouble, len(made.doubts)) == (True, (), not same)


@pytest.mark.parametrize(
    ("answers", "fingerprint", "open_there"),
    [
        (["later"], "A" * 40, Comparison.LATER),
        (["same"], "A" * 40, None),
        (["later", "same"], "A" * 40, None),
        (["same", "differs"], "A" * 40, Comparison.DIFFERS),
        (["later"], "B" * 40, None),
    ],
)
def test_a_key_that_another_session_left_uncompared_or_rejected_is_known(
    answers: list[str], fingerprint: str, tmp_path: Path, open_there: Comparison | None
) -> None:
    known = {"project_root": str(tmp_path)}
    key = {NAME: {"text": "a key", "fingerprint": "A" * 40, "source": "pasted"}}
    taken = {**known, "joining": [NAME], "keys": key}
    for at, answer in enumerate(answers):
        other = tmp_path / str(at)
        other.mkdir()
        facts = {**taken, "comparisons": {NAME: answer}}
        keep_summary(other, Summary(other.name, "admin", facts=facts), made_from(other))
    context = Context(fake_environment(tmp_path, {}), known, known, "security", tmp_path / "own")
    others = other_sessions.decided_elsewhere(context)
    left = other_sessions.left_open_about({NAME: fingerprint}, context, others).get((NAME, fingerprint))
    assert (left.answer if left else None) == open_there


def test_what_speaks_against_a_key_stays_with_the_text_for_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"layers": ["management", "security"]}
    made = {
        f"plan@{account}": {"passwords": [NAME], "rekeyed": [NAME] if account == "management" else []}
        for account in facts["layers"]
    }
    applied = {f"applied@{account}": {} for account in facts["layers"]}
    context = Context(fake_environment(tmp_path, {}), facts, {**made, **applied}, "security", tmp_path)
    text = PersonHandoff(NAME, "text", ("management", "security"), doubts=("left open",))
    monkeypatch.setattr(hand_over, "_source", lambda *_: source(project))
    monkeypatch.setattr(hand_over, "person_handoff", lambda *_: text)

    def suspicions(_names: object, _there: Context, _others: object, rekeyed: list[str]) -> dict[str, str]:
        return dict.fromkeys(rekeyed, "suspect")

    monkeypatch.setattr(hand_over, "suspicions", suspicions)
    (read,) = hand_over.prepare(context, lambda _: None)
    assert read.doubts == ("left open", "suspect")


@pytest.mark.parametrize("own", [Comparison.SAME, Comparison.LATER])
def test_a_key_that_another_session_rejects_gets_no_text_unless_it_was_compared_here(
    project: Project, home: GpgHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Comparison
) -> None:
    context, part = with_key(home, tmp_path, comparisons={NAME: own}), (NAME, details(home).fingerprint)
    monkeypatch.setattr(
        hand_over, "left_open_about", lambda *_: {part: LeftOpen(Comparison.DIFFERS, "Add jane.doe")}
    )
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    made = person_handoff(NAME, {"security": read}, (), context)
    assert (bool(made.text), made.rejected) == ((True, False) if own is Comparison.SAME else (False, True))


@pytest.mark.parametrize(("answer", "sent"), [(Comparison.LATER, True), (Comparison.DIFFERS, False)])
def test_a_key_that_another_session_rejects_gets_no_text(
    project: Project,
    home: GpgHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Comparison,
    *,
    sent: bool,
) -> None:
    context = with_key(home, tmp_path)
    of_another = {**context.facts, "keys": {}}
    part = NAME, details(home).fingerprint
    monkeypatch.setattr(hand_over, "left_open_about", lambda *_: {part: LeftOpen(answer, "Add jane.doe")})
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    keys = {**read.layer.files.keys, f"keys/{NAME}": normalise(home.export(NAME)).text.encode()}
    read = replace(read, layer=replace(read.layer, files=replace(read.layer.files, keys=keys)))
    made = person_handoff(NAME, {"security": read}, (), replace(context, facts=of_another))
    assert (bool(made.text), bool(made.doubts), bool(made.trouble)) == (sent, sent, not sent)
    assert made.rejected is not sent


@pytest.mark.parametrize(
    ("renewed", "text", "missing"),
    [((), "text", 0), (("security",), "", 1), (("management", "security"), "", 0)],
)
def test_a_text_that_was_read_goes_where_another_session_made_another_password_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renewed: tuple[str, ...], text: str, missing: int
) -> None:
    play(monkeypatch, {(account, NAME): RESET_B for account in renewed})
    facts = {"project": "bb", "layers": ["management", "security"]}
    made = {f"plan@{account}": {"passwords": [NAME]} for account in facts["layers"]}
    context = Context(fake_environment(tmp_path, {}), facts, made, "security", tmp_path)
    monkeypatch.setattr(hand_over, "is_gone", lambda *_: False)
    read = PersonHandoff(NAME, "text", ("management", "security"), plain="text")
    now = hand_over.as_of_now(read, context, lambda _: None)
    assert now is not None
    assert (now.text, len(now.elsewhere), len(now.trouble)) == (text, len(renewed), missing)
    assert now.settled is (len(renewed) == 2)


def test_the_way_out_is_named_only_where_there_is_one(tmp_path: Path) -> None:
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path)
    offered, withheld = (
        hand_over.validate(hand_over.Request({}, {NAME: "gone"}, skippable), context)
        for skippable in (True, False)
    )
    assert len(text_of(offered[0].message)) > len(text_of(withheld[0].message))


def test_a_reminder_says_why_its_people_got_a_handoff_and_speaks_of_mfa_as_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, {})
    reset = {"file": "keys/c", "passwords": ["c"]}
    tasks = {"joining": ["a"], "resetting": ["b"], "rekeying": ["c"]}
    users = {
        "user_changes": {"add": {"security": ["a"]}},
        "keys": {"c": {"text": "key", "resets": {"security": reset}}},
        "plan@security": {"passwords": [*"abc"]},
    }
    facts = {"project": "bb", "layers": ["security"], **tasks, **users}
    whole = Context(fake_environment(tmp_path, {}), facts, facts, "", tmp_path)
    sent = {who: hand_over.remind(who, whole).text for who in ("a", "b", "c", "ab")}
    assert len({*sent.values()}) == len(sent)
    occasions = {"a": ACCESS, "b": NEW_PASSWORD, "c": NEW_KEY}
    for name, occasion in occasions.items():
        assert sent[name] == reminder("bb", [(occasion, ["security"])])
    assert sent["ab"] == reminder("bb", [(ACCESS, ["security"]), (NEW_PASSWORD, ["security"])])


def test_whom_a_later_session_removed_or_awaits_is_not_asked_about(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "located", lambda _: (project, None))
    monkeypatch.setattr(hand_over, "arrival", lambda *given: asked.append(given[1:]) or Arrival.AWAY)
    removed = {("security", "a"): Summary("3", "admin", "3", facts={"leaving": ["a"]})}
    last = replace(RESET_B, awaited=("b",))
    renewed = {("security", "b"): last}
    play(monkeypatch, renewed, removed)
    sent = plain(HandedOver({name: Sent("2026-03-01T10:00:00+00:00") for name in ("a", "b")}))
    every = {
        "plan@security": {"passwords": ["a", "b"]},
        "applied@security": {"at": "2026-03-01T09:00:00+00:00"},
        "handed_over@security": sent,
    }
    context = Context(fake_environment(tmp_path, {}), {"handed_over": sent}, every, "security", tmp_path)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about, asked) == (Verdict.REVERTED, ("a",), [])
    assert RESET in str(seen.words)
    waits = seen.words
    renewed["security", "b"] = replace(last, awaited=())  # it waits for nobody, or wasn't asked yet
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about, asked) == (Verdict.REVERTED, ("a",), [])
    assert RESET in str(seen.words)
    assert seen.words != waits
    not_asked = seen.words
    unsent = {"facts": {**last.facts, "layers": ["security"]}, "settled": {"apply@security": "2"}}
    renewed["security", "b"] = replace(last, awaited=(), next_step="hand-over", **unsent)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.words in {waits, not_asked}) == (Verdict.REVERTED, False)
    renewed["security", "b"] = last
    whole = replace(context, facts={"project": "bb", "layers": ["security"]}, item="")
    reminder = hand_over.remind(["b", "c"], whole)
    assert RESET in str(reminder.said)
    assert "bb" in str(whole.environment.clipboard.content)  # type: ignore[attr-defined]
    with pytest.raises(OnboardError, match=RESET):
        hand_over.remind(["b"], whole)
    elsewhere = {"plan@management": {"passwords": ["b"]}, **every}
    layers = {"project": "bb", "layers": ["management", "security"]}
    some = replace(whole, facts=layers, every=elsewhere)
    assert RESET not in str(hand_over.remind(["b"], some).said)
    play(monkeypatch, {("management", "b"): last}, removed)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about, [name for name, _ in asked]) == (Verdict.AWAITED, ("b",), ["b"])
    removed["security", "b"] = Summary("3", "admin", "3", facts={"leaving": ["b"]})
    play(monkeypatch, {("management", "b"): last}, removed)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about) == (Verdict.REVERTED, ("a", "b"))


def test_who_got_another_password_since_counts_as_there_only_once_aws_has_seen_it_used(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"a": Arrival.HERE, "b": Arrival.AWAY}
    made_by = dict[str, object]()
    monkeypatch.setattr(hand_over.state_now, "client_without_code", signed)
    monkeypatch.setattr(hand_over, "located", lambda _: (project, None))
    monkeypatch.setattr(
        hand_over, "arrival", lambda _, name, made: made_by.update({name: made}) or found[name]
    )
    play(monkeypatch, {("security", "b"): RESET_B})
    sent = plain(HandedOver({name: Sent("2026-03-01T10:00:00+00:00") for name in found}))
    every = {
        "layers": ["security"],
        "joining": [*found],
        "user_changes": {"add": {"security": [*found]}, "remove": {}},
        "plan@security": {"passwords": [*found]},
        "applied@security": {"at": "2026-03-01T09:00:00+00:00"},
        "handed_over@security": sent,
    }
    context = Context(fake_environment(tmp_path, {}), {"handed_over": sent}, every, "security", tmp_path)
    seen = hand_over.inquire(context)
    assert (seen.verdict, seen.about, made_by["b"]) == (Verdict.AWAITED, ("b",), None)
    assert made_by["a"] is not None
    assert RESET in str(seen.words)
    found["b"] = Arrival.HERE
    assert hand_over.inquire(context).verdict is Verdict.AS_DECIDED


def test_a_saved_text_takes_the_place_of_a_handoff_for_the_same_person_only(tmp_path: Path) -> None:
    context = Context(fake_environment(tmp_path, {}), {"project": "bb"}, {}, "", tmp_path)
    sent = PersonHandoff(NAME, Handoff("bb", (jane(),)).render(), ("security",), ())
    notes = context.environment.home / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(OnboardError):
        hand_over.save(sent, "~/notes.txt", context)
    assert notes.read_text() == "mine"
    for text in (sent.text, f"{sent.text}\nFrom your admin\n"):
        hand_over.save(replace(sent, text=text), "handoff.txt", context)
        assert (context.environment.home / "handoff.txt").read_text() == text
    for others in (Handoff("bb", (replace(jane(), user="sam"),)), Handoff("another", (jane(),))):
        notes.write_text(others.render())
        with pytest.raises(OnboardError):
            hand_over.save(sent, "~/notes.txt", context)
        assert notes.read_text() == others.render()


@pytest.mark.parametrize(("listed", "useless"), [(["AKIA1"], False), (["AKIA2"], True), ([], True)])
def test_an_access_key_that_aws_no_longer_has_is_not_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: list[str], *, useless: bool
) -> None:
    facts = {
        "layers": ["security"],
        "joining": [NAME],
        "user_changes": {"add": {"security": [NAME]}, "remove": {}},
    }
    context = Context(fake_environment(tmp_path, {}), facts, facts, "security", tmp_path, threading.Event())
    made = state(access_keys={NAME: (AccessKey("AKIA1", "", "", "Active", clear=False),)})
    monkeypatch.setattr(hand_over, "people_of", lambda *_: {NAME})
    monkeypatch.setattr(hand_over, "iam_client", lambda *_: nullcontext())
    monkeypatch.setattr(hand_over, "find_user", lambda *_: "arn")
    monkeypatch.setattr(
        hand_over.state_now,
        "list_access_keys",
        lambda *_: [SimpleNamespace(access_key_id=key) for key in listed],
    )
    layer: Any = SimpleNamespace(project=None, files=None, location=SimpleNamespace(account="security"))
    assert bool(hand_over._asked_of_aws(made, layer, (), context)[0]) is useless


def test_why_texts_are_of_no_use_is_said_once_for_everybody_whom_it_concerns() -> None:
    lost = [PersonHandoff(name, "", (), ("security: AWS has no such user.",)) for name in ("a", "b")]
    seen = hand_over.of_no_use(lost)
    assert seen is not None
    assert (seen.about, seen.words.count("AWS"), seen.asks) == (("a", "b"), 1, True)
    rejected = hand_over.of_no_use([lost[0], replace(lost[1], rejected=True)])
    assert rejected is not None
    assert not rejected.asks


@pytest.mark.parametrize("said", ["later", "differs"])
def test_only_a_key_that_turned_out_not_to_be_its_owners_holds_back_their_text(
    project: Project, home: GpgHome, tmp_path: Path, said: str
) -> None:
    context = with_key(home, tmp_path, comparisons={NAME: said})
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    made = person_handoff(NAME, {"security": read}, (), context)
    assert (bool(made.text), made.void) == ((True, False) if said == "later" else (False, True))
    assert made.rejected is made.void


def test_a_rejected_key_is_known_by_the_account_that_needs_one(
    project: Project, home: GpgHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = NAME, details(home).fingerprint
    found = {part: LeftOpen(Comparison.DIFFERS, "Add jane.doe")}
    monkeypatch.setattr(
        hand_over, "left_open_about", lambda named, *_: found if part in named.items() else {}
    )
    made = hand_over._identity_of

    def first_only_roles(name: str, account: str, *rest: Any) -> Any:
        whole, lacks = made(name, "security", *rest)
        other = replace(whole, account_name=account, account_id="1" * 12, key_fingerprint="", profiles=())
        return (whole if account == "security" else replace(other, encrypted_password=None)), lacks

    monkeypatch.setattr(hand_over, "_identity_of", first_only_roles)
    monkeypatch.setattr(hand_over, "people_of", lambda *_: (NAME,))
    read = source(project, login_profiles={NAME: login(encrypted(home))})
    context = with_key(home, tmp_path)
    of_another = replace(context, facts={**context.facts, "layers": ["management", "security"]})
    rejected = person_handoff(NAME, {"management": read, "security": read}, (), of_another)
    assert (rejected.text, rejected.rejected) == ("", True)


def test_whose_text_was_not_sent_is_a_warning(tmp_path: Path) -> None:
    own = context(tmp_path)
    sent = hand_over.sent_now("by hand", own)
    assert hand_over.validate(hand_over.Request({"jane.doe": sent}), own) == []
    (problem,) = hand_over.validate(hand_over.Request({"jane.doe": Sent()}), own)
    assert not problem.fatal
    given = hand_over.perform(hand_over.Request({"jane.doe": sent}), own, quiet)
    assert given["handed_over"]["people"]["jane.doe"] == {"sent_at": sent.sent_at, "how": "by hand"}
    by_hand = {"people": {"jane.doe": plain(hand_over.marked_by_hand(own, "you said so"))}}
    assert sent_to(by_hand)["jane.doe"].by_hand
