"""The CSV file with a new access key from AWS's console: notice it, read every form of it, delete it.

The downloads folder is polled, since it may be on any file system, and polling takes only a millisecond.
Only a regular file in the folder itself counts, never a link. The file is the only copy of a secret that AWS
shows once, so each possible flaw gets its own sentence, and none repeats the file's content.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from datetime import datetime
from enum import Enum, unique
from pathlib import Path
from typing import NamedTuple

from workflows.core import files
from workflows.core.secret import ACCESS_KEY_SECRET, Credentials, Secret
from workflows.core.sentences import OnboardError, Problem, count

MAX_BYTES = 16 * 1024
CLOCK_GRAIN_SECONDS = 2
"""The coarsest file times, which can make a new file seem a little older than it is."""

_CONSOLE_NAME = "accesskeys"
"""In lower case; the console calls its file `jane.doe_accessKeys.csv`, and browsers number it."""

# IAM API reference, AccessKey: the id is 16-128 word characters; AKIA for long-term keys, ASIA for
# temporary ones (IAM User Guide, "Unique identifiers").
ACCESS_KEY_ID = re.compile(r"(?=[A-Z0-9]{16,128}\Z)(?P<kind>AKIA|ASIA)[A-Z0-9]+")

# The line that spreadsheets put before the headings to declare the separator.
_SEPARATOR_LINE = re.compile(r"sep=[,;\t]?[ ,;]*(?:\n|\Z)", re.IGNORECASE)

_FIELDS = {
    **dict.fromkeys(("accesskeyid", "awsaccesskeyid"), "id"),
    **dict.fromkeys(("secretaccesskey", "awssecretaccesskey"), "secret"),
    **dict.fromkeys(("sessiontoken", "awssessiontoken"), "token"),
    **dict.fromkeys(("username", "user"), "user"),
}
_NEW_USER_HEADERS = {"password", "consolesigninurl", "consoleloginlink"}


_ANOTHER_KEY = "Make a new access key in the console, download its CSV file, and delete the lost key."
_TYPE_IT = "or type the key instead."


class _Row(NamedTuple):
    """The sentences of a flaw, with placeholders in braces."""

    what: str
    why: str = ""
    next: str = _ANOTHER_KEY


@unique
class Flaw(Enum):
    """Why a file, or a pair of id and secret, is no usable access key, with the sentences about it."""

    QUOTES = _Row(
        "{name} isn't a CSV file: its quotes don't match.",
        next=f"Use the file as the console downloaded it, {_TYPE_IT}",
    )
    NO_TEXT = _Row("{name} isn't a text file.")
    EMPTY = _Row("{name} is empty.", "Perhaps the download was interrupted.")
    ONLY_HEADINGS = _Row(
        "{name} holds only the line with the headings and no key.", "Perhaps it was cut off."
    )
    SEVERAL = _Row(
        "{name} holds {number} keys.",
        next="Keep only the heading and the line of the key that you want, then try again.",
    )
    COLUMN_TWICE = _Row("{name} has the same column twice.")
    NEW_USER = _Row(
        "{name} is the file of a new user: it holds a password for the console and no access key.",
        next="In the console: Security credentials, Create access key, Download .csv file.",
    )
    NO_HEADINGS = _Row(
        "{name} has no line with headings.", "The first line has to be Access key ID,Secret access key."
    )
    NO_COLUMN = _Row(
        "{name} has no column {missing}.",
        "The console's file has these two headings; perhaps this is another file.",
        f"Use the file that the console downloaded, {_TYPE_IT}",
    )
    CUT = _Row(
        "The line with the key has {fields}, but {name} has {number} headings.",
        "Perhaps the file was cut off.",
    )
    MORE_FIELDS = _Row("The line with the key has more fields than {name} has headings.")
    VALUE_EMPTY = _Row("The {title} in {name} is empty.")
    KEY_ID = _Row("The access key id has to begin with AKIA and be 16 to 128 capital letters and digits.")
    TOKEN_MISSING = _Row(
        "The access key id begins with ASIA: a temporary key, which needs a session token too."
    )
    LENGTH = _Row("A secret access key is 40 characters long; this is {number}.")
    CHARACTERS = _Row("The secret access key holds a character other than A-Z, a-z, 0-9, / and +.")


_FIELD_OF = {
    Flaw.KEY_ID: "key_id",
    Flaw.TOKEN_MISSING: "key_id",
    Flaw.LENGTH: "secret",
    Flaw.CHARACTERS: "secret",
}
"""The request's field for each flaw of a pair."""


