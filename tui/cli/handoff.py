"""`iam-onboard handoff create|open`: the steps Hand over and Handoff without a screen.

What was asked for goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.exit_codes import DONE, REFUSED
from tui.cli.layer_run import Told, asked_code, layer_alone, refuse_beside_a_run, with_codes
from tui.cli.output import answer, hand_out, note
from tui.cli.project_named import session_handoff
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import read_text, write_atomically
from workflows.core.openpgp import grouped
from workflows.core.sentences import Sentence, joined
from workflows.gpg.decrypt import HIDDEN_RECIPIENT, clean_ciphertext, recipients
from workflows.gpg.keyring import OwnKey, list_secret_keys
from workflows.messages.handoff import ACCESS, Handoff, Identity, open_handoff
from workflows.steps.admin import hand_over
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.admin.one_layer import handing_over, with_new_password
from workflows.steps.new_user.handoff import MAX_HANDOFF, NONE_KNOWN, known_accounts, mark_of, own_key
from workflows.steps.shared.module import Context


@dataclass(frozen=True)
class Answer:
    """Whether this machine can open what an identity holds.

    Attributes:
        opens: whether the secret key is here; None where nothing is encrypted.
        words: that in words, with the key.
    """

    opens: bool | None
    words: Sentence


def create(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard handoff create LAYER NAME`.

    Raises:
        OnboardError: it cannot be made.
    """
    target = machine.working_folder / Path(options.out).expanduser() if options.out else None
    if target is not None:
        _refuse_another_file(target)
    with contextlib.ExitStack() as stack:
        first, *others = (
            stack.enter_context(layer_alone(machine, options, layer))
            for layer in dict.fromkeys((options.layer, *options.also))
        )
        person = _person(first, others, options)
    if person.trouble or not person.text:
        raise OnboardError(
            "The handoff would be incomplete" if person.text else "There is nothing to hand over",
            joined(person.trouble) or f"The state has nothing for {options.name}.",
            next="Check the name, and that the layer is applied. Nothing was written.",
        )
    if person.conventional and options.no_usual_roles:
        person = person.without_conventional()
    elif person.conventional:
        note(
            "note: the state names no role to assume, so the text has the usual ones of such projects; "
            "--no-usual-roles leaves them out."
        )
    note(
        f"note: this is what was made for {options.name} last. A password or key that was changed since no "
        "longer works."
    )
    if target is None:
        hand_out(person.text)
    else:
        write_atomically(target, person.text.encode())
        note(f"Wrote {target}.")
    return DONE


def _person(first: Context, others: list[Context], options: argparse.Namespace) -> PersonHandoff:
    for one in (first, *others):
        refuse_beside_a_run(one)
        if one.facts["project_root"] != first.facts["project_root"]:
            raise OnboardError(
                "Layers of two projects",
                f"{one.item} is a layer of {one.facts['project_root']}, but {first.item} isn't.",
                next="Name layers of the same project: a handoff is for one project.",
            )
    about = with_new_password if options.new_password else handing_over
    context = about(first, options.name, [one.item for one in others])
    code = asked_code(first)
    codes = {one.item: asked_code(one) for one in others}

    (person,) = with_codes(context, code, lambda code: hand_over.prepare(context, Told(), code, codes))
    return person


def _refuse_another_file(target: Path) -> None:
    if not target.exists():
        return
    try:
        open_handoff(read_text(target, MAX_HANDOFF))
    except OnboardError:
        raise OnboardError(
            "The file exists already",
            f"{target} isn't a handoff, so iam-onboard left it alone.",
            next="Choose another name.",
        ) from None


