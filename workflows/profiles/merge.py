"""Puts sections into the text of an AWS file and leaves every other byte of it alone.

People keep comments, nested `s3 =` blocks and profiles of other tools in these files, and one that botocore
cannot parse takes every profile down with it. So the result is read again before anybody may write it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.core.secret import Secret
from workflows.profiles.reading import Found, ProfileFileError, profile_sections

if TYPE_CHECKING:
    from configupdater import Option, Section

Value = str | Secret


@dataclass(frozen=True)
class WantedSection:
    """One section as it has to be.

    Attributes:
        profile: the profile's name.
        values: the options that it has to have; other options of the section stay.
        absent: options that it must not have.
        defaults: options that it gets where it has none of that name.
        create: False changes the section only where it is there already.
    """

    profile: str
    values: Mapping[str, Value] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    create: bool = True
    defaults: Mapping[str, Value] = field(default_factory=dict)

    def missing_in(self, options: Mapping[str, str]) -> dict[str, Value]:
        """What a section with these options still has to be given."""
        wrong = {name: value for name, value in self.values.items() if options.get(name) != plain(value)}
        return {**{name: value for name, value in self.defaults.items() if name not in options}, **wrong}


@dataclass(frozen=True)
class Merged:
    """A text with the sections in it.

    Attributes:
        text: the new text; it may hold a secret.
        added: profiles that are new in it.
        updated: profiles that were there with other values.
        removed: profiles that were there and are no more.
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
    """Put sections into the text of an AWS file.

    What is right already is not touched, so merging twice is the same as once. Changed sections stay where
    they are, new ones go to the end, with the line ends of the file.

    Args:
        text: the file's text, line ends as they are in the file.
        wanted: the sections.
        prefix: "profile " for `config`, "" for `credentials`.
        name: the file's name for an error's sentence.
        remove: profiles whose sections go, with the comments between their options; one after the last
            option may be about what follows, and stays.

    Raises:
        ProfileFileError: the text is not what botocore accepts, holds a profile twice, or cannot be kept.
        ValueError: a value holds a line break or another control character, or is empty.
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
    """The text with all changes made in it, with its own line ends where they are uniform."""
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
    """The text with the options of existing sections set and sections taken out; all else stays as it is."""
    from configupdater import ConfigUpdater, Section  # noqa: PLC0415 - who only reads profiles waits for it

    updater = ConfigUpdater(strict=False, allow_no_value=True, delimiters=("=",))
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
        _after(block) if isinstance(block, Section) and block.name in gone else str(block)
        for block in updater.iter_blocks()
    )


def _after(section: Section) -> str:
    """What follows a section's last option where a comment is in it: it may be about the next section."""
    from configupdater import Option  # noqa: PLC0415 - likewise

    blocks = list(section.iter_blocks())
    last = max((place for place, block in enumerate(blocks) if isinstance(block, Option)), default=-1)
    rest = "".join(str(block) for block in blocks[last + 1 :])
    return rest.lstrip("\n") if rest.strip() else ""


def _set(section: Section, option: str, value: str) -> None:
    """Give an option its value, indented as it was, or as the one before it."""
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


def _indent(option: Option) -> str:
    text = str(option)
    return text[: len(text) - len(text.lstrip(" \t"))]


def _remove(section: Section, option: str) -> None:
    """Take an option out, also in the spelling `name: value`, which is no option to the updater."""
    for present in list(section.iter_options()):
        if present.key == option or re.match(rf"{re.escape(option)}\s*:", present.key):
            present.detach()


def _section_text(section: WantedSection, prefix: str) -> str:
    values = {**section.defaults, **section.values}
    return f"[{prefix}{section.profile}]\n" + "".join(
        f"{key} = {plain(value)}\n" for key, value in values.items()
    )


def _check_result(found: Mapping[str, Found], wanted: Sequence[WantedSection], name: str) -> None:
    """The last look before anything is written: botocore's parser finds exactly what was wanted."""
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
    """And the profiles of others are what they were."""
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
    """The text of a value, a secret's too."""
    return value.reveal() if isinstance(value, Secret) else value
