"""Verification with a small fake STS that accepts one code, two keys and a few roles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from workflows.aws import verify
from workflows.aws.clients import ClientFactory, ProfileFiles
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.sts import CodeMemory, RepeatedCode, WrongCode
from workflows.aws.verify import Hindered, Hindrance
from workflows.core.sentences import Cancelled, OnboardError

SERIAL = "arn:aws:iam::111111111111:mfa/juan.delacruz"
BASE_KEY, SESSION_KEY, ROLE_KEY = "AKIABASEBASEBASEBA01", "ASIASESSIONSESSION01", "ASIAROLE{:012d}"
ME = "arn:aws:iam::111111111111:user/juan.delacruz"
REFUSALS = {
    "NoPolicy": ("AccessDenied", "… because no identity-based policy allows the sts:AssumeRole action"),
    "Explicit": ("AccessDenied", "… with an explicit deny in an identity-based policy"),
    "NoTrust": ("AccessDenied", "… because no resource-based policy allows the sts:AssumeRole action"),
    "Missing": ("AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource"),
    "Elsewhere": ("RegionDisabledException", "STS is not activated in this region"),
    "NotEnabled": ("InvalidClientTokenId", "The security token included in the request is invalid"),
    "Late": (
        "SignatureDoesNotMatch",
        "Signature expired: 20260102T030000Z is now earlier than 20260102T031507Z",
    ),
}


class FakeSts(BaseHTTPRequestHandler):
    calls: list[tuple[str, str, dict[str, str]]]
    together: threading.Barrier | None
    sessions: dict[str, str]
    endpoint: str

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        request = dict(parse_qsl(body))
        credential = self.headers["Authorization"].split("Credential=")[1]
        key, _, region = credential.split("/")[:3]
        type(self).calls.append((request["Action"], f"{key}@{region}", request))
        answers = {
            "GetCallerIdentity": self.answer_get_caller_identity,
            "GetSessionToken": self.answer_get_session_token,
            "AssumeRole": self.answer_assume_role,
        }
        answers[request["Action"]](request, key)

    def answer_get_caller_identity(self, _: dict[str, str], key: str) -> None:
        arn = ME if key in {BASE_KEY, SESSION_KEY} else self.sessions.get(key)
        if arn is None:
            self.refuse("InvalidClientTokenId", "The security token included in the request is invalid")
            return
        account = arn.split(":")[4]
        self.reply("GetCallerIdentity", f"<Arn>{arn}</Arn><UserId>AIDAX</UserId><Account>{account}</Account>")

    def answer_get_session_token(self, request: dict[str, str], key: str) -> None:
        if request["TokenCode"] != "123456" or request["SerialNumber"] != SERIAL or key != BASE_KEY:
            self.refuse(
                "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "
            )
            return
        self.reply("GetSessionToken", credentials(SESSION_KEY))

    def answer_assume_role(self, request: dict[str, str], key: str) -> None:
        if self.together is not None:
            self.together.wait(300)
        account, role = request["RoleArn"].split(":")[4], request["RoleArn"].rsplit("/", 1)[1]
        if role in REFUSALS:
            self.refuse(*REFUSALS[role])
        elif key != SESSION_KEY:
            self.refuse("AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource")
        else:
            arn = f"arn:aws:sts::{account}:assumed-role/{role}/iam-onboard"
            own = ROLE_KEY.format(int(account))
            self.sessions[own] = arn
            user = (
                f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROAX:iam</AssumedRoleId></AssumedRoleUser>"
            )
            self.reply("AssumeRole", credentials(own) + user)

    def reply(self, action: str, inner: str) -> None:
        self.send(200, f"<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>")

    def refuse(self, code: str, message: str) -> None:
        self.send(
            403,
            f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>",
        )

    def send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def credentials(key: str) -> str:
    return (
        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{'x' * 40}</SecretAccessKey>"
        "<SessionToken>token</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
    )


@pytest.fixture
def aws() -> Iterator[type[FakeSts]]:
    class Handler(FakeSts):
        pass

    Handler.calls, Handler.together, Handler.sessions = [], None, {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    Handler.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Handler
    server.shutdown()
    server.server_close()
    thread.join()


def profile(
    name: str, role: str, *, region: str = "us-east-1", mfa: bool = True, account: int = 222222222222
) -> str:
    serial = f"mfa_serial = {SERIAL}\n" if mfa else ""
    return (
        f"[profile {name}]\nrole_arn = arn:aws:iam::{account:012d}:role/{role}\n"
        "source_profile = bb-security\n"
        f"region = {region}\n{serial}\n"
    )


def write(tmp_path: Path, *profiles: str, key: str = BASE_KEY) -> ProfileFiles:
    files = ProfileFiles(tmp_path / "config", tmp_path / "credentials")
    files.config_file.write_text("[profile bb-security]\nregion = us-east-1\n\n" + "".join(profiles))
    files.credentials_file.write_text(
        f"[bb-security]\naws_access_key_id = {key}\naws_secret_access_key = {'s' * 40}\n"
    )
    return files


def run(
    aws: type[FakeSts], files: ProfileFiles, code: str | None, **options: object
) -> dict[str, verify.Result]:
    seen: list[verify.Result] = []
    arguments: dict[str, object] = {
        "memory": CodeMemory(),
        "report": seen.append,
        "cancelled": threading.Event(),
        **options,
    }
    verify.verify_profiles(
        ClientFactory(aws.endpoint, "us-east-1"), files, "bb-security", code=code, **arguments
    )
    return {result.profile: result for result in seen}


def kind_of(problem: OnboardError | None) -> Hindrance | AwsFailure:
    """Return the reason why a profile does not work."""
    if isinstance(problem, AwsError):
        return problem.failure
    assert isinstance(problem, Hindered)
    return problem.hindrance


def test_one_code_proves_every_profile(aws: type[FakeSts], tmp_path: Path) -> None:
    names = [f"bb-{number}-devops" for number in range(1, 7)]
    files = write(tmp_path, *(profile(name, "DevOps", account=place) for place, name in enumerate(names, 1)))
    assert verify.needs_code(files, "bb-security") == SERIAL
    assert verify.base_profiles(files) == ("bb-security",)
    found = run(aws, files, "123 456")
    assert next(iter(found)) == "bb-security"
    assert sorted(found) == sorted(["bb-security", *names])
    assert found["bb-security"].arn == ME
    for place, name in enumerate(names, 1):
        assert found[name].arn == f"arn:aws:sts::{place:012d}:assumed-role/DevOps/iam-onboard"
    actions = [action for action, _, _ in aws.calls]
    assert actions.count("GetSessionToken") == 1
    assert {key for action, key, _ in aws.calls if action == "AssumeRole"} == {f"{SESSION_KEY}@us-east-1"}


def test_without_roles_no_code_is_needed(tmp_path: Path) -> None:
    files = write(tmp_path)
    files.config_file.write_text(f"[profile bb-security]\nmfa_serial = {SERIAL}\n")
    assert verify.needs_code(files, "bb-security") is None


def test_the_roles_are_asked_at_the_same_time(aws: type[FakeSts], tmp_path: Path) -> None:
    aws.together = threading.Barrier(5)  # each AssumeRole waits until all five are there
    files = write(tmp_path, *(profile(f"p{place}", "DevOps", account=place) for place in range(1, 6)))
    assert all(result.error is None for result in run(aws, files, "123456").values())


def test_each_profile_asks_in_its_own_region(aws: type[FakeSts], tmp_path: Path) -> None:
    files = write(tmp_path, profile("west", "DevOps", region="us-west-2"))
    run(aws, files, "123456")
    assert (f"{SESSION_KEY}@us-west-2") in [key for action, key, _ in aws.calls if action == "AssumeRole"]
    assert ("GetCallerIdentity", f"{ROLE_KEY.format(222222222222)}@us-west-2") in [
        call[:2] for call in aws.calls
    ]


@pytest.mark.parametrize(
    ("role", "kind", "named"),
    [
        ("NoPolicy", Hindrance.ROLE, "None "),
        ("NoTrust", Hindrance.ROLE, "The role's "),
        ("Missing", Hindrance.ROLE, " Missing"),
        ("Elsewhere", Hindrance.REGION_OFF, " STS "),
        ("Late", AwsFailure.CLOCK, "clock"),
    ],
)
def test_a_failure_has_its_kind_and_stops_no_other(
    aws: type[FakeSts], tmp_path: Path, role: str, kind: Hindrance | AwsFailure, named: str
) -> None:
    found = run(aws, write(tmp_path, profile("bad", role), profile("good", "DevOps")), "123456")
    problem = found["bad"].error
    assert problem is not None
    assert found["bad"].arn == ""
    assert kind_of(problem) is kind
    assert named in problem.why
    assert problem.next
    assert found["good"].error is None
    assert found["bad"].for_admin is (kind is Hindrance.ROLE)


def test_a_region_that_is_not_enabled_is_not_taken_for_a_bad_key(aws: type[FakeSts], tmp_path: Path) -> None:
    """In a region that the account has not enabled, AWS reports the key as unknown."""
    files = write(tmp_path, profile("far", "NotEnabled", region="eu-south-1"), profile("near", "NotEnabled"))
    found = run(aws, files, "123456")
    far, near = found["far"].error, found["near"].error
    assert kind_of(far) is Hindrance.REGION_OFF
    assert far is not None
    assert "eu-south-1" in far.what
    assert kind_of(near) is AwsFailure.KEY_UNKNOWN


def test_a_role_that_is_none_and_a_region_that_is_none_are_not_asked(
    aws: type[FakeSts], tmp_path: Path
) -> None:
    files = write(tmp_path, profile("far", "DevOps", region="mars-1"), profile("good", "DevOps"))
    text = files.config_file.read_text()
    odd = (
        "DevOps",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::222222222222:user/x",
        "arn:aws:iam::222222222222:role/",
    )
    for number, arn in enumerate(odd):
        text += f"[profile odd{number}]\nrole_arn = {arn}\nsource_profile = bb-security\n"
    files.config_file.write_text(text)
    found = run(aws, files, "123456")
    problems = {name: kind_of(result.error) for name, result in found.items() if result.problem}
    assert problems.pop("far") is Hindrance.NO_REGION
    assert problems == {f"odd{number}": Hindrance.NO_ROLE for number in range(len(odd))}
    assert [action for action, _, _ in aws.calls].count("AssumeRole") == 1


def test_without_a_code_a_role_that_wants_one_says_so(aws: type[FakeSts], tmp_path: Path) -> None:
    found = run(aws, write(tmp_path, profile("role", "DevOps")), None)
    assert found["bb-security"].arn == ME
    assert kind_of(found["role"].error) is Hindrance.CODE
    assert not [action for action, _, _ in aws.calls if action == "GetSessionToken"]


def test_a_profile_without_a_device_is_not_answered_with_the_advice_to_enter_a_code(
    aws: type[FakeSts], tmp_path: Path
) -> None:
    files = write(tmp_path, profile("role", "Explicit"))
    files.config_file.write_text(files.config_file.read_text().replace(f"mfa_serial = {SERIAL}\n", ""))
    problem = run(aws, files, None)["role"].error
    assert problem is not None
    assert not isinstance(problem, verify.MfaNeeded)
    assert "role" in problem.why


def test_a_wrong_code_and_a_repeated_one(aws: type[FakeSts], tmp_path: Path) -> None:
    files, memory = write(tmp_path, profile("role", "DevOps")), CodeMemory()
    with pytest.raises(WrongCode):
        run(aws, files, "654321", memory=memory)
    run(aws, files, "123456", memory=memory)
    with pytest.raises(RepeatedCode):
        run(aws, files, "123456", memory=memory)


def test_a_base_key_that_aws_does_not_know_spends_no_code(aws: type[FakeSts], tmp_path: Path) -> None:
    files = write(tmp_path, profile("role", "DevOps"), key="AKIAUNKNOWNUNKNOWN01")
    found = run(aws, files, "123456")
    base = found["bb-security"].error
    assert kind_of(base) is AwsFailure.KEY_UNKNOWN
    assert kind_of(found["role"].error) is Hindrance.KEY
    assert [action for action, _, _ in aws.calls] == ["GetCallerIdentity"]


def test_no_answer_about_the_base_key_says_nothing_about_its_roles(
    aws: type[FakeSts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        aws,
        "answer_get_caller_identity",
        lambda self, *_: self.refuse("ServiceUnavailable", "Try again later"),
    )
    found = run(aws, write(tmp_path, profile("role", "DevOps")), "123456")
    assert {kind_of(result.error) for result in found.values()} == {AwsFailure.UNAVAILABLE}
    assert not any(result.stopped_working for result in found.values())


def test_only_some_profiles(aws: type[FakeSts], tmp_path: Path) -> None:
    files = write(tmp_path, profile("a", "DevOps"), profile("b", "DevOps"))
    assert list(run(aws, files, "123456", only=["b"])) == ["b"]


def test_it_can_be_stopped(aws: type[FakeSts], tmp_path: Path) -> None:
    cancelled = threading.Event()
    files = write(tmp_path, *(profile(f"p{place}", "DevOps", account=place) for place in range(1, 40)))

    def report(answer: verify.Result) -> None:
        if answer.profile != "bb-security":
            cancelled.set()

    with pytest.raises(Cancelled):
        run(aws, files, "123456", report=report, cancelled=cancelled)
    assert len([action for action, _, _ in aws.calls if action == "AssumeRole"]) < 39


def test_a_role_profile_tells_its_parts(tmp_path: Path) -> None:
    (found,) = verify.role_profiles(write(tmp_path, profile("p", "ops/DevOps")), "bb-security")
    assert (found.account, found.role_name, found.mfa_serial) == ("222222222222", "ops/DevOps", SERIAL)
