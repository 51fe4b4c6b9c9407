"""Private gpg folders and keys made at run time, one key for every row of the table of verdicts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from support import pgp_numbers

from workflows.core.openpgp import signature_in, split

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "HOME": "/nonexistent",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
}
"""The environment of child processes in tests, without the developer's folders."""

PAST = "20200101T000000"
FUTURE = "20900101T000000"

_SECONDS = 300.0
"""The time in which an agent ends, even on the busiest machine."""


_AROUND_NUMBERS = """\
%no-protection
Key-Type: RSA
Key-Grip: {}
Key-Usage: cert,sign
Subkey-Type: RSA
Subkey-Grip: {}
Subkey-Usage: encrypt
Name-Real: {name}
Name-Email: {name}@a.example
Expire-Date: {expires}
%commit
"""


@dataclass(frozen=True)
class GpgHome:
    """A gpg folder for a test; its path is short enough for the agent's sockets."""

    path: Path

    def run(self, *arguments: str, stdin: bytes = b"", passphrase: str = "", at: str | None = None) -> bytes:
        """Run gpg in this folder, at a faked time if `at` is given, and return its output."""
        # The faked time stands still ("!"): otherwise a key could be younger than the time at which it gets
        # its subkey, which gpg rejects ("Time conflict").
        clock = ["--faked-system-time", f"{at}!"] if at else []
        command = [
            "gpg",
            "--homedir",
            str(self.path),
            "--batch",
            "--no-tty",
            "--quiet",
            "--trust-model",
            "always",
        ]
        loopback = ["--pinentry-mode", "loopback", f"--passphrase={passphrase}"]
        finished = subprocess.run(
            [*command, *clock, *loopback, *arguments],
            input=stdin,
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        if finished.returncode != 0:
            raise AssertionError(f"gpg {arguments}: {finished.stderr.decode()}")
        return finished.stdout

    def key(
        self,
        name: str,
        algorithm: str = "rsa2048",
        *,
        subkey: str | None = "rsa2048",
        usage: str = "cert,sign",
        expires: str = "2y",
        subkey_expires: str | None = None,
        passphrase: str = "",
        at: str | None = None,
    ) -> str:
        """Make a key for `name <name@a.example>` and return its fingerprint."""
        user_id = f"{name} <{name}@a.example>"
        usual = (algorithm, subkey, usage, passphrase) == ("rsa2048", "rsa2048", "cert,sign", "")
        if usual and subkey_expires is None and (numbers := pgp_numbers.take(self.path)):
            request = _AROUND_NUMBERS.format(*numbers, name=name, expires=expires)
            self.run("--gen-key", stdin=request.encode(), at=at)
            return self.fingerprint(name)
        self.run("--quick-gen-key", user_id, algorithm, usage, expires, passphrase=passphrase, at=at)
        fingerprint = self.fingerprint(name)
        if subkey is not None:
            self.add_subkey(
                fingerprint, subkey, expires=subkey_expires or expires, passphrase=passphrase, at=at
            )
        return fingerprint

    def add_subkey(
        self,
        fingerprint: str,
        algorithm: str = "rsa2048",
        *,
        expires: str = "2y",
        passphrase: str = "",
        at: str | None = None,
    ) -> None:
        """Add an encryption subkey."""
        self.run("--quick-add-key", fingerprint, algorithm, "encr", expires, passphrase=passphrase, at=at)

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint of the primary key of `name`."""
        listing = self.run("--list-keys", "--with-colons", f"={name} <{name}@a.example>").decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))

    def subkeys(self, fingerprint: str) -> list[str]:
        """Return the fingerprints of a key's subkeys, in their order."""
        listing = self.run("--list-keys", "--with-colons", fingerprint).decode()
        return [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")][1:]

    def export(self, name: str, *options: str) -> bytes:
        """Return the binary public key of `name`."""
        return self.run(*options, "--export", f"={name} <{name}@a.example>")

    def edit(self, fingerprint: str, *commands: str) -> None:
        """Run commands in `gpg --edit-key`."""
        lines = "".join(f"{command}\n" for command in (*commands, "save"))
        command = ["gpg", "--homedir", str(self.path), "--no-tty", "--quiet", "--pinentry-mode", "loopback"]
        subprocess.run(
            [*command, "--passphrase=", "--command-fd", "0", "--edit-key", fingerprint],
            input=lines.encode(),
            env=ENVIRONMENT,
            capture_output=True,
            check=True,
        )

    def sign_again_while_short(self, name: str) -> None:
        """Renew an Ed25519 key's signatures until none is short, as in one key of 64."""
        fingerprint = self.fingerprint(name)
        while any(
            min(signature.bit_lengths) <= 31 * 8
            for signature in map(signature_in, split(self.export(name)))
            if signature
        ):
            self.run("--quick-set-expire", fingerprint, "2y")
            self.run("--quick-set-expire", fingerprint, "2y", *self.subkeys(fingerprint))

    def revoke(self, fingerprint: str) -> None:
        """Revoke a key with the revocation certificate that gpg made."""
        certificate = (self.path / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.run("--import", stdin=certificate.replace("\n:-----", "\n-----").encode())

    def encrypt(self, name: str, plain: str) -> bytes:
        """Return a binary message that is encrypted to the key of `name`."""
        return self.run("--recipient", f"={name} <{name}@a.example>", "--encrypt", stdin=plain.encode())

    def forget_passphrases(self) -> None:
        """Stop this folder's agent, so that it forgets the passphrases, and wait until it has ended."""
        gpgconf = partial(subprocess.run, env=ENVIRONMENT, check=True, capture_output=True, text=True)
        here = ["gpgconf", "--homedir", str(self.path)]
        gpgconf([*here, "--kill", "all"])
        socket = Path(gpgconf([*here, "--list-dirs", "agent-socket"]).stdout.strip())
        deadline = time.monotonic() + _SECONDS
        while socket.exists() and time.monotonic() < deadline:
            time.sleep(0.01)


@contextmanager
def gpg_home(pinentry: str = "/bin/false") -> Iterator[GpgHome]:
    """Yield a private gpg folder; stop its agent and remove it afterwards."""
    path = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    home = GpgHome(path)
    try:
        (path / "gpg-agent.conf").write_text(f"pinentry-program {pinentry}\ns2k-count 65536\n")
        yield home
    finally:
        home.forget_passphrases()
        _remove(path)


def _remove(folder: Path) -> None:
    """Remove a folder, in which an agent that is about to end may still remove files."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        if not folder.exists():
            return


def all_kinds_of_keys(home: GpgHome) -> dict[str, bytes]:
    """Return kind -> binary public key, for every kind in the table of verdicts."""
    home.key("rsa")
    home.key("rsa3072", "rsa3072", subkey="rsa3072")
    home.key("rsa1024", "rsa1024", subkey="rsa1024")
    home.key("rsa-for-both", usage="cert,sign,encr", subkey=None)
    home.key("rsa-signing-only", subkey=None)
    home.key("rsa-with-cv25519", subkey="cv25519")
    home.key("cv25519", "ed25519", subkey="cv25519")
    home.key("ed25519-with-rsa", "ed25519")
    home.sign_again_while_short("ed25519-with-rsa")
    home.key("nistp256", "nistp256", subkey="nistp256")
    home.key("brainpool", "brainpoolP256r1", subkey="brainpoolP256r1")
    home.key("dsa-elgamal", "dsa1024", subkey="elg1024")
    home.key("expired", at=PAST, expires="1y")
    home.key("expired-signing-only", subkey=None, at=PAST, expires="1y")
    home.key("expired-primary", at=PAST, expires="1y", subkey_expires="never")
    home.key("expired-subkey", at=PAST, expires="never", subkey_expires="1y")
    home.add_subkey(home.key("expired-subkey-and-new", at=PAST, expires="never", subkey_expires="1y"))
    home.revoke(home.key("revoked"))
    revoke_subkey = ("key 1", "revkey", "y", "0", "", "y")
    home.edit(home.key("revoked-subkey"), *revoke_subkey)
    both = home.key("revoked-subkey-and-new")
    home.edit(both, *revoke_subkey)
    home.add_subkey(both)
    home.key("from-the-future", at=FUTURE)
    home.key("expiring-soon", expires="10d")
    kinds = [
        line.split(":")[9]
        for line in home.run("--list-keys", "--with-colons").decode().splitlines()
        if line.startswith("uid")
    ]
    return {name: home.export(name) for name in (user_id.partition(" ")[0] for user_id in kinds)}


def spying(folder: Path) -> tuple[dict[str, str], Path]:
    """Return an environment whose gpg records its arguments and environment, and the file of the records."""
    record, spy = folder / "record", folder / "gpg"
    real = shutil.which("gpg", path=ENVIRONMENT["PATH"])
    spy.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"open({str(record)!r}, 'a').write(repr(sys.argv) + repr(dict(os.environ)))\n"
        f"os.execv({real!r}, ['gpg', *sys.argv[1:]])\n"
    )
    spy.chmod(0o700)
    return {**ENVIRONMENT, "PATH": f"{folder}:{ENVIRONMENT['PATH']}"}, record
