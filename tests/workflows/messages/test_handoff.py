from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st
from support.message_samples import identity
from support.message_ways import (
    EXTRA,
    MANGLES,
    chat_links,
    chatter,
    crlf,
    entities,
    hard_blanks,
    hard_wrapped_at,
    links,
    quoted,
    saved_mail,
    smart_quotes,
    soft_wrapped,
    without_fence,
)

from workflows.messages import handoff as handoff_module
from workflows.messages.envelope import MessageError
from workflows.messages.file_names import handoff_file
from workflows.messages.handoff import NEW_ROLES, Handoff, RoleProfile, open_handoff

URL_BY_ID = "https://444444444444.signin.aws.amazon.com/console"


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
