from __future__ import annotations

import base64
import contextlib
import json
import textwrap
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given, settings, strategies as st
from support.growth import growth
from support.pgp import GpgHome, gpg_home

from workflows.core import openpgp
from workflows.gpg.normalise import normalise
from workflows.gpg.pasted import INPUT_LIMIT
from workflows.gpg.refusals import (
    DamagedKey,
    Found,
    KeyRefused,
    KeyTooLarge,
    NotAPublicKey,
    SecretKeyGiven,
    SeveralKeys,
)


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("jane")
        folder.key("juan", "ed25519", subkey="cv25519")
        yield folder


@pytest.fixture(scope="module")
def key(home: GpgHome) -> bytes:
    return home.export("jane")


@pytest.fixture(scope="module")
def armored(home: GpgHome) -> str:
    return home.export("jane", "--armor").decode()


def wrapped(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def quoted(text: str, mark: str = "> ") -> str:
    return "".join(f"{mark}{line}\n" for line in text.splitlines())


MAIL = "Hi,\n\nhere is my key, thanks!\n\n{}\nBest regards\nJane\nEngineering\n"


def test_every_form_that_people_send_becomes_the_same_key(key: bytes, armored: str) -> None:
    plain = base64.b64encode(key).decode()
    padded = plain + "=" * (not plain.endswith("="))  # the first letters of a prompt are base64, too
    document = json.dumps({"public_key": plain, "user": "jane"}, indent=2)
    request = f"Hello admin,\nplease run gpg --show-keys\n\n```json\n{document}\n```\n"
    forms: dict[str, bytes | str] = {
        "binary": key,
        "base64 on one line": plain,
        "base64, wrapped": wrapped(key),
        "base64, wrapped, CRLF": wrapped(key).replace("\n", "\r\n"),
        "base64, as bytes": plain.encode(),
        "base64 without padding": plain.rstrip("="),
        "base64 of the URL alphabet": base64.urlsafe_b64encode(key).decode(),
        "base64 with blanks around": f"\n\n   {plain}  \n\n",
        "base64 with blanks inside": textwrap.fill(plain, 50).replace("\n", " \n\n "),
        "base64 and the mark of zsh": plain + "%",
        "base64 in quotation marks": f'"{plain}"',
        "base64 with literal newlines": wrapped(key).replace("\n", "\\n"),
        "base64 with a byte order mark": "\ufeff" + plain,
        "base64 in UTF-8 with a byte order mark": plain.encode("utf-8-sig"),
        "base64 in UTF-16": wrapped(key).encode("utf-16"),
        "base64 in a quoted mail": quoted(wrapped(key)),
        "base64 in a mail": MAIL.format(wrapped(key)),
        "base64 in front of a prompt": f"jane@laptop:~$ gpg --export | base64 -w0\n{padded}jane@laptop:~$ ",
        "base64 on one line of a mail": f"My key:\n{plain}\nThanks\nJane",
        "base64 with padding, then a word": f"My key:\n{textwrap.fill(padded, 4 * 19)}\nbye",
        "base64 in a script": f"export KEY='{plain}'\n",
        "base64 in Terraform": f'  pgp_key = "{plain}"\n',
        "base64 as a value of JSON": json.dumps({"Key": plain}),
        "armored": armored,
        "armored with blanks that do not break": armored.replace(" ", "\u00a0"),
        "armored by --enarmor": armored.replace("PUBLIC KEY BLOCK", "ARMORED FILE"),
        "armored, CRLF": armored.replace("\n", "\r\n"),
        "armored with headers": armored.replace(
            "BLOCK-----\n", "BLOCK-----\nComment: it is: mine\nVersion: 1\n", 1
        ),
        "armored without checksum": "\n".join(
            line for line in armored.splitlines() if not line.startswith("=")
        ),
        "armored on one line": " ".join(armored.split("\n")),
        "armored with literal newlines": armored.replace("\n", "\\n"),
        "armored in a mail": MAIL.format(armored),
        "armored in a twice quoted mail": quoted(quoted(MAIL.format(armored)), ">"),
        "armored in a mail in Latin-1": MAIL.format(armored).replace("Jane", "Jané").encode("latin-1"),
        "armored, twice the same": armored + armored,
        "armor's body alone": "\n".join(armored.splitlines()[1:-1]),
        "base64 of armored": base64.b64encode(armored.encode()).decode(),
        "base64 of armored, wrapped, quoted": quoted(wrapped(armored.encode())),
        "a request": request,
        "a request in a quoted mail": quoted(request),
        "a request with an armored key": f"```\n{json.dumps({'public_key': armored})}\n```",
    }
    found = {name: normalise(form).binary for name, form in forms.items()}
    assert [name for name, binary in found.items() if binary != key] == []


def test_the_text_is_what_base64_writes(key: bytes) -> None:
    text = normalise(key).text
    assert base64.b64decode(text) == key
    lines = text.split("\n")
    assert lines.pop() == ""
    assert {len(line) for line in lines[:-1]} == {76}
    assert normalise(text).text == text


def test_a_secret_key_is_refused_in_every_form(home: GpgHome) -> None:
    secret = home.run("--export-secret-keys", home.fingerprint("jane"))
    armored = home.run("--armor", "--export-secret-keys", home.fingerprint("jane")).decode()
    for form in (
        secret,
        base64.b64encode(secret),
        armored,
        armored[:400],
        secret[:300],
        base64.b64encode(armored.encode()),
    ):
        with pytest.raises(SecretKeyGiven) as refusal:
            normalise(form)
        assert armored[100:140] not in refusal.value.as_text()


def test_a_public_and_a_secret_block_together_are_refused(home: GpgHome, armored: str) -> None:
    with pytest.raises(SecretKeyGiven):
        normalise(armored + home.run("--armor", "--export-secret-keys", home.fingerprint("jane")).decode())


def test_a_message_or_a_signature_is_not_a_key(home: GpgHome) -> None:
    message = home.encrypt("jane", "hello")
    signature = home.run("--detach-sign", stdin=b"hello")
    for form, found in (
        (message, Found.MESSAGE),
        (base64.b64encode(message), Found.MESSAGE),
        (message[:40], Found.MESSAGE),
        (home.run("--armor", "--detach-sign", stdin=b"hello"), Found.SIGNATURE),
        (signature, Found.SIGNATURE),
        (home.run("--clear-sign", stdin=b"hello"), Found.TEXT),
    ):
        with pytest.raises(NotAPublicKey) as refusal:
            normalise(form)
        assert refusal.value.found is found


@pytest.mark.parametrize(
    "first", [0x84, 0x85, 0x88, 0x8C, 0x95, 0x97, 0x99, 0xA3, 0xA4, 0xA7, 0xC1, 0xC2, 0xC6, 0xD2]
)
@pytest.mark.parametrize("second", [7, 0x60, 0xC1, 0xFF])
def test_other_data_is_not_named_by_its_first_byte(first: int, second: int) -> None:
    with pytest.raises(NotAPublicKey) as refusal:
        normalise(bytes([first, second, *b"\xee" * 400]))
    assert refusal.value.found is Found.OTHER_DATA


def test_a_key_in_a_signed_mail_is_found(home: GpgHome, key: bytes, armored: str) -> None:
    assert normalise(home.run("--clear-sign", stdin=MAIL.format(armored).encode())).binary == key


def test_two_keys_are_refused(home: GpgHome, armored: str) -> None:
    for form in (home.run("--export"), armored + home.export("juan", "--armor").decode()):
        with pytest.raises(SeveralKeys) as refusal:
            normalise(form)
        assert "2 different" in refusal.value.what


def test_a_truncated_key_is_damaged(key: bytes, armored: str) -> None:
    for form in (key[:-10], key[:100], base64.b64encode(key[:-10]), armored[: len(armored) // 2]):
        with pytest.raises(DamagedKey):
            normalise(form)


def test_a_changed_letter_in_armor_is_noticed_by_its_checksum(armored: str) -> None:
    middle = len(armored) // 2
    other = "A" if armored[middle] != "A" else "B"
    with pytest.raises(DamagedKey, match="checksum"):
        normalise(armored[:middle] + other + armored[middle + 1 :])


def test_a_checksum_of_other_letters_is_damage(armored: str) -> None:
    checksum = next(line for line in armored.splitlines() if line.startswith("=") and len(line) == 5)
    with pytest.raises(DamagedKey):
        normalise(armored.replace(checksum, "=é\u00fc\ufffdx"))


def test_fifty_megabytes_are_refused_at_once() -> None:
    def refuse(paste: str) -> None:
        with pytest.raises(KeyTooLarge):
            normalise(paste)

    assert growth(partial(refuse, "A" * 10_000_000), partial(refuse, "A" * 50_000_000), 2) < 2


def test_photographs_are_left_out(key: bytes) -> None:
    photograph = bytes([0xC0 | openpgp.Tag.USER_ATTRIBUTE, 3]) + b"\x02\x01\x00"
    signature = next(packet.raw for packet in openpgp.split(key) if packet.tag == openpgp.Tag.SIGNATURE)
    cut = key.index(openpgp.split(key)[3].raw)
    assert normalise(key[:cut] + photograph + signature + key[cut:]).binary == key


@given(st.binary(max_size=2000) | st.text(max_size=2000))
def test_whatever_is_given_only_refusals_come_back(data: bytes | str) -> None:
    with contextlib.suppress(KeyRefused):
        assert normalise(data).key_material


@pytest.mark.parametrize("body", [b"", b"\x04", b"\x00" * 20, b"\x09" + b"\x00" * 20])
def test_a_packet_too_short_or_of_no_known_version_is_no_key(body: bytes) -> None:
    with pytest.raises(DamagedKey):
        normalise(bytes([0xC6, len(body)]) + body)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_key_never_raises_anything_else(key: bytes, armored: str, data: st.DataObject) -> None:
    form = data.draw(
        st.sampled_from([key, armored.encode(), base64.b64encode(key), base64.b64encode(armored.encode())])
    )
    start = data.draw(st.integers(0, len(form)))
    end = data.draw(st.integers(start, len(form)))
    damaged = form[:start] + data.draw(st.binary(max_size=30)) + form[end:]
    with contextlib.suppress(KeyRefused):
        assert normalise(damaged).key_material


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='`{}[]"public_key: >\n-BEGINPGP=%\\', max_size=3000))
def test_texts_that_look_like_requests_and_blocks_are_refused_quickly(text: str) -> None:
    with pytest.raises(KeyRefused):
        normalise(text + '"public_key"')


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        '{"public_key":',
        "[",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        "> ",
        "A\n",
        "\\n",
        "=",
        "keybase:",
    ],
)
def test_a_megabyte_of_one_piece_takes_ten_times_as_long_as_a_tenth_of_it(piece: str) -> None:
    text = '{"public_key": "' + piece * (INPUT_LIMIT // len(piece) - 1)

    def refuse(form: str) -> None:
        with pytest.raises(KeyRefused):
            normalise(form)

    for form in (text, text[16:]):
        tenth = form[: INPUT_LIMIT // 10]
        assert growth(partial(refuse, tenth), partial(refuse, form), 30) < 30


def test_a_checksum_that_quoted_printable_would_unpack_still_counts(armored: str) -> None:
    lines = [
        f"=69{line[3:]}" if line.startswith("=") and len(line) == 5 else line for line in armored.splitlines()
    ]
    middle = len(lines) // 2
    lines[middle] = lines[middle][::-1]
    with pytest.raises(DamagedKey, match="checksum"):
        normalise("\n".join(lines))
