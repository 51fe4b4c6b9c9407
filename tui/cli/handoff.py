"""`iam-onboard handoff create|open`: the steps Hand over and Handoff without a screen.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from tui.cli import asking
from tui.cli.arguments import (
    BINARY,
    DONE,
    JSON,
    LAYER,
    REFUSED,
    TRUST_BINARY,
    USER,
    Commands,
    argument,
    flag,
    option,
    repeatable,
)
from tui.cli.output import answer, hand_out, note
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, joined

with on_demand():
    from tui import host
    from tui.cli import layer_run, lookup
    from workflows.core import files, openpgp
    from workflows.gpg import decrypt, keyring
    from workflows.messages import handoff as messages
    from workflows.steps.admin import hand_over, one_layer
    from workflows.steps.new_user import handoff as step
    from workflows.steps.shared import module, paths


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    parts = commands.group("handoff")
    parts.add(
        "create",
        create,
        "print a person's handoff from the layer's state, encrypted to their key",
        LAYER,
        BINARY,
        TRUST_BINARY,
        USER,
        repeatable("--also", "LAYER", "include the person's access in another layer of the project"),
        flag(
            "--new-password",
            "hand over a new password (after `plan --password`), without access keys",
        ),
        option("--out", "FILE", "write the handoff to a file (mode 0600)"),
        flag(
            "--no-usual-roles",
            "don't add the usual roles if the state names none",
        ),
        description="Print a person's handoff. Stops if something isn't encrypted to the key in the layer. "
        "Nothing in the text is secret.",
    )
    parts.add(
        "open",
        show,
        "show who a handoff is for, its accounts and roles, and whether your key opens it",
        argument("file", "FILE", "the message as you got it ('-': stdin)"),
        option("--user", "NAME", "reject a handoff for another user"),
        option("--project", "NAME", "reject a handoff for another project"),
        JSON,
        description=(
            "Show who a handoff is for, and whether your key opens it. Decrypts nothing, and prints no "
            "encrypted text."
        ),
    )


_CHECK = "Check the name, and that the layer is applied."


class Answer(NamedTuple):
    """Whether this machine can open an identity's secrets.

    Attributes:
        opens: whether the secret key is here; None if nothing is encrypted.
        words: the same as a sentence, with the key.
    """

    opens: bool | None
    words: Sentence


def create(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard handoff create LAYER NAME`.

    Raises:
        OnboardError: it can't be made.
    """
    target = machine.path(options.out) if options.out else None
    with contextlib.ExitStack() as stack:
        first, *further = (
            stack.enter_context(layer_run.layer_alone(machine, options, layer))
            for layer in dict.fromkeys((options.layer, *options.also))
        )
        if target is not None:
            paths.refuse_another(target, str(target), hand_over.own_handoff(options.name, first))
        person = _person(first, further, options)
    if person.trouble or not person.text:
        raise OnboardError(
            "The handoff would be incomplete" if person.text else "There is nothing to hand over",
            joined(person.trouble) or f"The state has nothing for {options.name}.",
            next=joined(("" if person.trouble else _CHECK, "Nothing was written.")),
        )
    if person.conventional and options.no_usual_roles:
        person = person.without_conventional()
    elif person.conventional:
        note(
            "note: the state names no role to assume, so the handoff lists the roles that such projects "
            "usually have. --no-usual-roles leaves them out."
        )
    note(
        "note: what is encrypted in the handoff is the latest in the state. If "
        f"{options.name} has changed it since, it no longer works."
    )
    note(*(f"warning: {doubt}" for doubt in person.doubts))
    if target is None:
        hand_out(person.text)
    else:
        files.write_atomically(target, person.text.encode())
        note(f"Wrote {target}.")


def _person(
    first: module.Context, further: list[module.Context], options: argparse.Namespace
) -> hand_over.PersonHandoff:
    for layer in (first, *further):
        layer_run.refuse_beside_a_run(layer)
        if layer.root != first.root:
            raise OnboardError(
                "Layers of two projects",
                f"{layer.item} is a layer of {layer.root}, but {first.item} isn't.",
                next="Name layers of the same project: a handoff is for one project.",
            )
    about = one_layer.with_new_password if options.new_password else one_layer.handing_over
    context = about(first, options.name, [layer.item for layer in further])
    code = layer_run.asked_code(first)
    codes = {layer.item: layer_run.asked_code(layer) for layer in further}
    (person,) = layer_run.with_codes(
        context, code, lambda code: hand_over.prepare(context, layer_run.RunReport(), code, codes)
    )
    return person


