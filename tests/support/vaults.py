"""Vaults for tests: a keyring in memory, a vault of files, and settings that name a sly backend."""

from __future__ import annotations


class FakeKeyring:
    __module__ = "keyring.backends.SecretService"  # only known ones are used
    name = "a keyring for tests"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self.fail()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.fail()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.fail()
        del self.kept[service, username]

    def fail(self) -> None:
        if self.failure is not None:
            raise self.failure


def encrypt(plain: bytes) -> bytes:
    return b"PGP" + bytes(byte ^ 0x5A for byte in plain)


def decrypt(message: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in message.removeprefix(b"PGP"))
