"""Scenes of the new user's screens, with prepared answers of gpg and AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.message_samples import ciphertext, identity
from support.panes import PaneHost, rest, settle
from support.scenes import NOW, Scene, Stage, keys, then
from textual.pilot import Pilot

from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.mfa import QrDialog
from workflows.aws.authenticator import otpauth_uri, qr_matrix
from workflows.aws.sts import Identity as Caller, WrongCode
from workflows.aws.verify import Hindered, Hindrance, Result
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.environment import Environment
from workflows.gpg.decrypt import PassphraseNeeded, WrongPassphrase
from workflows.gpg.verdict import Verdict, VerdictKind
from workflows.machine.events import AGREES, StepKey
from workflows.messages.file_names import reply_file
from workflows.messages.handoff import Handoff, Identity, RoleProfile
from workflows.profiles.record import Difference, HandChange, Stale
from workflows.steps.admin.pgp_keys import differs_words
from workflows.steps.new_user import (
    access_keys,
    before_you_start,
    handoff,
    mfa as mfa_step,
    pgp_key,
    profiles as profiles_step,
    sign_in,
    verify,
)
from workflows.steps.new_user.before_you_start import Found, Tool
from workflows.steps.new_user.handoff import Arrival
from workflows.steps.new_user.pgp_key import OwnChoice
from workflows.steps.new_user.verify import IdentityView, Survey
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import check_owner
from workflows.steps.shared.own_identity import identity_of

SECURITY, MANAGEMENT = "222222222222", "111111111111"
FINGERPRINT = "45FDF50B9C1A0E6B7F0213D84C5A6E9D17B3F208"
SERIAL = f"arn:aws:iam::{SECURITY}:mfa/jane.doe"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEPS = ("before-you-start", "pgp-key", "handoff")
REPEATED = ("sign-in", "mfa", "access-keys", "profiles")
_ROLES = (("shared", "333333333333"), ("apps-devstg", "444444444444"), ("apps-prd", "555555555555"))
_POLICY = (
    "16 to 128 characters",
    "one of each: A-Z a-z 0-9 !@#$%^&*()_+-=[]{}|'",
    "not one of your last 4",
    "good for 90 days",
)


def _identities() -> tuple[Identity, ...]:
    roles = tuple(
        RoleProfile(f"bb-{account}-devops", "DevOps", account, number) for account, number in _ROLES
    )
    own = {"encrypted_password": ciphertext(), "key_fingerprint": FINGERPRINT, "password_policy": _POLICY}
    return (
        identity(account_id=SECURITY, profiles=roles, **own),
        identity(
            account_name="management",
            account_alias="bb-management",
            account_id=MANAGEMENT,
            sign_in_url="https://bb-management.signin.aws.amazon.com/console",
            profiles=(),
            **own,
        ),
    )


def _facts() -> dict[str, Any]:
    held = Handoff("bb", _identities())
    folder = "/home/jane/.aws/bb"
    names = ["bb-security", *(profile.profile for profile in held.identities[0].profiles)]
    return {
        "project": "bb",
        "user": "jane.doe",
        "tools": {"gpg": "2.4.7"},
        "fingerprint": FINGERPRINT,
        "key_made": True,
        "request_sent": "the request is saved as ~/request-jane.doe.txt and in the sandbox's mailbox",
        "request_copied": "Copied to tmux, and to the clipboard if your terminal allows it.",
        "sent_at": (NOW - timedelta(hours=3)).isoformat(),
        "handoff": held.payload(),
        "identities": [entry.account_name for entry in held.identities],
        "signed_in": {"at": NOW.isoformat(), "proof": "decrypted here"},
        "mfa": {"serial": SERIAL, "how": "console"},
        "access_key": {
            "id": "AKIAIOSFODNN7EXAMPLE",
            "kept": "keyring",
            "how": "console",
            "mfa_serial": SERIAL,
            "told": ["iam-onboard keeps the key in this computer's keyring."],
        },
        "profiles": {
            "names": names,
            "base": "bb-security",
            "config": f"{folder}/config",
            "credentials": f"{folder}/credentials",
            "region": "us-east-1",
            "mfa_names": False,
            "told": [],
        },
    }


def _session(stage: Stage, step: str) -> Any:
    done: tuple[str, ...] = STEPS
    if step in STEPS:
        done = STEPS[: STEPS.index(step)]
    elif step in REPEATED:
        done = (*STEPS, *(f"{repeated}@security" for repeated in REPEATED[: REPEATED.index(step)]))
    else:
        done = (
            *STEPS,
            *(f"{repeated}@{item}" for item in ("security", "management") for repeated in REPEATED),
        )
    return stage.session("new-user", _facts(), *done)


def before_start(stage: Stage) -> Scene:
    tools = (
        Tool("gpg", "2.4.7", needed=True, purpose="makes your key and decrypts your password"),
        Tool("aws", "", needed=False, purpose="only for the command line"),
    )
    stage.put(before_you_start, "survey", lambda *_, **__: Found(tools, ()))
    session = stage.session("new-user", {})
    session.drafts.save(StepKey("before-you-start"), {"project": "bb", "user": "jane.doe"})
    return stage.wizard(session, stage.environment(), "before-you-start")


def before_start_without_gpg(stage: Stage) -> Scene:
    """A needed program is missing."""
    tools = (
        Tool("gpg", "", needed=True, purpose="makes your key and decrypts your password"),
        Tool("aws", "2.31.3", needed=False, purpose="only for the command line"),
    )
    stage.put(before_you_start, "survey", lambda *_, **__: Found(tools, ()))
    return stage.wizard(stage.session("new-user", {}), stage.environment(), "before-you-start")


def _key(name: str, fingerprint: str, **changes: Any) -> OwnChoice:
    values: dict[str, Any] = {
        "fingerprint": fingerprint,
        "user_id": name,
        "algorithm": "RSA 4096",
        "expires": datetime(2028, 1, 5, tzinfo=UTC),
        "verdict": Verdict(VerdictKind.WORKS, "Works", "", "", ()),
    }
    return OwnChoice(**{**values, **changes})


def pgp_key_new(stage: Stage) -> Scene:
    """A user without a key."""
    stage.put(pgp_key, "own_keys", lambda _context, _report: ())
    return stage.wizard(
        _session(stage, "pgp-key"), stage.environment(), "pgp-key", keys(*"Jane", "space", *"Doe")
    )


def pgp_key_own(stage: Stage) -> Scene:
    """A user with a good key and an unusable one."""
    old = {
        "algorithm": "RSA 2048",
        "expires": datetime(2021, 3, 2, tzinfo=UTC),
        "verdict": Verdict(VerdictKind.REFUSED_BY_PROVIDER, "Expired", "It expired on 2021-03-02.", "", ()),
    }
    found = (
        _key("Jane Doe <jane.doe@company.example>", FINGERPRINT),
        _key("Jane Doe <jane@old.example>", "0123456789ABCDEF0123456789ABCDEF01234567", **old),
    )
    stage.put(pgp_key, "own_keys", lambda _context, _report: found)
    return stage.wizard(_session(stage, "pgp-key"), stage.environment(), "pgp-key")


def pgp_key_incomplete(stage: Stage) -> Scene:
    """The form of a new key, with fields that can't be accepted."""
    wrong = ("tab", *"jane", "tab", "9", "9", "tab", *"short", "tab", *"shor", "ctrl+n")
    return then(pgp_key_new(stage), *wrong)


