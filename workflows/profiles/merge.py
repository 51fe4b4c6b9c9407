"""Read an AWS file like botocore, and merge sections into its text without touching any other byte.

People keep comments, nested `s3 =` blocks and profiles of other tools in these files, and a file that
botocore can't parse breaks every profile. So the line that botocore would reject is reported, and the result
is parsed again before it may be written.
"""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError

with on_demand():  # not for those who only read profiles
    import configupdater

Value = str | Secret


@dataclass(frozen=True)
class WantedSection:
    """The wanted content of one section.

    Attributes:
        profile: the profile's name.
        values: the options that it must have; other options of the section stay.
        absent: options that it must not have.
        defaults: options to add if there are none of that name.
        create: False only changes an existing section.
    """

    profile: str
    values: Mapping[str, Value] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    create: bool = True
    defaults: Mapping[str, Value] = field(default_factory=dict)

    def missing_in(self, options: Mapping[str, str]) -> dict[str, Value]:
        """Return the options to set in a section with these options."""
        wrong = {name: value for name, value in self.values.items() if options.get(name) != plain(value)}
        return {**{name: value for name, value in self.defaults.items() if name not in options}, **wrong}


@dataclass(frozen=True)
class Merged:
    """A text with the merged sections.

    Attributes:
        text: the new text; it may contain a secret.
        added: new profiles.
        updated: profiles that had other values.
        removed: removed profiles.
    """

    text: str = field(repr=False)
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...] = ()


def merge(
    text: str,
    wanted: Sequence[WantedSection],
    *,
    prefix: str,
    name: str,
    remove: Collection[str] = (),
) -> Merged:
    """Merge sections into the text of an AWS file.

    Sections that are right already are not touched, so merging twice is the same as once. Changed sections
    keep their place, new ones are appended, with the file's newlines.

    Args:
        text: the file's text with its original newlines.
        prefix: "profile " for `config`, "" for `credentials`.
        name: the file's name for errors.
        remove: profiles to remove, with the comments between their options; a comment after the last option
            may belong to the next section, so it stays.

    Raises:
        ProfileFileError: botocore would reject the text, it has a profile twice, or can't be preserved.
        ValueError: a value contains a line break or another control character, or is empty.
    """
    _check_values(wanted)
    found = profile_sections(text, prefix, name)
    changed = [
        section
        for section in wanted
        if section.profile in found and _differs(found[section.profile], section)
    ]
    new = [section for section in wanted if section.profile not in found and section.create]
    gone = [profile for profile in found if profile in remove]
    if not changed and not new and not gone:
        return Merged(text, (), ())
    result = _merged(text, changed, new, [found[profile].header for profile in gone], found, prefix, name)
    now = profile_sections(result, prefix, name)
    _check_result(now, wanted, name)
    _check_others(found, now, {*(section.profile for section in wanted), *gone}, name)
    return Merged(result, tuple(s.profile for s in new), tuple(s.profile for s in changed), tuple(gone))


def _merged(
    text: str,
    changed: Sequence[WantedSection],
    new: Sequence[WantedSection],
    gone: Sequence[str],
    found: Mapping[str, Found],
    prefix: str,
    name: str,
) -> str:
    """Make all changes in a text, keeping its newlines if they are uniform."""
    breaks, windows = text.count("\n"), text.count("\r\n")
    end = "\r\n" if windows > breaks / 2 else "\n"
    uniform = windows in {0, breaks}
    result = text.replace("\r\n", "\n") if uniform else text
    inner = "\n" if uniform else end
    if result and not result.endswith("\n"):
        result += inner
    if changed or gone:
        result = _update(result, changed, gone, found, name)
    for section in new:
        gap = "" if not result or result.isspace() or result.endswith(("\n\n", "\n\r\n")) else "\n"
        result += (gap + _section_text(section, prefix)).replace("\n", inner)
    return result.replace("\n", end) if uniform else result


def _differs(found: Found, wanted: WantedSection) -> bool:
    return bool(wanted.missing_in(found.options)) or any(option in found.options for option in wanted.absent)


