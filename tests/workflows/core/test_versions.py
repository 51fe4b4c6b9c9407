"""Versions and constraints: their order, and which versions a constraint allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from workflows.core.versions import VersionNumber, allows, allows_from


@pytest.mark.parametrize(
    ("constraint", "some"),
    [("", True), ("~> 1.2", True), ("> 1.5.7", True), ("~> 1.7.0-beta1", True), ("~> 1.5.7", False)],
)
def test_a_constraint_allows_some_version_from_one_on_or_none(constraint: str, some: bool) -> None:
    assert allows_from(constraint, VersionNumber((1, 6, 0))) is some


@pytest.mark.parametrize(
    ("constraint", "version", "allowed"),
    [
        ("", "0.1.0", True),
        ("1.5.7", "1.5.7", True),
        ("= 1.5.7", "1.5.8", False),
        ("~> 1.6", "1.15.5", True),
        ("~> 1.6", "2.0.0", False),
        ("~> 1.6", "1.5.9", False),
        ("~> 1.6.2", "1.6.9", True),
        ("~> 1.6.2", "1.7.0", False),
        ("~> 1", "3.0.0", True),
        (">= 1.3, < 2.0", "1.9.0", True),
        (">=1.3,<2.0", "2.0.0", False),
        ("> 1.3", "1.3.0", False),
        ("<= 1.3", "1.3.0", True),
        ("!= 1.3.1", "1.3.1", False),
        (">= 1.6", "1.7.0-beta1", False),
        (">= 1.7.0-alpha1", "1.7.0-beta1", True),
        (">= 1.7.0-beta1", "1.7.0", True),
        ("~> 1.7.0-beta1", "1.7.0", False),
        ("1.7.0-rc.10", "1.7.0-rc.10", True),
        ("v1.2.3", "1.2.3", True),
    ],
)
def test_constraints(constraint: str, version: str, allowed: bool) -> None:
    assert allows(constraint, VersionNumber.parse(version)) is allowed


@pytest.mark.parametrize("constraint", ["newest", ">= x", "~>", ">= 1.0,", "=> 1.0", "1.0 - 2.0"])
def test_what_is_no_constraint(constraint: str) -> None:
    with pytest.raises(ValueError, match="version"):
        allows(constraint, VersionNumber.parse("1.0.0"))


@given(st.tuples(*[st.integers(0, 99)] * 3), st.tuples(*[st.integers(0, 99)] * 3))
def test_order_and_constraints_agree(one: tuple[int, int, int], two: tuple[int, int, int]) -> None:
    first, second = VersionNumber(one), VersionNumber(two)
    assert VersionNumber.parse(str(first)) == first
    assert allows(f"> {first}", second) == (second > first) == (not allows(f"<= {first}", second))
    assert replace(first, prerelease="rc1") < first
    assert VersionNumber(one, "rc.2") < VersionNumber(one, "rc.10")
