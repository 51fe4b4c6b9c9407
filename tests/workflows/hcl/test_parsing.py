"""The limits of the HCL parser: texts that are nested too deeply, and junk, are rejected."""

from __future__ import annotations

from contextlib import suppress

import pygohcl
import pytest
from hypothesis import given, strategies as st

from workflows.core.parsing import TooDeep
from workflows.hcl.parsing import HclError, TooMany, check_amount, check_depth, parse_hcl

DEEP = 100_000
DEEP_HCL = {
    "brackets": "a = " + "[" * DEEP,
    "closed": "a = " + "[" * DEEP + "]" * DEEP,
    "parentheses": "a = " + "(" * DEEP,
    "objects": "a = " + "{b = " * DEEP,
    "blocks": "a {\n" * DEEP,
    "templates": "a = " + '"${' * DEEP,
    "heredocs": "a = <<E\n" + "${<<E\n" * DEEP,
    "directives": 'a = "' + '%{if "' * DEEP,
    "calls": "a = " + "f(" * DEEP,
    "signs": "a = " + "!" * DEEP,
    "signs apart": "a = " + "! # x\n" * DEEP + "- /* y */" * DEEP,
    "closed in strings": 'a = ["]", ' * DEEP,
    "closed in comments": "a = [ # ]\n" * DEEP,
    "after an escaped template": 'a = "$${"\nb = ' + "[" * DEEP,
    "after a quote in a comment": '# "\nb = ' + "[" * DEEP,
    "after a heredoc": 'a = <<E\n"\nE\nb = ' + "[" * DEEP,
}


@pytest.mark.parametrize("name", DEEP_HCL)
def test_deep_hcl_is_refused_before_the_parser_that_would_end_the_process(name: str) -> None:
    with pytest.raises((TooDeep, TooMany)):
        parse_hcl(DEEP_HCL[name])


FLAT_HCL = {
    "in a string": 'a = "' + "[({" * 200 + '"\n',
    "in an escaped string": 'a = "' + '\\"[({' * 200 + '"\n',
    "in a comment": "# " + "[({" * 200 + "\n// " + "[" * 200 + "\n/* " + "{\n" * 200 + " */\na = 1\n",
    "in a heredoc": "a = <<-EOF\n" + "  [({\n" * 200 + "  EOF\n",
    "in a heredoc that ends later": "a = <<EOF\n" + "  EOF [\n" * 200 + "EOF\n",
    "escaped templates": 'a = "' + "$${%%{" * 200 + '"\n',
    "one after the other": "a = [" + "[1], " * 200 + "]\n",
    "banners": ("#" + "-" * 200 + "\n") * 200 + "a = 1 - -1\n",
    "dashes": "a = b" + "-b" * 200 + "\n",
    "templates": 'a = "' + "${b}" * 200 + '"\n',
}


@pytest.mark.parametrize("name", FLAT_HCL)
def test_hcl_that_is_not_deep_is_read(name: str) -> None:
    assert parse_hcl(FLAT_HCL[name]) == pygohcl.loads(FLAT_HCL[name])


def test_as_many_brackets_as_could_end_the_process_are_refused_wherever_they_stand() -> None:
    with pytest.raises(HclError):
        parse_hcl("a = [" + "[], " * (DEEP // 2) + "]\n")


@given(st.binary())
def test_whatever_the_bytes_the_depth_is_found_out(data: bytes) -> None:
    with suppress(TooDeep):
        check_depth(data * 50)


@pytest.mark.parametrize("text", ["a = ", "a = 1\0", "\ud800", "}"])
def test_what_is_no_hcl_has_the_message_of_the_parser(text: str) -> None:
    with pytest.raises(HclError) as caught:
        parse_hcl(text)
    assert str(caught.value)


def test_a_text_of_dense_junk_is_refused_where_a_long_one_of_people_is_taken() -> None:
    check_amount(b"aaaa bbbb\n" * 200_000)
    with pytest.raises(TooMany):
        check_amount(b"a b\n" * 200_000)
