"""What else in the repository mentions a person who leaves: by name, mail address or PGP key.

The layers' own declarations are taken away by Review; what is left is in other layers, policies, CODEOWNERS
or a README, and a person has to decide about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.services.git_search import GitSearch
from workflows.services.gpg.inspect import inspect_key
from workflows.services.gpg.normalise import normalise
from workflows.steps.base import Context, Progress, Report

_SHORT_ID = 16
"""Digits of a long key id, by which people name a key too."""
_WORDS = re.compile(r"\w+\W+\w+")
"""A first and a last name; a single word would be found everywhere."""


@dataclass(frozen=True)
class Mention:
    """A place that mentions a person.

    Attributes:
        place: the file and the line, as "README.md:12"; the file alone if its name is what mentions them.
        by: what it says of them: "name", "mail address" or "PGP key".
        text: the line, without blanks around it; "" for a file's name.
    """

    place: str
    by: str
    text: str


@dataclass(frozen=True)
class Mentioned:
    """What was found of a person.

    Attributes:
        mentions: the places, by file and line.
        terms: what was looked for.
        remark: why something could not be looked for, or "".
    """

    mentions: tuple[Mention, ...]
    terms: tuple[str, ...]
    remark: Sentence = ""


def find_mentions(names: Iterable[str], context: Context, report: Report) -> dict[str, Mentioned]:
    """Where the checkout still mentions some people; nothing where the project is no repository.

    Raises:
        OnboardError: git fails.
    """
    git = GitSearch(context.root, context.world.environment)
    if not git.is_repository():
        remark = "The project is no git repository: it was not searched for mentions."
        return {name: Mentioned((), (), remark) for name in names}
    found = {}
    for name in names:
        context.raise_if_cancelled()
        report(Progress(f"Looking for what mentions {name}"))
        found[name] = _of(name, git, context)
    return found


def _of(name: str, git: GitSearch, context: Context) -> Mentioned:
    own, remark = _by_key(name, git, context)
    terms = {**own, **_by_name(name)}
    patterns = {term: _whole(term) for term in terms}
    found = [
        Mention(str(path), "name", "")
        for path in git.paths()
        if any(patterns[term].search(str(path)) for term in _by_name(name)) and (git.root() / path).exists()
    ]
    for hit in git.hits(list(terms)):
        by = [words for term, words in terms.items() if patterns[term].search(hit.text)]
        if by:
            found.append(Mention(f"{hit.path}:{hit.line}", by[0], hit.text.strip()))
    return Mentioned(tuple(found), tuple(terms), remark)


def _by_name(name: str) -> dict[str, str]:
    """The name, and as labels (`user_jane_doe`), handles (`@jane-doe`) and sentences ("Jane Doe") have it."""
    return dict.fromkeys((name, *(re.sub(r"[^A-Za-z0-9]", mark, name) for mark in "_- ")), "name")


def _by_key(name: str, git: GitSearch, context: Context) -> tuple[dict[str, str], str]:
    """The mail addresses and the fingerprint of the person's key, as it was last committed."""
    terms: dict[str, str] = {}
    try:
        for text in git.last_contents(name):
            details = inspect_key(normalise(text).binary, environment=context.world.environment)
            real = (one.text.partition("<")[0].partition("(")[0].strip() for one in details.user_ids)
            terms |= {one: "name in the PGP key" for one in real if _WORDS.search(one)}
            terms |= {one.mail: "mail address" for one in details.user_ids if one.mail}
            terms |= {details.fingerprint: "PGP key", details.fingerprint[-_SHORT_ID:]: "PGP key"}
    except OnboardError as error:
        return terms, f"The mail address and the key of {name} were not looked for: {error.what}"
    return terms, ""


def _whole(term: str) -> re.Pattern[str]:
    """Finds a term that is no part of a longer word."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(term)}(?![A-Za-z0-9])", re.IGNORECASE)


def as_text(found: Mapping[str, Mentioned]) -> str:
    """All of it as lines to read, or to send to whoever looks after these files."""
    lines = []
    for name, one in found.items():
        lines.append(f"{name}: {'mentioned in' if one.mentions else 'nothing else mentions them'}")
        lines += [f"  {mention.place}  ({mention.by})  {mention.text}".rstrip() for mention in one.mentions]
        lines += [f"  ! {one.remark}"] if one.remark else []
    return "\n".join(lines)
