"""Looks at the state: whether a plan is still valid, and whether what was applied still exists."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.admin_project import quiet
from support.fakes import fake_environment
from support.sample_plan import context

from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError
from workflows.core.shapes import plain
from workflows.machine.events import AGREES, NOT_ASKED, Choice, Observation, Verdict
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.steps.admin import apply, plan, plan_resources, state_now, terraform_runs
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.other_sessions import RemovedFromFiles
from workflows.steps.admin.state_now import CodeDue
from workflows.steps.admin.terraform_runs import LayerProfile, Source, run_folder
from workflows.steps.admin.users import WORDS
from workflows.steps.decisions import LayerDecisions
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord, StateMark, file_sha256, hash_sources
from workflows.terraform.results import ApplyResult
from workflows.terraform.state import NEVER_WRITTEN, Bucket, LoginProfile, State, place_of, read_stored

USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
LOGIN = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'
PLAN = Plan(
    changes=(
        ResourceChange(USER, "aws_iam_user", Action.CREATE, user="jane.doe"),
        ResourceChange(LOGIN, "aws_iam_user_login_profile", Action.CREATE, user="jane.doe"),
    )
)


def resource(kind: str, who: str, /, **attributes: Any) -> dict[str, Any]:
    instance = {"index_key": 0, "attributes": attributes}
    module = {"module": f'module.user["{who}"]', "mode": "managed", "type": kind, "name": "this"}
    return {**module, "instances": [instance]}


SAM = resource("aws_iam_user", "sam", name="sam", arn="arn:aws:iam::111111111111:user/sam")
JANE = (
    resource("aws_iam_user", "jane.doe", name="jane.doe", arn="arn:aws:iam::111111111111:user/jane.doe"),
    resource("aws_iam_user_login_profile", "jane.doe", user="jane.doe", password="canary", pgp_key="x"),
)


def state(serial: int, *resources: Mapping[str, Any], lineage: str = "a-line") -> str:
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage, "resources": resources})


LOCAL = {"type": "local"}
S3 = {"type": "s3", "bucket": "b", "key": "k"}


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an initialised layer with its state in a file that contains sam."""
    layer = tmp_path / "layer"
    (layer / ".terraform").mkdir(parents=True)
    (layer / "users.tf").write_text("# people\n")
    (layer / "terraform.tfstate").write_text(state(3, SAM))
    location = SimpleNamespace(path=layer, named_backend=LOCAL)
    monkeypatch.setattr(state_now, "located", lambda _context: (None, location))
    return layer