def pgp_key_done(stage: Stage) -> Scene:
    """The key is made, and the request written."""
    found = (_key("Jane Doe <jane.doe@company.example>", FINGERPRINT),)
    stage.put(pgp_key, "own_keys", lambda _context, _report: found)
    return stage.wizard(_session(stage, "handoff"), stage.environment(), "pgp-key")


def handoff_junk(stage: Stage) -> Scene:
    """What was pasted is no handoff."""
    stage.put(handoff, "list_secret_keys", lambda *_: ())
    pressed = keys(*"hello", "ctrl+n")
    return stage.wizard(_session(stage, "handoff"), stage.environment(), "handoff", pressed)


def handoff_done(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "sign-in"), stage.environment(), "handoff")


def handoff_awaited(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "handoff"), stage.environment(), "handoff")


def handoff_replied(stage: Stage) -> Scene:
    """In the sandbox, the admin said that the key's fingerprint differs."""
    environment = stage.environment(mailbox=stage.folder, sandbox=True)
    mail = stage.folder / reply_file("jane.doe")
    mail.write_text(text_of(differs_words(FINGERPRINT)))
    return stage.wizard(_session(stage, "handoff"), environment, "handoff")


def handoff_arrived(stage: Stage) -> Scene:
    own = "Jane Doe <jane.doe@company.example>"
    held = Handoff("bb", _identities())
    arrival = Arrival(held, held, "~/Downloads/handoff-jane.doe.txt", (own, own), ())
    stage.put(handoff, "read", lambda _request, _context, _report: arrival)
    session = _session(stage, "handoff")
    session.drafts.save(StepKey("handoff"), {"path": "~/Downloads/handoff-jane.doe.txt"})
    return stage.wizard(session, stage.environment(), "handoff")


