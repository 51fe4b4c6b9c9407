"""If what a step can see of the world is broken, the step is not shown as done any more.

Every step of every workflow has a row here: how it is done, and a way to break each thing that it can see; or
the statement that it can see nothing, and then it is never confirmed.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject, copied, decide, make_project, put, write
from support.fakes import MemoryVault
from support.given import Given
from support.new_user import environment_of, handoff_for
from support.panes import by_id, new_session, settle
from support.pgp import GpgHome, gpg_home
from support.served_aws import BASE, ITEM, jane
from support.steps import step_of

from workflows.core.secret import Credentials, Secret
from workflows.environment import Environment
from workflows.layer.discover import find_project
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.machine.state import Status
from workflows.messages.handoff import Handoff
from workflows.run import SessionRun
from workflows.step_modules import MODULES
from workflows.steps.admin import state_now
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.sts_regions import allowed_regions
from workflows.steps.shared.module import StepModule
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase, Rotation
from workflows.stores.vault import store_access_key
from workflows.terraform.record import PlanRecord, StateMark, file_sha256, hash_sources

NAME, LAYER = "jane.doe", "security"
EVERY: Mapping[str, StepModule] = {
    f"{workflow}/{step}": module for workflow, modules in MODULES.items() for step, module in modules.items()
}


@dataclass
class Stand:
    """A step that was done.

    Attributes:
        facts: all facts, including the step's own.
        environment: the environment, which a break may replace.
        folder: the folder in which a break works: the project's, or the person's home.
        git: runs git in the project.
    """

    facts: dict[str, Any]
    environment: Environment
    folder: Path
    git: Callable[..., str] = lambda *_words: ""

    def layer(self, name: str) -> Path:
        return self.folder / LAYER / "global/base-identities" / name


Break = Callable[[Stand], object]


@dataclass
class Done:
    """A session in which only this step is done."""

    module: StepModule
    stand: Stand
    session: Session

    def status(self) -> Status:
        """Return the status after all looks and questions, as on a resume."""
        given = next(step for step in self.session.state.workflow.steps if step.id == "given")
        known = {name: self.stand.facts[name] for name in given.gives}
        run = SessionRun(self.session, self.stand.environment, by_id([Given(known), self.module]))
        run.observe()
        for question in run.questions():
            run.save_answer(question, run.answer(question))
        (key,) = [key for key in self.session.layout() if key.step == step_of(self.module).id]
        return self.session.status(key)


def done(module: StepModule, stand: Stand, folder: Path) -> Done:
    step = step_of(module)
    needed: dict[str, Any] = {
        name: {} if name == "account_changes" else []
        for name in (*step.needs, step.repeats_over)
        if name and name not in stand.facts
    }
    stand.facts = {**needed, **stand.facts}
    own = {name: fact for name, fact in stand.facts.items() if name in step.gives}
    given = Given({name: fact for name, fact in stand.facts.items() if name not in own})
    session = new_session(folder, [given, module])
    settle(session, StepKey("given"), given.facts)
    (key,) = [key for key in session.layout() if key.step == step.id]
    settle(session, key, own)
    return Done(module, stand, session)


# -- the admin ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made() -> list[AdminProject]:
    """Return a list for what the first test makes and all share."""
    return []


@pytest.fixture
def admin(
    made: list[AdminProject],
    admin_template: Path,
    people_keys: Mapping[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Stand:
    """Return a project in which jane.doe was added to security."""
    if not made:
        first = make_project(admin_template, tmp_path_factory.mktemp("written"))
        decide(first, people_keys, joining=(NAME,), layers=(LAYER,))
        put(first, {LAYER: {NAME: {"devops"}}})
        write(first)
        made.append(first)
    project = copied(made[0], tmp_path)
    return Stand(dict(project.facts), project.environment, project.root, project.git)


@pytest.fixture
def switched(admin: Stand) -> Stand:
    """Switch on an access key for an existing person."""
    access = {LAYER: {"sam.okafor": {"access_key": True}}}
    admin.facts["user_changes"] = {"add": {}, "remove": {}, "access": access}
    return admin


@pytest.fixture
def with_policy(admin: Stand) -> Stand:
    admin.facts["account_changes"] = {LAYER: {"alias": None, "policy": {"minimum_password_length": 20}}}
    admin.facts["account_wanted"] = True
    return admin


@pytest.fixture
def with_regions(admin: Stand) -> Stand:
    allowed = list(allowed_regions(find_project(admin.folder)))
    admin.facts["sts_regions"] = {"asked_at": "now", "allowed": allowed, "accounts": {}}
    return admin


@pytest.fixture
def expiring(admin: Stand) -> Stand:
    """Make the added key expire in a year."""
    end = (admin.environment.now() + timedelta(days=365)).isoformat()
    admin.facts["keys"] = {name: {**key, "expires": end} for name, key in admin.facts["keys"].items()}
    return admin


def resource(kind: str, **attributes: Any) -> dict[str, Any]:
    instances = [{"attributes": attributes}]
    return {"mode": "managed", "type": kind, "name": "this", "instances": instances}


def state(serial: int, *resources: dict[str, Any]) -> str:
    return json.dumps({"version": 4, "serial": serial, "lineage": "a-line", "resources": resources})


HOLDS = (
    resource("aws_iam_user", name=NAME, arn=f"arn:aws:iam::222222222222:user/{NAME}"),
    resource("aws_iam_user_login_profile", user=NAME),
    resource("aws_iam_group_membership", group="devops", users=[NAME]),
)


@pytest.fixture
def planned(admin: Stand, tmp_path: Path) -> Stand:
    """Return a project whose layer is planned; its state is in a file."""
    admin.layer(".terraform").mkdir()
    config = admin.layer("config.tf")
    config.write_text(re.sub(r"\s+backend \"s3\" \{.*?\}", "", config.read_text(), flags=re.DOTALL))
    admin.layer("terraform.tfstate").write_text(state(3))
    plan, layer = tmp_path / "plan.tfplan", admin.layer("")
    plan.write_bytes(b"a plan")
    record = PlanRecord(plan, file_sha256(plan), layer, (), hash_sources(layer, ()), "", "x", "now")
    record = replace(record, state=StateMark("a-line", 3))
    admin.facts["plan"] = Planned(record, ("jane.doe: new user",), {"add": 3}).as_facts()
    return admin


@pytest.fixture
def planned_elsewhere(planned: Stand) -> Stand:
    """Simulate that CI applied the pull request."""
    planned.layer("terraform.tfstate").write_text(state(4, *HOLDS))
    planned.facts["plan"] = {"elsewhere": True}
    return planned


def users_in_aws(stand: Stand) -> Path:
    return stand.environment.home / "users-in-aws"


@pytest.fixture
def applied(planned: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Return a project whose layer is applied; AWS has the users that a file names."""
    users = users_in_aws(planned)
    users.write_text(NAME)
    monkeypatch.setattr(state_now, "client_without_code", lambda *_: nullcontext(users))
    monkeypatch.setattr(
        state_now, "find_user", lambda users, name: name if name in users.read_text().split() else None
    )
    planned.layer("terraform.tfstate").write_text(state(4, *HOLDS))
    planned.facts["applied"] = {"at": "now", "added": 3, "changed": 0, "destroyed": 0, "elsewhere": False}
    return planned


