from __future__ import annotations

import re

import pytest
from hypothesis import given, settings, strategies as st

from workflows.core.secret import Secret
from workflows.profiles.merge import ProfileFileError, WantedSection, merge, profile_sections

ROLE = WantedSection(
    "bb-shared-devops",
    {
        "role_arn": "arn:aws:iam::333333333333:role/DevOps",
        "source_profile": "bb-security",
        "region": "us-east-1",
    },
    ("mfa_serial",),
)
ODD = """# managed by hand; do not touch
[default]
region=us-east-1 ; not a comment to botocore
s3 =
    max_concurrent_requests = 20
    # inner comment
    addressing_style = path

[profile other]   # trailing
role_arn   =   arn:aws:iam::1:role/x
credential_process: /bin/thing --flag=a

;[profile disabled]
;region = x
[sso-session team]
sso_region = eu-west-1


[preview]
cloudfront = true"""


def merged(text: str, *sections: WantedSection) -> str:
    return merge(text, sections, prefix="profile ", name="config").text


def test_a_new_section_goes_to_the_end_and_nothing_else_moves() -> None:
    result = merged(ODD, ROLE)
    assert result == ODD + (
        "\n\n[profile bb-shared-devops]\nrole_arn = arn:aws:iam::333333333333:role/DevOps\n"
        "source_profile = bb-security\nregion = us-east-1\n"
    )


def test_an_empty_file_gets_the_section_alone() -> None:
    assert merged("", ROLE).startswith("[profile bb-shared-devops]\n")


def test_line_ends_of_windows_are_used_where_the_file_has_them() -> None:
    text = "[default]\r\nregion = x\r\n\r\n[profile bb-shared-devops]\r\nregion = old\r\n# kept\r\n"
    result = merged(text, ROLE, WantedSection("new", {"region": "y"}))
    assert "\n" not in result.replace("\r\n", "")
    assert result.startswith(
        "[default]\r\nregion = x\r\n\r\n[profile bb-shared-devops]\r\nregion = us-east-1\r\n"
    )
    assert "# kept\r\n" in result


def test_mixed_line_ends_of_other_sections_stay() -> None:
    text = "[a]\r\nx = 1\r\ny = 2\n[profile bb-shared-devops]\r\nregion = old\r\n"
    result = merged(text, ROLE)
    assert result.startswith("[a]\r\nx = 1\r\ny = 2\n[profile bb-shared-devops]\r\n")


def test_other_options_and_comments_of_our_section_stay_in_place() -> None:
    text = (
        "[profile bb-shared-devops]\n# mine\nduration_seconds = 3600\nmfa_serial = arn:aws:iam::2:mfa/a\n"
        "region = eu-west-1\n\n[profile z]\nregion=1\n"
    )
    assert merged(text, ROLE) == (
        "[profile bb-shared-devops]\n# mine\nduration_seconds = 3600\nregion = us-east-1\n"
        "role_arn = arn:aws:iam::333333333333:role/DevOps\nsource_profile = bb-security\n"
        "\n[profile z]\nregion=1\n"
    )


def test_the_other_spelling_with_a_colon_is_replaced_not_doubled() -> None:
    text = "[profile bb-shared-devops]\nregion: eu-west-1\noutput: text\n"
    result = merged(text, ROLE)
    assert "region: " not in result
    assert "output: text\n" in result
    assert profile_sections(result, "profile ", "x")["bb-shared-devops"].options["region"] == "us-east-1"


def test_a_quoted_section_name_is_the_same_profile() -> None:
    result = merged('[profile "bb-shared-devops"]\nregion = old\n', ROLE)
    assert result.count("[") == 1


def test_a_section_without_options_gets_them_before_its_comment() -> None:
    assert merged("[profile bb-shared-devops]\n\n# about the next\n[profile z]\n", ROLE).startswith(
        "[profile bb-shared-devops]\nrole_arn = "
    )


def test_a_section_that_must_not_be_created_is_only_cleaned() -> None:
    cleaning = WantedSection("bb-security", {}, ("aws_secret_access_key",), create=False)
    assert merge("", [cleaning], prefix="", name="credentials").text == ""
    text = "[bb-security]\naws_secret_access_key = x\nregion = y\n"
    assert merge(text, [cleaning], prefix="", name="credentials").text == "[bb-security]\nregion = y\n"


