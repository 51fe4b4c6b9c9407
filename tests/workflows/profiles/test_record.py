"""Existing profiles: changes made by hand stay unless decided otherwise; removed profiles can be deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.profile_samples import SERIAL, devops

from workflows.core.secret import Credentials, Secret
from workflows.profiles.merge import ProfileFileError, WantedSection, merge, profile_sections
from workflows.profiles.plan import KeyFromProcess
from workflows.profiles.record import Difference
from workflows.profiles.write import Decisions, ProfilePaths, prepare, profile_paths, write_profiles
from workflows.stores.key_store import FileStore

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
ROLE = "bb-shared-devops"
ASK = Decisions(overwrite=())


@pytest.fixture
def paths(tmp_path: Path) -> ProfilePaths:
    made = profile_paths(tmp_path, "bb")
    write_profiles(made, devops(), NOW)
    return made


def edit(paths: ProfilePaths, before: str, after: str) -> None:
    """Change the section of ROLE by hand."""
    text = paths.config.read_text()
    head, section = text.split(f"[profile {ROLE}]")
    assert before in section
    paths.config.write_text(f"{head}[profile {ROLE}]{section.replace(before, after)}")


def test_an_older_wish_of_ours_is_no_change_by_hand(paths: ProfilePaths) -> None:
    moved = devops(region="eu-west-1", serial=None)
    assert prepare(paths, moved, ASK).by_hand == ()
    written = write_profiles(paths, moved, NOW, ASK)
    assert set(written.updated) == set(moved.names)
    assert "us-east-1" not in paths.config.read_text()


def test_what_a_person_changed_is_asked_about_with_both_values(paths: ProfilePaths) -> None:
    edit(paths, "region = us-east-1", "region = eu-west-1")
    (change,) = prepare(paths, devops(), ASK).by_hand
    assert (change.profile, change.ours) == (ROLE, True)
    assert change.differences == (Difference("region", "eu-west-1", "us-east-1"),)
    assert all(part in change.sentence for part in (ROLE, "eu-west-1 → us-east-1"))


def test_it_stays_unless_it_is_to_be_written_over(paths: ProfilePaths) -> None:
    edit(paths, "region = us-east-1", "region = eu-west-1")
    text = paths.config.read_bytes()
    written = write_profiles(paths, devops(), NOW, ASK)
    assert (written.kept, written.changed) == ((ROLE,), ())
    assert paths.config.read_bytes() == text
    assert write_profiles(paths, devops(), NOW, ASK).kept == (ROLE,)  # it is asked about again
    written = write_profiles(paths, devops(), NOW, Decisions(overwrite=(ROLE,)))
    assert (written.kept, written.updated) == ((), (ROLE,))
    assert prepare(paths, devops(), ASK).by_hand == ()


def test_a_person_who_changed_it_as_we_want_it_is_not_asked(paths: ProfilePaths) -> None:
    edit(paths, "region = us-east-1", "region = eu-west-1")
    assert prepare(paths, devops(region="eu-west-1"), ASK).by_hand == ()


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (f"mfa_serial = {SERIAL}\n", "", Difference("mfa_serial", "", SERIAL)),
        (
            "region = us-east-1\n",
            "region = us-east-1\nsso_session = team\n",
            Difference("sso_session", "team", ""),
        ),
    ],
)
def test_what_was_taken_out_or_put_in_counts_too(
    paths: ProfilePaths, before: str, after: str, difference: Difference
) -> None:
    edit(paths, before, after)
    (change,) = prepare(paths, devops(), ASK).by_hand
    assert change.differences == (difference,)


def test_an_option_that_is_none_of_ours_is_never_asked_about(paths: ProfilePaths) -> None:
    edit(paths, "region = us-east-1\n", "region = us-east-1\nduration_seconds = 3600\n")
    prepared = prepare(paths, devops(region="eu-west-1"), ASK)
    assert prepared.by_hand == ()
    assert "duration_seconds = 3600\n" in prepared.config.text


def test_a_profile_that_was_there_before_this_program_is_asked_about(tmp_path: Path) -> None:
    made = profile_paths(tmp_path, "bb")
    made.folder.mkdir(parents=True)
    made.config.write_text(
        f"[profile {ROLE}]\nsso_session = team\nsso_account_id = 333333333333\nregion = us-east-1\n"
        "[profile bb-security]\nregion = us-east-1\n"
    )
    (change,) = prepare(made, devops(), ASK).by_hand  # options that the base profile lacks are only added
    assert (change.profile, change.ours) == (ROLE, False)
    assert {difference.option for difference in change.differences} == {"sso_session", "sso_account_id"}
    written = write_profiles(made, devops(), NOW, Decisions(overwrite=(ROLE,)))
    assert "sso_" not in made.config.read_text()
    assert "bb-security" in written.updated


def test_a_base_profile_that_signs_in_through_sso_is_left_so_without_a_key(tmp_path: Path) -> None:
    """A role's source may be a profile of IAM Identity Center."""
    made = profile_paths(tmp_path, "bb")
    made.folder.mkdir(parents=True)
    made.config.write_text(
        "[profile bb-security]\nsso_session = team\nsso_role_name = Dev\nregion = us-east-1\n"
    )
    write_profiles(made, devops(), NOW, ASK)
    section = profile_sections(made.config.read_text(), "profile ", "config")["bb-security"]
    assert section.options["sso_session"] == "team"
    (change,) = prepare(made, devops(KeyFromProcess("/bin/true")), ASK).by_hand
    assert {difference.option for difference in change.differences} == {"sso_session", "sso_role_name"}


