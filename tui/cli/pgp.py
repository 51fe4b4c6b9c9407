"""`iam-onboard pgp check`: the verdicts on keys, for scripts and pipes.

Verdicts and texts go to standard output; whatever is about the run itself goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tui.cli.exit_codes import DONE, REFUSED, UsageError
from tui.cli.key_report import KeyReport, Source, report_on
from tui.cli.output import hand_out, note, say_json
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import explained, read_bytes
from workflows.services.gpg.many_keys import check_keys, choose, in_parallel
from workflows.services.gpg.normalise import KEYRING_LIMIT
from workflows.services.gpg.owner import same_keys
from workflows.services.gpg.provider_library import check_version
from workflows.services.gpg.refusals import KeyRefused
from workflows.services.terraform.provider_wanted import provider_wanted


def check(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard pgp check`: the verdict on each key that was given.

    Raises:
        OnboardError: nothing can be read, or the key that was asked for is not there.
        UsageError: the provider's version is none.
    """
    if options.provider_version and not check_version(options.provider_version):
        raise UsageError(f"{options.provider_version!r} is no version, as 3.39.0 or '~> 4.10' is.")
    path = None if options.file == "-" else Path(options.file).expanduser().absolute()
    reports = list(_reports(machine, options, path))
    if options.text:
        return _print_text(reports)
    if options.json:
        say_json([report.as_record() for report in reports])
    else:
        hand_out("\n".join(report.as_text() for report in reports))
    if not reports:
        note("There is no key in this folder.")
        return REFUSED
    several = len(reports) > 1 and (path is None or not path.is_dir())
    if several:
        note(f"{len(reports)} keys were given. Name the one that is meant with --key.")
    return REFUSED if several or not all(report.accepted for report in reports) else DONE


def _reports(machine: Machine, options: argparse.Namespace, path: Path | None) -> Iterator[KeyReport]:
    layer = _layer_of(path)
    version = options.provider_version or _version_of(Path(options.layer) if options.layer else layer)
    if path is not None and path.is_dir():
        yield from _folder(machine, path, version, as_it_is=layer is not None)
        return
    data = _standard_input() if path is None else _content(path)
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


def _version_of(layer: Path | None) -> str | None:
    if layer is None:
        return None
    try:
        return provider_wanted(layer)
    except ValueError as error:
        raise OnboardError(
            "The layer's AWS provider is not known",
            str(error),
            why="The lock file or required_providers tells it, and it decides which keys work.",
            next="Mend that file, or name the version with --provider-version.",
        ) from error


def _print_text(reports: list[KeyReport]) -> int:
    """Print the one key as a file in `keys/`; a verdict against it goes to standard error."""
    for report in reports:
        if report.key is None or not report.key_accepted:
            note(report.as_text().rstrip("\n"))
            return REFUSED
    if len(reports) != 1 or reports[0].key is None:
        note(f"One key is wanted for --text, not {len(reports)}.")
        return REFUSED
    hand_out(reports[0].key.key.text)
    return DONE


def _content(path: Path) -> bytes:
    if not path.is_fifo():
        return read_bytes(path, KEYRING_LIMIT)
    with path.open("rb") as pipe:  # as a shell's  <(gpg --export jane)  is one
        return pipe.read(KEYRING_LIMIT + 1)


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        note("Paste the key, then press Ctrl-D on a line of its own.")
    return sys.stdin.buffer.read(KEYRING_LIMIT + 1)
