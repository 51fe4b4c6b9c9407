from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Never

import pytest
from support.admin_project import AdminProject, quiet, taken_key
from support.fakes import FakeClipboard

from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.desktop.clipboard import ClipboardUnavailable
from workflows.gpg.inspect import KeyDetails, check_key, inspect_key
from workflows.gpg.verdict import VerdictKind, arrival_words
from workflows.machine.events import Verdict
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.messages.invitation import Invitation, open_invitation
from workflows.messages.request import Request as SentRequest
from workflows.steps.admin import pgp_keys
from workflows.steps.admin.edits import KeyToCorrect, refuse_unusable_keys
from workflows.steps.admin.other_sessions import decided_elsewhere, left_open_about
from workflows.steps.admin.pgp_keys import Request
from workflows.steps.decisions import Comparison

LOCKED = """provider "registry.terraform.io/hashicorp/aws" {
  version     = "3.39.0"
  constraints = "3.39.0"
}
"""
Keys = Mapping[str, bytes]


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    """Return a project in which two people join, and whose lock files name the old provider."""
    for account in ("management", "security"):
        admin_project.file(account, ".terraform.lock.hcl").write_text(LOCKED)
    admin_project.begin("jane.doe", "juan.delacruz")
    return admin_project


def request_text(keys: Keys, user: str, project: str = "bb") -> str:
    details = check_key(keys[user], environment={"PATH": "/usr/bin:/bin"}).details
    return SentRequest(project, user, b64encode(keys[user]).decode(), details.fingerprint).render()


def refused(admin: AdminProject, data: bytes | str, name: str = "jane.doe") -> OnboardError:
    with pytest.raises(OnboardError) as caught:
        pgp_keys.take_in_for(data, name, "pasted", admin.context())
    return caught.value


def test_the_same_key_is_recorded_whatever_form_it_came_in(admin: AdminProject, people_keys: Keys) -> None:
    binary = people_keys["jane.doe"]
    forms = [binary, b64encode(binary).decode() + "%", request_text(people_keys, "jane.doe")]
    taken = [taken_key(form, "jane.doe", admin.context()) for form in forms]
    assert len({(key.text, key.fingerprint) for key in taken}) == 1
    assert all(key.accepted for key in taken)
    assert taken[2].origin == "pasted (request)"


def test_a_secret_key_is_refused_and_not_quoted(admin: AdminProject, people_keys: Keys) -> None:
    error = refused(admin, people_keys["secret"])
    assert "secret" in error.as_text().lower()
    assert people_keys["secret"].decode().splitlines()[3] not in error.as_text()