def test_what_changed_is_told() -> None:
    result = merge(
        "[profile bb-shared-devops]\n", [ROLE, WantedSection("n", {"a": "b"})], prefix="profile ", name="c"
    )
    assert (result.added, result.updated) == (("n",), ("bb-shared-devops",))
    assert "arn:" not in repr(result)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[a]\nx = 1\n[a]\ny = 2\n", 3),
        ("[profile a]\nx = 1\n[profile  a]\ny = 2\n", 3),
        ('[profile a]\nx = 1\n\n[profile "a"]\ny = 2\n', 4),
        ("[a]\nx = 1\nX = 2\n", 3),
        ("x = 1\n[a]\n", 1),
        ("[a]\nx = 1\nword\n", 3),
        ("[b]\n[a]\ns3 =\n  word\n", 4),
        ("\ufeff[a]\nx = 1\n", 1),
        ("[a]\nx = 1\ry = 2\n", 2),
        ("[a\nx = 1\n", 1),
    ],
)
def test_what_the_aws_tools_reject_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ProfileFileError) as caught:
        merged(text, ROLE)
    assert f"line {line}:" in caught.value.what


def test_a_refusal_never_repeats_a_value() -> None:
    with pytest.raises(ProfileFileError) as caught:
        merged("[a]\naws_secret_access_key = 1\nCANARYSECRET\n", ROLE)
    assert "CANARY" not in caught.value.as_text()


@pytest.mark.parametrize("value", ["a\nb = c", "a\r", "", " padded", "x\x00", "\u2028"])
def test_no_value_can_smuggle_a_line_in(value: str) -> None:
    with pytest.raises(ValueError, match="region"):
        merged("", WantedSection("a", {"region": value}))


def test_a_secret_is_written_and_compared() -> None:
    section = WantedSection("a", {"aws_secret_access_key": Secret("s" * 40)})
    once = merge("", [section], prefix="", name="credentials")
    assert "s" * 40 in once.text
    assert merge(once.text, [section], prefix="", name="credentials").text == once.text


WORDS = st.text("abcdefghijk_", min_size=1, max_size=8)
NEWLINES = st.sampled_from(["\n", "\r\n"])


@st.composite
def generated_files(draw: st.DrawFn) -> tuple[str, list[str], list[str]]:
    """Draw a file's text, its foreign parts, and the names of our profiles in it."""
    newline = draw(NEWLINES)
    ours = draw(st.lists(st.sampled_from(["bb-a", "bb-b", "bb-c"]), unique=True))
    others = draw(st.lists(WORDS, unique=True, max_size=4))
    chunks = []
    kept = []
    for name in draw(st.permutations([*ours, *others])):
        lines = [draw(st.sampled_from([f"[profile {name}]", f'[profile "{name}"]', f"[profile {name}] # x"]))]
        if name in ours:
            lines += [
                f"{key}={draw(WORDS)}" for key in draw(st.sampled_from([[], ["region"], ["role_arn", "zz"]]))
            ]
        else:
            for key in draw(st.lists(WORDS, unique=True, max_size=4)):
                lines += draw(
                    st.sampled_from(
                        [
                            [f"{key} = 1"],
                            [f"{key}=two words ; x"],
                            [f"{key}: 3"],
                            ["# note", f"  {key}  =  4  "] if len(lines) == 1 else [f"{key}=4"],
                            [f"{key} =", "   inner = 5", "   deep=6"],
                            [f"{key} =", ""],
                            ["", "; c", f"{key} = 7", ""],
                        ]
                    )
                )
        body = (
            newline.join(lines)
            + newline
            + draw(st.sampled_from(["", newline, f"# after{newline}", newline * 3]))
        )
        chunks.append(body)
        if name not in ours:
            kept.append(body)
    text = draw(st.sampled_from(["", f"# head{newline}{newline}"])) + "".join(chunks)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
        kept = (
            kept
            if not kept or not chunks or chunks[-1] is not kept[-1]
            else [*kept[:-1], kept[-1].rstrip("\r\n")]
        )
    return text, kept, ours


@settings(max_examples=200, deadline=None)
@given(generated_files())
def test_only_our_sections_change_and_writing_twice_is_the_identity(
    case: tuple[str, list[str], list[str]],
) -> None:
    text, kept, _ours = case
    wanted = [
        WantedSection(name, {"region": "us-east-1", "role_arn": f"arn:{name}"}, ("mfa_serial",))
        for name in ("bb-a", "bb-b", "bb-c", "bb-d")
    ]
    before = profile_sections(text, "profile ", "x")
    once = merged(text, *wanted)
    after = profile_sections(once, "profile ", "x")
    assert all(part in once for part in kept)
    for name, section in before.items():
        expected = dict(section.options)
        if name.startswith("bb-"):
            expected |= {"region": "us-east-1", "role_arn": f"arn:{name}"}
        assert after[name].options == expected
    assert set(after) == set(before) | {"bb-a", "bb-b", "bb-c", "bb-d"}
    assert merged(once, *wanted) == once
    comments = re.findall(r"(?m)^[#;][^\r\n]*", text)
    assert re.findall(r"(?m)^[#;][^\r\n]*", once) == comments
