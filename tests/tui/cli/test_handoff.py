"""`handoff open` with real gpg, and what `handoff create` refuses before it asks anybody."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject
from support.new_user import handoff_for
from support.pgp import ENVIRONMENT, GpgHome, gpg_home

from tui.cli import layer_run, wizard
from tui.cli.arguments import DONE, REFUSED
from tui.cli.parser import build_parser
from tui.host import Machine, Places
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.messages.envelope import MessageError
from workflows.messages.handoff import ACCESS, NEW_PASSWORD, NEW_ROLES, Handoff
from workflows.steps.admin import hand_over
from workflows.steps.admin.accepted_plan import people_of
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import Context, Report


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key("jane.doe")
        yield made


def machine_of(tmp_path: Path, home: GpgHome | None = None, working: Path | None = None) -> Machine:
    environment = {**ENVIRONMENT, **({"GNUPGHOME": str(home.path)} if home else {})}
    places = Places(*(tmp_path / name for name in ("sessions", "sandboxes", "vault", "cache")))
    return Machine(places, tmp_path, tmp_path, working or tmp_path, environment)


def run(machine: Machine, *words: str) -> int:
    options = build_parser().parse_args(["handoff", *words])
    return options.run(machine, options) or DONE


def written(tmp_path: Path, handoff: Handoff) -> str:
    (tmp_path / "handoff.txt").write_text(handoff.render())
    return "handoff.txt"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """The workflow, the session and the drafts that the wizard is started with."""
    runs = list[tuple[str, str, Any]]()
    monkeypatch.setattr(wizard, "_run", lambda _machine, _source, *given: runs.append(given))
    return runs


def join(machine: Machine, name: str) -> None:
    options = build_parser().parse_args(["join", name])
    options.run(machine, options)


@pytest.mark.parametrize(("occasion", "here"), [(ACCESS, False), (NEW_ROLES, False), (ACCESS, True)])
def test_only_a_handoff_of_other_roles_is_joined_with_where_its_key_is_not(
    tmp_path: Path, home: GpgHome, begun: list[tuple[str, str, Any]], occasion: str, *, here: bool
) -> None:
    machine = machine_of(tmp_path, home if here else None)
    if not here:
        machine.environment["GNUPGHOME"] = str(tmp_path / "gnupg")
        (tmp_path / "gnupg").mkdir(mode=0o700)
    name = written(tmp_path, replace(handoff_for(home, "jane.doe"), occasion=occasion))
    joined = here or occasion == NEW_ROLES
    with nullcontext() if joined else pytest.raises(OnboardError, match="another key"):
        join(machine, name)
    drafts = {
        "before-you-start": {"project": "bb", "user": "jane.doe", "handed": True},
        "pgp-key": {"needless": True},
        "handoff": {"path": str(tmp_path / "handoff.txt")},
    }
    assert begun == [("new-user", "", drafts)] * joined


@pytest.mark.parametrize("done", [{"old"}, {"late"}, {"old", "late"}])
def test_another_handoff_continues_an_open_session_or_else_the_latest_done_one(
    tmp_path: Path, home: GpgHome, begun: list[tuple[str, str, Any]], done: set[str]
) -> None:
    machine = machine_of(tmp_path, home)
    for name, user in (("old", "jane.doe"), ("late", "jane.doe"), ("other", "juan.delacruz")):
        session, title = machine.places.sessions / name, "" if name in done else "Sign in"
        session.mkdir(parents=True)
        facts = {"project": "bb", "user": user}
        summary = Summary(name, "new-user", changed=str(name == "late"), facts=facts, next_title=title)
        keep_summary(session, summary, made_from(session))
    join(machine, written(tmp_path, handoff_for(home, "jane.doe")))
    drafts = {"handoff": {"path": str(tmp_path / "handoff.txt")}}
    assert begun == [("", "old" if "old" not in done else "late", drafts)]


def test_a_handoff_for_a_key_of_this_machine_is_told_without_its_ciphertext(
    tmp_path: Path, home: GpgHome, capsys: pytest.CaptureFixture[str]
) -> None:
    handoff = replace(handoff_for(home, "jane.doe"), occasion=NEW_PASSWORD)
    name = written(tmp_path, handoff)
    assert run(machine_of(tmp_path, home), "open", name) == DONE
    text = capsys.readouterr().out
    (identity,) = handoff.identities
    assert f" {handoff.project} " in text.splitlines()[0]
    assert f"{identity.account_name} ({identity.account_id})" in text
    assert "jane.doe <jane.doe@a.example>" in text
    for profile in identity.profiles:
        assert f"{profile.role} in {profile.account_name}" in text
    assert identity.encrypted_password
    assert identity.encrypted_password[:40] not in text
    assert identity.mfa_required
    assert run(machine_of(tmp_path, home), "open", name, "--json") == DONE
    (told,) = json.loads(capsys.readouterr().out)["identities"]
    assert told["secret_key_here"] is True


def test_one_for_a_key_that_is_elsewhere_is_told_and_refused(
    tmp_path: Path, home: GpgHome, capsys: pytest.CaptureFixture[str]
) -> None:
    name = written(tmp_path, handoff_for(home, "jane.doe"))
    with gpg_home() as other:
        assert run(machine_of(tmp_path, other), "open", name, "--json") == REFUSED
        told = capsys.readouterr()
        (identity,) = json.loads(told.out)["identities"]
        assert identity["secret_key_here"] is False
        assert identity["fingerprint"] == home.fingerprint("jane.doe")
        assert identity["account"] in told.err


def test_a_key_whose_encryption_subkey_is_elsewhere_does_not_open_it(
    tmp_path: Path, home: GpgHome, capsys: pytest.CaptureFixture[str]
) -> None:
    name = written(tmp_path, handoff_for(home, "jane.doe"))
    fingerprint = home.fingerprint("jane.doe")
    primary_alone = home.run("--export-secret-keys", f"{fingerprint}!")
    with gpg_home() as other:
        other.run("--import", stdin=home.export("jane.doe"))
        other.run("--import", stdin=primary_alone)
        assert run(machine_of(tmp_path, other), "open", name, "--json") == REFUSED
    (identity,) = json.loads(capsys.readouterr().out)["identities"]
    assert identity["secret_key_here"] is False
    assert "jane.doe@a.example" in identity["key"], "its primary key is here"


def test_nothing_encrypted_is_nothing_to_open(
    tmp_path: Path, home: GpgHome, capsys: pytest.CaptureFixture[str]
) -> None:
    name = written(tmp_path, handoff_for(home, "jane.doe", encrypted_password=None))
    assert run(machine_of(tmp_path, home), "open", name, "--json") == DONE
    (identity,) = json.loads(capsys.readouterr().out)["identities"]
    assert (identity["password"], identity["secret_key_here"]) == (False, None)


def test_accounts_that_are_not_known_are_marked_as_on_the_page(
    tmp_path: Path, home: GpgHome, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, name = machine_of(tmp_path, home), written(tmp_path, handoff_for(home, "jane.doe"))
    run(machine, "open", name)
    text = capsys.readouterr().out
    assert "\n! " in text
    unknown = text.count("! ")
    config = tmp_path / ".aws" / "bb" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[profile bb-x]\nrole_arn = arn:aws:iam::222222222222:role/X\n")
    run(machine, "open", name)
    text = capsys.readouterr().out
    accounts = [line for line in text.splitlines() if re.search(r"\([0-9]{12}\)", line)]
    assert text.count("! ") > unknown, "of all, none is marked"
    assert [("222222222222" in line, "! " in line) for line in accounts] == [
        (True, False),
        (False, True),
    ]
    run(machine, "open", name, "--json")
    (identity,) = json.loads(capsys.readouterr().out)["identities"]
    assert identity["account_known"]
    assert not identity["roles"][0]["account_known"]


def test_somebody_elses_is_refused_where_a_name_is_given(tmp_path: Path, home: GpgHome) -> None:
    machine, name = machine_of(tmp_path, home), written(tmp_path, handoff_for(home, "jane.doe"))
    for option, named, found in (("--user", "x.y", "jane.doe"), ("--project", "cc", "bb")):
        with pytest.raises(OnboardError) as refused:
            run(machine, "open", name, option, named)
        assert {named, found} <= set(re.findall(r"[\w.]*\w", text_of(refused.value.what)))
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(MessageError):
        run(machine, "open", "note.txt")


def test_one_text_takes_in_other_layers_of_the_same_project_each_with_its_code(
    tmp_path: Path,
    admin_project: AdminProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = machine_of(tmp_path / "state", working=admin_project.root)
    monkeypatch.setattr(layer_run, "asked_code", lambda context: f"code-{context.item}")
    trouble: list[str] = []

    def prepare(context: Context, _report: Report, code: object, codes: object) -> tuple[PersonHandoff]:
        assert (code, codes) == ("code-security", {"management": "code-management"})
        assert context.facts["layers"] == ["security", "management"]
        for account in ("security", "management"):
            assert people_of(account, context) == ("jane.doe",)
            assert f"applied@{account}" in context.every
        return (PersonHandoff("jane.doe", "the text", ("security",), tuple(trouble)),)

    monkeypatch.setattr(hand_over, "prepare", prepare)
    words = ("create", "security", "jane.doe", "--also", "management", "--also", "security")
    assert run(machine, *words) == DONE
    assert capsys.readouterr().out == "the text"
    trouble.append("management is left out, because its state couldn't be read: Denied.")
    with pytest.raises(OnboardError) as refused:
        run(machine, *words)
    assert trouble[0] in refused.value.as_text()
    another = tmp_path / "another"
    shutil.copytree(admin_project.root, another, symlinks=True)
    with pytest.raises(OnboardError) as refused:
        run(machine, "create", "security", "jane.doe", "--also", str(another / "management"))
    assert str(another) in text_of(refused.value.what)


def test_create_leaves_other_files_alone_and_says_why_there_is_no_text(
    tmp_path: Path,
    admin_project: AdminProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = machine_of(tmp_path / "state", working=admin_project.root)
    with pytest.raises(OnboardError) as refused:
        run(machine, "create", "security", "jane.doe", "--out", "build.env")
    assert "build.env" in text_of(refused.value.what)
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    trouble = "security: The state has no user jane.doe."
    answers = [
        PersonHandoff("jane.doe", "", (), (trouble,)),
        PersonHandoff("jane.doe", "", ()),
        PersonHandoff("jane.doe", "with roles", ("security",), (), "without", ("security",)),
        PersonHandoff("jane.doe", "with roles", ("security",), (), "without", ("security",)),
    ]
    monkeypatch.setattr(hand_over, "prepare", lambda *_: (answers.pop(0),))
    with pytest.raises(OnboardError) as refused:
        run(machine, "create", "security", "jane.doe")
    assert trouble in refused.value.as_text()
    with pytest.raises(OnboardError) as unexplained:
        run(machine, "create", "security", "jane.doe")
    assert unexplained.value.next != refused.value.next, "the trouble says itself what helps"
    assert run(machine, "create", "security", "jane.doe") == DONE
    told = capsys.readouterr()
    assert told.out == "with roles"
    assert "--no-usual-roles" in told.err
    assert run(machine, "create", "security", "jane.doe", "--no-usual-roles") == DONE
    assert capsys.readouterr().out == "without"


def test_create_warns_of_a_key_that_may_be_somebody_elses_until_a_session_compares_it(
    tmp_path: Path,
    admin_project: AdminProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = PersonHandoff("alex.kim", "the text", ("security",))
    shutil.copy(*(admin_project.file("security", f"keys/{name}") for name in ("dana.lopez", "alex.kim")))
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    monkeypatch.setattr(hand_over, "_source", lambda *_: None)
    monkeypatch.setattr(hand_over, "person_handoff", lambda *_: person)
    machine = machine_of(tmp_path / "state", working=admin_project.root)
    assert run(machine, "create", "security", person.name) == DONE
    told = capsys.readouterr()
    (warned,) = [line for line in told.err.splitlines() if line.startswith("warning: ")]
    assert told.out == person.text
    assert all(name in warned for name in ("alex.kim", "dana.lopez"))
    fingerprint = fingerprint_in(admin_project.file("security", "keys/alex.kim").read_bytes())
    compared = {
        "project_root": str(admin_project.root),
        "joining": [person.name],
        "keys": {person.name: {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}},
        "comparisons": {person.name: Comparison.SAME},
    }
    session = machine.places.sessions / "one"
    session.mkdir(parents=True)
    keep_summary(session, Summary(session.name, "admin", facts=compared), made_from(session))
    assert run(machine, "create", "security", person.name) == DONE
    assert "warning: " not in capsys.readouterr().err
