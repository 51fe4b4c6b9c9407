"""The console's pages for what no API can do, and what to click there.

The clicks are those of the IAM User Guide, "Manage AWS STS in an AWS Region", and of the Account Management
Reference, "Enable or disable AWS Regions in your account".
"""

from __future__ import annotations

from workflows.services.shell_lines import switch_role_url
from workflows.services.sts_regions.answers import AccountAnswer
from workflows.services.sts_regions.verdict import ToDo

_CONSOLES = {
    "aws": ("console.aws.amazon.com", "signin.aws.amazon.com"),
    "aws-us-gov": ("console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com"),
    "aws-cn": ("console.amazonaws.cn", "signin.amazonaws.cn"),
}


def settings_page(partition: str) -> str:
    """IAM's page Account settings in a partition; "" where its address is not known."""
    hosts = _CONSOLES.get(partition)
    return f"https://{hosts[0]}/iam/home#/account_settings" if hosts else ""


def regions_page(partition: str) -> str:
    """The page on which an account opts into regions; "" where there is none or its address is not known."""
    return f"https://{_CONSOLES['aws'][0]}/billing/home#/account" if partition == "aws" else ""


def entrance(answer: AccountAnswer) -> str:
    """The page that leads into the account: Switch role, or its sign-in; "" where it is not known."""
    hosts = _CONSOLES.get(answer.partition)
    if hosts is None:
        return ""
    if answer.role:
        return switch_role_url(answer.account_id, answer.role, answer.account, answer.partition)
    return f"https://{answer.account_id}.{hosts[1]}/console"


def instructions(answer: AccountAnswer, wanted: ToDo, *, with_ids: bool = True) -> tuple[str, ...]:
    """What to click in an account, a line each; empty where there is nothing to click.

    Args:
        answer: the account.
        wanted: what has to be done in it.
        with_ids: whether the way into the account, which has its id, is told.
    """
    if not (wanted.deactivate or wanted.activate or wanted.enable):
        return ()
    way = entrance(answer) if with_ids else ""
    lines = [f"Go into {answer.account}: {way}" if way else f"Sign in to the account {answer.account}."]
    if wanted.deactivate or wanted.activate:
        page = settings_page(answer.partition) or "IAM, Account settings"
        lines += [
            f"Open {page}",
            "Under Security Token Service (STS), Endpoints, choose in the column STS status:",
        ]
        if wanted.deactivate:
            lines.append(f"  Inactive, then Deactivate, for {', '.join(wanted.deactivate)}")
        if wanted.activate:
            lines.append(f"  Active, then Activate, for {', '.join(wanted.activate)}")
    if wanted.enable:
        page = regions_page(answer.partition) or "Account, AWS Regions"
        lines += [
            f"Open {page}",
            f"Under AWS Regions choose Enable for {', '.join(wanted.enable)}; STS is active there with it.",
        ]
    return tuple(lines)
