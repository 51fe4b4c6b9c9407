"""`iam-onboard pgp check`: the verdicts on keys, for scripts and pipes; and `pgp` with its parts.

Verdicts and texts go to standard output; whatever is about the run itself goes to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.exit_codes import DONE, REFUSED, UsageError
from tui.cli.output import hand_out, note, say, say_json
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import explained, read_bytes
from workflows.core.openpgp import grouped
from workflows.core.sentences import Sentence, joined, text_of
from workflows.gpg.inspect import CheckedKey, check_key
from workflows.gpg.key_file import judge_file
from workflows.gpg.many_keys import check_keys, choose, in_parallel
from workflows.gpg.normalise import KEYRING_LIMIT
from workflows.gpg.owner import looks_like, same_keys
from workflows.gpg.provider_library import check_version
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.verdict import Verdict, VerdictKind, judge
from workflows.terraform.requirements import provider_wanted


def check(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard pgp check`: the verdict on each key that was given.

    Raises:
        OnboardError: nothing can be read, or the key that was asked for is not there.
        UsageError: the provider's version is none.
    """
    if options.provider_version and not check_version(options.provider_version):
        raise UsageError(f"{options.provider_version!r} isn't a version such as 3.39.0 or '~> 4.10'.")
    path = None if options.file == "-" else Path(options.file).expanduser().absolute()
    reports = list(_reports(machine, options, path))
    if options.text:
        return _print_text(reports)
    if options.json:
        say_json([report.as_record() for report in reports])
    else:
        say(*"\n".join(report.as_text() for report in reports).split("\n")[:-1])
    if not reports:
        note("There is no key in this folder.")
        return REFUSED
    several = len(reports) > 1 and (path is None or not path.is_dir())
    if several:
        note(f"You gave {len(reports)} keys. Choose one with --key.")
    return REFUSED if several or not all(report.accepted for report in reports) else DONE


def _reports(machine: Machine, options: argparse.Namespace, path: Path | None) -> Iterator[KeyReport]:
    layer = _layer_of(path)
    version = options.provider_version or provider_of(Path(options.layer) if options.layer else layer)
    if path is not None and path.is_dir():
        yield from _folder(machine, path, version, as_it_is=layer is not None)
        return
    data = asking.given(machine, options.file, KEYRING_LIMIT, "the key")
    name = "standard input" if path is None else path.name
    source = Source(name, options.user, version, machine.now())
    if path is not None and layer is not None:
        yield report_on(data, source, machine.environment, as_it_is=True)
        return
    try:
        keys = check_keys(data, environment=machine.environment)
    except KeyRefused as refused:
        if not options.json:
            raise
        yield KeyReport.unreadable(refused, source)
        return
    if options.key:
        keys = (choose(keys, options.key),)
    for key in keys:
        yield KeyReport.of(key, source)


def _folder(machine: Machine, folder: Path, version: str | None, *, as_it_is: bool) -> list[KeyReport]:
    """A report on every file of a folder, in the order of their names."""
    with explained(folder, "read"):
        # A link to nothing is listed, too: Terraform fails on it.
        found = (file for file in folder.iterdir() if file.is_file() or not file.exists())
        files = sorted(file for file in found if not file.name.startswith("."))

    def one(file: Path) -> KeyReport:
        owner = file.name if as_it_is else ""
        source = Source(file.name, owner, version, machine.now())
        try:
            data = read_bytes(file, KEYRING_LIMIT)
        except OnboardError as error:
            return KeyReport.unreadable(error, source)
        return report_on(data, source, machine.environment, as_it_is=as_it_is)

    reports = in_parallel(one, files)
    twice = same_keys({report.source.name: report.key for report in reports if report.key is not None})
    return [report.with_same(twice.get(report.source.name, ())) for report in reports]


def _layer_of(path: Path | None) -> Path | None:
    """The layer in whose `keys` folder a path is (or which folder it is itself), or None."""
    if path is None:
        return None
    keys = path if path.is_dir() else path.parent
    return keys.parent if keys.name == "keys" and any(keys.parent.glob("*.tf")) else None


def provider_of(layer: Path | None) -> str | None:
    """The AWS provider that a layer's keys are judged for, a version or a constraint; None if none is named.

    Raises:
        OnboardError: the files that say so cannot be read.
    """
    if layer is None:
        return None
    try:
        return provider_wanted(layer)
    except ValueError as error:
        raise OnboardError(
            "The layer's AWS provider is unknown",
            str(error),
            why="The version decides which keys work; the lock file or required_providers names it.",
            next="Fix that file, or name the version with --provider-version.",
        ) from error


def _print_text(reports: list[KeyReport]) -> int:
    """Print the one key as a file in `keys/`; a verdict against it goes to standard error."""
    for report in reports:
        if report.key is None or not report.key_accepted:
            note(report.as_text().rstrip("\n"))
            return REFUSED
    if len(reports) != 1 or reports[0].key is None:
        note(f"--text needs one key, not {len(reports)}.")
        return REFUSED
    hand_out(reports[0].key.key.text)
    return DONE


