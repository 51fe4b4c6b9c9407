from __future__ import annotations

from dataclasses import replace

import pytest

from workflows.core.sentences import text_of
from workflows.terraform.events import Diagnostic, Progress
from workflows.terraform.failures import (
    Failure,
    InitWay,
    LockHeld,
    failure,
    failure_of,
    from_first_error,
    needs_init,
    read_lock,
)
from workflows.terraform.results import apply_result
from workflows.terraform.runner import Outcome

NO_SUCH_VERSION = """Failed to query available provider packages

locked provider registry.terraform.io/hashicorp/aws 3.38.0 does not match
configured version constraint ~> 3.39.0; must use terraform init
-upgrade"""

LOCK = """Error message: resource temporarily unavailable
Lock Info:
  ID:        0eabc5d8-9f2b-3c1c-6a4e-0123456789ab
  Path:      bb-security-terraform-backend/security/identities/terraform.tfstate
  Operation: OperationTypeApply
  Who:       jane@laptop
  Version:   1.6.0
  Created:   2026-02-03 10:20:30.123456 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time."""


def error(summary: str, detail: str = "") -> Diagnostic:
    return Diagnostic("error", summary, detail, "", "", "")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (
            "ExpiredToken: The security token included in the request is expired",
            Failure.EXPIRED,
        ),
        ("the SSO session has expired or is invalid", Failure.EXPIRED),
        ("InvalidClientTokenId: The security token is invalid", Failure.KEY_REFUSED),
        ("SignatureDoesNotMatch: Signature expired", Failure.KEY_REFUSED),
        (
            "no valid credential sources for S3 Backend found.",
            Failure.NO_CREDENTIALS,
        ),
        (
            "failed to get shared config profile, bb-security-devops",
            Failure.NO_CREDENTIALS,
        ),
        ("AccessDenied: User: x is not authorized to perform: iam:CreateUser", Failure.DENIED),
        ("error parsing given PGP key: EOF", Failure.PGP_KEY),
        (
            "error setting up encryption for PGP message: openpgp: cannot encrypt a message to key id 1",
            Failure.PGP_KEY,
        ),
        ("EntityAlreadyExists: User with name a.b already exists.", Failure.EXISTS),
        ("DeleteConflict: Cannot delete entity, must detach all policies first.", Failure.IN_USE),
        ("LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2", Failure.LIMIT),
        ("Throttling: Rate exceeded", Failure.THROTTLED),
        ("Saved plan is stale", Failure.STALE_PLAN),
        (
            'ExpiredToken. To allow for recovery, the state has been written to the file "errored.tfstate"',
            Failure.STATE_UNWRITTEN,
        ),
        (
            "cannot import state with serial 4 over newer state with serial 5",
            Failure.OTHER_STATE,
        ),
        (
            "Error acquiring the state lock: ConditionalCheckFailedException: failed. parsing time: cannot",
            Failure.LOCKED,
        ),
        (
            "Error acquiring the state lock: PutItem: AccessDenied: not authorized to perform it",
            Failure.DENIED,
        ),
        ("Unsupported Terraform Core version", Failure.VERSION),
        ("state data in S3 does not have the expected content.", Failure.CHECKSUM),
        ("NoSuchBucket: The specified bucket does not exist", Failure.NO_BUCKET),
        ("Inconsistent dependency lock file", Failure.LOCK_FILE),
        (
            NO_SUCH_VERSION,
            Failure.LOCK_FILE,
        ),
        (
            'creating account alias with name "bb": EntityAlreadyExists: The account alias bb is taken.',
            Failure.ALIAS_TAKEN,
        ),
        ("Backend configuration changed", Failure.BACKEND),
        ("dial tcp: lookup iam.amazonaws.com: no such host", Failure.NETWORK),
        (
            "fatal: unable to access 'https://github.com/': Could not resolve host: github.com",
            Failure.NETWORK,
        ),
        ("connect: connection refused", Failure.NETWORK),
    ],
)
def test_known_causes_have_words_and_keep_the_diagnostic(words: str, kind: Failure) -> None:
    found = failure("apply", "security/global/base-identities", [error("creating IAM User", words)], "")
    assert found.failure is kind
    assert found.title
    assert found.why
    assert found.next
    assert found.detail == f"Error: creating IAM User\n\n{words}"


def test_an_unknown_cause_shows_every_error_and_no_warning() -> None:
    warning = Diagnostic("warning", "Deprecated", "", "", "", "")
    found = failure("plan", "layer", [error("one", "1"), warning, error("two")], "ignored")
    assert found.failure is None
    assert " plan " in found.title
    assert found.detail == "Error: one\n\n1\n\nError: two"


