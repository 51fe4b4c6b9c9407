from __future__ import annotations

import os
from pathlib import Path

import pytest

from workflows.profiles.aws_data import aws_descriptions


def test_what_describes_a_service_is_found_without_a_look_at_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: list[str] = []
    list_folder = os.listdir

    def noting(path: str) -> list[str]:
        listed.append(Path(path).name)
        return list_folder(path)

    loader = aws_descriptions.__wrapped__()
    monkeypatch.setattr(os, "listdir", noting)
    model = loader.load_service_model("sts", "service-2")
    assert "GetCallerIdentity" in model["operations"]
    assert {*listed} == {"sts"}
