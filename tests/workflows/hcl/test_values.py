"""Values of variables files, with bytes that stop them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.hcl.values import BadVariables, read_variables


def test_a_variables_file_is_not_read_up_to_a_nul_byte(tmp_path: Path) -> None:
    (tmp_path / "x.tfvars").write_bytes(b'a = "1"\n\x00b = "2"\n')
    with pytest.raises(BadVariables) as refused:
        read_variables(tmp_path / "x.tfvars")
    assert "NUL" in refused.value.detail


def test_the_parsers_words_name_the_variables_file_and_its_line(tmp_path: Path) -> None:
    path = tmp_path / "common.tfvars"
    path.write_text('project = "bb"\naccounts = {\n')
    with pytest.raises(BadVariables) as refused:
        read_variables(path)
    assert "common.tfvars:3" in refused.value.detail
    assert "tmp.hcl" not in refused.value.as_text()
