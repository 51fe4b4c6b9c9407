from __future__ import annotations

import base64
import contextlib
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from support.pgp import ENVIRONMENT, GpgHome, gpg_home, spying

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError
from workflows.gpg import decrypt as module
from workflows.gpg.decrypt import (
    HIDDEN_RECIPIENT,
    DecryptCancelled,
    Flaw,
    LoopbackForbidden,
    NoSecretKey,
    NotAMessage,
    PassphraseNeeded,
    PinentryTimeout,
    SmartcardProblem,
    WrongPassphrase,
    clean_ciphertext,
    is_for,
    recipients,
)
from workflows.gpg.inspect import inspect_key
from workflows.gpg.tools import GpgFailed, GpgRun

PASSPHRASE = "correct horse bättery"
PASSWORD = "s3cr3t-P@ssw0rd-£"


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("jane", passphrase=PASSPHRASE)
        folder.key("open")
        yield folder


@pytest.fixture(scope="module")
def message(home: GpgHome) -> bytes:
    return home.encrypt("jane", PASSWORD)


def decrypt(message: bytes, home: GpgHome, passphrase: str | None, **more: object) -> str:
    secret = None if passphrase is None else Secret(passphrase)
    return module.decrypt(
        message,
        passphrase=secret,
        gnupg_home=home.path,
        **{"environment": ENVIRONMENT, **more},  # type: ignore[arg-type]
    ).reveal()


def test_every_form_that_people_paste_becomes_the_same_message(home: GpgHome, message: bytes) -> None:
    plain = base64.b64encode(message).decode()
    wrapped = base64.encodebytes(message).decode()
    armored = home.run("--enarmor", stdin=message).decode().replace("ARMORED FILE", "MESSAGE")
    forms: dict[str, bytes | str] = {
        "one line": plain,
        "wrapped": wrapped,
        "with the mark of zsh": plain + "%\n",
        "in quotation marks": f'"{plain}"',
        "from a Terraform output": f'"{plain}",\n',
        "with literal newlines": wrapped.replace("\n", "\\n"),
        "in a quoted mail": "".join(f"> {line}\n" for line in wrapped.splitlines()),
        "in a mail whose words are base64 letters": f"Hi\n{wrapped}\nBest\nBob",
        "with the soft line breaks of a mail": "=\n".join(
            textwrap.wrap(plain.replace("=", "=3D"), 75, break_on_hyphens=False)
        ),
        "with marks that nobody sees": f"\ufeff{plain[:40]}\u200b{plain[40:90]}\u00ad\n{plain[90:]}",
        "base64 of the armored text": base64.b64encode(armored.encode()).decode(),
        "in a mail": f"Hello Jane,\nyour password:\n\n{wrapped}\nBye\n",
        "armored": armored,
        "armored in a mail": f"Hello\n{armored}\nBye",
        "binary": message,
    }
    found = {name: clean_ciphertext(form) for name, form in forms.items()}
    assert [name for name, binary in found.items() if binary != message] == []


@pytest.mark.parametrize(
    "text", ["", "hello", "AKIAIOSFODNN7EXAMPLE", "A" * 2_000_000, b"\xff\xff", "=" * 50]
)
def test_what_is_no_message_says_so(text: bytes | str) -> None:
    with pytest.raises(NotAMessage):
        clean_ciphertext(text)


def test_a_cut_message_a_key_and_two_messages_are_told_apart(home: GpgHome, message: bytes) -> None:
    armored = home.run("--armor", "--recipient", "jane@a.example", "--encrypt", stdin=b"x").decode()
    other = home.run("--recipient", "jane@a.example", "--encrypt", stdin=b"y")
    first, second = base64.encodebytes(message).decode(), base64.encodebytes(other).decode()
    for pasted, flaw in (
        (base64.b64encode(message[:-20]), Flaw.CUT),
        (base64.b64encode(home.export("jane")), Flaw.KEY),
        (home.export("jane", "--armor"), Flaw.OTHER_BLOCK),
        (armored.partition("-----END")[0], Flaw.CUT),
        (armored + armored, Flaw.SEVERAL),
        (first + second, Flaw.SEVERAL),
        (f"{first}\nand\n{second}", Flaw.SEVERAL),
        (f"{first}\nfor security:\n{second}", Flaw.SEVERAL),
        (message + other, Flaw.SEVERAL),
        (bytes([0xC0 | 18, 2, 1, 0]), Flaw.NOT_FOUND),
    ):
        with pytest.raises(NotAMessage) as refused:
            clean_ciphertext(pasted)
        assert refused.value.flaw is flaw, pasted


def test_recipients_are_those_that_gpg_names(home: GpgHome) -> None:
    message = home.run("-r", "jane@a.example", "-r", "open@a.example", "--encrypt", stdin=b"x")
    listing = home.run("--status-fd", "1", "--list-only", "--decrypt", stdin=message).decode()
    named = [line.split()[2] for line in listing.splitlines() if line.startswith("[GNUPG:] ENC_TO")]
    assert len(named) == 2
    assert list(recipients(message)) == named


