"""People who leave: IAM's denials are reported, and the other questions are asked anyway."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.stub import Stubber
from support.admin_project import quiet
from support.fakes import fake_environment

from workflows.aws.clients import ClientFactory
from workflows.aws.iam import AccessKey, Holding, HoldingKind
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import text_of
from workflows.machine.events import AGREES, NOT_ASKED, RESTED, Verdict
from workflows.steps.admin import deactivate
from workflows.steps.admin.deactivate import (
    Appeared,
    Findings,
    Leaver,
    Request,
    refuse_appeared,
)
from workflows.steps.admin.deactivated import Record, Thing
from workflows.steps.admin.own_user import OwnUser
from workflows.steps.shared.module import Context
from workflows.terraform.state import State

NAME = "sam.okafor"
KEY_ID = "AKIAEXAMPLEEXAMPLE01"
MADE = datetime(2026, 1, 1, tzinfo=UTC)
USER = {"Path": "/", "UserName": NAME, "UserId": "AIDAEXAMPLEEXAMPLE01", "CreateDate": MADE}
USER["Arn"] = f"arn:aws:iam::111111111111:user/{NAME}"
ANSWERS: dict[str, dict[str, Any]] = {
    "get_user": {"User": USER},
    "list_access_keys": {
        "AccessKeyMetadata": [{"AccessKeyId": KEY_ID, "Status": "Active", "CreateDate": MADE}]
    },
    "get_access_key_last_used": {"AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}},
    "get_login_profile": {"LoginProfile": {"UserName": NAME, "CreateDate": MADE}},
    "list_mfa_devices": {"MFADevices": []},
    "list_ssh_public_keys": {"SSHPublicKeys": []},
    "list_service_specific_credentials": {"ServiceSpecificCredentials": []},
    "list_signing_certificates": {"Certificates": []},
    "list_user_policies": {"PolicyNames": ["by-hand"]},
    "list_attached_user_policies": {"AttachedPolicies": []},
    "list_groups_for_user": {"Groups": []},
}


@pytest.fixture
def iam() -> Iterator[tuple[Any, Stubber]]:
    factory = ClientFactory("http://127.0.0.1:9", "us-east-1")
    credentials = Credentials("AKIAEXAMPLEEXAMPLE02", Secret("s" * 40))
    with factory.client("iam", credentials) as client, Stubber(client) as stub:
        yield client, stub


def answering(stub: Stubber, failing: dict[str, str]) -> None:
    """Add IAM's responses to the stub, in the order of the calls, with error codes for failing ones."""
    for operation, answer in ANSWERS.items():
        if operation == "get_access_key_last_used" and "list_access_keys" in failing:
            continue
        if operation in failing:
            stub.add_client_error(operation, failing[operation])
        else:
            stub.add_response(operation, answer)


def leaver(iam: tuple[Any, Stubber], state: State | None = None, **failing: str) -> Leaver:
    client, stub = iam
    answering(stub, failing)
    return deactivate._leaver(client, NAME, state or State())


HELD: dict[str, dict[str, Any]] = {
    "list_mfa_devices": {
        "MFADevices": [{"UserName": NAME, "SerialNumber": "GAHT12345678", "EnableDate": MADE}]
    },
    "list_ssh_public_keys": {
        "SSHPublicKeys": [
            {"UserName": NAME, "SSHPublicKeyId": "A" * 20, "Status": "Active", "UploadDate": MADE}
        ]
    },
    "list_service_specific_credentials": {
        "ServiceSpecificCredentials": [
            {
                "UserName": NAME,
                "Status": "Active",
                "ServiceUserName": "x",
                "CreateDate": MADE,
                "ServiceSpecificCredentialId": "A" * 20,
                "ServiceName": "codecommit.amazonaws.com",
            }
        ]
    },
    "list_signing_certificates": {
        "Certificates": [
            {"UserName": NAME, "CertificateId": "A" * 24, "CertificateBody": "x", "Status": "Active"}
        ]
    },
    "list_groups_for_user": {
        "Groups": [
            {
                "Path": "/",
                "GroupName": "devops",
                "GroupId": "A" * 16,
                "Arn": "arn:aws:iam::111111111111:group/devops",
                "CreateDate": MADE,
            }
        ]
    },
}


