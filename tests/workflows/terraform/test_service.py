"""Recording and reading plans, with scripts in place of Terraform and git."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.core.sentences import Cancelled, OnboardError
from workflows.terraform.binary import Binary, Product
from workflows.terraform.record import PLAN_FILE
from workflows.terraform.runner import Kind, Watch
from workflows.terraform.service import Terraform

TERRAFORM = """#!/bin/sh
for argument; do case $argument in -out=*) plan=${argument#-out=};; esac; done
case $1 in
  plan) printf 'a plan' > "$plan" ;;
  show) touch "$0.showing"; echo '{}'; for plan; do :; done; %s ;;
esac
"""
GIT = """#!/bin/sh
for _ in $(seq 1000); do [ -e "${0%/git}/terraform.showing" ] && break; sleep 0.01; done
[ -e "${0%/git}/terraform.showing" ] && echo true
"""


def planning(folder: Path, after_show: str = ":") -> Terraform:
    """Return the service of an initialised layer."""
    programs, layer = folder / "programs", folder / "layer"
    programs.mkdir()
    (layer / ".terraform").mkdir(parents=True)
    for name, text in {"terraform": TERRAFORM % after_show, "git": GIT}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return Terraform(
        Binary((str(programs / "terraform"),), Product.TERRAFORM, "1.15.5"),
        layer,
        folder / "runs",
        environment={"PATH": f"{programs}:/usr/bin:/bin"},
        variables={},
        backend_configs=(),
        backend={},
        var_files=(),
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_git_is_asked_while_terraform_shows_the_plan(tmp_path: Path) -> None:
    record, plan = planning(tmp_path).plan()
    assert record.commit
    assert plan.is_empty


def test_a_plan_file_that_is_exchanged_while_it_is_shown_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(OnboardError):
        planning(tmp_path, after_show='printf other > "$plan"').plan()
    assert not (tmp_path / "runs" / PLAN_FILE).exists()


def test_an_apply_that_is_left_before_it_begins_never_begins(tmp_path: Path) -> None:
    terraform, left = planning(tmp_path), threading.Event()
    record, _plan = terraform.plan()
    left.set()
    with pytest.raises(Cancelled):
        terraform.apply(record, watch=Watch(cancelled=left, leave=left))
    assert record.plan.is_file()
    assert not (terraform.folder / Kind.APPLY).exists()