def test_a_message_is_for_the_key_that_it_is_encrypted_to(home: GpgHome, message: bytes) -> None:
    jane = inspect_key(home.export("jane"), environment=ENVIRONMENT)
    other = inspect_key(home.export("open"), environment=ENVIRONMENT)
    assert is_for(message, jane)
    assert not is_for(message, other)
    hidden = home.run("--hidden-recipient", "jane@a.example", "--encrypt", stdin=b"x")
    assert recipients(hidden) == (HIDDEN_RECIPIENT,)
    assert is_for(hidden, other)


def test_the_password_comes_out_exactly(home: GpgHome, message: bytes) -> None:
    home.forget_passphrases()
    assert decrypt(message, home, PASSPHRASE) == PASSWORD


def test_a_wrong_passphrase_is_called_one_and_the_right_one_works_after_it(
    home: GpgHome, message: bytes
) -> None:
    home.forget_passphrases()
    for wrong in ("wrong", "", PASSPHRASE + " "):
        with pytest.raises(WrongPassphrase) as failure:
            decrypt(message, home, wrong)
        assert not isinstance(failure.value, NoSecretKey)
    assert decrypt(message, home, PASSPHRASE) == PASSWORD


def test_a_missing_key_is_named(message: bytes) -> None:
    with gpg_home() as empty, pytest.raises(NoSecretKey) as failure:
        decrypt(message, empty, PASSPHRASE)
    assert recipients(message)[0] in failure.value.what


def test_a_key_without_passphrase_needs_none(home: GpgHome) -> None:
    assert decrypt(home.encrypt("open", PASSWORD), home, None) == PASSWORD


def test_a_message_changed_on_the_way_is_not_a_wrong_passphrase(home: GpgHome, message: bytes) -> None:
    changed = message[:-5] + bytes([message[-5] ^ 1]) + message[-4:]
    with pytest.raises(GpgFailed) as failure:
        decrypt(changed, home, PASSPHRASE)
    assert failure.value.detail


def test_what_is_not_a_text_is_no_password(home: GpgHome) -> None:
    message = home.run("-r", "open@a.example", "--encrypt", stdin=b"\xff\xfe\x00")
    with pytest.raises(NotAMessage) as failure:
        decrypt(message, home, None)
    assert failure.value.flaw is Flaw.BINARY
    assert failure.value.__cause__ is None


def test_a_passphrase_of_two_lines_is_refused_before_gpg_starts(home: GpgHome, message: bytes) -> None:
    for impossible in ("two\nlines", "x" * 256):
        with pytest.raises(OnboardError, match="one line"):
            decrypt(message, home, impossible)