def sign_in_locked(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "sign-in"), stage.environment(), "sign-in@security")


def sign_in_open(stage: Stage) -> Scene:

    def decrypt(passphrase: Secret, _context: Any, _report: Any) -> Secret:
        if not passphrase:
            raise WrongPassphrase
        return Secret("not shown")

    stage.put(sign_in, "decrypt_password", decrypt)
    session = _session(stage, "sign-in")
    return stage.wizard(session, stage.environment(), "sign-in@security", keys(*"secret", "enter"))


def sign_in_wrong(stage: Stage) -> Scene:
    """The passphrase is wrong."""

    def decrypt(_passphrase: Secret, _context: Any, _report: Any) -> Secret:
        raise WrongPassphrase

    stage.put(sign_in, "decrypt_password", decrypt)
    pressed = keys(*"secret", "enter")
    return stage.wizard(_session(stage, "sign-in"), stage.environment(), "sign-in@security", pressed)


def sign_in_done(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "mfa"), stage.environment(), "sign-in@security")


def mfa_wrong_code(stage: Stage) -> Scene:
    """The device was created with an access key, and the first code isn't from it."""

    def begin(*_: object) -> mfa_step.Pending:
        return mfa_step.Pending(SERIAL, Secret(SEED), "bb-security", Credentials("AKIAEXAMPLE", Secret("s")))

    stage.put(mfa_step, "begin", begin)
    session = _session(stage, "mfa")
    session.drafts.save(StepKey("mfa", "security"), {"how": "api", "place": "kept"})
    pressed = keys("ctrl+n", "enter", *"123456", "tab", *"654321", "ctrl+n")
    return stage.wizard(session, stage.environment(), "mfa@security", pressed)


def mfa_done(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "access-keys"), stage.environment(), "mfa@security")


def mfa(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "mfa"), stage.environment(), "mfa@security")


def mfa_without_browser(stage: Stage) -> Scene:
    """No browser opened the page, so its address is shown and copied."""
    sandbox = f"http://127.0.0.1:34567/{'t' * 16}"
    console = {_identities()[0].sign_in_url: f"{sandbox}/console?account=bb-security"}
    environment = stage.environment(
        sandbox=True, endpoint_url=sandbox, open_page=lambda url: console.get(url, url)
    )
    return stage.wizard(_session(stage, "mfa"), environment, "mfa@security", keys("enter", "enter"))


def qr_dialog(stage: Stage) -> Scene:
    matrix = qr_matrix(otpauth_uri("jane.doe", "bb-security", Secret(SEED)))

    async def show(pilot: Pilot[Any]) -> None:
        pilot.app.push_screen(QrDialog(matrix, Secret(SEED), "jane.doe@bb-security", str))
        await rest(pilot)

    return stage.wizard(_session(stage, "mfa"), stage.environment(), "mfa@security", show)


def access_keys_asks(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "access-keys"), stage.environment(), "access-keys@security")


def access_keys_noticed(stage: Stage) -> Scene:
    """The downloaded file was found."""
    environment = stage.environment()
    path = environment.downloads / "jane.doe_accessKeys.csv"
    stage.put(access_keys, "downloads", lambda _context: (access_keys.Download(path, 8),))

    return _at_downloads(stage, environment, "enter", "enter")


def access_keys_without_browser(stage: Stage) -> Scene:
    """No browser opened the page, so its address is shown; the downloaded file is not a key."""
    words = "jane.doe_accessKeys.csv has no column Access key ID or Secret access key."
    stage.put(access_keys, "refused_download", lambda _context: words)

    environment = stage.environment(
        sandbox=True, endpoint_url="http://127.0.0.1:34567", downloads=Path("/sandbox/downloads")
    )
    return _at_downloads(stage, environment, "enter", "enter", "enter")


