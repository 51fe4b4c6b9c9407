from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given, strategies as st

from workflows.aws import authenticator
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError

RFC_SEED = Secret(base64.b32encode(b"12345678901234567890").decode())
AWS_SEED = Secret("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
PHONE = pyotp.TOTP(AWS_SEED.reveal())


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@pytest.mark.parametrize(
    ("seconds", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, eight_digits: str) -> None:
    assert authenticator.clock_offset(RFC_SEED, eight_digits[-6:], at(seconds)) == 0


@pytest.mark.parametrize(
    "seed", ["gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "GEZDGNBVGY3TQOJQ-GEZDGNBVGY3TQOJQ"]
)
def test_a_seed_is_read_as_people_write_it(seed: str) -> None:
    assert authenticator.clock_offset(Secret(seed), "287082", at(59)) == 0


def test_a_damaged_seed_is_refused_without_showing_it() -> None:
    with pytest.raises(OnboardError) as caught:
        authenticator.clock_offset(Secret("CANARY189!"), "287082", at(59))
    assert "CANARY" not in caught.value.as_text()


@given(st.integers(min_value=1200, max_value=4_000_000_000), st.integers(min_value=-20, max_value=20))
def test_the_offset_of_the_phones_clock_is_told(now: int, steps: int) -> None:
    code = PHONE.at(at(now + 30 * steps))
    offset = authenticator.clock_offset(AWS_SEED, code, at(now))
    nearer = [k for k in range(-abs(steps), abs(steps) + 1) if PHONE.at(at(now + 30 * k)) == code]
    assert offset is not None
    assert offset // 30 in nearer


def test_a_mistyped_code_fits_no_time() -> None:
    now = at(1_700_000_000)
    near = {PHONE.at(now + timedelta(seconds=30 * k)) for k in range(-20, 21)}
    wrong = next(code for code in ("000000", "111111", "222222") if code not in near)
    assert authenticator.clock_offset(AWS_SEED, wrong, now) is None


def test_the_same_code_twice_is_no_matter_of_their_order() -> None:
    now = at(1_700_000_000)
    code = PHONE.at(now)
    assert authenticator.consecutive_problem(AWS_SEED, code, code, now) is None


def test_a_code_may_be_typed_in_groups() -> None:
    now = at(1_700_000_000)
    code = PHONE.at(now)
    assert authenticator.clock_offset(AWS_SEED, f" {code[:3]} {code[3:]}\n", now) == 0


def test_countdown() -> None:
    assert authenticator.seconds_left(at(60)) == 30
    assert authenticator.seconds_left(at(89.9)) == 1


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"])
def test_what_is_no_code(text: str) -> None:
    assert authenticator.code_problem(text) is not None


def test_two_equal_codes_are_refused_however_they_are_typed() -> None:
    problem = authenticator.two_codes_problem("123456", "123 456")
    assert problem is not None
    assert problem.field == "second_code"
    assert authenticator.two_codes_problem("123456", "654321") is None


def test_the_text_of_the_qr_code_is_the_documented_one() -> None:
    uri = authenticator.otpauth_uri("juan.delacruz", "bb-security", AWS_SEED)
    assert uri.reveal() == f"otpauth://totp/juan.delacruz@bb-security?secret={AWS_SEED.reveal()}"
    assert (
        authenticator.otpauth_uri("a b/c", "x", Secret("AB")).reveal()
        == "otpauth://totp/a%20b%2Fc@x?secret=AB"
    )


def test_the_qr_code_fits_a_terminal_of_80_by_24_and_has_its_finder_patterns() -> None:
    matrix = authenticator.qr_matrix(authenticator.otpauth_uri("juan.delacruz", "bb-management", AWS_SEED))
    assert len(matrix) == len(matrix[0]) == 41
    assert (len(matrix) + 1) // 2 <= 24
    assert not any(matrix[0])
    assert not any(matrix[1])
    for row, column in ((2, 2), (2, 32), (32, 2)):
        assert all(matrix[row][column : column + 7])
        assert not any(matrix[row + 1][column + 1 : column + 6])


def test_a_text_that_is_too_long_for_a_qr_code() -> None:
    with pytest.raises(OnboardError):
        authenticator.qr_matrix(Secret("x" * 8000))


def test_the_seed_in_groups_for_typing() -> None:
    assert authenticator.grouped_seed(Secret("abcdefghij")).reveal() == "ABCD EFGH IJ"