@dataclass(frozen=True)
class Source:
    """Where a key comes from and what it is judged for.

    Attributes:
        name: the file's name, or "standard input".
        user: the IAM user whose key it is to be, or "".
        provider_version: of the AWS provider, a version or a constraint; None if it is not known.
        now: the moment, timezone aware.
    """

    name: str
    user: str
    provider_version: str | None
    now: datetime


@dataclass(frozen=True)
class KeyReport:
    """A key, or why there is none, and what is said about it.

    Attributes:
        source: where it comes from.
        verdict: on what was given.
        key: the key, normalised, or None.
        same: the names of other files with the same key.
    """

    source: Source
    verdict: Verdict
    key: CheckedKey | None
    same: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: CheckedKey | KeyRefused, source: Source) -> KeyReport:
        """The report on a key that would be written in its normal form."""
        if isinstance(key, KeyRefused):
            return cls.unreadable(key, source)
        return cls(source, judge(key.details, source.provider_version, source.now), key)

    @classmethod
    def unreadable(cls, error: OnboardError, source: Source) -> KeyReport:
        """The report where there is no key, for the reason of an error."""
        explanation = joined((error.what, error.why))
        told = error.for_owner if isinstance(error, KeyRefused) else error.next
        verdict = Verdict(VerdictKind.REFUSED_BY_US, error.title, explanation, told, ())
        return cls(source, verdict, None)

    @property
    def accepted(self) -> bool:
        """Whether what was given may be used as it is."""
        return self.verdict.accepted

    @property
    def key_accepted(self) -> bool:
        """Whether the key in it may be used, whatever form it was given in."""
        return self.key is not None and KeyReport.of(self.key, self.source).accepted

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """Everything that a person should know although the key may be used."""
        found = list(self.verdict.warnings)
        if self.same:
            found.append(f"The same key is in {', '.join(self.same)}.")
        if self.source.user and self.key and not looks_like(self.source.user, self.key.details):
            found.append(
                f"None of its user ids looks like {self.source.user}: compare the fingerprint by phone."
            )
        return tuple(found)

    def with_same(self, names: tuple[str, ...]) -> KeyReport:
        """The report with the names of other files that hold the same key."""
        return replace(self, same=names)

    def as_text(self) -> str:
        """Some lines for people, the last one ended by a newline."""
        verdict = self.verdict
        mark = "✓" if verdict.accepted else "✗"
        lines = [f"{mark} {self.source.name}: {verdict.headline}", f"    {verdict.explanation}"]
        if self.key is not None:
            details = self.key.details
            expires = details.expires(self.source.now)
            part = details.encryption_part(self.source.now) or details.primary
            until = f"until {expires:%Y-%m-%d}" if expires else "without expiry"
            lines.append(f"    {part.description}, {until}")
            lines.append(f"    Fingerprint {grouped(details.fingerprint)}")
            lines += [f"    {user_id.text}" for user_id in details.user_ids if user_id.holds]
        lines.append(
            f"    Checked for the AWS provider {self.source.provider_version or '(version unknown)'}"
        )
        lines += [f"  ! {warning}" for warning in self.warnings]
        if verdict.sentence_for_owner and not verdict.accepted:  # advice on a good one is in the JSON
            lines += [
                f"  → {line}" if line else "" for line in text_of(verdict.sentence_for_owner).split("\n")
            ]
        return "".join(f"{line}\n" for line in lines)

    def as_record(self) -> dict[str, Any]:
        """The same as plain JSON values; `key_file` is what a file in `keys/` has to hold."""
        verdict, now = self.verdict, self.source.now
        details = self.key.details if self.key else None
        part = (details.encryption_part(now) or details.primary) if details else None
        expires = details.expires(now) if details else None
        return {
            "source": self.source.name,
            "accepted": verdict.accepted,
            "verdict": verdict.kind.name.lower(),
            "headline": verdict.headline,
            "explanation": verdict.explanation,
            "provider_version": self.source.provider_version,
            "sentence_for_owner": verdict.sentence_for_owner,
            "warnings": list(self.warnings),
            "fingerprint": details.fingerprint if details else None,
            "algorithm": part.description if part else None,
            "expires": expires.isoformat() if expires else None,
            "user_ids": [one.text for one in details.user_ids if one.holds] if details else [],
            "same_key_as": list(self.same),
            "key_file": self.key.key.text if self.key and self.key_accepted else None,
        }


def report_on(data: bytes, source: Source, environment: Mapping[str, str], *, as_it_is: bool) -> KeyReport:
    """The report on one file.

    Args:
        data: its content.
        source: where it comes from.
        environment: the person's environment.
        as_it_is: True judges the file as it lies in a layer, False the key in its normal form.

    Raises:
        GpgMissing: gpg is not installed.
    """
    if as_it_is:
        judged = judge_file(data, source.provider_version, source.now, environment=environment)
        return KeyReport(source, judged.verdict, judged.key)
    try:
        return KeyReport.of(check_key(data, environment=environment), source)
    except KeyRefused as refused:
        return KeyReport.unreadable(refused, source)
