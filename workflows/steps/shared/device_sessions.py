"""The sessions that MFA codes began: one code of a device serves every account that its owner may enter.

A code is good once, so what it began is worth keeping for the hour that it lasts: in memory for as long as
the program runs, and in the keyring where there is one. Each use of a role assumes it with the session.
"""

from __future__ import annotations

from workflows.aws.clients import AwsClient, Credentials
from workflows.aws.sts import session_token
from workflows.core.secret import Secret
from workflows.environment import Environment
from workflows.steps.shared.module import Progress, Report
from workflows.stores.kept_credentials import SHORTEST_REST, keep_credentials, kept_credentials
from workflows.stores.vault import Vault, VaultUnavailable


class DeviceSessions:
    """The sessions by the device's serial, as `mfa_serial` has it.

    Args:
        environment: has those in memory, says where the keyring is, and what time it is.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._held = environment.sessions

    def find(self, serial: str) -> Credentials | None:
        """The session of a device, if it lasts for a while; it is not the caller's to drop.

        A keyring that cannot be read is as good as none.
        """
        now, held = self._environment.now(), self._held.get(serial)
        if held is not None and held.expires_at is not None and held.expires_at - now >= SHORTEST_REST:
            return held
        try:
            found = kept_credentials(self._keyring(), _name(serial), now)
        except VaultUnavailable:
            return None
        if found is not None:
            self._held[serial] = found
        return found

    def begin(self, sts: AwsClient, serial: str, code: Secret, report: Report) -> Credentials:
        """Begin the session of a device with a code, and keep it; a keyring that fails now stops nothing.

        Args:
            sts: signs with the key of the device's owner.
            serial: the device.
            code: the six digits; dropped once they are used.
            report: takes the progress.

        Raises:
            WrongCode, RepeatedCode: the code cannot be used.
            AwsError: the key cannot be used.
        """
        session = session_token(sts, serial, code.reveal(), memory=self._environment.codes)
        code.drop()  # it is no code of another device
        self._held[serial] = session
        try:
            keep_credentials(self._keyring(), _name(serial), session)
        except VaultUnavailable as error:
            words = f"The session isn't kept, so iam-onboard asks for a code again later: {error.what}"
            report(Progress(words))
        return session

    def forget(self, serial: str) -> None:
        """Forget a session that AWS does not take any more.

        Raises:
            VaultUnavailable: the keyring cannot be written.
        """
        self._held.pop(serial, None)  # not wiped: another thread may be using it
        if (keyring := self._keyring()) is not None:
            keyring.delete(_name(serial))

    def _keyring(self) -> Vault | None:
        try:
            return self._environment.vault("").vault
        except VaultUnavailable:
            return None


def _name(serial: str) -> str:
    return f"sessions/{serial}"
