"""Scenes of the administrator's screens; up to Review they share one real project without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.admin_project import (
    AdminProject,
    decide,
    make_project,
    make_template,
    put,
    taken_key,
)
from support.panes import rest
from support.scenes import NOW, Scene, Stage, keys, now, then
from textual.pilot import Pilot

from screens.admin.pgp_keys import KeyChoice
from tui.app.wizard import WizardScreen
from workflows.aws.iam import AccessKey, Holding, HoldingKind
from workflows.core.sentences import OnboardError
from workflows.machine.events import AGREES, Observation, StepKey, Verdict
from workflows.machine.session import Session
from workflows.steps.admin import (
    apply,
    deactivate,
    hand_over,
    judged_plan,
    mfa_reset,
    plan,
    plan_resources,
    review,
    terraform_runs,
)
from workflows.steps.admin.accepted_plan import ChangeLine, PersonChange, Planned
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.admin.pgp_keys import ranked
from workflows.steps.admin.plan_resources import Resource
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.events import Progress as Applying, message_of, parse_line
from workflows.terraform.plan import Line, Sort
from workflows.terraform.record import PlanRecord
from workflows.terraform.runner import Update

PEOPLE = ("jane.doe", "juan.delacruz")
STEPS = ("project", "pgp-keys", "users", "groups", "account", "review")
_SUPPORT = Path(__file__).parents[1]


def public_key(name: str) -> bytes:
    """Return a person's committed public key, armored."""
    return (_SUPPORT / "keys" / f"{name}.asc").read_bytes()


@dataclass(frozen=True)
class Office:
    """The project of all admin scenes, and its decisions.

    Attributes:
        admin: the project, in the home of its administrator.
        facts: the facts of the steps up to Account.
    """

    admin: AdminProject
    facts: Mapping[str, Any]


def open_office(folder: Path) -> Office:
    """Write the project, and decide that two people join both layers."""
    template, desk = folder / "template", folder / "desk"
    desk.mkdir(parents=True)
    make_template(template)
    made = make_project(template, desk)
    root = made.environment.home / "bb-infra"
    made.root.rename(root)
    admin = replace(made, root=root, environment=replace(made.environment, now=now))
    decide(admin, {name: public_key(name) for name in PEOPLE}, joining=PEOPLE, account_wanted=True)
    in_management = {"jane.doe": {"admins"}, "juan.delacruz": {"finops"}}
    in_security = {"jane.doe": {"devops"}, "juan.delacruz": {"auditors"}}
    put(admin, {"management": in_management, "security": in_security})
    return Office(admin, admin.facts)


# -- up to Review ----------------------------------------------------------------------------------


def project(stage: Stage, office: Office) -> Scene:
    session = stage.session("admin", {})
    draft = {"path": str(office.admin.root), "joining": list(PEOPLE)}
    session.drafts.save(StepKey("project"), draft)
    return stage.wizard(session, office.admin.environment, "project")


def _pgp_keys(stage: Stage, office: Office, *names: str, answer: str = "same", **draft: Any) -> Session:
    """Return a session at PGP keys, with these people's keys and one answer about their fingerprints."""
    session = stage.session("admin", office.facts, "project")
    decided = {name: office.facts["keys"][name] for name in names}
    texts = {name: key["text"] for name, key in decided.items()}
    answers = {name: [key["fingerprint"], answer] for name, key in decided.items()}
    session.drafts.save(StepKey("pgp-keys"), {"texts": texts, "answers": answers, **draft})
    return session


def pgp_keys(stage: Stage, office: Office) -> Scene:
    """One key is compared, and the other person was invited."""
    session = _pgp_keys(stage, office, PEOPLE[0], invited={PEOPLE[1]: "2026-03-02T09:12:00+00:00"})
    return stage.wizard(session, office.admin.environment, "pgp-keys")


def pgp_keys_complete(stage: Stage, office: Office) -> Scene:
    return stage.wizard(_pgp_keys(stage, office, *PEOPLE), office.admin.environment, "pgp-keys")


def pgp_keys_compare(stage: Stage, office: Office) -> Scene:
    """A key has arrived, and its fingerprint is to be compared."""
    session = _pgp_keys(stage, office, *PEOPLE, answer="")
    return stage.wizard(session, office.admin.environment, "pgp-keys", keys("ctrl+n"))