class AccessKeyFileError(OnboardError):
    """A file without a usable access key; says why without repeating its content.

    Args:
        flaw: what is wrong with it.
        name: the file's name.
        values: further values for the flaw's sentence.

    Attributes:
        flaw: see above.
    """

    field = "path"

    def __init__(self, flaw: Flaw, name: str, **values: object) -> None:
        row, place = flaw.value, f" (In {name}.)" if flaw in _FIELD_OF else ""
        what = row.what.format(name=name, **values)
        super().__init__("No access key in this file", f"{what}{place}", why=row.why, next=row.next)
        self.flaw = flaw


def find_access_keys(folder: Path, since: datetime) -> list[Path]:
    """Return the folder's files since a time that look like access keys, newest first.

    Such a file's name ends in .csv (in any case), it has at most 16 KiB, and its first line has a heading
    for the access key id, in any form that browsers and spreadsheets produce, followed by another line.
    """
    return [path for path in _recent(folder, since) if looks_like_access_key(path)]


def refusal(folder: Path, since: datetime) -> OnboardError | None:
    """Return why the newest file since a time with the name of an access key file is unusable.

    None if there is no such file, or it is usable.
    """
    named = (path for path in _recent(folder, since) if _CONSOLE_NAME in path.name.lower())
    try:
        for path in named:
            read_access_key_file(path)
            break
    except OnboardError as error:
        return error
    return None


def _recent(folder: Path, since: datetime) -> list[Path]:
    """Return the folder's regular .csv files since a time, newest first."""
    earliest = since.timestamp() - CLOCK_GRAIN_SECONDS
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.lower()  # browsers write to `….csv.crdownload` or `….csv.part` first
                finished = name.endswith(".csv") and not name.startswith((".", "~"))
                if finished and entry.is_file(follow_symlinks=False):
                    written = entry.stat(follow_symlinks=False).st_mtime
                    if written >= earliest:
                        found.append((written, Path(entry.path)))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return [path for _, path in sorted(found, reverse=True)]


def looks_like_access_key(path: Path) -> bool:
    """Return whether a file has an access key file's header and a line below it; False if unreadable."""
    try:
        data = files.load_file(path, MAX_BYTES, follow=False)
    except OSError:
        return False
    text = data.decode(_encoding(data), errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not _SEPARATOR_LINE.match(line)]
    return len(lines) >= 2 and "accesskeyid" in "".join(lines[0].casefold().split())


def delete_access_key_file(path: Path) -> str:
    """Delete the downloaded file; if it is a link, only the link.

    The data is not overwritten: on today's disks and file systems that does not reach the old blocks.

    Returns:
        A message about what was done and where copies may remain.

    Raises:
        FileError: it cannot be deleted.
    """
    target = path.resolve() if path.is_symlink() else None
    with files.explained(path, "deleted"):
        path.unlink()
    if target is not None:
        return f"! {path.name} was a link and is deleted. {target} still has the key: delete it yourself."
    return f"{path.name} is deleted. Backups may have copies."


def read_access_key_file(path: Path) -> Credentials:
    """Read the access key from the console's CSV file.

    Raises:
        FileError: it is missing, a folder, unreadable, or far too large.
        AccessKeyFileError: it doesn't have exactly one usable access key.
    """
    return parse_access_key(_decode(files.read_bytes(path, MAX_BYTES), path.name), path.name)