def _update(
    text: str, changed: Sequence[WantedSection], gone: Sequence[str], found: Mapping[str, Found], name: str
) -> str:
    """Set options of existing sections and remove sections; everything else stays."""
    updater = configupdater.ConfigUpdater(strict=False, allow_no_value=True, delimiters=("=",))
    updater.read_string(text)
    if str(updater) != text:
        raise ProfileFileError(
            "Can't change this file",
            f"iam-onboard can't keep every byte of {name} as it is: the file has an unusual form.",
            next="Change its profiles by hand, or move the file away so that iam-onboard writes a new one.",
        )
    for wanted in changed:
        current = found[wanted.profile]
        section = updater[current.header]
        for option in wanted.absent:
            _remove(section, option)
        for option, value in wanted.missing_in(current.options).items():
            _set(section, option, plain(value))
    return "".join(
        _after(block) if isinstance(block, configupdater.Section) and block.name in gone else str(block)
        for block in updater.iter_blocks()
    )


def _after(section: configupdater.Section) -> str:
    """Return the text after a section's last option if it has a comment, perhaps about the next section."""
    blocks = list(section.iter_blocks())
    last = max(
        (place for place, block in enumerate(blocks) if isinstance(block, configupdater.Option)), default=-1
    )
    rest = "".join(str(block) for block in blocks[last + 1 :])
    return rest.lstrip("\n") if rest.strip() else ""


def _set(section: configupdater.Section, option: str, value: str) -> None:
    """Set an option, with its own indentation or that of the option before."""
    if option in section:
        present, indent = section[option], _indent(section[option])
        present.value = value
        present.key = indent + present.raw_key
        return
    _remove(section, option)
    options = list(section.iter_options())
    blocks = list(section.iter_blocks())
    if options:
        options[-1].add_after.option(_indent(options[-1]) + option, value)
    elif blocks:
        blocks[0].add_before.option(option, value)
    else:
        section[option] = value


def _indent(option: configupdater.Option) -> str:
    text = str(option)
    return text[: len(text) - len(text.lstrip(" \t"))]


def _remove(section: configupdater.Section, option: str) -> None:
    """Remove an option, even in the form `name: value`, which the updater doesn't recognise."""
    for present in list(section.iter_options()):
        if present.key == option or re.match(rf"{re.escape(option)}\s*:", present.key):
            present.detach()


def _section_text(section: WantedSection, prefix: str) -> str:
    values = {**section.defaults, **section.values}
    return f"[{prefix}{section.profile}]\n" + "".join(
        f"{key} = {plain(value)}\n" for key, value in values.items()
    )


def _check_result(found: Mapping[str, Found], wanted: Sequence[WantedSection], name: str) -> None:
    """Check before writing that botocore's parser finds exactly the wanted options in the result."""
    for section in wanted:
        there = found.get(section.profile)
        wrong = section.create if there is None else _differs(there, section)
        given = [option for option in section.absent if there is not None and option in there.inherited]
        if wrong and given:
            raise ProfileFileError(
                "Can't change this file",
                (
                    f"The section [DEFAULT] in {name} gives {given[0]} to every profile, so also to "
                    f"{section.profile}."
                ),
                why="The AWS tools then wouldn't use that profile's access key or role.",
                next=f"Move {given[0]} to the profiles that need it, then try again. Nothing was written.",
            )
        if wrong:
            raise ProfileFileError(
                "Can't change this file",
                (
                    f"The section of {section.profile} in {name} has an unusual form, so iam-onboard can't "
                    "change it safely."
                ),
                next="Remove that section by hand, then try again.",
            )


def _check_others(
    was: Mapping[str, Found], now: Mapping[str, Found], ours: Collection[str], name: str
) -> None:
    """Check that all other profiles are unchanged."""
    if {key: found.options for key, found in was.items() if key not in ours} != {
        key: found.options for key, found in now.items() if key not in ours
    }:
        raise ProfileFileError(
            "Can't change this file",
            f"The edit would also change another profile in {name}.",
            next="Remove the profile by hand, then try again.",
        )


def _check_values(wanted: Sequence[WantedSection]) -> None:
    for section in wanted:
        for option, value in (*section.defaults.items(), *section.values.items()):
            text = plain(value)
            if not text or text != text.strip() or not text.isprintable():
                raise ValueError(
                    f"the value for {option} is empty, has spaces around it, or holds a control character"
                )


def plain(value: Value) -> str:
    """Return the text of a value, also of a secret."""
    return value.reveal() if isinstance(value, Secret) else value


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
            # botocore rejects the whole file if a nested block has a line without `=`
            if value.startswith("\n") and any(row.strip() and "=" not in row for row in value.split("\n")):
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


def _line_of(text: str, header: str) -> int:
    """Return the line of the last section with this header."""
    lines = enumerate(text.split("\n"), start=1)
    return max((number for number, line in lines if line.strip().startswith(f"[{header}]")), default=1)


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