def test_keeping_a_key_in_the_file_leaves_what_somebody_changed(paths: ProfilePaths) -> None:
    text = paths.config.read_text()
    head, section, tail = text.partition("[profile bb-security]\n")
    changed = (
        tail.replace("us-east-1", "eu-west-1", 1)
        .replace("json", "text", 1)
        .replace(SERIAL, "other-device", 1)
    )
    paths.config.write_text(head + section + changed)
    store = FileStore(paths, "bb-security", "us-east-1", lambda: NOW, "credentials")
    for serial in (SERIAL, None):
        store.keep(Credentials("AKIA" + "A" * 16, Secret("s" * 40)), serial)
        assert paths.config.read_text() == head + section + changed
    (change,) = prepare(paths, devops(), ASK).by_hand  # the step Profiles asks about all of it
    assert [difference.option for difference in change.differences] == ["region", "output", "mfa_serial"]


def test_keeping_a_key_in_the_file_gives_what_is_missing_and_takes_the_command_out(tmp_path: Path) -> None:
    made = profile_paths(tmp_path, "bb")
    made.folder.mkdir(parents=True)
    made.config.write_text("[profile bb-security]\ncredential_process = /bin/true\noutput = table\n")
    store = FileStore(made, "bb-security", "us-east-1", lambda: NOW, "credentials")
    store.keep(Credentials("AKIA" + "A" * 16, Secret("s" * 40)), SERIAL)
    options = profile_sections(made.config.read_text(), "profile ", "config")["bb-security"].options
    assert options == {"output": "table", "region": "us-east-1", "mfa_serial": SERIAL}
    (change,) = prepare(made, devops(region="eu-west-1"), ASK).by_hand
    assert [difference.option for difference in change.differences] == ["output"], "the region is ours"


def test_a_secret_in_the_way_is_not_shown(paths: ProfilePaths) -> None:
    text = paths.config.read_text()
    paths.config.write_text(
        text.replace("[profile bb-security]\n", "[profile bb-security]\naws_secret_access_key = CANARY\n")
    )
    (change,) = prepare(paths, devops(KeyFromProcess("/bin/true")), ASK).by_hand
    assert "CANARY" not in change.sentence
    assert [difference.option for difference in change.differences] == ["aws_secret_access_key"]