def pgp_keys_compared(stage: Stage, office: Office) -> Scene:
    """The fingerprint is the same."""
    session = _pgp_keys(stage, office, *PEOPLE, answer="")
    return stage.wizard(session, office.admin.environment, "pgp-keys", keys("ctrl+n", "up", "space"))


def pgp_keys_refused(stage: Stage, office: Office) -> Scene:
    """The pasted text is not a key."""
    session = _pgp_keys(stage, office)
    return stage.wizard(session, office.admin.environment, "pgp-keys", keys(*"my key", "ctrl+n"))


def pgp_keys_choice(stage: Stage, office: Office) -> Scene:
    """The file contains several keys; the one that fits the name is first."""
    session = stage.session("admin", office.facts, "project")
    context = office.admin.context()

    async def show(pilot: Pilot[Any]) -> None:
        await rest(pilot)
        offered = ranked(
            taken_key(public_key(name), PEOPLE[0], context, "ring.asc") for name in reversed(PEOPLE)
        )
        pilot.app.push_screen(KeyChoice(PEOPLE[0], offered))
        await rest(pilot)

    return stage.wizard(session, office.admin.environment, "pgp-keys", show)


def pgp_keys_in_the_layer(stage: Stage, office: Office) -> Scene:
    """The verdicts on the key files in the layer."""
    session = stage.session("admin", office.facts, "project")
    return stage.wizard(session, office.admin.environment, "pgp-keys", _look_into_the_layers)


async def _look_into_the_layers(pilot: Pilot[Any]) -> None:
    await rest(pilot)
    pilot.app.screen.query_one("#people").focus()
    await pilot.press("l")
    await rest(pilot)


def users(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "users")


def users_everybody(stage: Stage, office: Office) -> Scene:
    """The list of everybody's sign-in methods."""
    return _at(stage, office, "users", "w", "down")


def groups(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "groups", "space")


def group_dialog(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "groups", "g")


def policies_dialog(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "groups", "p", "space", "tab", *"ReadOnlyAccess", "enter")


def account_settings(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "account")


def review_diff(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "review")


def review_written(stage: Stage, office: Office) -> Scene:
    """The page after the files are written."""
    stage.afterwards(office.admin.git, "checkout", "--quiet", ".")
    stage.afterwards(office.admin.git, "clean", "--quiet", "-d", "--force")
    scene = _at(stage, office, "review")

    async def before(pilot: Pilot[Any]) -> None:
        await scene.before(pilot)
        await pilot.press("ctrl+n", "left", "enter")
        await rest(pilot)
        await pilot.press("escape")  # Plan reports that Terraform is missing
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        await screen.go_to(StepKey("review"))
        await rest(pilot)

    return Scene(scene.app, before)


def _at(stage: Stage, office: Office, step: str, *pressed: str) -> Scene:
    session = stage.session("admin", office.facts, *STEPS[: STEPS.index(step)])
    return stage.wizard(session, office.admin.environment, step, keys(*pressed) if pressed else None)


# -- each layer ------------------------------------------------------------------------------------

_CHANGED = [{"layer": "security", "path": "users.tf", "sha256": "0" * 64}]
_USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
_SUMMARY = (
    "jane.doe: new user; gets a console password; joins devops",
    "juan.delacruz: new user; gets a console password; joins auditors",
    "4 outputs change",
)
_CHANGES = (
    PersonChange("jane.doe", "create", "create", joins=("devops",)),
    PersonChange("juan.delacruz", "create", "create", joins=("auditors",)),
)


def _planned(folder: Path, **changes: Any) -> Planned:
    record = PlanRecord(folder / "plan.tfplan", "", folder, (), {}, "", "Terraform 1.15.5", NOW.isoformat())
    return replace(
        Planned(
            record,
            _SUMMARY,
            {"add": 4, "change": 2, "destroy": 0},
            owners={_USER: ("jane.doe",)},
            passwords=PEOPLE,
            people=_CHANGES,
            besides=(Line(Sort.OUTPUT, "4 outputs change", 4),),
        ),
        **changes,
    )


