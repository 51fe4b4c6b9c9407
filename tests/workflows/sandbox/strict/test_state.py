from __future__ import annotations

import json

import pyotp
import pytest

from workflows.core.shapes import plain, read
from workflows.sandbox.layout import BootstrapKey, Directory
from workflows.sandbox.strict.state import State, code_at, use_codes

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238's own, in Base32
NOW = 1_700_000_010.0
SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"


def test_codes_are_those_of_the_rfc() -> None:
    # RFC 6238, appendix B, SHA-1, the last six of eight digits
    assert code_at(SEED, 59) == "287082"
    assert code_at(SEED, 1_111_111_109) == "081804"
    assert code_at(SEED, 20_000_000_000) == "353130"


def test_a_code_is_good_once() -> None:
    codes: dict[str, int] = {}
    assert use_codes(codes, SERIAL, SEED, [code_at(SEED, NOW)], NOW)
    assert not use_codes(codes, SERIAL, SEED, [code_at(SEED, NOW)], NOW)
    assert not use_codes(codes, SERIAL, SEED, [code_at(SEED, NOW, -1)], NOW)
    assert use_codes(codes, SERIAL, SEED, [code_at(SEED, NOW, 1)], NOW)


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_around_its_half_minute(steps: int, good: bool) -> None:
    assert use_codes({}, SERIAL, SEED, [code_at(SEED, NOW, steps)], NOW) is good


@pytest.mark.parametrize("wrong", ["", "12345", "0000000", "abcdef", "\u0660" * 6])
def test_what_is_no_code_is_refused(wrong: str) -> None:
    assert not use_codes({}, SERIAL, SEED, [wrong], NOW)


def test_a_pair_must_be_consecutive_and_uses_both_up() -> None:
    before, now, after = (code_at(SEED, NOW, steps) for steps in (-1, 0, 1))
    for first, second in ((now, now), (after, now), (before, after)):
        assert not use_codes({}, SERIAL, SEED, [first, second], NOW)
    codes: dict[str, int] = {}
    assert use_codes(codes, SERIAL, SEED, [before, now], NOW)
    assert not use_codes(codes, SERIAL, SEED, [now], NOW)
    assert not use_codes(codes, SERIAL, SEED, [before, now], NOW)
    assert use_codes(codes, SERIAL, SEED, [after], NOW + 30)


def test_used_codes_stay_used_after_a_restart() -> None:
    state, again = State(Directory({})), State(Directory({}))
    codes = state.used_codes
    assert use_codes(codes, SERIAL, SEED, [code_at(SEED, NOW)], NOW)
    again.load(json.loads(json.dumps(state.dump())))
    assert not use_codes(again.used_codes, SERIAL, SEED, [pyotp.TOTP(SEED).at(int(NOW))], NOW)


def test_the_directory_survives_json_and_hides_its_secrets() -> None:
    key = BootstrapKey("222222222222", "s3cret", "admin")
    directory = Directory({"security": "222222222222"}, "eu-west-1", {"AKIABOOTSTRAPSECURE1": key})
    assert read(Directory, json.loads(json.dumps(plain(directory)))) == directory
    assert "s3cret" not in repr(directory)