def parse_access_key(text: str, name: str) -> Credentials:
    """Parse the access key in the text of a CSV file.

    Args:
        name: the file's name, for errors.

    Raises:
        AccessKeyFileError: it doesn't have exactly one usable access key.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if _SEPARATOR_LINE.match(lines):
        lines = lines.partition("\n")[2].strip()
    first = lines.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(io.StringIO(lines), delimiter=delimiter, skipinitialspace=True, strict=True)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error:
        raise AccessKeyFileError(Flaw.QUOTES, name) from None
    if not rows:
        raise AccessKeyFileError(Flaw.EMPTY, name)
    columns = _columns([re.sub(r"[\s_-]+", "", cell).lower() for cell in rows[0]], name)
    if len(rows) == 1:
        raise AccessKeyFileError(Flaw.ONLY_HEADINGS, name)
    if len(rows) > 2:
        raise AccessKeyFileError(Flaw.SEVERAL, name, number=len(rows) - 1)
    return _access_key(rows[1], columns, name)


def check_access_key(
    access_key_id: str, secret_access_key: Secret, session_token: Secret | None = None
) -> list[Problem]:
    """Return what is wrong with a typed or decrypted pair; the fields are `key_id` and `secret`.

    Args:
        secret_access_key: the secret; no message repeats it.
        session_token: the token of a temporary key.
    """
    secret = secret_access_key.reveal()
    flaw = _flaw_of(access_key_id, secret, session_token)
    return [] if flaw is None else [Problem(flaw.value.what.format(number=len(secret)), _FIELD_OF[flaw])]


def _flaw_of(access_key_id: str, secret: str, session_token: Secret | None) -> Flaw | None:
    """Return the flaw of a pair, or None."""
    match = ACCESS_KEY_ID.fullmatch(access_key_id)
    if match is None:
        return Flaw.KEY_ID
    if match["kind"] == "ASIA" and not session_token:
        return Flaw.TOKEN_MISSING
    if len(secret) != 40:
        return Flaw.LENGTH
    return None if ACCESS_KEY_SECRET.fullmatch(secret) else Flaw.CHARACTERS


def _decode(data: bytes, name: str) -> str:
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise AccessKeyFileError(Flaw.NO_TEXT, name) from None
    if "\0" in text:
        raise AccessKeyFileError(Flaw.NO_TEXT, name)
    return text


def _encoding(data: bytes) -> str:
    """Detect UTF-8, with or without a byte order mark, or UTF-16, with one or unmistakable without."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be" if data[:1] == b"\0" else "utf-8-sig"


def _columns(header: list[str], name: str) -> list[str]:
    """Return the content of each column: `id`, `secret`, `token`, `user`, or "" for anything else."""
    columns = [_FIELDS.get(cell, "") for cell in header]
    titles = {"id": "Access key ID", "secret": "Secret access key"}
    missing = [title for field, title in titles.items() if field not in columns]
    if any(columns.count(field) > 1 for field in (titles if missing else set(columns) - {""})):
        raise AccessKeyFileError(Flaw.COLUMN_TWICE, name)
    if not missing:
        return columns
    if len(missing) == len(titles) and _NEW_USER_HEADERS & set(header):
        raise AccessKeyFileError(Flaw.NEW_USER, name)
    if ACCESS_KEY_ID.fullmatch(header[0].upper()):
        raise AccessKeyFileError(Flaw.NO_HEADINGS, name)
    raise AccessKeyFileError(Flaw.NO_COLUMN, name, missing=" or ".join(missing))


def _access_key(row: list[str], columns: list[str], name: str) -> Credentials:
    if len(row) < len(columns):
        raise AccessKeyFileError(Flaw.CUT, name, fields=count(len(row), "field"), number=len(columns))
    if len(row) > len(columns):
        raise AccessKeyFileError(Flaw.MORE_FIELDS, name)
    values = dict(zip(columns, row, strict=True))
    token = values.get("token")
    key = Credentials(values["id"], Secret(values["secret"]), Secret(token) if token else None)
    for title, value in (("access key id", values["id"]), ("secret access key", values["secret"])):
        if not value:
            raise AccessKeyFileError(Flaw.VALUE_EMPTY, name, title=title)
    if flaw := _flaw_of(values["id"], values["secret"], key.session_token):
        raise AccessKeyFileError(flaw, name, number=len(values["secret"]))
    return key
