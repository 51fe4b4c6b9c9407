"""The verdict on a key, in words for a terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.pgp import ENVIRONMENT

from tui.cli.key_report import Source, provider_of, report_on
from workflows.core.sentences import OnboardError, text_of
from workflows.gpg.normalise import normalise
from workflows.gpg.verdict import VerdictKind
from workflows.layer.discover import ProjectError, provider_wanted


def test_why_a_layers_provider_is_unknown_is_said(tmp_path: Path) -> None:
    (tmp_path / ".terraform.lock.hcl").write_bytes(b"#" * 6_000_000)
    with pytest.raises(ProjectError) as unknown:
        provider_wanted(tmp_path)
    with pytest.raises(OnboardError) as refused:
        provider_of(tmp_path)
    assert str(unknown.value.why) in str(refused.value.what)


def source(user: str = "jane.doe") -> Source:
    return Source("jane.asc", user, "4.67.0", datetime.now(UTC))


def test_a_key_is_told_with_what_is_known_of_it(people_keys: Mapping[str, bytes]) -> None:
    report = report_on(people_keys["jane.doe"], source(), ENVIRONMENT, as_it_is=False)
    assert report.key is not None
    record = report.as_record()
    assert (record["source"], record["accepted"]) == ("jane.asc", True)
    assert record["fingerprint"] == report.key.details.fingerprint
    assert record["key_file"] == report.key.key.text
    assert report.as_text().startswith("✓ jane.asc: ")


def test_a_key_of_another_name_or_in_another_file_too_is_warned_of(people_keys: Mapping[str, bytes]) -> None:
    own = report_on(people_keys["jane.doe"], source(), ENVIRONMENT, as_it_is=False)
    for odd, named in (
        (replace(own, source=replace(own.source, user="sam.lee")), "sam.lee"),
        (replace(own, same=("other.asc",)), "other.asc"),
    ):
        (warning,) = {*odd.warnings} - {*own.warnings}
        assert named in text_of(warning)


def test_a_good_key_in_a_form_that_a_layer_may_not_have_gives_the_file_that_it_may(
    people_keys: Mapping[str, bytes],
) -> None:
    report = report_on(people_keys["jane.doe"], source(), ENVIRONMENT, as_it_is=True)
    assert (report.verdict.accepted, report.key_accepted) == (False, True)
    assert report.as_record()["key_file"] == normalise(people_keys["jane.doe"]).text
    assert report.as_text().startswith("✗ ")


@pytest.mark.parametrize("data", [b"", b"no key at all"])
def test_what_is_no_key_is_refused_with_a_text_for_its_sender(data: bytes) -> None:
    report = report_on(data, source(), {}, as_it_is=False)
    record = report.as_record()
    assert (record["accepted"], record["verdict"]) == (False, VerdictKind.REFUSED_BY_US.name.lower())
    assert [record[part] for part in ("fingerprint", "algorithm", "key_file")] == [None, None, None]
    assert record["sentence_for_owner"]
    assert "\n  → " in report.as_text()
