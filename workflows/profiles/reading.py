"""Read an AWS file like botocore, and report the line that botocore would reject."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.core.errors import OnboardError

_PLAIN = re.compile(r"[A-Za-z0-9_-]+ +[A-Za-z0-9_.@+=,/-]+")
"""A header that shell quoting can't change, as nearly all are."""


class ProfileFileError(OnboardError):
    """A profile file can't be changed; names the line responsible."""


@dataclass(frozen=True)
class Found:
    """A section of a file.

    Attributes:
        header: the text between its brackets.
        options: its options as botocore sees them; one may be a secret.
        inherited: names of options that every section inherits from [DEFAULT].
    """

    header: str
    options: Mapping[str, str] = field(repr=False)
    inherited: frozenset[str] = frozenset()


def profile_sections(text: str, prefix: str, name: str) -> dict[str, Found]:
    """Return the profiles in the text of an AWS file.

    Args:
        text: the file's text with its original newlines.
        prefix: "profile " for `config`, "" for `credentials`.
        name: the file's name for errors.

    Raises:
        ProfileFileError: botocore would reject the text, or it has a profile twice.
    """
    parser = _parsed(text, name)
    found: dict[str, Found] = {}
    for header in parser.sections():
        options = dict(parser.items(header))
        for option, value in options.items():
            if _is_broken_block(value):
                line = _line_of_block(text, header, option)
                raise _refused(name, line, f"the block under {option} in [{header}] has a line without =")
        profile = _profile_of(header, prefix)
        if profile is None:
            continue
        if profile in found:
            raise _refused(name, _line_of(text, header), f"the profile {profile} appears twice")
        found[profile] = Found(header, options, frozenset(parser.defaults()))
    return found


def _parsed(text: str, name: str) -> configparser.RawConfigParser:
    """Parse the text with the same parser as botocore (configloader.raw_config_parse)."""
    if text.startswith("\ufeff"):
        raise _refused(name, 1, "it begins with a byte order mark, which the AWS tools don't accept")
    if match := re.search(r"\r(?!\n)", text):
        line = text.count("\n", 0, match.start()) + 1
        raise _refused(name, line, "it has a carriage return inside a line")
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.replace("\r\n", "\n"))
    except configparser.DuplicateSectionError as error:
        raise _refused(name, error.lineno, f"the section [{error.section}] appears twice") from None
    except configparser.DuplicateOptionError as error:
        raise _refused(name, error.lineno, f"{error.option} appears twice in [{error.section}]") from None
    except configparser.MissingSectionHeaderError as error:
        raise _refused(name, error.lineno, "there is text before the first [section]") from None
    except configparser.ParsingError as error:
        raise _refused(name, error.errors[0][0], "this is neither a [section] nor name = value") from None
    return parser


def _profile_of(header: str, prefix: str) -> str | None:
    """Return a section's profile by botocore's own rule (configloader.build_profile_map), or None."""
    if not prefix:
        return header
    if not header.startswith(prefix.strip()):
        return None
    if _PLAIN.fullmatch(header):
        return header.split()[1]
    try:
        words = shlex.split(header)
    except ValueError:
        return None
    return words[1] if len(words) == 2 else None


def _is_broken_block(value: str) -> bool:
    """Return whether a nested block has a line without `=`, for which botocore rejects the whole file."""
    return value.startswith("\n") and any(line.strip() and "=" not in line for line in value.split("\n"))


def _line_of(text: str, header: str) -> int:
    """Return the line of the last section with this header."""
    lines = [
        number
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip().startswith(f"[{header}]")
    ]
    return lines[-1] if lines else 1


def _line_of_block(text: str, header: str, option: str) -> int:
    """Return the line without `=` in the block under an option."""
    start = _line_of(text, header)
    inside = False
    for number, line in enumerate(text.split("\n")[start:], start=start + 1):
        words = line.strip()
        if inside and words and not words.startswith(("#", ";")) and "=" not in words:
            return number
        inside = inside or re.fullmatch(rf"(?i){re.escape(option)}\s*[=:]", words) is not None
    return start


def _refused(name: str, line: int | None, reason: str) -> ProfileFileError:
    return ProfileFileError(
        "Can't change this file",
        f"{name}, line {line}: {reason}.",
        why="The AWS tools would reject the file, or read something other than what it seems to say.",
        next=f"Correct line {line}, then try again. Nothing was written.",
    )