def test_a_text_is_shown_from_its_first_error_without_a_frame() -> None:
    text = "Initializing...\n╷\n│ Error: one\n│ \n│ two\n╵\n"
    assert from_first_error(text) == "Error: one\n\ntwo"
    assert failure("init", "layer", [], text).detail == "Error: one\n\ntwo"
    assert from_first_error("panic: x\n") == "panic: x"


def test_a_lock_says_who_and_since_when() -> None:
    found = failure("plan", "layer", [error("Error acquiring the state lock", LOCK)], "")
    assert isinstance(found, LockHeld)
    assert found.lock.lock_id == "0eabc5d8-9f2b-3c1c-6a4e-0123456789ab"
    assert found.lock.who == "jane@laptop"
    assert found.lock.created == "2026-02-03 10:20:30.123456 +0000 UTC"
    assert all(part in found.what for part in (found.lock.who, found.lock.created))
    assert found.lock.purpose in found.why
    assert replace(found.lock, operation="OperationTypeNew").purpose == "OperationTypeNew"
    assert read_lock("Lock Info of something else") is None


def test_what_asks_for_init_is_told_from_other_errors() -> None:
    assert needs_init([error("Module not installed", 'Run "terraform init" to install all modules.')])
    assert needs_init([error("Required plugins are not installed", "run:\n  tofu init")])
    assert not needs_init([error("Reference to undeclared resource")])


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("Inconsistent dependency lock file", InitWay.UPGRADE),
        ("Provider dependency changes detected", InitWay.UPGRADE),
        ("Backend configuration changed", InitWay.RECONFIGURE),
        ('Backend initialization required, please run "tofu init"', InitWay.RECONFIGURE),
    ],
)
def test_what_another_init_mends_says_which(words: str, way: InitWay) -> None:
    refused = failure("init", "layer", [error(words)], "", "OpenTofu")
    assert refused.way is way
    assert {"init", "layer."} <= set(text_of(refused.what).split())
    assert "OpenTofu" in refused.what


def test_a_resource_that_cannot_be_imported_says_whether_it_is_there() -> None:
    gone = "Error: Cannot import\nnon-existent remote object"
    assert failure_of(gone) is Failure.NOT_IN_AWS
    assert failure_of("Error: Resource already managed by OpenTofu") is Failure.IN_STATE
    assert failure_of("Error: Invalid address") is None


def test_nothing_else_offers_an_init() -> None:
    assert failure("plan", "layer", [error("AccessDenied")], "").way is None


def _failed(*words: str, failed: tuple[str, ...]) -> Outcome:
    errors = [Diagnostic("error", word, "", "", "", "") for word in words]
    return Outcome(1, cancelled=False, text="", progress=Progress(failed=[*failed], diagnostics=errors))


def _troubles_of(*words: str, failed: tuple[str, ...]) -> list[tuple[str, str]]:
    troubles = apply_result(_failed(*words, failed=failed)).troubles
    return [(trouble.address, trouble.title) for trouble in troubles]


def test_a_destroy_that_fails_is_told_of_the_person_whom_terraform_names_only_in_words() -> None:
    sam, ann = (f'module.user["{name}"].aws_iam_user.this[0]' for name in ("sam.okafor", "ann.okafor"))
    in_use, denied = (
        "Error deleting IAM User sam.okafor: DeleteConflict: Cannot delete entity.",
        "Error deleting IAM User ann.okafor: AccessDenied: not authorized to perform: iam:DeleteUser",
    )
    assert _troubles_of(denied, in_use, failed=(sam, ann)) == [
        (ann, Failure.DENIED.value.title),
        (sam, Failure.IN_USE.value.title),
    ]
    block = "module.user_sam_okafor.aws_iam_user.this[0]"
    (trouble,) = apply_result(_failed(in_use, failed=(block,))).troubles
    assert trouble.in_use
    assert _troubles_of(in_use, failed=(block,)) == [(block, Failure.IN_USE.value.title)]
    assert [where for where, _ in _troubles_of(in_use, denied, failed=(block, "module.b.x.y"))] == ["", ""]
    longer = 'module.user["sam.okafor-ci"].aws_iam_user.this[0]'
    assert _troubles_of(in_use, denied, failed=(longer, ann))[0][0] == ""


def test_that_a_stopped_apply_was_halted_is_no_trouble_of_its_own() -> None:
    assert _troubles_of("execution halted", "AccessDenied: no", failed=("a.b",)) == [
        ("a.b", Failure.DENIED.value.title)
    ]
