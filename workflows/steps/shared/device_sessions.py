"""The sessions started with MFA codes: one code of a device serves all accounts that its owner may enter.

A code works once, so its session is kept while it lasts: in memory while the program runs, and in the keyring
if there is one. Each use of a role assumes it with the session.
"""

from __future__ import annotations

from workflows.aws.clients import AwsClient
from workflows.aws.sts import session_token
from workflows.core.secret import Credentials, Secret
from workflows.environment import Environment
from workflows.steps.shared.module import Progress, Report
from workflows.stores.kept_credentials import SHORTEST_REST, keep_credentials, kept_credentials
from workflows.stores.vault import Vault, VaultUnavailable


class DeviceSessions:
    """The sessions by device serial, as in `mfa_serial`.

    Args:
        environment: holds sessions in memory, and provides the keyring and the clock.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._held = environment.sessions

    def find(self, serial: str) -> Credentials | None:
        """Return a device's session if it lasts a while longer; the caller must not drop it.

        An unreadable keyring counts as none.
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
        """Start a device's session with a code, and keep it; a failing keyring stops nothing.

        Args:
            sts: signs with the key of the device's owner.
            serial: the device.
            code: the six digits; dropped once used.
            report: receives the progress.

        Raises:
            WrongCode, RepeatedCode: the code can't be used.
            AwsError: the key can't be used.
        """
        session = session_token(sts, serial, code.reveal(), memory=self._environment.codes)
        code.drop()  # another device can't use it
        self._held[serial] = session
        try:
            keep_credentials(self._keyring(), _name(serial), session)
        except VaultUnavailable as error:
            words = f"The session isn't kept, so iam-onboard asks for a code again later: {error.what}"
            report(Progress(words))
        return session

    def forget(self, serial: str) -> None:
        """Forget a session that AWS no longer accepts.

        Raises:
            VaultUnavailable: the keyring can't be written.
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