@pytest.mark.parametrize("text", ["", "hello", "AAAA", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n"])
def test_what_is_no_key_is_refused_with_what_next(admin: AdminProject, text: str) -> None:
    assert refused(admin, text).next


@pytest.mark.parametrize("kind", ["cv25519", "expired", "rsa-signing-only", "revoked"])
def test_a_key_that_must_not_be_written_is_shown_and_stops_the_step(
    admin: AdminProject,
    people_keys: Keys,
    kind: str,
) -> None:
    taken = taken_key(people_keys[kind], "jane.doe", admin.context())
    assert not taken.accepted
    assert taken.verdict.sentence_for_owner
    problems = pgp_keys.validate(Request({"jane.doe": taken}), admin.context())
    assert [problem for problem in problems if problem.fatal and problem.message.startswith("jane.doe: ")]


def test_an_elliptic_curve_is_accepted_where_the_newer_provider_is_locked(
    admin: AdminProject,
    people_keys: Keys,
) -> None:
    for account in ("management", "security"):
        admin.replace(account, ".terraform.lock.hcl", "3.39.0", "4.67.0")
    taken = taken_key(people_keys["cv25519"], "jane.doe", admin.context())
    assert taken.accepted
    assert taken.verdict.kind is VerdictKind.UNVERIFIED


@pytest.mark.parametrize(("file", "other"), [("cv25519", True), ("cv25519", False), ("rsa", True)])
def test_the_owner_of_a_key_is_not_told_against_a_kind_that_the_layer_uses(
    admin: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch, file: str, *, other: bool
) -> None:
    def inspected(data: bytes, *, environment: Mapping[str, str]) -> KeyDetails:
        details = inspect_key(data, environment=environment)
        return replace(details, primary=replace(details.primary, fingerprint="B" * 40)) if other else details

    monkeypatch.setattr(pgp_keys, "inspect_key", inspected)
    for account in ("management", "security"):
        admin.replace(account, ".terraform.lock.hcl", "3.39.0", "4.67.0")
        admin.file(account, "keys/pat.jones").write_bytes(people_keys[file])
    verdict = taken_key(people_keys["cv25519"], "jane.doe", admin.context()).verdict
    assert verdict.kind is VerdictKind.UNVERIFIED
    details = check_key(people_keys["cv25519"], environment=admin.environment.variables).details
    arrived = text_of(verdict.sentence_for_owner) == text_of(arrival_words(details))
    assert arrived is (other and file == "cv25519")


def test_why_a_layers_provider_is_unknown_is_a_warning(admin: AdminProject, people_keys: Keys) -> None:
    admin.file("security", ".terraform.lock.hcl").write_text("provider {")
    warnings = taken_key(people_keys["jane.doe"], "jane.doe", admin.context()).verdict.warnings
    assert any(".terraform.lock.hcl" in text_of(warning) for warning in warnings)


def test_the_worst_of_the_layers_verdicts_counts(admin: AdminProject, people_keys: Keys) -> None:
    admin.replace("management", ".terraform.lock.hcl", "3.39.0", "4.67.0")
    assert not taken_key(people_keys["cv25519"], "jane.doe", admin.context()).accepted


def test_a_request_goes_to_the_person_it_names_if_they_join(admin: AdminProject, people_keys: Keys) -> None:
    text = request_text(people_keys, "juan.delacruz")
    taken = pgp_keys.take_in_for(text, "jane.doe", "pasted", admin.context())
    assert list(taken.keys) == ["juan.delacruz"]
    assert taken.replaces == ""


def test_a_request_of_somebody_who_does_not_join_is_refused(admin: AdminProject, people_keys: Keys) -> None:
    admin.facts["joining"] = ["jane.doe"]
    with pytest.raises(OnboardError) as caught:
        pgp_keys.take_in_for(
            request_text(people_keys, "juan.delacruz"), "jane.doe", "pasted", admin.context()
        )
    assert {"juan.delacruz,", "jane.doe's"} <= set(text_of(caught.value.what).split())


def test_a_request_for_another_project_is_refused(admin: AdminProject, people_keys: Keys) -> None:
    error = refused(admin, request_text(people_keys, "jane.doe", project="xx"))
    assert {"xx,", "bb."} <= set(text_of(error.what).split())


def test_a_folder_gives_each_person_the_file_with_their_name(
    admin: AdminProject,
    people_keys: Keys,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "request-jane.doe.txt").write_text(request_text(people_keys, "jane.doe"))
    (folder / "juan.delacruz.gpg").write_bytes(people_keys["juan.delacruz"])
    (folder / "jane.doe.old").write_text("not a key, and for nobody")
    found = pgp_keys.take_in_file(str(folder), ["jane.doe", "juan.delacruz"], admin.context(), quiet)
    assert {name: key.user_ids for name, key in found.keys.items()} == {
        "jane.doe": ("jane.doe <jane.doe@a.example>",),
        "juan.delacruz": ("juan.delacruz <juan.delacruz@a.example>",),
    }
    (rest,) = found.unmatched
    assert rest.startswith("1 ")


def test_a_file_of_a_longer_name_is_not_taken_for_a_shorter_one(
    admin: AdminProject,
    people_keys: Keys,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "jane.doe").write_bytes(people_keys["jane.doe"])
    with pytest.raises(OnboardError, match=re.escape(str(folder))):
        pgp_keys.take_in_file(str(folder), ["jane"], admin.context(), quiet)


@pytest.mark.parametrize("name", ["missing.asc", "empty.asc"])
def test_a_file_that_gives_no_key_is_refused(admin: AdminProject, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.asc").touch()
    with pytest.raises(OnboardError) as caught:
        pgp_keys.take_in_file(str(tmp_path / name), ["jane.doe"], admin.context(), quiet)
    assert caught.value.next


def test_a_key_file_that_is_there_is_found_and_an_unreadable_one_is_passed_over(
    admin: AdminProject,
    people_keys: Keys,
) -> None:
    admin.file("security", "keys/jane.doe").write_text(b64encode(people_keys["jane.doe"]).decode())
    admin.file("security", "keys/juan.delacruz").write_text("!!")
    found = pgp_keys.gather({}, {}, {}, admin.context(), quiet).keys
    assert list(found) == ["jane.doe"]
    assert found["jane.doe"].origin == "security/global/base-identities/keys/jane.doe"


def test_keys_are_recorded_and_gathered_again(admin: AdminProject, people_keys: Keys) -> None:
    keys = {name: taken_key(people_keys[name], name, admin.context()) for name in admin.facts["joining"]}
    facts = admin.run(pgp_keys, Request(keys))
    assert facts["keys"]["jane.doe"]["text"] == keys["jane.doe"].text
    assert facts["keys"]["jane.doe"]["user_ids"] == ["jane.doe <jane.doe@a.example>"]
    assert pgp_keys.gather({}, {}, {}, admin.context(), quiet).keys == keys
    assert pgp_keys.observe(admin.context()).verdict is Verdict.AS_DECIDED


def test_a_person_without_a_key_stops_the_step_and_says_how_to_invite(admin: AdminProject) -> None:
    problems = pgp_keys.validate(Request({}), admin.context())
    (problem,) = problems
    assert problem.fatal
    assert "jane.doe" in problem.message and "juan.delacruz" in problem.message  # noqa: PT018 - one thing


def test_a_key_whose_names_are_another_persons_is_warned_about(
    admin: AdminProject,
    people_keys: Keys,
) -> None:
    admin.facts["joining"] = ["b.sample"]
    taken = taken_key(people_keys["jane.doe"], "b.sample", admin.context())
    problems = pgp_keys.validate(Request({"b.sample": taken}), admin.context())
    assert not any(problem.fatal for problem in problems)
    (doubt,) = (warning for warning in taken.verdict.warnings if "b.sample" in warning)
    assert f"b.sample: {doubt}" in {text_of(problem.message) for problem in problems}
    admin.facts["joining"] = ["b.sample", "jane.doe", "juan.delacruz"]
    again = taken_key(people_keys["jane.doe"], "b.sample", admin.context())
    named = [warning for warning in again.verdict.warnings if warning not in taken.verdict.warnings]
    assert len(named) == 1
    assert "jane.doe" in str(named[0]), "it may be pasted into the wrong row"
    assert "juan" not in str(named[0])


def test_names_of_another_person_are_said_until_the_fingerprint_is_compared(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.facts["joining"] = ["b.sample", "jane.doe"]
    keys = {
        name: taken_key(people_keys["jane.doe"], name, admin.context()) for name in admin.facts["joining"]
    }
    later = dict.fromkeys(keys, Comparison.LATER)
    admin.run(pgp_keys, Request(keys, comparisons=later))
    _, unlike = admin.context().decisions.not_compared_sentences()
    assert "b.sample" in text_of(unlike)
    assert "jane.doe" not in text_of(unlike), "that key names its owner"
    admin.run(pgp_keys, Request(keys, comparisons={**later, "b.sample": Comparison.SAME}))
    assert len(admin.context().decisions.not_compared_sentences()) == 1


def test_an_invitation_goes_to_the_mailbox_and_a_request_there_is_noticed(admin: AdminProject) -> None:
    admin = admin.with_mailbox()
    mailbox = admin.environment.mailbox
    assert mailbox is not None
    for tasks, replaces in (({}, False), ({"joining": [], "rekeying": ["jane.doe"]}, True)):
        admin.facts |= tasks
        assert pgp_keys.invite("jane.doe", admin.context()).certain
        text = (mailbox / "invitation-jane.doe.txt").read_text()
        assert open_invitation(text) == Invitation("bb", "jane.doe")
        assert text == Invitation("bb", "jane.doe", replaces=replaces).render()
    assert not pgp_keys.mail_for(admin.context())
    (mailbox / "request-jane.doe.txt").write_text("sent")
    assert list(pgp_keys.mail_for(admin.context())) == ["jane.doe"]


def test_a_key_that_expired_since_is_noticed(admin: AdminProject, people_keys: Keys) -> None:
    admin.facts["joining"] = ["jane.doe"]
    taken = taken_key(people_keys["jane.doe"], "jane.doe", admin.context())
    admin.run(pgp_keys, Request({"jane.doe": taken}))
    later = replace(admin.environment, now=lambda: datetime(2090, 1, 1, tzinfo=UTC))
    seen = pgp_keys.observe(replace(admin.context(), environment=later))
    assert seen.contradicts
    assert "jane.doe" in seen.words


@pytest.mark.parametrize("problem", ["expired", "differs"])
@pytest.mark.parametrize(
    ("applied", "verdict"),
    [(("management",), Verdict.GONE), (("management", "security"), Verdict.AS_DECIDED)],
)
def test_a_key_may_expire_or_turn_out_wrong_once_everything_for_it_is_applied(
    applied: tuple[str, ...], verdict: Verdict, problem: str, admin: AdminProject, people_keys: Keys
) -> None:
    admin.facts["joining"] = ["jane.doe"]
    taken = taken_key(people_keys["jane.doe"], "jane.doe", admin.context())
    admin.run(pgp_keys, Request({"jane.doe": taken}))
    made = {f"applied@{account}": {} for account in applied}
    context = admin.context(comparisons={"jane.doe": "later"}, **made)
    assert pgp_keys.observe(context).verdict is Verdict.AS_DECIDED
    refuse_unusable_keys(replace(context, item="management"))
    if problem == "expired":
        later = replace(admin.environment, now=lambda: datetime(2090, 1, 1, tzinfo=UTC))
        context = replace(context, environment=later)
    else:
        context = admin.context(comparisons={"jane.doe": "differs"}, **made)
    assert pgp_keys.observe(context).verdict is verdict
    with pytest.raises(KeyToCorrect):
        refuse_unusable_keys(replace(context, item="management"))  # to be applied again


def test_an_invitation_is_copied_or_saved_where_there_is_no_clipboard(admin: AdminProject) -> None:
    assert pgp_keys.invite("jane.doe", admin.context())
    assert "--user jane.doe" in str(admin.environment.clipboard.content)  # type: ignore[attr-defined]

    class NoClipboard(FakeClipboard):
        def copy(self, text: str | Secret) -> Never:
            del text
            raise ClipboardUnavailable(reason="There is no clipboard here.")

    without = replace(admin.context(), environment=replace(admin.environment, clipboard=NoClipboard()))
    assert pgp_keys.invite("jane.doe", without).certain
    assert "--user jane.doe" in (admin.environment.home / "invitation-jane.doe.txt").read_text()


def test_a_key_that_was_rejected_stays_so_for_other_sessions_when_another_takes_its_place(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.facts["joining"] = ["jane.doe"]
    wrong, right = (
        taken_key(people_keys[name], "jane.doe", admin.context()) for name in ("juan.delacruz", "jane.doe")
    )
    own = replace(admin.context(), folder=admin.folder.with_name("own"))

    def found() -> dict[str, Comparison]:
        facts = admin.context().facts
        keep_summary(admin.folder, Summary(admin.folder.name, "admin", facts=facts), made_from(admin.folder))
        others = decided_elsewhere(own)
        return {
            fingerprint: left.answer
            for key in (wrong, right)
            for (_, fingerprint), left in left_open_about({"jane.doe": key.fingerprint}, own, others).items()
        }

    rejected = {wrong.fingerprint: Comparison.DIFFERS}
    admin.run(pgp_keys, Request({"jane.doe": wrong}, comparisons={"jane.doe": Comparison.DIFFERS}))
    assert found() == rejected
    admin.run(pgp_keys, Request({"jane.doe": right}, comparisons={"jane.doe": Comparison.SAME}))
    assert found() == rejected
    admin.run(pgp_keys, Request({"jane.doe": wrong}, comparisons={"jane.doe": Comparison.SAME}))
    assert found() == {}


def test_a_comparison_that_nobody_was_asked_for_has_no_answer(admin: AdminProject) -> None:
    said = {"jane.doe": "same", "sam.okafor": "later"}
    keys = {name: {"text": "x", "fingerprint": "A" * 40} for name in ("juan.delacruz", *said)}
    answers = pgp_keys.compared_before(admin.context(keys=keys, comparisons=said))
    assert answers == {name: ("A" * 40, comparison) for name, comparison in said.items()}