def access_keys_refused(stage: Stage) -> Scene:
    """The file has a key of another account."""
    stranger = Caller(f"arn:aws:iam::{MANAGEMENT}:user/jane.doe", MANAGEMENT)

    def perform(_request: object, context: Context, _report: Report) -> dict[str, Any]:
        check_owner(stranger, identity_of(context), context)
        raise AssertionError("it belongs to another account")

    environment = stage.environment()
    path = environment.downloads / "jane.doe_accessKeys.csv"
    path.parent.mkdir()
    path.write_text(f"Access key ID,Secret access key\nAKIAIOSFODNN7EXAMPLE,{'x' * 40}\n")
    found = access_keys.Download(path, 8, key_id="AKIAIOSFODNN7EXAMPLE")
    stage.put(access_keys, "downloads", lambda _context: (found,))
    stage.put(access_keys, "perform", perform)
    return then(_at_downloads(stage, environment, "enter", "enter"), "ctrl+n", "escape")


def access_keys_done(stage: Stage) -> Scene:
    return stage.wizard(_session(stage, "profiles"), stage.environment(), "access-keys@security")


def access_keys_again(stage: Stage) -> Scene:
    """Another key is to be kept."""
    return then(access_keys_done(stage), "shift+tab", "enter")


def _at_downloads(stage: Stage, environment: Environment, *pressed: str) -> Scene:
    """Return the page for access keys, after these keys were pressed and the downloads folder was read."""

    async def bring(pilot: Pilot[Any]) -> None:
        await keys(*pressed)(pilot)
        app = pilot.app
        assert isinstance(app, PaneHost)
        pane = app.pane
        assert isinstance(pane, AccessKeysPane)
        pane._look_for_download()
        await rest(pilot)

    return stage.wizard(_session(stage, "access-keys"), environment, "access-keys@security", bring)


def profiles(stage: Stage) -> Scene:
    stage.put(profiles_step, "credential_command", _credential_command)
    return stage.wizard(_session(stage, "profiles"), stage.environment(), "profiles@security")


def profiles_conflict(stage: Stage) -> Scene:
    """One profile was changed by hand, and the handoff no longer names another."""
    shown = profiles(stage)
    names = ("bb-security", "bb-shared-devops")
    changed = HandChange(names[1], ours=True, differences=(Difference("region", "eu-west-1", "us-east-1"),))
    gone = Stale("bb-network-devops", "arn:aws:iam::666666666666:role/DevOps", changed_by_hand=False)
    diff = "--- config\n+++ config\n@@ -1 +1 @@\n-[profile bb-network-devops]\n+[profile bb-security]"
    found = profiles_step.Preview(
        diff, names, (), written=names[:1], removed=(gone.profile,), by_hand=(changed,), stale=(gone,)
    )
    stage.put(profiles_step, "survey", lambda *_: found)
    return shown


def profiles_done(stage: Stage) -> Scene:
    """The files have the profiles already."""
    names = tuple(_facts()["profiles"]["names"])
    stage.put(profiles_step, "survey", lambda *_: profiles_step.Preview("", names, ()))
    done = ("sign-in", "mfa", "access-keys", "profiles")
    session = stage.session("new-user", _facts(), *STEPS, *(f"{step}@security" for step in done))
    return stage.wizard(session, stage.environment(), "profiles@security")


def _credential_command(project: str, profile: str, **_: object) -> str:
    return f"iam-onboard credential-process --project {project} --profile {profile}"


def _survey(stage: Stage) -> None:
    names = [f"bb-{account}-devops" for account, _ in _ROLES]
    roles = dict.fromkeys(names, "https://signin.aws.amazon.com/switchrole")
    view = IdentityView("security", "bb-security", SERIAL, roles, "jane.doe@bb-security")
    stage.put(verify, "survey", lambda _context, _report: Survey((view,), has_aws=True))


def verify_asks(stage: Stage) -> Scene:
    _survey(stage)
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify")