# -- the new user ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane")
        yield home


@pytest.fixture
def person(tmp_path: Path, keys: GpgHome) -> Stand:
    """Return a person with only a key and a handoff for it."""
    environment = environment_of(tmp_path, keys)
    facts = {"project": "bb", "user": NAME, "tools": {}, "fingerprint": keys.fingerprint("jane")}
    facts |= {"key_made": False, "request_sent": "", "identities": [ITEM]}
    return Stand({**facts, "handoff": handoff_for(keys, "jane").payload()}, environment, environment.home)


@pytest.fixture
def with_identity(person: Stand) -> Stand:
    person.facts["handoff"] = Handoff("bb", (jane(),)).payload()
    (person.folder / ".aws/bb").mkdir(parents=True)
    return person


@pytest.fixture
def key_in_file(with_identity: Stand) -> Stand:
    with_identity.facts["access_key"] = {"id": "AKIAEXAMPLEEXAMPLE01", "kept": "credentials-file"}
    text = f"[{BASE}]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\n"
    (with_identity.folder / ".aws/bb/credentials").write_text(text)
    return with_identity


@pytest.fixture
def key_in_vault(with_identity: Stand) -> Stand:
    with_identity.facts["access_key"] = {"id": "AKIAEXAMPLEEXAMPLE01", "kept": "keyring"}
    key = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("canary"))
    store_access_key(with_identity.environment.vault("").vault, "bb", BASE, key)
    return with_identity


@pytest.fixture
def with_profiles(with_identity: Stand) -> Stand:
    config = with_identity.folder / ".aws/bb/config"
    config.write_text(f"[profile {BASE}]\nregion = us-east-1\n\n[profile bb-x]\nregion = us-east-1\n")
    credentials = config.with_name("credentials")
    written = {"config": str(config), "credentials": str(credentials), "names": [BASE, "bb-x"]}
    with_identity.facts["profiles"] = written
    return with_identity


NOW = datetime(2026, 1, 2, tzinfo=UTC)
RECORD = KeyRecord("bb", BASE, "AKIANEW", "keyring", NAME, "222222222222", "us-east-1", NOW)