@pytest.mark.parametrize(
    ("state", "blocking"),
    [
        (State(), set(HoldingKind) - {HoldingKind.ATTACHED_POLICY}),
        (State(users={NAME: ""}), set(HoldingKind) - {HoldingKind.ATTACHED_POLICY, HoldingKind.GROUP}),
        (
            State(users={NAME: ""}, forced=frozenset({NAME})),
            {HoldingKind.INLINE_POLICY, HoldingKind.SERVICE_CREDENTIAL},
        ),
    ],
)
def test_what_goes_with_a_user_is_not_in_the_way(
    iam: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch, state: State, blocking: set[HoldingKind]
) -> None:
    for operation, answer in HELD.items():
        monkeypatch.setitem(ANSWERS, operation, answer)
    found = leaver(iam, state)
    assert {holding.kind for holding in found.blocking} == blocking
    assert [key.access_key_id for key in found.active_keys] == [KEY_ID]


def test_each_question_that_is_denied_stops_no_other(iam: tuple[Any, Stubber]) -> None:
    state = State(forced=frozenset({NAME}))
    found = leaver(iam, state, list_access_keys="AccessDenied", list_groups_for_user="AccessDenied")
    assert (found.keys, found.active_keys, found.password) == (None, (), True)
    assert [holding.kind for holding in found.blocking] == [HoldingKind.INLINE_POLICY]
    assert found.denied == (HoldingKind.ACCESS_KEY, HoldingKind.GROUP)


def test_a_password_that_may_not_be_asked_for_is_unknown(iam: tuple[Any, Stubber]) -> None:
    found = leaver(iam, get_login_profile="AccessDenied")
    assert found.password is None
    assert [active_key.access_key_id for active_key in found.active_keys] == [KEY_ID]


def test_whoever_may_not_be_asked_for_is_taken_for_there(iam: tuple[Any, Stubber]) -> None:
    assert leaver(iam, get_user="AccessDenied").exists


@pytest.mark.parametrize("failing", [{"get_user": "NoSuchEntity"}, {"list_access_keys": "NoSuchEntity"}])
def test_somebody_who_is_gone_is_so_whoever_says_it(
    iam: tuple[Any, Stubber], failing: dict[str, str]
) -> None:
    denied = {"get_user": "AccessDenied"} if "get_user" not in failing else {}
    assert not leaver(iam, **denied, **failing).exists


def test_what_could_not_be_seen_is_a_warning_and_is_kept_apart_from_what_is_not_there(tmp_path: Path) -> None:
    facts = {
        "project_root": str(tmp_path),
        "layers": ["security"],
        "leaving": [NAME],
        "user_changes": {"add": {}, "remove": {"security": [NAME]}},
    }
    context = Context(fake_environment(tmp_path, {}), facts, facts, "security", tmp_path / "session")
    unseen = Leaver(NAME, True, None, None, denied=(HoldingKind.ACCESS_KEY,))
    (problem,) = deactivate.validate(Request(Findings((unseen,))), context)
    assert not problem.fatal
    assert "access keys" in problem.message


