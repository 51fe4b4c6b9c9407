"""Keys that people send, in every form, one or many at once: a keyring, a folder, too much data."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.admin_project import AdminProject, quiet, taken_key
from support.growth import growth
from support.pgp import GpgHome, gpg_home

from workflows.core.files import FileError
from workflows.core.sentences import Cancelled, text_of
from workflows.gpg.many_keys import Likeness, in_parallel
from workflows.gpg.normalise import KEYRING_LIMIT
from workflows.gpg.refusals import KeybaseName, KeyRefused, KeyTooLarge, SecretKeyGiven
from workflows.gpg.verdict import Headline, VerdictKind
from workflows.steps.admin import pgp_keys
from workflows.steps.admin.pgp_keys import Request, ranked
from workflows.steps.shared.module import Context, Progress

Keys = Mapping[str, bytes]
LOCKED = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "3.39.0"\n}\n'


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    """Return a project in which two people join; there is no lock file, and the layers require ~> 3.39.0."""
    admin_project.begin("jane.doe", "juan.delacruz")
    return admin_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sent"
    made.mkdir()
    return made


def take(admin: AdminProject, data: bytes | str) -> pgp_keys.Taken:
    return pgp_keys.take_in_for(data, "jane.doe", "pasted", admin.context())


# -- a path where a key belongs ---------------------------------------------------------------------


def test_a_path_in_the_field_for_keys_is_opened(admin: AdminProject, people_keys: Keys, folder: Path) -> None:
    file = folder / "from jane.asc"
    file.write_bytes(people_keys["jane.doe"])
    quoted, escaped = f"'{file}'", str(file).replace(" ", "\\ ")
    for typed in (str(file), f"  {file}\n", quoted, escaped):
        taken = pgp_keys.take_in_typed(typed, ["jane.doe"], admin.context(), quiet)
        assert taken.keys["jane.doe"].origin == str(file)
    several = pgp_keys.take_in_typed(str(folder), ["jane.doe"], admin.context(), quiet)
    assert set(several.keys) == {"jane.doe"}


def test_a_request_that_is_read_by_its_path_in_downloads_counts_as_read(admin: AdminProject) -> None:
    downloads = admin.environment.downloads
    downloads.mkdir()
    file = downloads / "request-jane.doe.txt"
    file.write_text("a request")

    def read(text: str) -> dict[str, int]:
        return pgp_keys.requests_at(text, ["jane.doe", "juan.delacruz"], admin.context())

    assert [*map(read, (str(file), str(downloads)))] == [{"jane.doe": file.stat().st_mtime_ns}] * 2
    assert not any(
        map(read, ("a request", str(downloads.parent), str(downloads / "request-juan.delacruz.txt")))
    )


@pytest.mark.parametrize("typed", ["machine.github.actions", " keys/machine.github.actions\n"])
def test_a_machine_user_shares_a_key_file_by_its_name(admin: AdminProject, typed: str) -> None:
    admin.begin("machine.ci", "jane.doe")
    admin.facts["user_changes"] = {"add": {"security": ["machine.ci"]}}
    taken = pgp_keys.take_in_typed(typed, ["machine.ci"], admin.context(), quiet)
    assert taken.keys["machine.ci"].origin == "keys/machine.github.actions in security"
    with pytest.raises(KeyRefused):
        pgp_keys.take_in_typed(typed, ["jane.doe"], admin.context(), quiet)


def test_what_is_no_path_is_a_key_and_a_path_to_nothing_says_so(
    admin: AdminProject, people_keys: Keys
) -> None:
    text = b64encode(people_keys["jane.doe"]).decode()
    assert pgp_keys.take_in_typed(text, ["jane.doe"], admin.context(), quiet).keys["jane.doe"].accepted
    with pytest.raises(FileError):
        pgp_keys.take_in_typed("~/Downloads/none.asc", ["jane.doe"], admin.context(), quiet)
    for odd in ("jane", "k" * 300, "keybase:jane", "\0", "two\n/lines"):
        with pytest.raises(KeyRefused):
            pgp_keys.take_in_typed(odd, ["jane.doe"], admin.context(), quiet)


# -- how much, and for which provider --------------------------------------------------------------


def test_what_is_too_large_is_refused_at_once(admin: AdminProject, folder: Path) -> None:
    def refuse(data: str | bytes) -> None:
        with pytest.raises(KeyTooLarge):
            take(admin, data)

    def refuse_file(name: str) -> None:
        with pytest.raises(FileError):
            pgp_keys.take_in_file(str(folder / name), ["jane.doe"], admin.context(), quiet)

    few, many = KEYRING_LIMIT + 1, 3 * KEYRING_LIMIT
    for piece in ("x", b"x"):
        assert growth(partial(refuse, piece * few), partial(refuse, piece * many), 2) < 2
    (folder / "few.asc").write_bytes(b"x" * few)
    (folder / "many.asc").write_bytes(b"x" * many)
    assert growth(partial(refuse_file, "few.asc"), partial(refuse_file, "many.asc"), 2) < 2


def test_a_key_of_more_than_a_megabyte_is_taken(admin: AdminProject, people_keys: Keys) -> None:
    text = b64encode(people_keys["jane.doe"]).decode() + " " * 1_500_000
    assert list(take(admin, text).keys) == ["jane.doe"]


def test_without_a_lock_file_the_constraint_of_the_layer_decides(
    admin: AdminProject, people_keys: Keys
) -> None:
    assert not take(admin, people_keys["cv25519"]).keys["jane.doe"].accepted
    for account in ("management", "security"):
        (versions,) = [path for path in admin.file(account, ".").glob("*.tf") if "3.39.0" in path.read_text()]
        versions.write_text(versions.read_text().replace("~> 3.39.0", "~> 4.10"))
    assert take(admin, people_keys["cv25519"]).keys["jane.doe"].accepted


def test_layers_with_different_providers_are_told_apart_by_name(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.file("management", ".terraform.lock.hcl").write_text(LOCKED.replace("3.39.0", "4.67.0"))
    key = take(admin, people_keys["cv25519"]).keys["jane.doe"]
    assert not key.accepted
    assert f"{Headline.CURVE} in security " in key.verdict.headline
    assert f" 4.67.0): {Headline.CURVE_REPORTED}" in key.verdict.headline
    assert " in " not in take(admin, people_keys["jane.doe"]).keys["jane.doe"].verdict.headline


def test_a_provider_that_nothing_tells_is_a_warning(admin: AdminProject, people_keys: Keys) -> None:
    admin.file("security", ".terraform.lock.hcl").write_text("provider {{{")
    key = take(admin, people_keys["jane.doe"]).keys["jane.doe"]
    assert key.accepted
    assert any(" security " in words for words in key.verdict.warnings)


# -- several keys at once --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyring() -> bytes:
    with gpg_home() as home:
        for name in ("ana", "jane.doe", "jane", "juan.delacruz"):
            home.key(name, "rsa2048" if name != "jane" else "ed25519", subkey="rsa2048")
        return _exported(home)


def _exported(home: GpgHome) -> bytes:
    return home.run("--export", "--armor")


def test_a_keyring_is_to_be_chosen_from_the_best_match_first(admin: AdminProject, keyring: bytes) -> None:
    taken = take(admin, keyring)
    assert taken.keys == {}
    choices = taken.choices["jane.doe"]
    assert [key.user_ids[0].partition(" ")[0] for key in choices][:2] == ["jane.doe", "jane"]
    assert [key.likeness for key in choices[:2]] == [Likeness.FULL, Likeness.SOME]
    assert len(choices) == 4
    assert all(key.name == "jane.doe" and len(key.fingerprint) == 40 for key in choices)


def test_of_keys_that_fit_alike_the_surest_comes_first(admin: AdminProject, people_keys: Keys) -> None:
    key = take(admin, people_keys["jane.doe"]).keys["jane.doe"]
    best = replace(key, verdict=replace(key.verdict, warnings=()))
    weak = replace(best, verdict=replace(best.verdict, warnings=("It is short.",)))
    unsure = replace(best, verdict=replace(best.verdict, kind=VerdictKind.UNVERIFIED))
    refused = replace(best, verdict=replace(best.verdict, kind=VerdictKind.REFUSED_BY_US))
    assert ranked([refused, unsure, weak, best]) == (best, weak, unsure, refused)


def test_a_folder_is_matched_by_file_name_request_name_and_mail_and_the_rest_is_listed(
    admin: AdminProject, people_keys: Keys, folder: Path
) -> None:
    (folder / "first.asc").write_bytes(people_keys["juan.delacruz"])
    (folder / "JANE.DOE.gpg").write_bytes(people_keys["rsa3072"])
    (folder / "somebody.asc").write_bytes(people_keys["rsa-for-both"])
    (folder / "leak.asc").write_bytes(people_keys["secret"])
    (folder / "holiday.txt").write_text("a picture of the sea")
    (folder / ".hidden").write_bytes(people_keys["jane.doe"])
    told: list[Progress] = []
    found = pgp_keys.take_in_file(str(folder), admin.facts["joining"], admin.context(), told.append)
    assert {name: key.origin.rpartition("/")[2] for name, key in found.keys.items()} == {
        "juan.delacruz": "first.asc",
        "jane.doe": "JANE.DOE.gpg",
    }
    assert found.choices == {}
    home = replace(admin.environment, home=folder.parent)
    kept = replace(admin.context(), environment=home)
    (key,) = pgp_keys.take_in_file(str(folder / "first.asc"), ["juan.delacruz"], kept, quiet).keys.values()
    assert key.origin == f"~/{folder.name}/first.asc"
    assert [words.partition(" ")[0].rstrip(":") for words in found.unmatched] == [
        "leak.asc",
        "somebody.asc",
        "1",
    ]
    assert "SECRET" in found.unmatched[0]
    assert [(progress.done, progress.total) for progress in told] == [(number, 5) for number in range(1, 6)]


def test_two_files_for_one_person_are_to_be_chosen_from_and_the_same_key_twice_is_one(
    admin: AdminProject, people_keys: Keys, folder: Path
) -> None:
    (folder / "jane.doe").write_bytes(people_keys["jane.doe"])
    (folder / "copy.asc").write_text(b64encode(people_keys["jane.doe"]).decode())
    intake = pgp_keys.take_in_file(str(folder), ["jane.doe"], admin.context(), quiet)
    assert (list(intake.keys), intake.choices) == (["jane.doe"], {})
    (folder / "jane.doe.gpg").write_bytes(people_keys["rsa3072"])
    two = pgp_keys.take_in_file(str(folder), ["jane.doe"], admin.context(), quiet)
    assert [key.likeness for key in two.choices["jane.doe"]] == [Likeness.FULL, Likeness.NONE]


def test_reading_a_folder_can_be_stopped(admin: AdminProject, people_keys: Keys, folder: Path) -> None:
    for number in range(50):
        (folder / f"{number}.asc").write_bytes(people_keys["rsa"])
    stopped = threading.Event()
    context: Context = replace(admin.context(), cancelled=stopped)

    def report(progress: Progress) -> None:
        if progress.done == 3:
            stopped.set()

    with pytest.raises(Cancelled):
        pgp_keys.take_in_file(str(folder), ["jane.doe"], context, report)


def test_what_was_not_begun_is_left_when_the_work_is_stopped() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01)
        return number

    def tick(done: int) -> None:
        if done == 2:
            raise Cancelled("Stopped", "You stopped it.")

    with pytest.raises(Cancelled):
        in_parallel(work, range(500), tick)
    assert len(begun) < 100


@pytest.mark.parametrize(("text", "refusal"), [("keybase:jane_doe", KeybaseName), ("secret", SecretKeyGiven)])
def test_what_must_not_be_is_refused_with_a_text_for_the_sender(
    admin: AdminProject, people_keys: Keys, text: str, refusal: type[KeybaseName | SecretKeyGiven]
) -> None:
    with pytest.raises(refusal) as caught:
        take(admin, people_keys.get(text, text.encode()))
    assert "gpg " in caught.value.for_owner


# -- whose key it is -------------------------------------------------------------------------------


def test_a_key_of_somebody_else_is_told_with_the_names(admin: AdminProject, people_keys: Keys) -> None:
    admin.replace(
        "security",
        "locals.tf",
        '"machine.github.actions" =',
        '"machine.ci" = "machine.github.actions"\n    "machine.github.actions" =',
    )
    for file in ("keys/machine.github.actions", "keys/old"):
        admin.file("security", file).write_bytes(people_keys["jane.doe"])
    warnings = take(admin, people_keys["jane.doe"]).keys["jane.doe"].verdict.warnings
    used, unused = (text_of(words) for words in warnings if "keys/" in words)
    named = (" machine.ci, ", " machine.github.actions ", " security ", "(keys/machine.github.actions)")
    assert all(part in used for part in named)
    assert all(part in unused for part in (" keys/old ", " security,"))


def test_two_people_who_join_with_one_key_are_told(admin: AdminProject, people_keys: Keys) -> None:
    keys = {name: taken_key(people_keys["rsa3072"], name, admin.context()) for name in admin.facts["joining"]}
    told = [text_of(problem.message).split() for problem in pgp_keys.validate(Request(keys), admin.context())]
    assert any({"jane.doe", "juan.delacruz"} <= set(words) for words in told)


# -- what lies in the layers -----------------------------------------------------------------------


def test_the_files_of_the_layers_are_judged_to_the_letter(admin: AdminProject, people_keys: Keys) -> None:
    armored = people_keys["secret"].replace(b"PRIVATE", b"PUBLIC")
    for name, data in {
        "raw": people_keys["jane.doe"],
        "bom": b"\xef\xbb\xbf" + b64encode(people_keys["jane.doe"]),
        "broken": b64encode(people_keys["jane.doe"])[:-3],
        "not-a-key": armored,
        "soon": b64encode(people_keys["expiring-soon"]),
        "twin": b64encode(people_keys["expiring-soon"]),
        "expired": b64encode(people_keys["expired"]),
    }.items():
        admin.file("security", f"keys/{name}").write_bytes(data)
    rows = {
        row.file: row for row in pgp_keys.present_keys(admin.context(), quiet) if row.account == "security"
    }
    verdicts = {
        name.removeprefix("keys/"): (row.accepted, row.verdict.headline) for name, row in rows.items()
    }
    assert verdicts["raw"] == (False, Headline.BINARY_FILE)
    assert verdicts["bom"] == (False, Headline.NOT_BASE64)
    assert verdicts["broken"][0] is verdicts["not-a-key"][0] is verdicts["expired"][0] is False
    assert verdicts["alex.kim"] == (True, Headline.WORKS)
    assert rows["keys/soon"].soon
    assert rows["keys/expired"].soon
    assert [name for name, row in rows.items() if row.expired] == ["keys/expired"]
    assert not rows["keys/alex.kim"].soon
    assert rows["keys/soon"].same == ("security: keys/twin",)
    assert rows["keys/alex.kim"].users == ("alex.kim",)
    assert rows["keys/raw"].users == ()


def test_only_the_files_of_the_people_who_are_asked_for_are_judged(admin: AdminProject) -> None:
    rows = pgp_keys.present_keys(admin.context(), quiet, ["alex.kim"])
    assert [(row.account, row.file) for row in rows] == [
        ("management", "keys/alex.kim"),
        ("security", "keys/alex.kim"),
    ]
