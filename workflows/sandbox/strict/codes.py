"""Six-digit codes of virtual MFA devices (RFC 6238), each good once."""

from __future__ import annotations

import hmac
import threading
from dataclasses import asdict, dataclass
from typing import Any

import pyotp

STEP_SECONDS = 30
_WINDOW = 1
_RESYNC_WINDOW = 60


@dataclass
class _Device:
    last_step: int = -1
    drift: int = 0


class Codes:
    """What is remembered of each device: the last code that was used, and how far its clock is off.

    A code is good in its own half minute and one before or after it, and not once it or a later one was used.
    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._devices: dict[str, _Device] = {}
        self._lock = threading.Lock()

    def use(self, serial: str, seed: str, code: str, now: float) -> bool:
        """Use up one code; False if it is wrong, too old, too new, or used already."""
        with self._lock:
            device = self._devices.setdefault(serial, _Device())
            current = int(now) // STEP_SECONDS + device.drift
            for step in range(current - _WINDOW, current + _WINDOW + 1):
                if step > device.last_step and _same(seed, step, code):
                    device.last_step = step
                    return True
        return False

    def use_pair(
        self, serial: str, seed: str, first: str, second: str, now: float, *, resync: bool = False
    ) -> bool:
        """Use up two codes that follow one another, as enabling a device and resynchronising it want them.

        Args:
            serial: the device's serial number.
            seed: its Base32 seed.
            first: the earlier code.
            second: the later one.
            now: seconds since the epoch.
            resync: accept a clock that is up to half an hour off, and remember by how much.
        """
        window = _RESYNC_WINDOW if resync else _WINDOW
        with self._lock:
            device = self._devices.setdefault(serial, _Device())
            current = int(now) // STEP_SECONDS
            for step in range(current - window, current + window + 1):
                if step - 1 <= device.last_step:
                    continue
                if _same(seed, step - 1, first) and _same(seed, step, second):
                    device.last_step = step
                    device.drift = step - current if resync else 0
                    return True
        return False

    def forget(self, serial: str) -> None:
        """The device was deleted."""
        with self._lock:
            self._devices.pop(serial, None)

    def dump(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        with self._lock:
            return {serial: asdict(device) for serial, device in self._devices.items()}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave, in place of what is here."""
        devices = {serial: _Device(**device) for serial, device in data.items()}
        with self._lock:
            self._devices = devices


def code_at(seed: str, now: float, steps: int = 0) -> str:
    """The code that a device shows at a time, or so many half minutes later."""
    return pyotp.TOTP(seed).generate_otp(int(now) // STEP_SECONDS + steps)


def _same(seed: str, step: int, code: str) -> bool:
    return step >= 0 and hmac.compare_digest(pyotp.TOTP(seed).generate_otp(step).encode(), code.encode())
