"""Reading handoffs, with real gpg and real ciphertexts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.message_samples import ciphertext
from support.new_user import (
    PASSWORD,
    context_of,
    encrypted,
    environment_of,
    handoff_for,
    identity_for,
    nothing,
)
from support.pgp import GpgHome, gpg_home

from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import AGREES, Choice, Verdict, checked_facts
from workflows.messages.envelope import MessageError
from workflows.messages.handoff import NEW_PASSWORD, NEW_ROLES, Handoff, handoff_from, open_handoff
from workflows.steps.new_user import handoff as step, sign_in
from workflows.steps.new_user.handoff import Changes, Request
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import handoff_of, identity_of


@pytest.fixture(scope="module")
def keys() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane")
        home.key("spare")
        yield home


@pytest.fixture(scope="module")
def stranger() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("stranger")
        yield home


def context(tmp_path: Path, keys: GpgHome, **facts: Any) -> Context:
    known = {"project": "bb", "user": "jane.doe", "fingerprint": keys.fingerprint("jane"), **facts}
    return context_of(environment_of(tmp_path, keys), tmp_path, known)


def test_a_quoted_mail_becomes_facts_that_later_steps_read(tmp_path: Path, keys: GpgHome) -> None:
    sent = Handoff(
        "bb",
        (
            identity_for(
                keys,
                "jane",
                account_name="management",
                account_id="111111111111",
                account_alias="bb-management",
                sign_in_url="https://bb-management.signin.aws.amazon.com/console",
                profiles=(),
            ),
            identity_for(keys, "jane"),
        ),
        extra={"from_the_future": [1, {"a": None}]},
    )
    mail = "From: admin\n\n" + "\n".join(f"> {line}" for line in sent.render().splitlines())
    asked = context(tmp_path, keys)
    facts = step.perform(Request(text=mail), asked, nothing)
    assert facts["identities"] == ["management", "security"]
    stored = checked_facts(facts)
    assert handoff_from(stored["handoff"]) == sent
    later = replace(asked, facts={**asked.facts, **stored}, item="security")
    assert handoff_of(later) == sent
    assert identity_of(later) == sent.identities[1]
    assert step.observe(later) == AGREES
    assert PASSWORD not in str(stored)


def test_a_file_is_found_from_the_home_and_its_key_is_named(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys)
    (asked.environment.home / "handoff.txt").write_text(handoff_for(keys, "jane").render())
    arrival = step.read(Request(path="~/handoff.txt"), asked, nothing)
    assert arrival.source == "~/handoff.txt"
    assert arrival.own_keys == ("jane <jane@a.example>",)
    assert arrival.remarks == ()


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"project": "other"}, "A handoff for another project"),
        ({"user": "john.roe"}, "A handoff for another user"),
    ],
)
def test_a_handoff_for_somebody_else_is_refused(
    tmp_path: Path, keys: GpgHome, facts: dict[str, str], title: str
) -> None:
    with pytest.raises(OnboardError) as refused:
        step.read(Request(text=handoff_for(keys, "jane").render()), context(tmp_path, keys, **facts), nothing)
    assert refused.value.title == title
    assert refused.value.next


def test_a_user_of_several_accounts_is_named_once(tmp_path: Path, keys: GpgHome) -> None:
    mine = identity_for(keys, "jane")
    root = {"account_name": "management", "account_id": "111111111111", "account_alias": "", "profiles": ()}
    page = "https://111111111111.signin.aws.amazon.com/console"
    both = Handoff("bb", (mine, replace(mine, **root, sign_in_url=page)))
    with pytest.raises(OnboardError, match=r"^[^,]* jane\.doe, "):
        step.read(Request(text=both.render()), context(tmp_path, keys, user="john.roe"), nothing)


def test_an_unknown_project_is_taken_from_the_handoff(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys, project="")
    assert step.read(Request(text=handoff_for(keys, "jane").render()), asked, nothing).handoff.project == "bb"


def test_a_password_for_a_key_that_is_not_here_is_refused(
    tmp_path: Path, keys: GpgHome, stranger: GpgHome
) -> None:
    foreign = handoff_for(stranger, "stranger")
    with pytest.raises(OnboardError) as refused:
        step.read(Request(text=foreign.render()), context(tmp_path, keys), nothing)
    assert grouped(stranger.fingerprint("stranger")) in refused.value.what


def test_a_password_that_is_not_encrypted_to_the_key_it_names_is_refused(
    tmp_path: Path, keys: GpgHome, stranger: GpgHome
) -> None:
    mixed = handoff_for(keys, "jane", encrypted_password=encrypted(stranger, "stranger"))
    with pytest.raises(OnboardError, match=grouped(keys.fingerprint("jane"))):
        step.read(Request(text=mixed.render()), context(tmp_path, keys), nothing)


def test_another_key_of_the_same_person_is_accepted_and_told(tmp_path: Path, keys: GpgHome) -> None:
    arrival = step.read(Request(text=handoff_for(keys, "spare").render()), context(tmp_path, keys), nothing)
    assert keys.fingerprint("spare")[-8:] in arrival.remarks[0]
    skipped = context(tmp_path, keys)
    skipped = replace(skipped, facts={"project": "bb", "user": "jane.doe"})
    assert step.read(Request(text=handoff_for(keys, "spare").render()), skipped, nothing).remarks == ()


def test_an_identity_without_anything_encrypted_needs_no_key(tmp_path: Path, keys: GpgHome) -> None:
    plain = handoff_for(keys, "jane", encrypted_password=None, key_fingerprint="A" * 40)
    arrival = step.read(Request(text=plain.render()), context(tmp_path, keys), nothing)
    assert arrival.own_keys == ("",)
    assert len(arrival.remarks) == 1


def test_other_roles_need_no_key_and_leave_password_and_access_key_as_they_were(
    tmp_path: Path, keys: GpgHome, stranger: GpgHome
) -> None:
    first = handoff_for(stranger, "stranger", profiles=())  # their key isn't here any more
    roles = handoff_for(keys, "jane", encrypted_password=None, key_fingerprint="")
    fresh = context(tmp_path, keys)
    held = {"handoff": first.payload(), "identities": ["security"]}
    for occasion, sent in ((NEW_ROLES, roles), (NEW_ROLES, handoff_for(stranger, "stranger"))):
        text = replace(sent, occasion=occasion).render()
        assert handoff_from(step.perform(Request(text=text), fresh, nothing)["handoff"]).identities == (
            replace(roles.identities[0], key_fingerprint=sent.identities[0].key_fingerprint),
        )
        arrival = step.read(Request(text=text), context(tmp_path, keys, **held), nothing)
        (now,) = arrival.handoff.identities
        assert now == replace(first.identities[0], profiles=roles.identities[0].profiles)
        assert arrival.own_keys == ("",), "the password that stays didn't come with it"
        assert (arrival.stays, len(arrival.remarks)) == (("security",), 1), "only the new role is a remark"
        assert Changes.between(first, arrival.handoff).renewed == ()
    gone = replace(roles.identities[0], sign_in_url="", user="jane.doe")
    assert gone.with_secrets_of(first.identities[0]).encrypted == ()


def test_accounts_that_the_persons_profiles_name_are_known(tmp_path: Path, keys: GpgHome) -> None:
    text = handoff_for(keys, "jane").render()
    here = context(tmp_path, keys)
    assert step.read(Request(text=text), here, nothing).known == frozenset()
    config = here.environment.home / ".aws" / "bb" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(
        "[profile bb-x]\nrole_arn = arn:aws:iam::333333333333:role/X\n"
        "mfa_serial = arn:aws-us-gov:iam::222222222222:mfa/jane\n"
    )
    assert step.read(Request(text=text), here, nothing).known == {"222222222222", "333333333333"}
    config.unlink()
    facts = step.perform(Request(text=text), here, nothing)
    again = context(tmp_path, keys, **facts)
    assert step.read(Request(text=text), again, nothing).known == {"222222222222", "333333333333"}


def test_accounts_that_a_later_handoff_leaves_out_stay_as_long_as_a_key_opens_them(
    tmp_path: Path, keys: GpgHome, stranger: GpgHome
) -> None:
    here = context(tmp_path, keys)
    apps_account = {
        "account_name": "apps",
        "account_alias": "bb-apps",
        "account_id": "444444444444",
        "sign_in_url": "https://bb-apps.signin.aws.amazon.com/console",
    }
    first = Handoff(
        "bb", (identity_for(keys, "jane"), identity_for(keys, "jane", **apps_account, profiles=()))
    )
    held = step.perform(Request(text=first.render()), here, nothing)
    reset = Handoff("bb", (identity_for(keys, "jane", **apps_account),), occasion=NEW_PASSWORD)
    arrival = step.read(Request(text=reset.render()), context(tmp_path, keys, **held), nothing)
    assert arrival.came.identities == reset.identities, "what is kept isn't shown as if it had come"
    assert len(arrival.own_keys) == 1
    facts = step.perform(Request(text=reset.render()), context(tmp_path, keys, **held), nothing)
    assert facts["identities"] == ["security", "apps"]
    security, apps = handoff_from(facts["handoff"]).identities
    assert security == first.identities[0]
    assert apps == replace(reset.identities[0], profiles=()), "security has that profile already"
    lost = Handoff("bb", (identity_for(stranger, "stranger"), first.identities[1]))
    held = {**held, "handoff": lost.payload()}
    arrival = step.read(Request(text=reset.render()), context(tmp_path, keys, **held), nothing)
    assert any("security" in remark for remark in arrival.remarks)
    facts = step.perform(Request(text=reset.render()), context(tmp_path, keys, **held), nothing)
    assert (facts["identities"], facts["left_out"]) == (["apps"], ["security"])
    again = Handoff("bb", (security, apps))
    later = step.perform(Request(text=again.render()), context(tmp_path, keys, **facts), nothing)
    assert "left_out" not in later


def test_the_handoff_of_before_is_not_taken_for_the_one_that_was_asked_for(
    tmp_path: Path, keys: GpgHome
) -> None:
    text = handoff_for(keys, "jane").render()
    held = step.perform(Request(text=text), context(tmp_path, keys), nothing)
    assert step.read(Request(text=text), context(tmp_path, keys, **held), nothing)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    asked = context(tmp_path, keys, **held, sent_at=later)
    with pytest.raises(OnboardError, match="already"):
        step.read(Request(text=text), asked, nothing)
    another = handoff_for(keys, "jane").render()
    assert step.read(Request(text=another), asked, nothing)


def test_two_users_of_one_account_are_refused(tmp_path: Path, keys: GpgHome) -> None:
    machine = identity_for(
        keys,
        "jane",
        user="machine.ci",
        sign_in_url="",
        encrypted_password=None,
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        encrypted_secret=encrypted(keys, "jane"),
        profiles=(),
    )
    both = Handoff("bb", (identity_for(keys, "jane"), machine))
    with pytest.raises(OnboardError, match="twice"):
        step.read(Request(text=both.render()), context(tmp_path, keys), nothing)


def test_no_text_a_missing_file_and_a_cut_text_say_what_is_wanted(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys)
    assert [problem.field for problem in step.validate(Request(), asked)] == ["text"]
    with pytest.raises(OnboardError) as missing:
        step.read(Request(path="~/none.txt"), asked, nothing)
    assert "none.txt" in missing.value.what
    text = handoff_for(keys, "jane").render()
    with pytest.raises(MessageError):
        step.read(Request(text=text[: len(text) - 200]), asked, nothing)
    shortened = handoff_for(keys, "jane", encrypted_password=ciphertext())
    assert open_handoff(shortened.render())


def test_a_later_look_notices_that_the_key_is_gone(tmp_path: Path, keys: GpgHome, stranger: GpgHome) -> None:
    facts = step.perform(Request(text=handoff_for(keys, "jane").render()), context(tmp_path, keys), nothing)
    elsewhere = context_of(environment_of(tmp_path, stranger), tmp_path, facts)
    assert step.observe(elsewhere).contradicts


def test_the_mailbox_is_asked_for_the_persons_own_file(tmp_path: Path, keys: GpgHome) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    asked = context_of(environment_of(tmp_path, keys, mailbox=mailbox), tmp_path, {"user": "jane.doe"})
    assert step.arrived(asked) is None
    (mailbox / "handoff-john.roe.txt").write_text("x")
    assert step.arrived(asked) is None
    (mailbox / "handoff-jane.doe.txt").write_text("x")
    assert step.arrived(asked) == mailbox / "handoff-jane.doe.txt"
    assert step.earlier(asked) is None
    later = {"user": "jane.doe", "sent_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    asked_since = context_of(environment_of(tmp_path, keys, mailbox=mailbox), tmp_path, later)
    assert step.arrived(asked_since) is None
    assert step.earlier(asked_since) == mailbox / "handoff-jane.doe.txt"
    assert step.arrived(context(tmp_path, keys)) is None


def test_a_handoff_that_another_took_the_place_of_before_it_was_read_is_read_with_it(
    tmp_path: Path, keys: GpgHome
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    more = identity_for(keys, "jane", account_name="management", account_id="1" * 12, profiles=())
    first, last = Handoff("bb", (more,)), handoff_for(keys, "jane")
    mail, aside = mailbox / "handoff-jane.doe.txt", mailbox / "handoff-jane.doe (earlier).txt"
    mail.write_text(last.render())
    sent_at = {"sent_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    facts = {**context(tmp_path, keys).facts, **sent_at}
    asked = context_of(environment_of(tmp_path, keys, mailbox=mailbox), tmp_path, facts)

    def accounts(**request: str) -> list[str]:
        found = step.read(Request(**request), asked, nothing).handoff.identities
        return [identity.account_name for identity in found]

    (account,) = accounts(path=str(mail))
    for text, read in ((first.render(), 2), ("no handoff", 1), (replace(first, project="x").render(), 1)):
        aside.write_text(text)
        assert len(accounts(path=str(mail))) == read
    aside.write_text(first.render())
    assert accounts(text=last.render(), path=str(mail)) == [account], "only the mailbox has both"
    roles = handoff_for(keys, "jane", encrypted_password=None, key_fingerprint="")
    mail.write_text(replace(roles, occasion=NEW_ROLES).render())
    aside.write_text(last.render())
    (now,) = step.read(Request(path=str(mail)), asked, nothing).handoff.identities
    assert now.encrypted_password == last.identities[0].encrypted_password, "it leaves the password as it was"
    mail.write_text(last.render())
    aside.write_text(first.render())
    os.utime(aside, (0, 0))
    assert accounts(path=str(mail)) == [account], "it came before the request"


def test_another_handoff_that_came_after_the_accepted_one_is_noticed_until_it_is_decided(
    tmp_path: Path, keys: GpgHome
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    mail = mailbox / "handoff-jane.doe.txt"
    sent, environment = handoff_for(keys, "jane"), environment_of(tmp_path, keys, mailbox=mailbox)
    mail.write_text(sent.render())
    known = context(tmp_path, keys).facts
    facts = {**known, **step.perform(Request(text=sent.render()), context(tmp_path, keys), nothing)}
    accepted = context_of(environment, tmp_path, facts)
    assert step.observe(accepted) == AGREES, "it is the same one"
    mail.write_text("no handoff")
    assert step.observe(accepted) == AGREES
    mail.write_text(replace(sent, project="other").render())
    assert step.observe(accepted) == AGREES, "it is for another project"
    more = identity_for(keys, "jane", account_name="management", account_id="1" * 12, profiles=())
    mail.write_text(Handoff("bb", (*sent.identities, more)).render())
    seen = step.observe(accepted)
    assert (seen.verdict, Choice.CONTINUE in seen.choices) == (Verdict.CHANGED, True)
    assert "management" in text_of(seen.choices[Choice.REDO]), "what it would add"
    assert len(seen.effects) == len({Choice.REDO, Choice.CONTINUE})
    assert Choice.ACCEPT not in seen.choices, "its accounts are to be compared"
    renewed = replace(sent.identities[0], encrypted_password=encrypted(keys, "jane", "another"))
    mail.write_text(Handoff("bb", (renewed,)).render())
    seen = step.observe(accepted)
    assert (seen.choices.keys(), seen.likely) == ({Choice.ACCEPT, Choice.REDO}, Choice.ACCEPT)
    assert len(seen.effects) == len(Choice)
    taken = step.accept(seen, accepted, nothing)
    assert "".join(taken["handoff"]["identities"][0]["encrypted_password"]) == renewed.encrypted_password
    known = context_of(environment, tmp_path, {**facts, **taken})
    mail.write_text(sent.render())
    assert step.observe(known) == AGREES, "a newer one was accepted"
    with pytest.raises(OnboardError, match="newer"):
        step.read(Request(text=sent.render()), known, nothing)
    assert step.read(Request(text=Handoff("bb", (renewed,)).render()), known, nothing)
    third = replace(renewed, encrypted_password=encrypted(keys, "jane", "a third"))
    last = step.perform(Request(text=Handoff("bb", (third,)).render()), known, nothing)
    for old in (sent.identities[0], renewed):
        with pytest.raises(OnboardError, match="newer"):
            step.read(
                Request(text=Handoff("bb", (old,)).render()),
                context_of(environment, tmp_path, {**facts, **last}),
                nothing,
            )
    os.utime(mail, (0, 0))
    assert step.observe(accepted) == AGREES, "it is an older one"


@pytest.fixture
def accepted(tmp_path: Path, keys: GpgHome) -> tuple[Context, Handoff, Path]:
    """Return a context with an accepted handoff, the handoff, and the path of the next one."""
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    page = "https://111111111111.signin.aws.amazon.com/console"
    of_management = {"account_id": "1" * 12, "account_alias": "", "sign_in_url": page, "profiles": ()}
    security = identity_for(keys, "jane")
    sent = Handoff("bb", (security, replace(security, account_name="management", **of_management)))
    before = context(tmp_path, keys)
    facts = {**before.facts, **step.perform(Request(text=sent.render()), before, nothing)}
    environment = environment_of(tmp_path, keys, mailbox=mailbox)
    return context_of(environment, tmp_path, facts), sent, mailbox / "handoff-jane.doe.txt"


OTHER_PAGE = "https://bb-other.signin.aws.amazon.com/console"
OF_SECURITY = f"https://{'2' * 12}.signin.aws.amazon.com/console"


def changed(sent: Handoff, **fields: Any) -> Handoff:
    """Return a handoff with changed fields of its first account."""
    first, *others = sent.identities
    return replace(sent, identities=(replace(first, **fields), *others))


def test_the_accounts_that_stay_are_those_of_which_nothing_changes(
    accepted: tuple[Context, Handoff, Path],
) -> None:
    here, sent, _ = accepted
    security, management = (replace(one, encrypted_password="another") for one in sent.identities)
    for renewed, staying in (((security, management), ()), ((security,), ("management",))):
        assert Changes.between(handoff_of(here), replace(sent, identities=renewed)).staying == staying
    both = replace(sent, identities=(security, sent.identities[1]))
    assert Changes.between(handoff_of(here), both).staying == ("management",)


def test_profiles_that_come_go_or_change_are_named(accepted: tuple[Context, Handoff, Path]) -> None:
    here, sent, _ = accepted
    (role,) = sent.identities[0].profiles
    other = replace(role, profile="bb-other-devops")
    same, elsewhere = replace(role, extra={"new": 1}), replace(role, account_id="4" * 12)
    for now, named in (
        ((other,), {role.profile, other.profile}),
        ((), {role.profile}),
        ((replace(role, role="Another"),), {role.profile}),
        ((elsewhere,), {role.profile}),
        ((same,), set()),
    ):
        words = str(Changes.between(handoff_of(here), changed(sent, profiles=now)).besides)
        assert {each.profile for each in (role, other) if each.profile in words} == named


@pytest.mark.parametrize(
    ("fields", "compares"),
    [
        ({"region": "us-east-2"}, False),
        ({"mfa_required": False, "password_policy": ("a digit (0 to 9)",)}, False),
        ({"sign_in_url": OF_SECURITY}, True),
        ({"account_alias": "bb-other", "sign_in_url": OTHER_PAGE}, True),
        ({"user": "jane.doe2", "encrypted_password": None}, True),
    ],
)
def test_what_says_where_to_sign_in_or_as_whom_is_to_be_compared_and_each_change_is_named(
    accepted: tuple[Context, Handoff, Path], fields: dict[str, Any], compares: bool
) -> None:
    here, sent, mail = accepted
    mail.write_text(changed(sent, **fields).render())
    seen = step.observe(here)
    assert (Choice.ACCEPT in seen.choices) is not compares
    assert seen.likely is (Choice.REDO if compares else Choice.ACCEPT)
    named = text_of(seen.choices[seen.likely])
    assert all(value in named for value in fields.values() if isinstance(value, str))
    assert "security" in named
    arrival = step.read(Request(path=here.environment.readable(mail)), here, nothing)
    assert any("security" in text_of(remark) for remark in arrival.remarks)


def test_one_for_a_key_that_is_not_here_can_be_left_and_voids_the_sign_in_until_it_is_read(
    accepted: tuple[Context, Handoff, Path], stranger: GpgHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, sent, mail = accepted
    other = handoff_for(stranger, "stranger").identities[0]
    mail.write_text(replace(sent, identities=(replace(other, user="jane.doe"),)).render())
    seen = step.observe(here)
    assert (seen.choices.keys(), seen.likely) == ({Choice.CONTINUE, Choice.REDO}, Choice.CONTINUE)
    monkeypatch.setattr(step, "list_secret_keys", lambda *_: pytest.fail("gpg was asked for each account"))
    verdicts = {
        account: sign_in.observe(
            replace(here, item=account, facts={**here.facts, "signed_in": {"seen": False}})
        )
        for account in ("security", "management")
    }
    assert verdicts["management"].said_so
    assert not verdicts["security"].said_so
    assert verdicts["security"].words


@pytest.mark.parametrize("then", ["another", "one to compare", "nothing"])
def test_only_the_handoff_that_the_person_was_asked_about_is_accepted(
    accepted: tuple[Context, Handoff, Path], then: str
) -> None:
    here, sent, mail = accepted
    mail.write_text(changed(sent, region="us-east-2").render())
    seen = step.observe(here)
    assert Choice.ACCEPT in seen.choices
    if then == "another":
        mail.write_text(changed(sent, region="eu-west-1").render())
        assert Choice.ACCEPT in step.observe(here).choices
    elif then == "one to compare":
        mail.write_text(changed(sent, sign_in_url=OF_SECURITY).render())
    else:
        mail.unlink()
    with pytest.raises(step.HandoffChanged):
        step.accept(seen, here, nothing)


def test_no_other_handoff_is_accepted_than_was_shown(accepted: tuple[Context, Handoff, Path]) -> None:
    here, sent, mail = accepted
    mail.write_text(changed(sent, region="us-east-2").render())
    request = Request(path=here.environment.readable(mail))
    shown = replace(request, shown=step.read(request, here, nothing).text)
    assert step.perform(shown, here, nothing)["handoff"]["identities"][0]["region"] == "us-east-2"
    mail.write_text(changed(sent, region="eu-west-1").render())
    with pytest.raises(step.HandoffChanged):
        step.perform(shown, here, nothing)


def test_an_offer_that_no_longer_stands_is_not_accepted(accepted: tuple[Context, Handoff, Path]) -> None:
    here, sent, mail = accepted
    mail.write_text(changed(sent, sign_in_url=OF_SECURITY).render())
    seen = step.observe(here)
    assert Choice.ACCEPT not in seen.choices
    with pytest.raises(step.HandoffChanged):
        step.accept(seen, here, nothing)