@pytest.fixture
def rotated(person: Stand) -> Stand:
    KeyRecords(person.environment.key_records_folder).put(RECORD)
    known = {"project": "bb", "profile": BASE, "id": "AKIANEW", "old_id": "AKIAOLD"}
    person.facts |= {"rotated": known, "retired": {"id": "AKIAOLD", "told": []}}
    return person


# -- the table ---------------------------------------------------------------------------------------


def text_changed(name: str, before: str, after: str) -> Break:
    def change(stand: Stand) -> None:
        file = stand.layer(name)
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    return change


def state_is(text: str) -> Break:
    return lambda stand: stand.layer("terraform.tfstate").write_text(text)


def gone(*names: str) -> Break:
    """Return a break that removes files or folders below the stand's folder."""

    def remove(stand: Stand) -> None:
        for name in names:
            path = stand.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def moved_away(stand: Stand) -> None:
    stand.folder.rename(stand.folder.with_name("elsewhere"))


def other_key(stand: Stand) -> None:
    key, sam = stand.layer(f"keys/{NAME}"), stand.layer("keys/sam.okafor")
    key.write_text(sam.read_text())


def git(*words: str) -> Break:
    return lambda stand: stand.git(*words)


def empty_branch(stand: Stand) -> None:
    stand.git("checkout", "--quiet", "--orphan", "empty")
    stand.git("rm", "--quiet", "-r", "--force", ".")


def later(days: int) -> Break:
    def wait(stand: Stand) -> None:
        now = stand.environment.now() + timedelta(days=days)
        stand.environment = replace(stand.environment, now=lambda: now)

    return wait


def no_gpg(stand: Stand) -> None:
    environment = {**stand.environment.variables, "PATH": str(stand.folder / "none")}
    stand.environment = replace(stand.environment, variables=environment)


def empty_keyring(stand: Stand) -> None:
    home = stand.folder / "other-gnupg"
    home.mkdir(mode=0o700)
    stand.environment = replace(stand.environment, gnupg_home=home)


def home_text(name: str, text: str) -> Break:
    return lambda stand: (stand.folder / name).write_text(text)


def vault_emptied(stand: Stand) -> None:
    vault = stand.environment.vault("").vault
    assert isinstance(vault, MemoryVault)
    vault.kept.clear()


def recorded(record: KeyRecord) -> Break:
    return lambda stand: KeyRecords(stand.environment.key_records_folder).put(record)


def forgotten(stand: Stand) -> None:
    shutil.rmtree(stand.environment.key_records_folder)