@pytest.fixture
def own(tmp_path: Path, layer: Path) -> Context:
    """Return a context in which a plan is accepted that was made from the third version of the state."""
    file = tmp_path / "plan.tfplan"
    file.write_bytes(b"a plan")
    sources = hash_sources(layer, ())
    mark = StateMark("a-line", 3)
    record = PlanRecord(
        file,
        file_sha256(file),
        layer,
        (),
        sources,
        "",
        "Terraform 1.15.5",
        "2026-01-01T00:00:00+00:00",
        state=mark,
    )
    planned = Planned(record, ("jane.doe: new user",), {"add": 2, "change": 0, "destroy": 0})
    facts: dict[str, Any] = {
        "project_root": str(tmp_path),
        "layers": ["security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}},
        "plan": planned.as_facts(),
    }
    made = Context(
        fake_environment(tmp_path, {}), facts, facts, "security", tmp_path / "session", threading.Event()
    )
    run_folder(made).mkdir(parents=True)
    plan_resources.keep(PLAN, (), made)
    return made


def applied(context: Context) -> Context:
    return replace(context, facts={**context.facts, "applied": {"at": "2026-01-01T00:05:00+00:00"}})


def test_a_plan_is_confirmed_only_once_its_state_was_asked(own: Context) -> None:
    assert plan.observe(own) is NOT_ASKED
    assert plan.inquire(own) == AGREES


def test_a_state_that_moved_calls_for_another_plan(own: Context, layer: Path) -> None:
    for text in (state(4, SAM), state(4, SAM, JANE[0]), state(3, lineage="another"), state(2, SAM)):
        (layer / "terraform.tfstate").write_text(text)
        seen = plan.inquire(own)
        assert (seen.verdict, seen.accepting) == (Verdict.CHANGED, "")
    (layer / "terraform.tfstate").unlink()
    assert plan.inquire(own).verdict is Verdict.CHANGED


def test_a_state_that_holds_just_what_was_decided_was_applied_elsewhere(own: Context, layer: Path) -> None:
    (layer / "terraform.tfstate").write_text(state(4, SAM, *JANE))
    seen = plan.inquire(own)
    assert (seen.verdict, seen.likely) == (Verdict.ELSEWHERE, Choice.ACCEPT)
    assert seen.accepting
    assert "canary" not in repr(state_now.stored(own))


def test_what_cannot_be_seen_in_a_state_is_never_called_applied(own: Context, layer: Path) -> None:
    (layer / "terraform.tfstate").write_text(state(4, SAM, *JANE))
    policy = ResourceChange("aws_iam_account_password_policy.this", "x", Action.UPDATE)
    plan_resources.keep(replace(PLAN, changes=(*PLAN.changes, policy)), (), own)
    assert plan.inquire(own).verdict is Verdict.CHANGED


def test_no_state_shows_that_groups_or_settings_were_applied_elsewhere(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layer / "users.tf").write_text("# others\n")
    assert plan.observe(own).accepting
    monkeypatch.setattr(LayerDecisions, "beside_people", True)
    assert not plan.observe(own).accepting
    with pytest.raises(OnboardError) as refused:
        plan.applied_elsewhere(own, quiet)
    assert refused.value.field == "elsewhere"


def test_changed_files_say_so_before_the_state_is_asked(own: Context, layer: Path) -> None:
    (layer / "users.tf").write_text("# others\n")
    assert plan.inquire(own) == plan.observe(own)
    assert plan.inquire(own).contradicts


def test_a_plan_whose_apply_used_its_file_up_is_not_asked_for_again(own: Context) -> None:
    planned = Planned.from_facts(own.facts["plan"])
    planned.record.plan.unlink()
    assert plan.observe(own).verdict is Verdict.CHANGED
    ended = {"plan_sha256": planned.record.plan_sha256, "result": plain(ApplyResult(0, (), (), ()))}
    (run_folder(own) / "apply.json").write_text(json.dumps(ended))
    assert plan.inquire(own) is AGREES


def aws_has(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(state_now, "client_without_code", lambda *_: contextlib.nullcontext(names))
    monkeypatch.setattr(state_now, "find_user", lambda users, name: name if name in users else None)


def test_what_was_applied_is_there_or_is_not(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layer / "terraform.tfstate").write_text(state(9, SAM, *JANE))
    assert plan.inquire(applied(own)) == AGREES
    assert apply.observe(applied(own)) is NOT_ASKED
    aws_has(monkeypatch, "jane.doe")
    assert apply.inquire(applied(own)) == AGREES
    (layer / "terraform.tfstate").write_text(state(10, SAM))
    seen = apply.inquire(applied(own))
    assert seen.verdict is Verdict.UNDONE
    assert seen.by_item == {"security": ("jane.doe",)}
    assert seen.continuing


def test_aws_may_have_others_than_the_state(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layer / "terraform.tfstate").write_text(state(9, SAM, *JANE))
    aws_has(monkeypatch)
    gone = apply.inquire(applied(own))
    assert (gone.verdict, gone.about) == (Verdict.UNDONE, ("jane.doe",))
    leaving = {"joining": [], "user_changes": {"add": {}, "remove": {"security": ["mary"]}}}
    left = replace(own, facts={**own.facts, **leaving})
    assert apply.inquire(left) == AGREES
    without = {"at": "2026-01-01T00:05:00+00:00", "left_out": ["jane.doe"]}
    assert apply.inquire(replace(own, facts={**own.facts, "applied": without})) == AGREES
    aws_has(monkeypatch, "mary")
    assert apply.inquire(left).about == ("mary",)


@pytest.mark.parametrize("lost", ["", "password", "access key"])
def test_what_aws_lost_of_it_was_not_applied_elsewhere(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    (layer / "terraform.tfstate").write_text(state(9, SAM, *JANE))
    stored = state_now.stored(own)
    assert stored is not None
    key: Any = SimpleNamespace(access_key_id="AKIAMADE")
    there = replace(stored.state, access_keys={"jane.doe": (key,)})
    open_layer = SimpleNamespace(project=None, location=SimpleNamespace(path=layer), files=None)
    monkeypatch.setattr(plan, "located", lambda _context: (None, open_layer.location))
    monkeypatch.setattr(plan, "open_layer", lambda *_, **__: contextlib.nullcontext(open_layer))
    monkeypatch.setattr(plan, "read_state", lambda *_: there)
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    monkeypatch.setattr(state_now, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    aws_has(monkeypatch, "jane.doe")
    monkeypatch.setattr(plan, "iam_client", lambda *_: contextlib.nullcontext(("jane.doe",)))
    at = None if lost == "password" else datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(state_now, "password_made_at", lambda *_: at)
    monkeypatch.setattr(state_now, "list_access_keys", lambda *_: () if lost == "access key" else (key,))
    if not lost:
        assert plan.applied_elsewhere(own, quiet)["passwords"] == ["jane.doe"]
        return
    with pytest.raises(OnboardError) as refused:
        plan.applied_elsewhere(own, quiet)
    assert refused.value.field == "elsewhere"


@pytest.mark.parametrize(("there", "lost"), [(["AKIAMADE"], False), ([], True)])
def test_an_access_key_that_was_switched_on_can_be_lost_too(
    own: Context, monkeypatch: pytest.MonkeyPatch, there: list[str], *, lost: bool
) -> None:
    key: Any = SimpleNamespace(access_key_id="AKIAMADE")
    changes = {"add": {}, "remove": {}, "access": {"security": {"sam": {"access_key": True}}}}
    context = replace(own, facts={**own.facts, "joining": [], "user_changes": changes}, every={})
    keys = [SimpleNamespace(access_key_id=each) for each in there]
    monkeypatch.setattr(state_now, "list_access_keys", lambda *_: keys)
    client: Any = None
    held = State(users={"sam": "arn"}, access_keys={"sam": (key,)})
    assert bool(state_now.credentials_lost(client, held, context)) is lost


@pytest.mark.parametrize(
    "text", ["no json", "[]", "[[[", '{"serial": 1}', '{"encrypted_data": "x", "serial": 9}']
)
def test_a_state_that_cannot_be_read_confirms_nothing(own: Context, layer: Path, text: str) -> None:
    (layer / "terraform.tfstate").write_text(text)
    for seen in (plan.inquire(own), apply.inquire(applied(own))):
        assert seen.verdict is Verdict.UNKNOWN
        assert seen.words


def test_a_plan_that_does_not_say_its_state_stays_unconfirmed(own: Context) -> None:
    planned = Planned.from_facts(own.facts["plan"])  # type: ignore[arg-type]
    unsaid = replace(planned, record=replace(planned.record, state=None))
    assert (
        plan.inquire(replace(own, facts={**own.facts, "plan": unsaid.as_facts()})).verdict is Verdict.UNKNOWN
    )


def noted(layer: Path, **settings: Any) -> None:
    backend = {"type": "s3", "config": {"bucket": "b", "key": "k", "region": "us-east-1", **settings}}
    (layer / ".terraform/terraform.tfstate").write_text(json.dumps({"backend": backend}))


def test_where_a_state_is_kept_is_known_only_if_nothing_else_decides_it(layer: Path) -> None:
    assert place_of(layer, LOCAL, {}) == layer / "terraform.tfstate"
    assert place_of(layer, LOCAL, {"TF_DATA_DIR": "other"}) is None
    assert place_of(layer, LOCAL, {"TF_WORKSPACE": "two"}) is None
    noted(layer)
    assert place_of(layer, S3, {}) == Bucket("b", "k", "us-east-1")
    for settings in ({"role_arn": "x"}, {"endpoints": {"s3": "x"}}, {"bucket": None}):
        noted(layer, **settings)
        assert place_of(layer, S3, {}) is None
    noted(layer, endpoints={"s3": "x"})
    assert place_of(layer, S3, {}, own_endpoint=True) == Bucket("b", "k", "us-east-1")
    (layer / ".terraform/environment").write_text("two")
    assert place_of(layer, S3, {}, own_endpoint=True) is None
    (layer / ".terraform/environment").unlink()
    (layer / ".terraform/terraform.tfstate").write_text('{"backend": {"type": "gcs", "config": {}}}')
    assert place_of(layer, {"type": "gcs"}, {}) is None


@pytest.mark.parametrize(
    "named", [{}, LOCAL, {"type": "gcs"}, {**S3, "key": "another"}, {**S3, "profile": "bb-devops"}]
)
def test_a_record_of_another_backend_than_the_layers_says_no_place(
    layer: Path, named: Mapping[str, object]
) -> None:
    noted(layer)
    assert place_of(layer, named, {}) is None
    (layer / ".terraform/terraform.tfstate").unlink()
    assert place_of(layer, S3, {}) is None, "a failed init leaves no record"


@pytest.mark.parametrize("text", ["", state(1)])
@pytest.mark.parametrize(
    "decided",
    [
        {"user_changes": {"add": {}, "remove": {"security": ["mary"]}}},
        {"user_changes": {"access": {"security": {"sam": {"login_profile": False}}}}},
        {"user_changes": {}, "memberships": {"security": {"sam": {"add": [], "remove": ["devops"]}}}},
        {"user_changes": {}},
    ],
)
def test_an_empty_state_shows_nothing_as_applied(
    own: Context, layer: Path, text: str, decided: dict[str, Any]
) -> None:
    context = replace(own, facts={**own.facts, "joining": [], **decided}, every={})
    (layer / "terraform.tfstate").write_text(text)
    assert state_now.seen(context).verdict is Verdict.UNDONE
    removal = ResourceChange("aws_iam_user.mary", "aws_iam_user", Action.DELETE, user="mary")
    plan_resources.keep(Plan((removal,)), (), context)
    assert not state_now.holds(plan_resources.kept(context), State(), context)


def test_data_sources_and_replaced_instances_are_no_people() -> None:
    data = {**SAM, "mode": "data"}
    old = {**SAM, "instances": [{"deposed": "1", "attributes": {"name": "sam"}}, {"attributes_flat": {}}]}
    found = read_stored(state(1, data, old, *JANE))
    assert found is not None
    assert [*found.state.users] == ["jane.doe"]
    assert found.state.addresses == (USER, LOGIN)
    assert read_stored("") == NEVER_WRITTEN


class Factory:
    """Returns a bucket's object or an error, and records the caller."""

    def __init__(self, answer: str | ClientError) -> None:
        self.answer = answer
        self.asked: list[object] = []

    def get_object(self, **_where: str) -> dict[str, Any]:
        if isinstance(self.answer, ClientError):
            raise self.answer
        body = self.answer.encode()
        return {"ContentLength": len(body), "Body": io.BytesIO(body)}

    @contextlib.contextmanager
    def profile_client(
        self, _service: str, _files: object, profile: str, region: str | None
    ) -> Iterator[Any]:
        self.asked.append((profile, region))
        yield self

    @contextlib.contextmanager
    def client(self, _service: str, credentials: Credentials, region: str | None) -> Iterator[Any]:
        self.asked.append((credentials.access_key_id, region))
        yield self

    def profile_credentials(self, _files: object, _profile: str) -> Credentials:
        return KEPT


KEPT = Credentials("AKIDKEPT", Secret("secret"), Secret("token"), None)


def in_bucket(
    layer: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: Source,
    answer: Any,
    kept: Any = None,
    **settings: str,
) -> Factory:
    noted(layer)
    location = SimpleNamespace(path=layer, named_backend=S3)
    monkeypatch.setattr(state_now, "located", lambda _context: (None, location))
    factory = Factory(answer)
    profile = LayerProfile("bb-devops", (("bb-devops", settings),), source, "", "security", "", "backend")
    monkeypatch.setattr(state_now, "profiles_of", lambda *_: (profile,))
    monkeypatch.setattr(state_now, "project_files", lambda *_: None)
    monkeypatch.setattr(state_now, "factory_for", lambda *_: factory)
    monkeypatch.setattr(state_now, "role_credentials", lambda *_: kept)
    return factory


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")


@pytest.mark.parametrize(
    ("source", "kept", "who"),
    [(Source.FILES, None, "bb-devops"), (Source.SSO, None, "AKIDKEPT"), (Source.CODE, KEPT, "AKIDKEPT")],
)
def test_a_bucket_is_asked_where_no_code_is_needed(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch, source: Source, kept: Any, who: str
) -> None:
    factory = in_bucket(layer, monkeypatch, source, state(3, SAM), kept)
    assert plan.inquire(own) == AGREES
    assert factory.asked == [(who, "us-east-1")]


def test_nobody_is_asked_for_a_code_and_no_program_is_run(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source, settings in ((Source.CODE, {}), (Source.FILES, {"credential_process": "ask me"})):
        factory = in_bucket(layer, monkeypatch, source, state(3, SAM), **settings)
        seen: Observation = plan.inquire(own)
        assert (seen.verdict, factory.asked) == (Verdict.UNKNOWN, [])
        with (
            pytest.raises(CodeDue, match=r"\bwhether they "),
            state_now.client_without_code("iam", own, "whether they came"),
        ):
            pass


def test_a_bucket_without_the_object_holds_a_state_that_was_never_written(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket(layer, monkeypatch, Source.FILES, refused("NoSuchKey"))
    assert plan.inquire(own).verdict is Verdict.CHANGED
    in_bucket(layer, monkeypatch, Source.FILES, refused("AccessDenied"))
    with pytest.raises(OnboardError):
        plan.inquire(own)


@pytest.mark.parametrize(
    ("planning", "answer", "users"),
    [
        (True, state(3, SAM), {"sam"}),
        (True, state(3, SAM).replace('"version": 4', '"version": 5'), {"pulled"}),
        (True, refused("NoSuchKey"), {"pulled"}),
        (True, refused("AccessDenied"), {"pulled"}),
        (False, state(3, SAM), {"pulled"}),
    ],
)
def test_terraform_reads_what_it_plans_with_only_where_nothing_else_can(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch, planning: Any, answer: Any, users: set[str]
) -> None:
    factory = in_bucket(layer, monkeypatch, Source.FILES, answer)
    monkeypatch.setattr(terraform_runs, "factory_for", lambda *_: factory)
    pulled = State(users={"pulled": ""})
    terraform = SimpleNamespace(init_needed=lambda: False, state=lambda **_: pulled)
    location = SimpleNamespace(path=layer, named_backend=S3, account="security", profile="bb-devops")
    opened: Any = SimpleNamespace(terraform=terraform, location=location, project=None, files=None)
    found = terraform_runs.read_state(opened, own, lambda _progress: None, planning=planning)
    assert found.users.keys() == users
    assert factory.asked == [("bb-devops", "us-east-1")] * planning


def test_who_was_removed_again_or_for_the_first_time_is_not_said_to_be_added_again(tmp_path: Path) -> None:
    def keep(name: str, **changes: dict[str, list[str]]) -> dict[str, Any]:
        at = f"2026-01-0{name}T00:00:00+00:00"
        facts: dict[str, Any] = {"project_root": "/bb", "layers": ["security"], "user_changes": changes}
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        summary = Summary(name, "admin", at, facts=facts, settled={"apply@security": at})
        keep_summary(folder, summary, made_from(folder))
        return facts

    def here() -> Context:
        every = {"applied@security": {"at": "2026-01-01T00:00:00+00:00"}}
        return Context(fake_environment(tmp_path, {}), facts, every, "security", tmp_path / "1")

    facts = keep("1", remove={"security": ["alex"]}, add={"security": ["jane"]})
    assert state_now.reverted_since(here()) is None
    keep("2", add={"security": ["alex"]}, remove={"security": ["jane"]})
    back = state_now.reverted_since(here())
    assert back is not None
    assert back.about == ("alex", "jane")
    did = {name: did for name, (did, _work) in state_now.people_reverted(here())["security"].items()}
    assert did == {"alex": "added again", "jane": "removed"}
    keep("3", remove={"security": ["alex"]})
    assert state_now.reverted_since(here()) is None


@pytest.mark.parametrize(
    ("later", "is_applied", "lacks"),
    [
        ({"regrouping": ["jane.doe"], "memberships": {"security": {"jane.doe": {}}}}, True, False),
        ({"resetting": ["jane.doe"]}, True, False),
        ({"resetting": ["jane.doe"]}, False, True),
        ({"resetting": ["jane.doe"], "layers": ["management"]}, True, True),
        ({"resetting": ["alex.kim"]}, True, True),
    ],
)
def test_a_later_session_answers_for_whom_it_changed(
    tmp_path: Path, later: dict[str, Any], *, is_applied: bool, lacks: bool
) -> None:
    layers = {"project_root": "/bb", "layers": ["security"]}
    facts: dict[str, Any] = {**layers, "joining": ["jane.doe"]}
    facts |= {"user_changes": {"add": {"security": ["jane.doe"]}}}
    facts |= {"memberships": {"security": {"jane.doe": {"add": ["devops"]}}}}
    for name, of in (("1", facts), ("2", {**layers, **later})):
        (tmp_path / name).mkdir()
        at = f"2026-01-0{name}T00:00:00+00:00"
        summary = Summary(
            name, "admin", at, facts=of, settled=dict.fromkeys(("apply@security", "apply@management"), at)
        )
        keep_summary(tmp_path / name, summary, made_from(tmp_path / name))
    every = {**facts, **({"applied@security": {"at": "2026-01-01T00:00:00+00:00"}} if is_applied else {})}
    own = Context(fake_environment(tmp_path, {}), facts, every, "security", tmp_path / "1")
    assert bool(state_now.not_applied(State(users={"jane.doe": "arn"}), own)) is lacks
    assert state_now.not_applied(State(), own), "whether there is a user is this session's to say"


def test_whom_a_later_session_removed_aws_need_not_have(
    own: Context, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = {"add": {"security": ["jane.doe", "sam"]}, "remove": {}}
    facts = {
        **own.facts,
        "joining": ["jane.doe", "sam"],
        "user_changes": added,
        "applied": {"at": "2026-01-01T00:00:00+00:00"},
    }
    two = replace(own, facts=facts, every={**facts, "applied@security": {"at": "2026-01-01T00:00:00+00:00"}})
    later = {**facts, "joining": [], "user_changes": {"add": {}, "remove": {"security": ["jane.doe"]}}}
    for name, of in (("session", facts), ("session-2", later)):
        folder = two.folder.parent / name
        folder.mkdir(exist_ok=True)
        at = f"2026-01-0{1 + (of is later)}T00:00:00+00:00"
        keep_summary(
            folder,
            Summary(name, "admin", at, facts=of, settled={"apply@security": at, "review": at}),
            made_from(folder),
        )
    monkeypatch.setattr(state_now, "_lacking", lambda *_: [])
    aws_has(monkeypatch, "sam")
    assert apply.inquire(two) == AGREES
    aws_has(monkeypatch)
    assert apply.inquire(two).about == ("sam",)


def test_what_the_state_lacks_is_told_for_everybody(tmp_path: Path) -> None:
    own = context(tmp_path)
    login = LoginProfile("jane.doe", LOGIN, "", "", clear=False)
    lacking = state_now.not_applied(State(addresses=("another",)), own)
    assert ["Admins" in words for words in lacking] == [False, True]
    assert all(words.startswith("jane.doe ") for words in lacking)
    half = State(users={"jane.doe": "arn"}, groups={"admins": ("jane.doe",)})
    (lacking,) = state_now.not_applied(half, own)
    assert WORDS["login_profile"] in lacking
    assert state_now.not_applied(replace(half, login_profiles={"jane.doe": login}), own) == []
    leaving = context(tmp_path, user_changes={"remove": {"security": ["jane.doe"]}}, memberships={})
    assert [words.split()[0] for words in state_now.not_applied(half, leaving)] == ["jane.doe"]