def show(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard handoff open FILE`.

    Raises:
        OnboardError: it can't be read, or is for somebody else.
    """
    handoff = messages.open_handoff(
        asking.given_text(machine, options.file, messages.MAX_HANDOFF, "the handoff")
    )
    users = ", ".join(sorted({identity.user for identity in handoff.identities}))
    for what, found, named in (("project", handoff.project, options.project), ("user", users, options.user)):
        if named and found != named:
            raise OnboardError(
                f"A handoff for another {what}",
                f"It is for {found}, but you named {named}.",
                next="Ask your admin for the right one.",
            )
    keys = keyring.list_secret_keys(machine.gnupg_home, machine.environment)
    pairs = [(identity, _key_for(identity, keys)) for identity in handoff.identities]
    known = step.known_accounts(
        handoff.project, machine.home, lookup.session_handoff(machine, handoff.project)
    )
    records = [_record(identity, key, known) for identity, key in pairs]
    record = {"project": handoff.project, "occasion": handoff.occasion, "identities": records}
    answer(record, _lines(handoff, pairs, known), as_json=options.json)
    if closed := [identity.account_name for identity, key in pairs if key.opens is False]:
        note(f"No key on this computer opens the handoff for: {', '.join(closed)}.")
        return REFUSED
    return DONE


def _key_for(identity: messages.Identity, keys: tuple[keyring.OwnKey, ...]) -> Answer:
    try:
        key = step.own_key(identity, keys)
    except OnboardError as error:
        return Answer(False, error.what)
    if key is None:
        return Answer(None, "nothing in it is encrypted")
    named = next((user_id.text for user_id in key.details.user_ids), key.details.fingerprint)
    wanted = {
        key_id for text in identity.encrypted for key_id in decrypt.recipients(decrypt.clean_ciphertext(text))
    }
    here = key.present if decrypt.HIDDEN_RECIPIENT in wanted else key.present & wanted
    if not here:
        return Answer(False, f"{named}: only the public half of its encryption key is on this computer")
    card = " (on a smartcard)" if here <= key.on_card else ""
    return Answer(True, f"{named}: the secret key is on this computer{card}")


def _record(identity: messages.Identity, key: Answer, known: frozenset[str]) -> dict[str, Any]:
    return {
        "account": identity.account_name,
        "account_id": identity.account_id,
        "account_known": identity.account_id in known,
        "user": identity.user,
        "sign_in_url": identity.sign_in_url,
        "password": identity.encrypted_password is not None,
        "access_key_id": identity.access_key_id,
        "fingerprint": identity.key_fingerprint,
        "secret_key_here": key.opens,
        "key": key.words,
        "mfa_required": identity.mfa_required,
        "roles": [
            {
                "profile": role.profile,
                "role": role.role,
                "account": role.account_name,
                "account_id": role.account_id,
                "account_known": role.account_id in known,
            }
            for role in identity.profiles
        ],
    }


def _lines(
    handoff: messages.Handoff, pairs: list[tuple[messages.Identity, Answer]], known: frozenset[str]
) -> Iterator[str]:
    first = handoff.occasion == messages.ACCESS
    occasion = "" if first else f" ({handoff.occasion.replace('-', ' ')})"
    yield f"A handoff of the project {handoff.project}{occasion}"
    for identity, key in pairs:
        yield ""
        yield from _identity_lines(identity, key.words, known, first=first)
    if compare := step.to_compare(handoff, known):
        yield f"\n! {compare}"


def _identity_lines(
    identity: messages.Identity, key: Sentence, known: frozenset[str], *, first: bool
) -> Iterator[str]:
    yield f"{identity.account_name} ({identity.account_id}){step.mark_of(identity.account_id, known)}"
    yield f"  user      {identity.user}"
    if identity.sign_in_url:
        yield f"  sign in   {identity.sign_in_url}"
    held = [
        *(["a one-time password"] if identity.encrypted_password else []),
        *([f"the access key {identity.access_key_id}"] if identity.encrypted_secret else []),
    ]
    yield f"  encrypted {' and '.join(held) or 'nothing'}"
    if identity.encrypted:
        yield f"  PGP key   {openpgp.grouped(identity.key_fingerprint)}"
        yield f"            {key}"
    if identity.mfa_required and identity.encrypted_password:
        yield f"  MFA       {'set it up after you sign in' if first else 'your device stays as it is'}"
    for role in identity.profiles:
        place = f"{role.account_name} ({role.account_id}), profile {role.profile}"
        yield f"  role      {role.role} in {place}{step.mark_of(role.account_id, known)}"