@pytest.mark.parametrize(
    ("before", "status", "verdict"),
    [
        ("inactive", "Inactive", Verdict.AS_DECIDED),
        ("inactive", "Active", Verdict.UNDONE),
        ("inactive", None, Verdict.AS_DECIDED),
        ("active", "Active", Verdict.AS_DECIDED),
        ("", "Active", Verdict.UNDONE),
    ],
)
def test_aws_is_asked_whether_a_key_works_that_did_not_before(
    before: str,
    status: str | None,
    verdict: Verdict,
    iam: tuple[Any, Stubber],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, stub = iam
    if status is None:
        stub.add_client_error("get_user", "NoSuchEntity")
    else:
        stub.add_response("get_user", ANSWERS["get_user"])
        key = {"AccessKeyId": KEY_ID, "Status": status, "CreateDate": MADE}
        stub.add_response("list_access_keys", {"AccessKeyMetadata": [key]})
        stub.add_response("get_access_key_last_used", ANSWERS["get_access_key_last_used"])
    monkeypatch.setattr(deactivate, "client_without_code", lambda *_: nullcontext(client))
    facts = claimed(**{before: [KEY_ID]} if before else {})
    seen = deactivate.inquire(Context(fake_environment(tmp_path, {}), facts, {}, "security", tmp_path))
    assert seen.verdict is verdict


POLICY = {"kind": "inline policy", "id": "by-hand"}
AS_TEXT = "inline policy by-hand"


def claimed(**found: list[Any]) -> dict[str, Any]:
    """The facts of a step that found this."""
    people = {NAME: {"inactive": [], "active": [], "blocking": [], **found}}
    return {"deactivated": {"at": "2026-03-02T12:00:00+00:00", "people": people}}


def test_only_aws_knows_whether_a_key_works_by_now(tmp_path: Path) -> None:
    context = Context(fake_environment(tmp_path, {}), claimed(), {}, "security", tmp_path)
    assert deactivate.observe(context) is NOT_ASKED
    nobody = replace(context, facts={"deactivated": {**claimed()["deactivated"], "people": {}}})
    assert deactivate.observe(nobody) is AGREES


@pytest.mark.parametrize(
    ("facts", "names", "refused"),
    [
        (claimed(active=[KEY_ID], blocking=[POLICY]), [NAME], False),
        (claimed(active=[KEY_ID], blocking=[AS_TEXT]), [NAME], False),
        (claimed(blocking=[POLICY]), [NAME], True),
        (claimed(inactive=[KEY_ID], blocking=[POLICY]), [NAME], True),
        (claimed(active=[KEY_ID]), [NAME], True),
        (claimed(active=[KEY_ID], blocking=[{**POLICY, "id": "another"}]), [NAME], True),
        (claimed(active=[KEY_ID], blocking=[{**POLICY, "kind": "attached policy"}]), [NAME], True),
        (claimed(), [], False),
        ({}, [NAME], False),
    ],
    ids=[
        *("as found", "as an earlier version recorded it", "a new key", "an activated key", "a policy"),
        *("another policy", "a policy of another kind", "who stays", "nothing was asked"),
    ],
)
def test_what_appeared_since_stops_a_removal(
    iam: tuple[Any, Stubber],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    facts: dict[str, Any],
    names: list[str],
    *,
    refused: bool,
) -> None:
    client, stub = iam
    answering(stub, {})
    state = State(users={NAME: ""}, forced=frozenset({NAME}))
    monkeypatch.setattr(deactivate, "read_state", lambda *_, **__: state)
    monkeypatch.setattr(deactivate, "iam_client", lambda *_: nullcontext(client))
    checked: list[Collection[str]] = []
    monkeypatch.setattr(deactivate, "refuse_own_user", lambda names, *_: checked.append(names))
    layer: Any = SimpleNamespace(project=None, location=None, files=None)
    context = Context(fake_environment(tmp_path, {}), facts, {}, "security", tmp_path)
    with pytest.raises(Appeared) if refused else nullcontext() as stopped:
        refuse_appeared(names, layer, context, quiet)
    assert checked == [names] * bool(names), "also without a record of Deactivate"
    if stopped is not None:
        assert NAME in text_of(stopped.value.what)
        assert stopped.value.as_record()["kind"] == RESTED  # it is no failed try: nothing was begun


def test_nothing_is_deactivated_of_the_user_whose_key_the_removal_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: Collection[str], *_: object) -> NoReturn:
        raise OwnUser(*names, "security")

    monkeypatch.setattr(deactivate, "open_layer", lambda *_, **__: nullcontext())
    monkeypatch.setattr(deactivate, "refuse_own_user", refuse)
    facts = {"user_changes": {"add": {}, "remove": {"security": [NAME]}}, "layers": ["security"]}
    context = Context(fake_environment(tmp_path, {}), facts, {}, "security", tmp_path)
    with pytest.raises(OwnUser, match=NAME):  # AWS isn't asked: there is no client
        deactivate.deactivate(context, quiet)


@pytest.mark.parametrize(("by_hand", "known", "new"), [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_a_new_inactive_key_is_news_only_if_it_blocks_the_removal(
    *, by_hand: bool, known: bool, new: int
) -> None:
    key = AccessKey(KEY_ID, False, MADE, None, "")
    found = Leaver(NAME, True, keys=(key,), blocking=(deactivate._as_holding(key),) if by_hand else ())
    assert len([*deactivate._since(Record(active=(KEY_ID,) if known else ()), found)]) == new


@pytest.mark.parametrize("before", [(), (HoldingKind.ACCESS_KEY,)])
def test_keys_that_cannot_be_listed_any_more_do_not_pass_as_no_new_ones(
    tmp_path: Path, before: tuple[HoldingKind, ...]
) -> None:
    unseen = Leaver(NAME, True, keys=None, denied=(HoldingKind.ACCESS_KEY,))
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path)
    facts = deactivate.perform(Request(Findings((replace(unseen, denied=before),))), context, quiet)
    known = deactivate.recorded(replace(context, facts=facts)).people[NAME]
    assert bool([*deactivate._news(known, unseen)]) is not bool(before)


def test_what_is_recorded_is_compared_later_without_its_texts(tmp_path: Path) -> None:
    held = Holding(HoldingKind.SSH_KEY, "APKA1", "Active")
    findings = Findings((Leaver(NAME, True, blocking=(held,)),))
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path)
    facts = deactivate.perform(Request(findings), context, quiet)
    before = deactivate.recorded(replace(context, facts=facts)).people[NAME]
    assert before.blocking == (Thing("SSH key", "APKA1"),)
    assert [*deactivate._since(before, findings.people[0])] == []
    another = replace(held, id="APKA2")
    assert len([*deactivate._since(before, Leaver(NAME, True, blocking=(another,)))]) == 1