def verify_locked(stage: Stage) -> Scene:
    """The access key is in an encrypted file, and gpg-agent has forgotten the passphrase."""

    def locked(*_: object, **_more: object) -> None:
        raise PassphraseNeeded

    _survey(stage)
    stage.put(verify, "open_keys", locked)
    pressed = keys(*"secret")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def verify_answered(stage: Stage) -> Scene:
    _survey(stage)
    stage.put(verify, "verify", _answers)
    pressed = keys(*"123456", "ctrl+n")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def verify_tried(stage: Stage) -> Scene:
    """The aws command was run here."""
    _survey(stage)
    stage.put(verify, "verify", _answers)
    arn = "arn:aws:sts::333333333333:assumed-role/DevOps/botocore-session-1795500000"
    said = {"UserId": "AROAIOSFODNN7EXAMPLE:jane.doe", "Account": "333333333333", "Arn": arn}
    stage.put(verify, "try_aws", lambda *_: verify.Tried(json.dumps(said, indent=4), "It works."))
    pressed = keys(*"123456", "ctrl+n", "x")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def verify_refused(stage: Stage) -> Scene:
    """One device's code was rejected, and one role can't be assumed."""
    _survey(stage)
    stage.put(verify, "verify", _refusals)
    pressed = keys(*"123456", "ctrl+n")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def verify_for_admin(stage: Stage) -> Scene:
    """Two roles were taken away, so that only the admin can help."""
    _survey(stage)
    stage.put(verify, "verify", _taken_away)
    pressed = keys(*"123456", "ctrl+n")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def verify_running(stage: Stage) -> Scene:
    """Half of the profiles have answered."""

    def half(_codes: object, _context: Context, report: Report, **_more: object) -> tuple[Result, ...]:
        for result in _answers(_codes, _context, lambda _progress: None)[:2]:
            report(Progress("Asking", payload=result))
        stage.hold()
        raise AssertionError("held until the end")

    _survey(stage)
    stage.put(verify, "verify", half)
    pressed = stage.held(*"123456", "ctrl+n")
    return stage.wizard(_session(stage, "verify"), stage.environment(), "verify", pressed)


def finished_new_user(stage: Stage) -> Scene:
    """The end: one account has no access key, and one role doesn't work."""
    for step in (access_keys, profiles_step):
        stage.put(step, "observe", lambda _context: AGREES)
    in_security = (f"{step}@security" for step in REPEATED)
    results = [
        {"profile": f"bb-{account}-devops", "arn": "", "problem": problem, "title": problem}
        for (account, _), problem in zip(_ROLES, ("", "", "Can't assume the role"), strict=True)
    ]
    facts = {**_facts(), "verified": {"results": results, "at": NOW.isoformat()}}
    session = stage.session("new-user", facts, *STEPS, *in_security, "sign-in@management", "mfa@management")
    for step in ("access-keys", "profiles"):
        session.skip(StepKey(step, "management"))
    settle(session, StepKey("verify"), {"verified": facts["verified"]})
    return stage.wizard(session, stage.environment(), "")


def _taken_away(_codes: object, _context: Context, report: Report, **_more: object) -> tuple[Result, ...]:
    results = _answers(_codes, _context, report)
    broken = [
        Result.failed(
            result.profile,
            Hindered(
                Hindrance.ROLE,
                f"AWS doesn't let you assume {result.arn}.",
                why="One of these is true: account 555555555555 has no role named DevOps; its trust policy "
                "doesn't name your account; none of your groups allows it.",
                next="Compare the role's name with the other profiles, then ask your admin.",
                for_admin=True,
            ),
        )
        for result in results[2:]
    ]
    for result in broken:
        report(Progress("Asking", payload=result))
    return (*results[:2], *broken)


def _refusals(_codes: object, _context: Context, report: Report, **_more: object) -> tuple[Result, ...]:
    code = WrongCode(
        "AWS rejected the code",
        "AWS rejected the MFA code.",
        next="Wait for the app's next code and enter that one.",
    )
    role = OnboardError(
        "Can't assume the role",
        "AWS doesn't let you assume arn:aws:iam::555555555555:role/DevOps.",
        why="None of your groups allows this role.",
        next="Ask your admin for a group that may assume DevOps in 555555555555.",
    )
    results = _answers(_codes, _context, report)
    broken = [
        Result.failed(result.profile, error) for result, error in zip(results[2:], (code, role), strict=True)
    ]
    for result in broken:
        report(Progress("Asking", payload=result))
    return (*results[:2], *broken)


def _answers(_codes: object, _context: Context, report: Report, **_more: object) -> tuple[Result, ...]:
    results = [Result("bb-security", f"arn:aws:iam::{SECURITY}:user/jane.doe", "")]
    results += [
        Result(f"bb-{account}-devops", f"arn:aws:sts::{number}:assumed-role/DevOps/botocore-session-1", "")
        for account, number in _ROLES
    ]
    for result in results:
        report(Progress("Asking", payload=result))
    return tuple(results)