def show(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard handoff open FILE`.

    Raises:
        OnboardError: it cannot be read, or is for somebody else.
    """
    handoff = open_handoff(asking.given_text(machine, options.file, MAX_HANDOFF, "the handoff"))
    _refuse_another_addressee(handoff, options)
    keys = list_secret_keys(machine.gnupg_home, machine.environment)
    pairs = [(one, _key_for(one, keys)) for one in handoff.identities]
    known = known_accounts(handoff.project, machine.home, session_handoff(machine, handoff.project))
    records = [_record(one, key, known) for one, key in pairs]
    record = {"project": handoff.project, "occasion": handoff.occasion, "identities": records}
    answer(record, _lines(handoff, pairs, known), as_json=options.json)
    if closed := [one.account_name for one, key in pairs if key.opens is False]:
        note(f"No key on this computer opens: {', '.join(closed)}.")
        return REFUSED
    return DONE


def _refuse_another_addressee(given: Handoff, options: argparse.Namespace) -> None:
    users = sorted({identity.user for identity in given.identities})
    if options.project and given.project != options.project:
        raise OnboardError(
            "A handoff for another project",
            f"It is for {given.project}, but you named {options.project}.",
            next="Ask your admin for the right one.",
        )
    if options.user and users != [options.user]:
        raise OnboardError(
            "A handoff for another user",
            f"It is for {', '.join(users)}, but you named {options.user}.",
            next="Ask your admin for the right one.",
        )


def _key_for(identity: Identity, keys: tuple[OwnKey, ...]) -> Answer:
    try:
        key = own_key(identity, keys)
    except OnboardError as error:
        return Answer(False, error.what)
    if key is None:
        return Answer(None, "it holds nothing encrypted")
    named = next((one.text for one in key.details.user_ids), key.details.fingerprint)
    wanted = _recipients(identity)
    here = key.present if HIDDEN_RECIPIENT in wanted else key.present & wanted
    if not here:
        return Answer(False, f"{named}: only the public half of its encryption key is on this computer")
    card = " (on a smartcard)" if here <= key.on_card else ""
    return Answer(True, f"{named}: the secret key is on this computer{card}")


def _recipients(identity: Identity) -> set[str]:
    texts = [one for one in (identity.encrypted_password, identity.encrypted_secret) if one]
    return {key_id for text in texts for key_id in recipients(clean_ciphertext(text))}


def _record(identity: Identity, answer: Answer, known: frozenset[str]) -> dict[str, Any]:
    return {
        "account": identity.account_name,
        "account_id": identity.account_id,
        "account_known": identity.account_id in known,
        "user": identity.user,
        "sign_in_url": identity.sign_in_url,
        "password": identity.encrypted_password is not None,
        "access_key_id": identity.access_key_id,
        "fingerprint": identity.key_fingerprint,
        "secret_key_here": answer.opens,
        "key": answer.words,
        "mfa_required": identity.mfa_required,
        "roles": [
            {
                "profile": one.profile,
                "role": one.role,
                "account": one.account_name,
                "account_id": one.account_id,
                "account_known": one.account_id in known,
            }
            for one in identity.profiles
        ],
    }


def _lines(handoff: Handoff, pairs: list[tuple[Identity, Answer]], known: frozenset[str]) -> Iterator[str]:
    first = handoff.occasion == ACCESS
    yield f"A handoff of the project {handoff.project}" + (
        "" if first else f" ({handoff.occasion.replace('-', ' ')})"
    )
    for identity, key in pairs:
        yield ""
        yield from _identity_lines(identity, key.words, known, first=first)
    if not known:
        yield ""
        yield f"! {NONE_KNOWN}"


def _identity_lines(
    identity: Identity, words: Sentence, known: frozenset[str], *, first: bool
) -> Iterator[str]:
    yield f"{identity.account_name} ({identity.account_id}){mark_of(identity.account_id, known)}"
    yield f"  user      {identity.user}"
    if identity.sign_in_url:
        yield f"  sign in   {identity.sign_in_url}"
    held = [
        *(["a one-time password"] if identity.encrypted_password else []),
        *([f"the access key {identity.access_key_id}"] if identity.encrypted_secret else []),
    ]
    yield f"  encrypted {' and '.join(held) or 'nothing'}"
    yield f"  PGP key   {grouped(identity.key_fingerprint)}"
    yield f"            {words}"
    if identity.mfa_required and identity.encrypted_password:
        yield f"  MFA       {'set it up after you sign in' if first else 'your device stays as it is'}"
    for one in identity.profiles:
        mark = mark_of(one.account_id, known)
        yield f"  role      {one.role} in {one.account_name} ({one.account_id}), profile {one.profile}{mark}"