def test_a_damaged_record_makes_every_difference_a_question(paths: ProfilePaths) -> None:
    paths.record.write_text('{"version": 1, "profiles": [')
    assert [profile.profile for profile in prepare(paths, devops(region="eu-west-1"), ASK).by_hand] == list(
        devops().names
    )
    write_profiles(paths, devops(), NOW, ASK)  # nothing differs; the record is corrected
    assert prepare(paths, devops(region="eu-west-1"), ASK).by_hand == ()


def test_what_is_gone_is_taken_out_by_choice_alone(paths: ProfilePaths) -> None:
    fewer = devops(accounts={"security": "222222222222"})
    before = paths.config.read_text()
    (stale,) = prepare(paths, fewer, ASK).stale
    assert (stale.profile, stale.changed_by_hand) == (ROLE, False)
    assert stale.role_arn == "arn:aws:iam::333333333333:role/DevOps"
    assert write_profiles(paths, fewer, NOW, ASK).removed == ()
    assert paths.config.read_text() == before
    written = write_profiles(paths, fewer, NOW, Decisions(overwrite=(), prune=(ROLE, "bb-security", "other")))
    assert written.removed == (ROLE,)
    assert paths.config.read_text() == before.split(f"[profile {ROLE}]")[0]
    assert [backup.read_text() for backup in written.backups] == [before]
    assert prepare(paths, fewer, ASK).stale == ()


def test_profiles_of_others_and_of_another_identity_are_never_stale(paths: ProfilePaths) -> None:
    paths.config.write_text(
        paths.config.read_text()
        + "[profile mine]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = bb-security\n"
    )
    other = devops(accounts={})
    other = replace(other, bases=(replace(other.bases[0], name="bb-management"),))
    assert prepare(paths, other, ASK).stale == ()
    assert {profile.profile for profile in prepare(paths, devops(accounts={}), ASK).stale} == {
        ROLE,
        "bb-security-devops",
    }


def test_a_stale_profile_tells_that_it_was_changed(paths: ProfilePaths) -> None:
    edit(paths, "region = us-east-1", "region = eu-west-1")
    (stale,) = prepare(paths, devops(accounts={"security": "222222222222"}), ASK).stale
    assert stale.changed_by_hand
    assert stale.sentence != replace(stale, changed_by_hand=False).sentence


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_taking_a_section_out_leaves_every_other_byte(newline: str) -> None:
    text = newline.join(
        [
            "# head", "", "[profile a]", "x=1   ; y", "s3 =", "   k = 1", "", "# about b", "[profile b]",
            "# in b", "y = 2", "s3 =", "  k = 1", "", "# about c", "[profile c]", "z : 1", "", "", "",
        ]
    )  # fmt: skip
    result = merge(text, (), prefix="profile ", name="config", remove={"b", "nobody"})
    gone = newline.join(["[profile b]", "# in b", "y = 2", "s3 =", "  k = 1", "", ""])
    assert result.text == text.replace(gone, "")
    assert result.removed == ("b",)


def test_a_comment_that_may_be_about_the_next_section_stays() -> None:
    text = "[profile a]\nx = 1\n# about b, or about a\n[profile b]\ny = 2\n"
    result = merge(text, (), prefix="profile ", name="config", remove={"a"})
    assert result.text == "# about b, or about a\n[profile b]\ny = 2\n"


def test_taking_out_and_changing_go_together() -> None:
    text = "[profile a]\nx = 1\n\n[profile b]\ny = 2\n"
    result = merge(text, [WantedSection("b", {"y": "3"})], prefix="profile ", name="config", remove={"a"})
    assert result.text == "[profile b]\ny = 3\n"


def test_a_section_in_the_way_of_another_is_not_taken_out() -> None:
    """The sections have the same name, so removing one would leave the other."""
    text = "[profile a]\nx = 1\n[profile a]\ny = 2\n"
    with pytest.raises(ProfileFileError):
        merge(text, (), prefix="profile ", name="config", remove={"a"})
