# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""What happens to people who are there already: a new password, a new PGP key, a lost phone, leaving.

One sandbox serves all of it; every case is about another person, and applies what it decides.
"""

from __future__ import annotations

import shutil
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from support.admin_project import AdminProject, decide, put, quiet, taken_key, write
from support.admin_runs import AdminRuns, administrator
from support.pgp import GpgHome, gpg_home
from support.sandbox import sandbox_cache, shared_sandbox as sandbox  # noqa: F401

from workflows.aws import iam
from workflows.aws.iam import HoldingKind
from workflows.messages.handoff import NEW_KEY, NEW_PASSWORD, Identity, open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, deactivate, hand_over, mfa_reset, pgp_keys, plan, project
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.mfa_reset import DeviceChanged
from workflows.steps.admin.terraform_runs import administrator as iam_administrator, open_layer, read_state
from workflows.terraform.state import State

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("other-cases")]
PROFILE = 'module.user["{}"].aws_iam_user_login_profile.this[0]'


@pytest.fixture
def admin(sandbox: Sandbox, tmp_path: Path) -> AdminProject:
    environment = administrator(sandbox, tmp_path)
    return AdminProject(sandbox.project_root, sandbox.folder / "upstream.git", environment, tmp_path)


@pytest.fixture(scope="module")
def pgp() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


def runs_of(admin: AdminProject) -> AdminRuns:
    return AdminRuns(admin.environment, admin.folder, admin.facts)


def state_of(runs: AdminRuns) -> State:
    context = runs.context("security")
    with open_layer(context, quiet) as layer:
        return read_state(layer, context, quiet)


def planned_and_applied(runs: AdminRuns, *removals: str) -> Planned:
    """Plan security, accept, and apply it."""
    made = plan.make(runs.context("security"), quiet)
    assert plan.validate(plan.Request(made), runs.context("security")) == []
    runs.learn("security", plan.perform(plan.Request(made), runs.context("security"), quiet))
    shutil.rmtree(made.record.layer / ".terraform")  # it comes back
    assert not plan.observe(runs.context("security")).contradicts
    request = apply.Request(removals)
    assert apply.validate(request, runs.context("security")) == []
    runs.learn("security", apply.perform(request, runs.context("security"), quiet))
    return made


def handed_to(runs: AdminRuns, name: str, occasion: str) -> Identity:
    """What one person gets, from the text that is sent to them."""
    (person,) = hand_over.prepare(runs.context("security"), quiet)
    assert (person.name, person.trouble) == (name, ())
    handoff = open_handoff(person.text)
    assert handoff.occasion == occasion
    (own,) = handoff.identities
    return own


def test_a_new_password_replaces_one_login_profile_and_nothing_else(admin: AdminProject) -> None:
    wanted = project.Request(path=str(admin.root), layers=("security",), resetting=("dana.lopez",))
    admin.run(project, wanted)
    runs = runs_of(admin)
    before = state_of(runs).login_profiles["dana.lopez"].encrypted_password

    planned = planned_and_applied(runs)
    assert [destroyed.address for destroyed in planned.destroys] == [PROFILE.format("dana.lopez")]
    assert (planned.passwords, planned.foreign, planned.gone) == (("dana.lopez",), (), ())
    assert planned.counts == {"add": 1, "change": 0, "destroy": 1}

    own = handed_to(runs, "dana.lopez", NEW_PASSWORD)
    after = state_of(runs).login_profiles["dana.lopez"].encrypted_password
    assert own.encrypted_password == "".join(after.split())
    assert after != before
    elsewhere = plan.applied_elsewhere(runs.context("security"), quiet)
    assert elsewhere["passwords"] == ["dana.lopez"]


def test_a_new_pgp_key_makes_the_password_anew_for_that_key(admin: AdminProject, pgp: GpgHome) -> None:
    pgp.key("sam.okafor")
    admin.run(project, project.Request(path=str(admin.root), layers=("security",), rekeying=("sam.okafor",)))
    key = taken_key(pgp.export("sam.okafor"), "sam.okafor", admin.context())
    admin.run(pgp_keys, pgp_keys.Request({key.name: key}, frozenset({key.name})))
    admin.facts |= {"user_changes": {"add": {}, "remove": {}}, "memberships": {}, "group_changes": {}}
    write(admin)
    runs = runs_of(admin)

    planned = planned_and_applied(runs)
    assert [destroyed.address for destroyed in planned.destroys] == [PROFILE.format("sam.okafor")]
    assert planned.foreign == ()
    own = handed_to(runs, "sam.okafor", NEW_KEY)
    assert own.key_fingerprint == pgp.fingerprint("sam.okafor")
    assert own.encrypted_password is not None
    password = pgp.run("--decrypt", stdin=b64decode(own.encrypted_password))
    assert len(password) >= 20


def test_a_lost_device_is_taken_away_over_iam_alone(admin: AdminProject) -> None:
    admin.run(project, project.Request(path=str(admin.root), layers=("security",), mfa_reset=("dana.lopez",)))
    runs = runs_of(admin)
    context = runs.context("security")
    with iam_administrator(context, quiet) as client:
        serial = with_device(client, "dana.lopez", "phone")
        unused = client.create_virtual_mfa_device(VirtualMFADeviceName="dana.lopez")
    unused_serial = unused["VirtualMFADevice"]["SerialNumber"]

    found = mfa_reset.survey(context, quiet)
    (owner,) = found.owners
    assert [device.serial for device in owner.devices] == [serial, unused_serial]
    assert owner.devices[1].enabled_at is None
    lost, unused_device = owner.devices
    with pytest.raises(DeviceChanged):
        mfa_reset.remove("dana.lopez", replace(lost, enabled_at=None), context, quiet)
    found = mfa_reset.remove("dana.lopez", lost, context, quiet)
    assert found.owners[0].devices == (unused_device,)
    found = mfa_reset.remove("dana.lopez", unused_device, context, quiet)
    assert found.owners[0].devices == ()
    with iam_administrator(context, quiet) as client:
        assert client.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    text = mfa_reset.text_for(
        "dana.lopez", {"security": mfa_reset.Place(found.account_id, found.sign_in)}, context
    )
    assert found.sign_in in text
    assert found.sign_in.endswith("signin.aws.amazon.com/console")


def with_device(client: object, name: str, device: str) -> str:
    """An enabled virtual MFA device of a user, and its serial."""
    made = client.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]  # type: ignore[attr-defined]
    codes = pyotp.TOTP(made["Base32StringSeed"].decode())
    now = time.time()
    client.enable_mfa_device(  # type: ignore[attr-defined]
        UserName=name,
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1=codes.at(now - 30),
        AuthenticationCode2=codes.at(now),
    )
    return str(made["SerialNumber"])


@pytest.mark.slow
def test_a_person_leaves_with_a_key_and_a_device_made_by_hand(admin: AdminProject) -> None:
    name = "alex.kim"
    decide(admin, {}, leaving=(name,), layers=("security",))
    put(admin, {})
    write(admin)
    (admin.root / "CODEOWNERS").write_text(f"/security/ @{name}\n")
    runs = runs_of(admin)
    context = runs.context("security")
    with iam_administrator(context, quiet) as client:
        key_id, _ = iam.create_access_key(client, name)
        with_device(client, name, "alex-phone")
        client.put_user_policy(UserName=name, PolicyName="by-hand", PolicyDocument=POLICY)

    found = deactivate.survey(context, quiet)
    (leaver,) = found.people
    assert [key.access_key_id for key in leaver.active_keys] == [key_id]
    blocking = [(holding.kind, holding.id) for holding in leaver.blocking]
    assert blocking == [(HoldingKind.INLINE_POLICY, "by-hand")], "the layer's force_destroy takes the others"
    places = [mention.place for mention in found.mentioned[name].mentions]
    assert "CODEOWNERS:1" in places
    warned = deactivate.validate(deactivate.Request(found), context)
    assert key_id in warned[0].message
    assert "DeleteConflict" in warned[1].message

    found = deactivate.deactivate(context, quiet)
    assert found.active_keys == 0
    for holding in leaver.blocking:
        found = deactivate.remove(name, holding, context, quiet)
    assert found.people[0].blocking == ()
    given = deactivate.perform(deactivate.Request(found), context, quiet)
    assert given["deactivated"]["people"] == {name: {"inactive": [key_id], "active": [], "blocking": []}}

    runs.learn("security", given)
    with iam_administrator(context, quiet) as client:
        another, _ = iam.create_access_key(client, name)
    with pytest.raises(deactivate.Appeared, match=another):
        planned_and_applied(runs, name)
    found = deactivate.deactivate(context, quiet)
    runs.learn("security", deactivate.perform(deactivate.Request(found), context, quiet))

    planned = planned_and_applied(runs, name)
    assert planned.gone == (name,)
    assert deactivate.survey(context, quiet).people[0].exists is False
    (admin.root / "CODEOWNERS").unlink()


POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}'
)
