"""Versions and version constraints as Terraform understands them.

The rules are those of `required_version` (developer.hashicorp.com/terraform/language, "Version Constraints"):
`~>` fixes all parts but the last one written, unlike Python's `~=`, which needs at least two parts; only a
constraint that names a pre-release allows one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\Z")
_TERM = re.compile(r"\s*(>=|<=|!=|~>|>|<|=)?\s*([^\s=<>!~].*?)\s*\Z")


@total_ordering
@dataclass(frozen=True)
class VersionNumber:
    """A version: its numbers, padded to three, and its pre-release, or ""."""

    numbers: tuple[int, ...]
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> VersionNumber:
        """Parse "1.15.5" or "1.6.0-beta1"; build metadata ("+ent") is ignored.

        Raises:
            ValueError: it is not a version.
        """
        match = _VERSION.match(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a version")
        numbers = tuple(int(part) for part in match[1].split("."))
        return cls(numbers + (0,) * (3 - len(numbers)), match[2] or "")

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers)) + (f"-{self.prerelease}" if self.prerelease else "")

    def __lt__(self, other: VersionNumber) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[tuple[int, ...], bool, list[tuple[bool, int, str]]]:
        parts = [
            (not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in self.prerelease.split(".")
        ]
        return self.numbers, not self.prerelease, parts


def allows(constraint: str, version: VersionNumber) -> bool:
    """Return whether a version meets a constraint such as "~> 1.6", ">= 1.3, < 2.0" or "1.5.7".

    Args:
        constraint: comma-separated terms; a version must meet all. An empty constraint allows everything.

    Raises:
        ValueError: a term is not a constraint.
    """
    return all(_meets(term, version) for term in constraint.split(",")) if constraint.strip() else True


def allows_from(constraint: str, oldest: VersionNumber) -> bool:
    """Return whether a constraint allows this version or any later one.

    It is enough to try each named version and the patch release after it.

    Raises:
        ValueError: a term is not a constraint.
    """
    terms = filter(None, map(_TERM.match, constraint.split(",")))
    named = (oldest, *(VersionNumber.parse(term[2]) for term in terms))
    after = (VersionNumber((*version.numbers[:2], version.numbers[2] + 1)) for version in named)
    return any(version >= oldest and allows(constraint, version) for version in (*named, *after))


def _meets(term: str, version: VersionNumber) -> bool:
    match = _TERM.match(term)
    if match is None:
        raise ValueError(f"{term.strip()!r} is not a version constraint")
    operator, text = match[1] or "=", match[2]
    wanted = VersionNumber.parse(text)
    if operator == "=":
        return version == wanted
    if operator == "!=":
        return version != wanted
    if version.prerelease and not (wanted.prerelease and version.numbers == wanted.numbers):
        return False
    if operator == "~>":
        written = text.strip().lstrip("v").partition("-")[0].count(".") + 1
        if wanted.prerelease and not version.prerelease:
            return False
        return version >= wanted and version.numbers[: written - 1] == wanted.numbers[: written - 1]
    return {
        ">": version > wanted,
        ">=": version >= wanted,
        "<": version < wanted,
        "<=": version <= wanted,
    }[operator]
