"""What mail and chat programs do to a text on its way, and what its sender may write."""

from __future__ import annotations

import email.message
import re
import textwrap
from collections.abc import Callable

from hypothesis import strategies as st


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
