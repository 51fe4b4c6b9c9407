from __future__ import annotations

import email.message
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st
from support.message_samples import identity, request

from workflows.messages import handoff as handoff_module
from workflows.messages.envelope import MessageError
from workflows.messages.file_names import handoff_file
from workflows.messages.handoff import NEW_ROLES, Handoff, RoleProfile, open_handoff
from workflows.messages.request import open_request

URL_BY_ID = "https://444444444444.signin.aws.amazon.com/console"

# --- what happens to a text on its way ---------------------------------------------------------------------


def quoted(text: str) -> str:
    return "".join(f"> {line}\n" if line else ">\n" for line in text.split("\n"))


def quoted_twice_without_blank(text: str) -> str:
    return "".join(f">>{line}\n" for line in text.split("\n"))


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def chatter(text: str) -> str:
    return f'Hi {{there}}, see below\n\nOn Monday, you wrote:\n{text}\n-- \nSent from my phone {{}} "quote\n'


def smart_quotes(text: str) -> str:
    return re.sub(r'"([^"\n]*)"', "“\\1”", text)


def hard_wrapped_at(width: int) -> Callable[[str], str]:
    def wrap(text: str) -> str:
        return "\n".join(
            line[start : start + width]
            for line in text.split("\n")
            for start in range(0, max(len(line), 1), width)
        )

    return wrap


def soft_wrapped(text: str) -> str:
    return "\n".join("\n".join(textwrap.wrap(line, 50, break_on_hyphens=False)) for line in text.split("\n"))


def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def without_fence(text: str) -> str:
    return text.replace("```json\n", "").replace("```", "")


def hard_blanks(text: str) -> str:
    return text.replace(" ", "\u00a0").replace("\u00a0join", " join")


def byte_order_mark(text: str) -> str:
    return "\ufeff" + text


def links(text: str) -> str:
    return re.sub(r"(https://[A-Za-z0-9./-]+)", r"\1<\1>", text)


def chat_links(text: str) -> str:
    return re.sub(r"(https://[A-Za-z0-9./-]+)", r"<\1>", text)


def saved_mail(encoding: str) -> Callable[[str], str]:
    def save(text: str) -> str:
        message = email.message.EmailMessage()
        message["From"] = "admin@example.com"
        message["Subject"] = "Your access"
        message.set_content(text, cte=encoding)
        return message.as_string()

    return save


MANGLES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": quoted,
    "quoted twice": quoted_twice_without_blank,
    "crlf": crlf,
    "chatter": chatter,
    "smart quotes": smart_quotes,
    "soft wrapped": soft_wrapped,
    "entities": entities,
    "without the fence": without_fence,
    "hard blanks": hard_blanks,
    "byte order mark": byte_order_mark,
    "links": links,
    "chat links": chat_links,
    "quoted-printable mail": saved_mail("quoted-printable"),
    "base64 mail": saved_mail("base64"),
}


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES.keys())
def test_a_handoff_survives_its_way(mangle: Callable[[str], str]) -> None:
    second = identity(
        account_name="management", account_id="444444444444", sign_in_url=URL_BY_ID, profiles=()
    )
    handoff = Handoff("bb", (identity(), second))
    assert open_handoff(mangle(handoff.render())) == handoff


@pytest.mark.parametrize("password", [identity().encrypted_password, None])
def test_only_several_passwords_may_be_partly_replaced_already(password: str | None) -> None:
    key = {"access_key_id": "AKIAEXAMPLEEXAMPLE01", "encrypted_secret": identity().encrypted_password}
    second = identity(
        account_name="management",
        account_id="444444444444",
        sign_in_url=URL_BY_ID,
        encrypted_password=password,
        profiles=(),
        **key,
    )
    text = " ".join(Handoff("bb", (identity(), second)).render().split())
    assert (handoff_module._DONE in text) is (password is not None)


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES.keys())
def test_a_request_survives_its_way(mangle: Callable[[str], str]) -> None:
    original = request(replacement=True, reason="The laptop with the key was lost, & it's “gone” <for good>.")
    assert open_request(mangle(original.render())) == original