def _runs(stage: Stage, office: Office, step: str, *done: str, planned: Planned | None = None) -> Any:
    """Return a session whose files are written, and in which management is done."""
    stage.put(terraform_runs, "code_wanted", lambda _context: "")
    for module in (judged_plan, plan):
        stage.put(module, "staleness", lambda _planned, _context: "")
    stage.put(apply, "survey", lambda _context, _report: apply.Outlook(begun=False, refusal=""))
    facts = {
        **office.facts,
        "project_root": str(stage.folder / "home" / "bb-infra"),
        "changed_files": _CHANGED,
        "commit": None,
        "plan": {**(planned or _planned(stage.folder)).as_facts(), "acknowledged": []},
        "applied": {"at": NOW.isoformat(), "added": 4, "changed": 2, "destroyed": 0, "elsewhere": False},
        "handed_over": {"people": {name: {"sent_at": NOW.isoformat(), "how": "copied"} for name in PEOPLE}},
    }
    first = ("plan@management", "apply@management", "hand-over@management")
    return stage.session("admin", facts, *STEPS, *first, *done)


def plan_not_made(stage: Stage, office: Office) -> Scene:
    return stage.wizard(_runs(stage, office, "plan"), stage.environment(), "plan@security")


def _resources(*foreign: ChangeLine) -> tuple[Resource, ...]:
    """Return the resources that a plan's list shows."""
    people = [
        ("jane.doe", "create", "new user", "aws_iam_user"),
        ("jane.doe", "create", "gets a console password", "aws_iam_user_login_profile"),
        ("juan.delacruz", "create", "new user", "aws_iam_user"),
        ("juan.delacruz", "create", "gets a console password", "aws_iam_user_login_profile"),
    ]
    made = [
        Resource(f'module.user["{name}"].{kind}.this[0]', action, name, words)
        for name, action, words, kind in people
    ]
    members = ("~ users", '  + "jane.doe"')
    group = "module.group_devops.aws_iam_group_membership.this[0]"
    made.append(Resource(group, "update", "group devops", "jane.doe joins", members))
    made += [
        Resource(change.address, "delete", "other resources", "destroyed", foreign=True) for change in foreign
    ]
    return tuple(made)


def plan_made(stage: Stage, office: Office) -> Scene:
    stage.put(plan_resources, "kept", lambda _context: _resources())
    session = _runs(stage, office, "plan")
    draft = {"planned": _planned(stage.folder).as_facts()}
    session.drafts.save(StepKey("plan", "security"), draft)
    return stage.wizard(session, stage.environment(), "plan@security")


def plan_resources_shown(stage: Stage, office: Office) -> Scene:
    """All resources, one of them expanded."""
    return then(plan_made(stage, office), "d", "end", "enter")


def plan_empty(stage: Stage, office: Office) -> Scene:
    """A plan that changes nothing."""
    counts = {"add": 0, "change": 0, "destroy": 0}
    planned = _planned(
        stage.folder, summary=(), counts=counts, owners={}, passwords=(), people=(), besides=()
    )
    session = _runs(stage, office, "plan")
    session.drafts.save(StepKey("plan", "security"), {"planned": planned.as_facts()})
    return stage.wizard(session, stage.environment(), "plan@security")


def plan_failed(stage: Stage, office: Office) -> Scene:
    """Terraform couldn't plan."""

    def make(_context: Context, _report: Report, _code: object = None) -> Planned:
        raise OnboardError("The plan failed", "Terraform couldn't read users.tf.", next="Correct line 7.")

    stage.put(plan, "make", make)
    return then(plan_not_made(stage, office), "ctrl+n", "escape")


def plan_foreign(stage: Stage, office: Office) -> Scene:
    """A plan with changes that are not from the session."""
    group = ChangeLine(
        "aws_iam_group.auditors", "group auditors: aws_iam_group.auditors is destroyed", named=True
    )
    user = ChangeLine(
        "module.user_sam",
        "user sam.okafor: gets a new console password; the one in use stops working",
        ("sam.okafor",),
    )
    counts = {"add": 5, "change": 2, "destroy": 2}
    people = (*_CHANGES, PersonChange("sam.okafor", password="replace"))
    planned = _planned(
        stage.folder,
        counts=counts,
        destroys=(group,),
        foreign=(group, user, ChangeLine("aws_iam_policy.x", "aws_iam_policy.x will be changed", named=True)),
        people=people,
    )
    stage.put(plan_resources, "kept", lambda _context: _resources(group))
    session = _runs(stage, office, "plan")
    session.drafts.save(StepKey("plan", "security"), {"planned": planned.as_facts()})
    return stage.wizard(session, stage.environment(), "plan@security")


def plan_log(stage: Stage, office: Office) -> Scene:
    """Terraform is planning."""

    def make(_context: Context, report: Report, _code: object = None) -> Planned:
        _replay(stage, "plan-1.15.5.jsonl", report)
        stage.hold()
        raise AssertionError("held until the end")

    stage.put(plan, "make", make)
    return stage.wizard(
        _runs(stage, office, "plan"), stage.environment(), "plan@security", stage.held("ctrl+n")
    )