PINENTRY = """#!{python}
import sys, time
print("OK", flush=True)
for line in sys.stdin:
    with open("{log}", "a") as log:
        log.write(line)
    if line.startswith("GETPIN"):
        {answer}
    else:
        print("OK", flush=True)
    if line.startswith("BYE"):
        break
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('print("ERR 83886179 Operation cancelled", flush=True)', DecryptCancelled),
        ('print("ERR 83886142 Timeout", flush=True)', PinentryTimeout),
        ('print("ERR 83886381 Screen or window too small", flush=True)', PassphraseNeeded),
        ('print("ERR 83918950 Inappropriate ioctl for device", flush=True)', PassphraseNeeded),
        ('print("ERR 83886081 General error", flush=True)', PassphraseNeeded),
        ("sys.exit(1)", PassphraseNeeded),
        ('print("D wrong\\nOK", flush=True)', WrongPassphrase),
        (f'print("D {PASSPHRASE}\\nOK", flush=True)', None),
    ],
    ids=[
        "cancelled",
        "timed out",
        "too small",
        "no terminal",
        "failed",
        "died",
        "wrong three times",
        "right",
    ],
)
def test_pinentry_gets_the_terminal_and_its_answers_are_told_apart(
    tmp_path: Path, answer: str, expected: type[Exception] | None
) -> None:
    log = tmp_path / "log"
    program = tmp_path / "pinentry"
    program.write_text(PINENTRY.format(python=sys.executable, log=log, answer=answer))
    program.chmod(0o700)
    with gpg_home(str(program)) as home:
        home.key("jane", passphrase=PASSPHRASE)
        message = home.encrypt("jane", PASSWORD)
        home.forget_passphrases()
        if expected is None:
            assert decrypt(message, home, None, tty="/dev/pts/77") == PASSWORD
        else:
            with pytest.raises(expected):
                decrypt(message, home, None, tty="/dev/pts/77")
    assert "OPTION ttyname=/dev/pts/77" in log.read_text()


def test_no_pinentry_asks_for_the_passphrase(home: GpgHome, message: bytes) -> None:
    home.forget_passphrases()
    with pytest.raises(PassphraseNeeded):
        decrypt(message, home, None)


def test_without_terminal_and_windows_no_pinentry_is_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = tmp_path / "pinentry"
    program.write_text(PINENTRY.format(python=sys.executable, log=log, answer='print("OK", flush=True)'))
    program.chmod(0o700)
    with gpg_home(str(program)) as home:
        home.key("jane", passphrase=PASSPHRASE)
        message = home.encrypt("jane", PASSWORD)
        home.forget_passphrases()
        with pytest.raises(PassphraseNeeded):
            decrypt(message, home, None)
    assert not log.exists()


def test_a_pinentry_with_windows_never_gets_the_terminal_that_the_wizard_draws_on(tmp_path: Path) -> None:
    """If its windows cannot open, it would use that terminal, and both would read the keyboard."""
    log = tmp_path / "log"
    program = tmp_path / "pinentry"
    answer = f'print("D {PASSPHRASE}\\nOK", flush=True)'
    program.write_text(PINENTRY.format(python=sys.executable, log=log, answer=answer))
    program.chmod(0o700)
    with gpg_home(str(program)) as home:
        home.key("jane", passphrase=PASSPHRASE)
        message = home.encrypt("jane", PASSWORD)
        home.forget_passphrases()
        environment = {**ENVIRONMENT, "DISPLAY": ":7", "GPG_TTY": "/dev/pts/77"}
        plain = module.decrypt(message, passphrase=None, gnupg_home=home.path, environment=environment)
        assert plain.reveal() == PASSWORD
    assert "GETPIN" in log.read_text()
    assert "/dev/pts/77" not in log.read_text()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((), NoSecretKey),  # GnuPG 2.2
        ((33554449,), NoSecretKey),  # 2.4
        ((33554449, 83886381), PassphraseNeeded),  # two recipients: one key absent, one locked
        ((67108919,), GpgFailed),  # the agent can't read the key
        ((33554450,), GpgFailed),  # the session key is damaged
    ],
)
def test_a_key_is_missing_only_if_gpgs_number_says_so(
    numbers: tuple[int, ...], expected: type[Exception]
) -> None:
    errors = (("ERROR", "pkdecrypt_failed", str(number)) for number in numbers)
    statuses = (("ENC_TO", "AA", "1", "0"), ("NO_SECKEY", "AA"), *errors)
    assert isinstance(module._failure(GpgRun(2, b"", statuses, "")), expected)


def test_a_key_is_not_missing_if_the_agent_does_not_run() -> None:
    with gpg_home() as home:
        home.key("open")
        message = home.encrypt("open", PASSWORD)
        home.forget_passphrases()
        (home.path / "gpg.conf").write_text("agent-program /bin/false\n")
        with pytest.raises(GpgFailed):
            decrypt(message, home, None)


def test_an_agent_that_forbids_loopback_is_told(home: GpgHome) -> None:
    with gpg_home() as strict:
        strict.key("jane", passphrase=PASSPHRASE)
        message = strict.encrypt("jane", PASSWORD)
        strict.forget_passphrases()
        with (strict.path / "gpg-agent.conf").open("a") as configuration:
            configuration.write("no-allow-loopback-pinentry\n")
        with pytest.raises(LoopbackForbidden):
            decrypt(message, strict, PASSPHRASE)


def test_a_smartcard_that_is_absent_is_told() -> None:
    statuses = (
        ("ENC_TO", "AA", "1", "0"),
        ("NO_SECKEY", "AA"),
        ("ERROR", "pkdecrypt_failed", str(6 << 24 | 112)),
    )
    run = GpgRun(exit_status=2, output=b"", statuses=statuses, messages="gpg: card not present")
    assert isinstance(module._failure(run), SmartcardProblem)


def test_decrypting_can_be_cancelled_while_pinentry_waits(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = tmp_path / "pinentry"
    program.write_text(PINENTRY.format(python=sys.executable, log=log, answer="time.sleep(3600)"))
    program.chmod(0o700)
    cancelled = threading.Event()

    def cancel_when_asked() -> None:
        while not (log.exists() and "GETPIN" in log.read_text()):
            time.sleep(0.02)
        cancelled.set()

    with gpg_home(str(program)) as home:
        home.key("jane", passphrase=PASSPHRASE)
        message = home.encrypt("jane", PASSWORD)
        home.forget_passphrases()
        watcher = threading.Thread(target=cancel_when_asked)
        watcher.start()
        with pytest.raises(Cancelled):
            decrypt(message, home, None, tty="/dev/pts/77", cancelled=cancelled)
        watcher.join()


def test_the_passphrase_is_in_no_argument_and_no_environment(
    home: GpgHome, message: bytes, tmp_path: Path
) -> None:
    spied, record = spying(tmp_path)
    home.forget_passphrases()
    assert decrypt(message, home, PASSPHRASE, environment=spied) == PASSWORD
    assert "--passphrase-fd" in record.read_text()
    for secret in (PASSPHRASE, PASSWORD):
        assert secret not in record.read_text()
        assert not any(
            secret.encode() in file.read_bytes() for file in home.path.rglob("*") if file.is_file()
        )


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=1000) | st.text(max_size=1000))
def test_whatever_is_pasted_only_one_error_comes_back(data: bytes | str) -> None:
    with contextlib.suppress(NotAMessage):
        assert recipients(clean_ciphertext(data))
