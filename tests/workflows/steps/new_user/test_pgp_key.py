"""The new user's key and request, with real gpg."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Never

import pytest
from support.new_user import context_of, environment_of, handoff_for, nothing
from support.pgp import ENVIRONMENT, PAST, GpgHome, gpg_home

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError
from workflows.desktop.clipboard import ClipboardUnavailable, Osc52Clipboard
from workflows.gpg.inspect import check_key
from workflows.gpg.verdict import Headline
from workflows.machine.events import AGREES, Observation
from workflows.messages.request import open_request
from workflows.steps.new_user import pgp_key as step
from workflows.steps.new_user.pgp_key import NewKey, Request, own_keys
from workflows.steps.shared.module import Context

FACTS = {"project": "bb", "user": "jane.doe"}


class NoClipboard:
    expires_at = None

    def copy(self, text: str | Secret) -> Never:  # noqa: ARG002 - the protocol
        raise ClipboardUnavailable(reason="There is no clipboard.")

    def clear_if_ours(self) -> bool:
        return False


@pytest.fixture(scope="module")
def keys() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("old", at=PAST, expires="1y")
        home.key("curve", "ed25519", subkey="cv25519")
        home.key("good")
        home.key("signer", subkey=None)
        yield home


def context(tmp_path: Path, gpg: GpgHome | None, facts: dict[str, Any] = FACTS, **changes: Any) -> Context:
    return context_of(environment_of(tmp_path, gpg, **changes), tmp_path, facts)


def test_good_keys_come_first_and_the_others_say_what_is_wrong(tmp_path: Path, keys: GpgHome) -> None:
    found = own_keys(context(tmp_path, keys), nothing)
    assert [(key.user_id.partition(" ")[0], key.accepted, key.verdict.headline) for key in found] == [
        ("good", True, Headline.WORKS),
        ("curve", True, Headline.CURVE_DEPENDS),
        ("old", False, Headline.EXPIRED),
        ("signer", False, Headline.NO_SUBKEY),
    ]
    assert found[0].name == "good"
    assert found[0].fingerprint == keys.fingerprint("good")


def test_a_key_that_looks_like_somebody_elses_comes_last_and_warns(tmp_path: Path, keys: GpgHome) -> None:
    found = own_keys(context(tmp_path, keys, {**FACTS, "user": "curve"}), nothing)
    own, other = (key for key in found if key.accepted)
    assert (own.fingerprint, own.unlike) == (keys.fingerprint("curve"), False)
    assert (other.fingerprint, other.unlike) == (keys.fingerprint("good"), True)
    plain = own_keys(context(tmp_path, keys, {}), nothing)
    unwarned = next(key for key in plain if key.fingerprint == other.fingerprint)
    assert len(other.verdict.warnings) == len(unwarned.verdict.warnings) + 1
    assert all(not key.unlike for key in plain)


def test_a_key_whose_secret_subkey_is_elsewhere_is_not_offered(tmp_path: Path, keys: GpgHome) -> None:
    with gpg_home() as other:
        fingerprint = keys.fingerprint("good")
        other.run("--import", stdin=keys.run("--export-secret-keys", f"{fingerprint}!"))
        other.run("--import", stdin=keys.export("good"))
        (key,) = own_keys(context(tmp_path, other), nothing)
        assert (key.accepted, key.verdict.headline) == (False, Headline.HALF_ELSEWHERE)


def test_the_request_is_saved_copied_and_in_the_mailbox(tmp_path: Path, keys: GpgHome) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    asked = context(tmp_path, keys, mailbox=mailbox, sandbox=True)
    fingerprint = keys.fingerprint("good")
    request = Request(fingerprint, "~/request-jane.doe.txt", made=True)
    assert step.validate(request, asked) == []
    facts = step.perform(request, asked, nothing)
    saved = asked.environment.home / "request-jane.doe.txt"
    assert facts["fingerprint"] == fingerprint
    assert facts["key_made"] is True
    assert all(place in facts["request_sent"] for place in (f" {request.path} ", "mailbox"))
    said = step.sent_text(replace(asked, facts=facts))
    assert said.endswith(facts["request_copied"])
    later = replace(asked.environment, now=lambda: datetime(2030, 1, 2, tzinfo=UTC))
    assert step.sent_text(replace(asked, environment=later, facts=facts)) != said
    assert step.missing_request(replace(asked, facts=facts)) == ""
    sent = open_request(saved.read_text())
    assert (sent.project, sent.user, sent.name, sent.replacement) == ("bb", "jane.doe", "good", False)
    assert (mailbox / "request-jane.doe.txt").read_text() == saved.read_text()
    assert asked.environment.clipboard.content == saved.read_text()  # type: ignore[attr-defined]
    taken = check_key(sent.public_key, environment=ENVIRONMENT)
    assert taken.details.fingerprint == fingerprint
    saved.rename(tmp_path / "moved.txt")
    assert step.missing_request(replace(asked, facts=facts)) == str(saved)
    assert step.missing_request(replace(asked, facts={})) == "", "an earlier version saved it"
    unknown = {"request_file": str(tmp_path / ("x" * 300))}
    assert step.missing_request(replace(asked, facts=unknown)) == "", "nobody knows whether it is there"


def test_a_replacement_says_so_and_replaces_the_earlier_request(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys)
    request = Request(keys.fingerprint("good"), "~/r.txt")
    step.perform(request, asked, nothing)
    again = replace(request, replacement=True, reason="Passphrase forgotten")
    facts = step.perform(again, asked, nothing)
    sent = open_request((asked.environment.home / "r.txt").read_text())
    assert (sent.replacement, sent.reason) == (True, "Passphrase forgotten")
    assert "replacement" in facts["request_sent"]
    assert facts["request_sent"].endswith(" ~/r.txt")


def test_a_replacement_needs_another_key_than_the_one_that_cannot_be_used(
    tmp_path: Path, keys: GpgHome
) -> None:
    came = context(tmp_path, keys, {**FACTS, "handoff": handoff_for(keys, "good").payload()})
    asked = Request(keys.fingerprint("good"), "~/r.txt", replacement=True)
    (problem,) = step.validate(asked, came)
    assert (problem.field, problem.fatal) == ("keys", True)
    assert step.validate(replace(asked, fingerprint=keys.fingerprint("curve")), came) == []
    assert step.validate(replace(asked, replacement=False), came) == []
    assert step.validate(asked, context(tmp_path, keys)) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("~", "This is a folder."),
        ("~/no such/r.txt", "There is no folder ~/no such."),
        ("/dev/null/r.txt", "There is no folder /dev/null."),
        ("~/" + "x" * 300, "A file can't have this name"),
        ("~/a\0b", "A file can't have this name"),
        ("~/r.txt", ""),
        ("  ", ""),
    ],
)
def test_where_a_request_cannot_be_saved_is_told_before_anything_is_done(
    tmp_path: Path, typed: str, words: str
) -> None:
    problems = step.validate(Request("A" * 40, typed), context(tmp_path, None))
    assert [problem.field for problem in problems] == (["path"] if words else [])
    assert all(words in problem.message for problem in problems)


def test_the_place_of_the_certificate_is_one_that_stays(tmp_path: Path, keys: GpgHome) -> None:
    short = tmp_path / "short"
    short.symlink_to(keys.path)
    notice = step.revocation_notice(
        "A" * 40, context_of(environment_of(tmp_path, keys, gnupg_home=short), tmp_path, FACTS)
    )
    assert str(short) not in notice
    assert str(keys.path.resolve()) in notice


def test_a_file_that_is_no_request_is_never_overwritten(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys)
    diary = asked.environment.home / "diary.txt"
    diary.write_text("Dear diary")
    with pytest.raises(OnboardError, match=r"diary\.txt"):
        step.perform(Request(keys.fingerprint("good"), "~/diary.txt"), asked, nothing)
    assert diary.read_text() == "Dear diary"


@pytest.mark.parametrize("other", [{"user": "juan.delacruz"}, {"project": "another"}])
def test_a_request_takes_the_place_of_the_same_persons_for_the_same_project_only(
    tmp_path: Path, keys: GpgHome, other: dict[str, str]
) -> None:
    request, theirs = (
        Request(keys.fingerprint("good"), "~/r.txt"),
        context(tmp_path, keys, {**FACTS, **other}),
    )
    file = theirs.environment.home / "r.txt"
    step.perform(request, theirs, nothing)
    before = file.read_text()
    with pytest.raises(OnboardError, match=r"r\.txt"):
        step.perform(request, context(tmp_path, keys), nothing)
    assert file.read_text() == before
    step.perform(replace(request, replacement=True), theirs, nothing)
    assert file.read_text() != before


def test_a_request_has_to_get_out_somehow(tmp_path: Path, keys: GpgHome) -> None:
    unseen = Osc52Clipboard(lambda _text: None, lambda: datetime.now(UTC))
    for board in (unseen, NoClipboard()):
        asked = context(tmp_path, keys, clipboard=board)
        with pytest.raises(OnboardError):
            step.perform(Request(keys.fingerprint("good"), ""), asked, nothing)
    facts = step.perform(Request(keys.fingerprint("good"), "~/r.txt"), asked, nothing)
    assert "replacement" not in facts["request_sent"]
    assert facts["request_sent"].endswith(" ~/r.txt")


def test_a_bad_key_or_one_that_is_gone_is_refused(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys)
    with pytest.raises(OnboardError, match=f": {Headline.EXPIRED}"):
        step.perform(Request(keys.fingerprint("old"), ""), asked, nothing)
    with pytest.raises(OnboardError, match="A" * 40):
        step.perform(Request("A" * 40, ""), asked, nothing)


def test_a_choice_and_a_project_are_needed(tmp_path: Path, keys: GpgHome) -> None:
    assert [
        found_problem.field for found_problem in step.validate(Request("", ""), context(tmp_path, keys))
    ] == ["keys"]
    nameless = context(tmp_path, keys, {"project": "", "user": "jane.doe"})
    (problem,) = step.validate(Request("A" * 40, ""), nameless)
    assert problem.fatal
    assert "short name" in problem.message


def test_a_later_look_notices_that_the_key_is_gone_or_expired(tmp_path: Path, keys: GpgHome) -> None:
    def look(fingerprint: str, **more: str) -> Observation:
        return step.observe(context(tmp_path, keys, {**FACTS, "fingerprint": fingerprint, **more}))

    assert look(keys.fingerprint("good")) == AGREES
    assert look("A" * 40).contradicts
    assert "Expired" in str(look(keys.fingerprint("old")).words)
    assert not look(keys.fingerprint("old")).continuing
    assert look(keys.fingerprint("old"), request_sent="sent").continuing, "what was sent to it may still open"


def new_key(**changes: Any) -> NewKey:
    values: dict[str, Any] = {
        "name": "Jane Doe",
        "email": "jane@a.example",
        "years": "2",
        "passphrase": Secret("correct horse battery"),
        "again": Secret("correct horse battery"),
    }
    return NewKey(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "jane"}, "email"),
        ({"years": "0"}, "years"),
        ({"years": "11"}, "years"),
        ({"years": "two"}, "years"),
        ({"again": Secret("correct horse batterz")}, "passphrase"),
        ({"again": Secret("")}, "passphrase"),
        ({"passphrase": Secret(""), "again": Secret("")}, "passphrase"),
    ],
)
def test_a_new_key_is_checked_without_telling_the_passphrase(changes: dict[str, Any], field: str) -> None:
    problems = [problem for problem in step.check_new(new_key(**changes)) if problem.fatal]
    assert [problem.field for problem in problems] == [field]
    assert not any("horse" in problem.message for problem in problems)
    assert "horse" not in repr(new_key(**changes))


def test_a_made_key_works_and_its_passphrases_are_dropped(tmp_path: Path) -> None:
    with gpg_home() as home:
        new = new_key()
        made = step.make(new, context(tmp_path, home), nothing)
        assert (made.algorithm, made.accepted, made.name) == ("RSA 4096", True, "Jane Doe")
        assert new.passphrase.dropped
        assert new.again.dropped
        notice = step.revocation_notice(made.fingerprint, context(tmp_path, home))
        (place,) = [line for line in notice.splitlines() if line.endswith(f"{made.fingerprint}.rev")]
        assert Path(place).is_file()


def test_making_a_key_can_be_cancelled(tmp_path: Path) -> None:
    with gpg_home() as home:
        asked = replace(context(tmp_path, home), cancelled=threading.Event())
        asked.cancelled.set()
        with pytest.raises(Cancelled):
            step.make(new_key(), asked, nothing)
        assert own_keys(asked, nothing) == ()
