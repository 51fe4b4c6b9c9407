"""What is said about keys on the screens: marks, and all that is known of a key, in lines."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.core.errors import OnboardError
from workflows.core.openpgp import grouped
from workflows.core.sentences import joined, text_of
from workflows.services.gpg.owner import Likeness
from workflows.steps.judged_keys import Replacement, TakenKey
from workflows.steps.layer_keys import PresentKey
from workflows.steps.taken_keys import Taken


def row_mark(key: TakenKey) -> str:
    """The verdict in a person's row, where a key that replaces another one is marked as well."""
    return "! replaces" if key.accepted and key.replacement else str(key.mark)


def hint(name: str) -> str:
    """What to do for a person whose key is missing; "" is nobody."""
    if not name:
        return "Nobody joins or gets a new key. Go back to the Project step to say who does."
    return f"{name}: paste or open what they sent; or Tab to Invite, which makes a text to send them."


def told(key: TakenKey) -> list[str]:
    """All that is to be said about a key that was taken in."""
    lines = [f"{key.mark.sign} {joined((f'{key.headline}.', key.explanation))}"]
    lines += [f"! {words}" for words in key.warnings]
    lines += _told_replacement(key.replacement) if key.replacement else []
    expires = key.expires[:10] if key.expires else "never"
    lines += [
        ", ".join(key.user_ids),
        f"{grouped(key.fingerprint)} (fingerprint)",
        f"Expires {expires}; {key.origin}",
    ]
    return [*lines, "o copies a text for its owner."]


def _told_replacement(replaced: Replacement) -> list[str]:
    lines = [f"! Replaces another key in {words}" for words in replaced.told]
    lines += [f"= {account} has this very key already; its file stays." for account in replaced.unchanged]
    return lines + [f"! {words}" for words in replaced.by_hand]


def refusal_lines(error: OnboardError) -> list[str]:
    """Why what was given last for a person was not taken in."""
    return [f"✗ {error.title}. {error.what}", "o copies a text for the person who sent it."]


def present_lines(rows: Sequence[PresentKey]) -> list[str]:
    """What lies in the layers of a person already, a line a file."""
    return [f"In {row.account} now: {row.mark.sign} {row.file}, {present_words(row)}" for row in rows]


def present_words(row: PresentKey) -> str:
    """A key file that is there, in a few words."""
    parts = [text_of(row.headline).lower(), *filter(None, [row.algorithm])]
    if row.expires:
        parts.append(f"{'expires SOON, on' if row.soon else 'until'} {row.expires}")
    if len(row.users) > 1:
        parts.append(f"shared by {', '.join(row.users)}")
    if row.same:
        parts.append(f"the same key as {', '.join(row.same)}")
    return ", ".join(parts)


def choice_lines(key: TakenKey) -> str:
    """A key among several, in three lines: whose, what it is, and its fingerprint."""
    fits = " (this name)" if key.likeness is Likeness.FULL else ""
    more = f" and {len(key.user_ids) - 1} more" if len(key.user_ids) > 1 else ""
    whose = key.user_ids[0] if key.user_ids else "no user id"
    until = f"until {key.expires[:10]}" if key.expires else "without expiry"
    verdict = f"{key.mark.sign} {key.headline}"
    return f"{whose}{more}{fits}\n    {key.algorithm}, {until}; {verdict}\n    {grouped(key.fingerprint)}"


def proposal(taken: Taken) -> str:
    """What is asked about somebody who is in a layer already and sent a key."""
    key = taken.keys[taken.replaces]
    asks = "asks for a replacement" if taken.asked else "sent another key"
    because = f"Their reason: {taken.reason}\n" if taken.reason else ""
    return (
        f"{taken.replaces} is in a layer already and {asks}.\n{because}"
        f"{key.algorithm}, {', '.join(key.user_ids)}\nFingerprint {grouped(key.fingerprint)}\n\n"
        "The Project step opens with this person under “New PGP key for?”; the key is kept for this step."
    )


def replacing(key: TakenKey) -> str:
    """What a new key makes anew, by name, for the question that wants the typed name."""
    resets = key.replacement.told if key.replacement else ()
    return (
        "The next apply makes these anew, and the ones in use stop working:\n"
        + "".join(f"  {text_of(words)}\n" for words in resets)
        + f"New key {key.algorithm}, fingerprint\n  {grouped(key.fingerprint)}"
    )