ORDERED = [
    smart_quotes,
    links,
    chat_links,
    entities,
    crlf,
    without_fence,
    hard_blanks,
    quoted,
    soft_wrapped,
    chatter,
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(ORDERED), max_size=4),
    st.sampled_from([None, "quoted-printable", "base64", "8bit"]),
)
def test_a_handoff_survives_whatever_happens_in_a_row(
    mangles: list[Callable[[str], str]], encoding: str | None
) -> None:
    if links in mangles and chat_links in mangles:
        mangles = [mangle for mangle in mangles if mangle is not chat_links]
    handoff = Handoff("bb", (identity(),))
    if soft_wrapped in mangles:  # lines are not broken inside an entity
        mangles = [mangle for mangle in mangles if mangle is not entities]
    text = handoff.render()
    seen = set()
    for mangle in mangles:
        if mangle not in seen or mangle is quoted:
            text = mangle(text)
        seen.add(mangle)
    if encoding:
        text = saved_mail(encoding)(text.replace("\r\n", "\n"))
    assert open_handoff(text) == handoff


@settings(max_examples=60, deadline=None)
@given(st.integers(40, 120), st.booleans(), st.booleans())
def test_lines_broken_anywhere_are_mended(width: int, quote_before: bool, quote_after: bool) -> None:
    handoff = Handoff("bb", (identity(password_policy=()),))
    text = handoff.render()
    text = quoted(text) if quote_before else text
    text = hard_wrapped_at(width)(text)
    text = quoted(text) if quote_after else text
    assert open_handoff(text) == handoff


PROSE = (
    st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\u200e\u200f\ue000"),
        max_size=80,
    )
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: not re.search("[\u061c\u202a-\u202e\u2066-\u2069\U000e0000-\U000e01ef]", text))
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | PROSE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex("x-[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
)
EXTRA = st.dictionaries(st.from_regex("x-[a-z]{1,5}", fullmatch=True), JSON_VALUES, max_size=3)


@settings(max_examples=80, deadline=None)
@given(
    PROSE, PROSE, EXTRA, st.booleans(), st.sampled_from([str, quoted, crlf, entities, smart_quotes, chatter])
)
def test_every_request_comes_back_with_its_unknown_fields(
    name: str, reason: str, extra: dict[str, object], replacement: bool, mangle: Callable[[str], str]
) -> None:
    original = request(name=name, reason=reason, replacement=replacement, extra=extra)
    assert open_request(mangle(original.render())) == original


@settings(max_examples=40, deadline=None)
@given(EXTRA, EXTRA, EXTRA)
def test_unknown_fields_of_a_handoff_are_kept_at_every_level(
    outer: dict[str, object], middle: dict[str, object], inner: dict[str, object]
) -> None:
    profile = RoleProfile("p", "DevOps", "shared", "333333333333", extra=inner)
    handoff = Handoff("bb", (identity(profiles=(profile,), extra=middle),), extra=outer)
    assert open_handoff(handoff.render()) == handoff


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 4000), st.sampled_from(["", "x", '"', "{", "\\", "\n", "\u201c", "\u00e9"]), st.booleans()
)
def test_a_damaged_handoff_is_refused_or_read_unchanged(place: int, change: str, cut: bool) -> None:
    handoff = Handoff("bb", (identity(),))
    text = handoff.render()
    place = min(place, len(text))
    damaged = text[:place] + change + ("" if cut else text[place:])
    try:
        opened = open_handoff(damaged)
    except MessageError:
        return  # rejecting it is right, too
    for name in ("account_id", "sign_in_url", "key_fingerprint"):
        assert getattr(opened.identities[0], name) == getattr(handoff.identities[0], name)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encrypted_password": None, "access_key_id": "AKIAIOSFODNN7EXAMPLE", "sign_in_url": ""},
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE"},
    ],
)
def test_the_text_speaks_of_what_it_holds(changes: dict[str, object]) -> None:
    if "access_key_id" in changes:
        changes = {**changes, "encrypted_secret": identity().encrypted_password}
    text = Handoff("bb", (identity(**changes),)).render().partition("Without it:")[0]
    assert ("password" in text) == (identity(**changes).encrypted_password is not None)
    assert ("secret key" in text) == ("access_key_id" in changes)
    assert text.count(handoff_file(identity().user)) == 2, "the wizard saves and looks for that one"


def test_the_text_for_other_roles_offers_no_password_of_before() -> None:
    profile = RoleProfile("bb-shared-devops", "DevOps", "shared", "333333333333")
    without = identity(profiles=(profile,), encrypted_password=None, key_fingerprint="")
    handoff = Handoff("bb", (without,), occasion=NEW_ROLES)
    text = handoff.render().partition("```")[0]
    assert "gpg" not in text
    assert profile.profile in text
    assert open_handoff(handoff.render()) == handoff
    of_before = identity(profiles=(profile,))  # as older programs sent it
    old = replace(handoff, identities=(of_before,))
    assert open_handoff(old.render()).identities == (replace(of_before, encrypted_password=None),)