def apply_ready(stage: Stage, office: Office) -> Scene:
    return stage.wizard(_runs(stage, office, "apply", "plan@security"), stage.environment(), "apply@security")


def apply_running(stage: Stage, office: Office) -> Scene:
    def perform(_request: apply.Request, _context: Context, report: Report) -> dict[str, Any]:
        _replay(stage, "apply-1.15.5.jsonl", report, 10)
        stage.hold()
        raise AssertionError("held until the end")

    stage.put(apply, "perform", perform)
    owners = {
        'terraform_data.user["a.example"]': (PEOPLE[0],),
        'terraform_data.user["b.sample"]': (PEOPLE[1],),
        "terraform_data.first": (),
    }
    session = _runs(stage, office, "apply", "plan@security", planned=_planned(stage.folder, owners=owners))
    return stage.wizard(session, stage.environment(), "apply@security", stage.held("ctrl+n", "left", "enter"))


def _written(stage: Stage, office: Office, **more: Any) -> Any:
    """Return a session whose files are written, with additional facts."""
    written = {
        "project_root": str(stage.folder / "home" / "bb-infra"),
        "changed_files": _CHANGED,
        "commit": None,
    }
    return stage.session("admin", {**office.facts, **written, **more}, *STEPS)


def mfa_reset_found(stage: Stage, office: Office) -> Scene:
    """A person has lost a device."""
    device = mfa_reset.Device(f"arn:aws:iam::222222222222:mfa/{PEOPLE[0]}", "virtual device", NOW)
    owners = (mfa_reset.Owner(PEOPLE[0], True, (device,), "aws"),)
    stage.put(mfa_reset, "survey", lambda *_: mfa_reset.Found(owners, "222222222222"))
    more = {"mfa_reset": [PEOPLE[0]]}
    return stage.wizard(_written(stage, office, **more), stage.environment(), "mfa-reset@security")


def deactivate_found(stage: Stage, office: Office) -> Scene:
    """A person leaves who has an inline policy and is mentioned in the repository."""
    policy = Holding(HoldingKind.INLINE_POLICY, "made by hand")
    mention = deactivate.Mention("README.md:7", "name", "ask alex.kim")
    found = deactivate.Findings(
        (deactivate.Leaver("alex.kim", True, blocking=(policy,)),),
        {"alex.kim": deactivate.Mentioned((mention,))},
    )
    stage.put(deactivate, "survey", lambda *_: found)
    leaving = {"add": {}, "remove": {"security": ["alex.kim"]}}
    more = {"leaving": ["alex.kim"], "user_changes": leaving}
    session = _written(stage, office, **more)
    return stage.wizard(session, stage.environment(), "deactivate@security")


def deactivate_working(stage: Stage, office: Office) -> Scene:
    """A key of somebody who leaves still works."""
    key = AccessKey("AKIAEXAMPLEEXAMPLE01", active=True, created=NOW, last_used=None, last_used_service="")
    found = deactivate.Findings((deactivate.Leaver("alex.kim", True, keys=(key,)),), {})
    shown = deactivate_found(stage, office)
    stage.put(deactivate, "survey", lambda *_: found)
    return shown


def confirm_removal(stage: Stage, office: Office) -> Scene:
    leaver = PersonChange("alex.kim", "delete", "delete", leaves=("devops",))
    counts = {"add": 0, "change": 1, "destroy": 2}
    planned = _planned(
        stage.folder, gone=("alex.kim",), counts=counts, people=(leaver,), besides=(), passwords=()
    )
    session = _runs(stage, office, "apply", "plan@security", planned=planned)
    return stage.wizard(session, stage.environment(), "apply@security", keys("ctrl+n", *"alex"))


def apply_failed(stage: Stage, office: Office) -> Scene:
    """The error dialog."""

    def perform(_request: apply.Request, _context: Context, _report: Report) -> dict[str, Any]:
        raise OnboardError(
            "Can't use a PGP key",
            "AWS created the user jane.doe, but Terraform couldn't encrypt the password.",
            why="The provider can't read Curve25519 keys. Not done: jane.doe.",
            next="Replace the key in PGP keys, write the files in Review, then plan and apply again.",
            detail="Error: error retrieving GPG Key during IAM User Login Profile (jane.doe) creation",
        )

    stage.put(apply, "perform", perform)
    session = _runs(stage, office, "apply", "plan@security")
    return stage.wizard(session, stage.environment(), "apply@security", keys("ctrl+n", "left", "enter"))


