"""What each command does that is a piece of the wizard without a screen, or that a shell or an SDK runs."""

from __future__ import annotations

import argparse

from tui.cli.exit_codes import DONE
from tui.cli.output import hand_out, say_json
from tui.places import Machine


def pgp(options: argparse.Namespace) -> int:
    """`iam-onboard pgp check` and `pgp request`."""
    if options.part == "check":
        from tui.cli.pgp import check  # noqa: PLC0415 - each command loads its own

        return check(Machine.this(), options)
    from tui.cli.pgp_request import request  # noqa: PLC0415

    return request(Machine.this(), options)


def layer(options: argparse.Namespace) -> int:
    """`iam-onboard layer show|add|remove|groups|account`."""
    from tui.cli.layer import layer as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def regions(options: argparse.Namespace) -> int:
    """`iam-onboard regions [PROJECT]`: where each account's STS answers."""
    from tui.cli.regions import regions as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def plan(options: argparse.Namespace) -> int:
    """`iam-onboard plan LAYER`: what Terraform would do, by person."""
    from tui.cli.plan import plan as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def apply(options: argparse.Namespace) -> int:
    """`iam-onboard apply LAYER PLANFILE`: exactly a plan that was kept."""
    from tui.cli.apply import apply as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def handoff(options: argparse.Namespace) -> int:
    """`iam-onboard handoff create|open`."""
    from tui.cli.handoff import handoff as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def decrypt(options: argparse.Namespace) -> int:
    """`iam-onboard decrypt [FILE]`: the one-time password to standard output."""
    from tui.cli.decrypt import decrypt_command  # noqa: PLC0415 - only this command needs it

    return decrypt_command(Machine.this(), options)


def access_key(options: argparse.Namespace) -> int:
    """`iam-onboard access-key list|import|create|rotate`."""
    from tui.cli.access_key import access_key as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def profiles(options: argparse.Namespace) -> int:
    """`iam-onboard profiles show|write [PROJECT]`."""
    from tui.cli.profiles import profiles as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def verify(options: argparse.Namespace) -> int:
    """`iam-onboard verify [PROJECT]`: every profile asked who it is."""
    from tui.cli.verify import verify as run  # noqa: PLC0415 - only this command needs it

    return run(Machine.this(), options)


def completion(options: argparse.Namespace) -> int:
    """`iam-onboard completion bash|zsh|fish`: the lines that make Tab complete commands."""
    from tui.cli.completion import script  # noqa: PLC0415 - only this command needs it

    hand_out(script(options.shell))
    return DONE


def credential_process(options: argparse.Namespace) -> int:
    """`iam-onboard credential-process`: an access key as SDKs read it, from the vault."""
    from tui.cli.credential_process import answer  # noqa: PLC0415 - only this command needs it

    say_json(answer(Machine.this(), options.project, options.profile))
    return DONE