WAITING = Rotation(Phase.WAITING, "AKIAOLD", "AKIANEW", (), NOW)
ROWS: Mapping[str, Mapping[str, Mapping[str, Break]]] = {
    "admin/project": {
        "admin": {
            "its layer is gone": gone(f"{LAYER}/global"),
            "its variables are gone": gone("config/common.tfvars"),
            "it moved": moved_away,
            "another branch": empty_branch,
        }
    },
    "admin/pgp-keys": {
        "admin": {"another key in its place": other_key, "no project": moved_away},
        "expiring": {"it expired": later(400)},
    },
    "admin/users": {
        "switched": {
            "whose access changes is gone": text_changed("locals.tf", '"sam.okafor",', ""),
            "no project": moved_away,
        }
    },
    "admin/groups": {
        "admin": {
            "the group is gone": text_changed("groups.tf", "devops", "platform"),
            "no project": moved_away,
        }
    },
    "admin/account": {
        "with_policy": {
            "the value is computed": text_changed("account.tf", "= 16", "= var.length"),
            "no project": moved_away,
        }
    },
    "admin/review": {
        "admin": {
            "edited by hand": text_changed("locals.tf", f'"{NAME}"', '"jane.roe"'),
            "out of the group": text_changed("groups.tf", NAME, "jane.roe"),
            "reverted": git("checkout", "--", f"{LAYER}/global/base-identities/locals.tf"),
            "stashed": git("stash", "--quiet", "--include-untracked"),
            "another key in its place": other_key,
            "no key": lambda stand: stand.layer(f"keys/{NAME}").unlink(),
            "another branch": empty_branch,
            "no project": moved_away,
        }
    },
    "admin/plan": {
        "planned": {
            "a file changed": text_changed("locals.tf", f'"{NAME}"', '"jane.roe"'),
            "a file more": lambda stand: stand.layer("more.tf").write_text("# more\n"),
            "the plan's file is gone": lambda stand: (stand.folder.parent / "plan.tfplan").unlink(),
            "somebody has applied something": state_is(state(4)),
            "somebody applied just this": state_is(state(4, *HOLDS)),
            "another state": state_is(state(3).replace("a-line", "b-line")),
            "a state nobody can read": state_is("?"),
            "not initialised": lambda stand: stand.layer(".terraform").rmdir(),
            "no project": moved_away,
        },
        "planned_elsewhere": {
            "it was taken back": state_is(state(5)),
            "its state is gone": lambda stand: stand.layer("terraform.tfstate").unlink(),
        },
    },
    "admin/apply": {
        "applied": {
            "somebody removed her": state_is(state(5, *HOLDS[1:])),
            "no password": state_is(state(5, HOLDS[0], HOLDS[2])),
            "out of the group": state_is(state(5, *HOLDS[:2])),
            "the state is gone": lambda stand: stand.layer("terraform.tfstate").unlink(),
            "a state nobody can read": state_is("?"),
            "no user of that name in AWS": lambda stand: users_in_aws(stand).write_text(""),
            "no project": moved_away,
        }
    },
    "admin/sts-regions": {
        "with_regions": {
            "other regions": lambda stand: (stand.folder / "config/common.tfvars").write_text(
                (stand.folder / "config/common.tfvars").read_text().replace("us-east-1", "eu-west-1")
            ),
            "no project": moved_away,
        }
    },
    "new-user/before-you-start": {"person": {"no gpg": no_gpg}},
    "new-user/pgp-key": {"person": {"no such key": empty_keyring, "no gpg": no_gpg}},
    "new-user/handoff": {"person": {"no such key": empty_keyring, "no gpg": no_gpg}},
    "new-user/access-keys": {
        "key_in_file": {
            "no file": gone(".aws/bb/credentials"),
            "no folder": gone(".aws"),
            "another key": home_text(".aws/bb/credentials", f"[{BASE}]\naws_access_key_id = AKIAOTHER\n"),
            "another profile": home_text(".aws/bb/credentials", "[other]\naws_access_key_id = AKIAOTHER\n"),
        },
        "key_in_vault": {"no secret": vault_emptied},
    },
    "new-user/profiles": {
        "with_profiles": {
            "no file": gone(".aws/bb/config"),
            "a profile is gone": home_text(".aws/bb/config", f"[profile {BASE}]\n"),
            "a damaged file": home_text(".aws/bb/config", "region = us-east-1\n[profile"),
        }
    },
    "rotation/rotation": {
        "rotated": {"no record": forgotten, "another key": recorded(replace(RECORD, id="AKIAOTHER"))}
    },
    "rotation/retirement": {
        "rotated": {"no record": forgotten, "it waits again": recorded(replace(RECORD, rotation=WAITING))}
    },
}
LEAST: Mapping[str, Any] = {
    "verified": {"results": []},
    "deactivated": {
        "at": "2026-03-01T10:00:00+00:00",
        "people": {NAME: {"inactive": [], "active": [], "blocking": []}},
    },
    "mfa_devices_reset": {"at": "2026-03-01T10:00:00+00:00", "people": {NAME: ["a device"]}},
}
NOTHING_TO_SEE = {
    "admin/mfa-reset": "only AWS knows the devices",
    "admin/deactivate": "only AWS knows what is inactive",
    "admin/hand-over": "nobody can see what was sent; opening it asks AWS",
    "new-user/sign-in": "only a sign-in tells whether a password is good",
    "new-user/mfa": "only AWS knows the devices",
    "new-user/verify": "only AWS says who a profile is",
}


def test_every_step_has_its_row() -> None:
    assert set(ROWS) | set(NOTHING_TO_SEE) == set(EVERY)
    assert not set(ROWS) & set(NOTHING_TO_SEE)


@pytest.mark.parametrize(
    ("step", "setting", "what"),
    [
        pytest.param(step, setting, what, id=f"{step}: {what}")
        for step, settings in ROWS.items()
        for setting, breaks in settings.items()
        for what in breaks
    ],
)
def test_a_step_whose_fact_is_broken_is_not_done(
    request: pytest.FixtureRequest, tmp_path: Path, step: str, setting: str, what: str
) -> None:
    stand: Stand = request.getfixturevalue(setting)
    stood = done(EVERY[step], stand, tmp_path / "sessions")
    assert stood.status() is Status.DONE
    ROWS[step][setting][what](stand)
    assert stood.status() is not Status.DONE


@pytest.mark.parametrize("step", NOTHING_TO_SEE)
def test_a_step_that_can_see_nothing_is_never_confirmed(admin: Stand, tmp_path: Path, step: str) -> None:
    module = EVERY[step]
    handoff = Handoff("bb", (jane(account_name=LAYER),)).payload()
    identities = {"identities": [LAYER], "handoff": handoff} if step.startswith("new-user") else {}
    admin.facts |= {"leaving": [NAME], "mfa_reset": [NAME]} | identities
    admin.facts |= {name: LEAST.get(name, {}) for name in step_of(module).gives}
    assert done(module, admin, tmp_path / "sessions").status() is Status.UNCONFIRMED
