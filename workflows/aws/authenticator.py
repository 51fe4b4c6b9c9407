"""The authenticator's side of MFA: the text a phone scans, and the codes that it shows (RFC 6238).

The wizard checks a code itself before AWS sees it, because AWS accepts each code only once and does not
distinguish a mistyped code from a phone whose clock is off. AWS uses six digits, 30 seconds and SHA-1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem

PERIOD_SECONDS = 30
DIGITS = 6
TOLERATED_SECONDS = 30
SEARCHED_STEPS = 20


def otpauth_uri(device: str, account: str, seed: Secret) -> Secret:
    """Return the QR code's text `otpauth://totp/DEVICE@ACCOUNT?secret=SEED`, like CreateVirtualMFADevice's.

    Args:
        device: the device's name, usually the user's.
        account: the account's alias or id, so that the app distinguishes two accounts; "" leaves it out.
        seed: the Base32 seed. The result contains it, so it is a Secret too.
    """
    label = quote(entry_name(device, account), safe="@")
    return Secret(f"otpauth://totp/{label}?{urlencode({'secret': _normal(seed.reveal())})}")


def entry_name(device: str, account: str) -> str:
    """Return the name of a device's entry in the app, DEVICE@ACCOUNT; both as for `otpauth_uri`."""
    return f"{device}@{account}" if account else device


def grouped_seed(seed: Secret, size: int = 4) -> Secret:
    """Return the seed in groups of `size` letters, for typing it into the app."""
    text = _normal(seed.reveal())
    return Secret(" ".join(text[start : start + size] for start in range(0, len(text), size)))


def qr_matrix(uri: Secret, border: int = 2) -> tuple[tuple[bool, ...], ...]:
    """Return the QR code (error level L, or better at the same size) as rows of modules; True is dark.

    The seed is a separate segment, so that its capitals and digits take 5.5 bits each. AWS's text needs 37
    modules plus the border, or 41 with a long name: 21 or 23 terminal lines with two rows per line.

    Raises:
        OnboardError: the text is too long for any QR code.
    """
    import segno  # noqa: PLC0415 - only this one screen needs it

    try:
        text, mark, seed = uri.reveal().partition("?secret=")
        parts: Any = [text + mark, seed] if seed else text  # segno accepts a list, despite its type hints
        code = segno.make(parts, error="L", micro=False)
    except segno.DataOverflowError:
        raise OnboardError(
            "No QR code",
            "The device's name and account are too long for a QR code.",
            next="Type the seed into the app.",
        ) from None
    return tuple(tuple(bool(module) for module in row) for row in code.matrix_iter(border=border))


def clock_offset(seed: Secret, code: str, now: datetime) -> int | None:
    """Compute from a code how far the phone's clock is ahead of this computer's (negative: behind).

    Returns:
        Seconds, in steps of 30: AWS accepts a code up to `TOLERATED_SECONDS` off. None if the code fits
        no time within ten minutes: it is mistyped or another device's.

    Raises:
        OnboardError: the seed is not Base32.
    """
    key, step, digits = _key(seed), int(now.timestamp()) // PERIOD_SECONDS, normal_code(code)
    for steps in sorted(range(-SEARCHED_STEPS, SEARCHED_STEPS + 1), key=abs):
        if step + steps >= 0 and hmac.compare_digest(_code(key, step + steps).encode(), digits.encode()):
            return steps * PERIOD_SECONDS
    return None


def seconds_left(now: datetime) -> int:
    """Return for how many more seconds the app shows the current code: 1 to 30."""
    return PERIOD_SECONDS - int(now.timestamp()) % PERIOD_SECONDS


def normal_code(text: str) -> str:
    """Return a typed code ("123 456", "123-456") without blanks and dashes."""
    return "".join(character for character in text if not character.isspace() and character != "-")


def code_problem(text: str, field: str = "code") -> Problem | None:
    """Return what is wrong with the form of a code, or None."""
    code = normal_code(text)
    if len(code) == DIGITS and code.isascii() and code.isdigit():
        return None
    if not code:
        return Problem("Enter the six digits that the authenticator app shows.", field)
    return Problem("A code is six digits and nothing else.", field)


def consecutive_problem(seed: Secret, first: str, second: str, now: datetime) -> Problem | None:
    """Return what is wrong with the order of two codes, or None: the second must directly follow the first.

    A code that fits no time within ten minutes is left to `clock_offset`, and two equal codes to
    `two_codes_problem`.

    Raises:
        OnboardError: the seed is not Base32.
    """
    earlier, later = (clock_offset(seed, code, now) for code in (first, second))
    if earlier is None or later is None or later - earlier in {0, PERIOD_SECONDS}:
        return None
    if later < earlier:
        return Problem("The second code is older than the first. Enter the older one first.", "second_code")
    return Problem(
        f"The second code came {later - earlier} seconds after the first, so there was another in between. "
        "Enter two consecutive codes.",
        "second_code",
    )


def two_codes_problem(first: str, second: str) -> Problem | None:
    """Return what is wrong with the two codes that enable a device (form, or both the same), or None."""
    problem = code_problem(first, "first_code") or code_problem(second, "second_code")
    if problem is None and normal_code(first) == normal_code(second):
        return Problem(
            (
                "The two codes are the same. Wait for the app's next code (up to 30 seconds), and enter "
                "that second."
            ),
            "second_code",
        )
    return problem


def _normal(seed: str) -> str:
    return "".join(seed.split()).replace("-", "").rstrip("=").upper()


def _key(seed: Secret) -> bytes:
    text = _normal(seed.reveal())
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise OnboardError(
            "The seed is damaged", "The device's seed isn't Base32 text.", next="Set up a new MFA device."
        ) from None


def _code(key: bytes, step: int) -> str:
    """RFC 4226, section 5.3: the last four bits of the digest are the offset of the number."""
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)