def apply_asks(stage: Stage, office: Office) -> Scene:
    """The question before an apply."""
    session = _runs(stage, office, "apply", "plan@security")
    return stage.wizard(session, stage.environment(), "apply@security", keys("ctrl+n"))


def apply_over(stage: Stage, office: Office) -> Scene:
    """The page of an apply that is done."""
    session = _runs(stage, office, "hand-over", "plan@security", "apply@security")
    return stage.wizard(session, stage.environment(), "apply@security")


def apply_stopped(stage: Stage, office: Office) -> Scene:
    """An apply that failed for one of two people."""
    left = f"Not done: {PEOPLE[1]}."
    used_up = apply.Outlook(
        begun=False,
        refusal="An apply of this plan stopped halfway.",
        causes=(f"{PEOPLE[1]}: Can't use a PGP key.",),
        stands=left,
    )

    def perform(_request: apply.Request, _context: Context, report: Report) -> dict[str, Any]:
        _replay(stage, "apply-1.15.5.jsonl", report, 10)
        stage.put(apply, "survey", lambda _context, _report: used_up)
        raise OnboardError("The apply failed", left)

    shown = apply_running(stage, office)
    stage.put(apply, "perform", perform)
    return replace(shown, before=keys("ctrl+n", "left", "enter", "escape"))


def hand_over_ready(stage: Stage, office: Office) -> Scene:
    texts = tuple(PersonHandoff(name, f"Hello {name}\n", ("management", "security")) for name in PEOPLE)
    stage.put(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    session = _runs(stage, office, "hand-over", "plan@security", "apply@security")
    return stage.wizard(session, stage.environment(), "hand-over@security")


def hand_over_sent(stage: Stage, office: Office) -> Scene:
    """Both handoffs are sent."""
    shown = hand_over_ready(stage, office)
    return replace(shown, before=keys("c", "ctrl+n", "c", "ctrl+n"))


def hand_over_later(stage: Stage, office: Office) -> Scene:
    """Another account follows for the same people."""
    stage.put(hand_over, "later_layers", lambda *_: ("shared",))
    return hand_over_ready(stage, office)


def hand_over_rejected(stage: Stage, office: Office) -> Scene:
    """A person's key isn't theirs."""
    texts = (
        PersonHandoff(PEOPLE[0], "", (), rejected=True, trouble=("The PGP key isn't jane.doe's.",)),
        PersonHandoff(PEOPLE[1], "Hello\n", ("security",)),
    )
    shown = hand_over_ready(stage, office)
    stage.put(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    return shown


def everybody(stage: Stage, office: Office) -> Scene:
    """Everybody's progress: management is handed over, security is planned."""
    stage.put(review, "observe", lambda _context: AGREES)
    session = _runs(stage, office, "apply", "plan@security")
    return stage.wizard(session, stage.environment(), "apply@security", keys("f5"))


def waiting(stage: Stage, office: Office) -> Scene:
    """A step that cannot start yet."""
    session = stage.session("admin", office.facts, *STEPS[:3])
    return stage.wizard(session, office.admin.environment, "apply@management")


def finished(stage: Stage, office: Office) -> Scene:
    last = ("plan@security", "apply@security", "hand-over@security")
    return stage.wizard(_runs(stage, office, "", *last), stage.environment(), "")


def finished_awaits(stage: Stage, office: Office) -> Scene:
    """The end, while a person has not signed in yet."""
    last = ("plan@security", "apply@security", "hand-over@security")
    session = _runs(stage, office, "", *last)
    awaited = Observation(Verdict.AWAITED, "security: jane.doe hasn't signed in yet.", ("jane.doe",))
    session.observe({StepKey("hand-over", "security"): awaited})
    return stage.wizard(session, stage.environment(), "")


def help_text(stage: Stage, office: Office) -> Scene:
    return _at(stage, office, "users", "f1")


def _replay(stage: Stage, stream: str, report: Report, lines: int | None = None) -> None:
    tracker = Applying()
    for line in (_SUPPORT / "streams" / stream).read_text().splitlines()[:lines]:
        events = tuple(event for event in (parse_line(line),) if event is not None)
        for event in events:
            tracker.add(event)
        update = stage.foreign(Update((message_of(line),), events, tracker.snapshot()))
        report(Progress("", payload=update))
