"""The sandbox's organisation: the management account with the project's accounts in it.

moto makes up the id of every account it is asked for, and the sandbox's accounts have theirs already. So the
organisation is made inside the server's process, out of moto's own parts, with the ids put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from unittest import mock

from workflows.sandbox.project import email_of

MANAGEMENT = "management"


def found_organization(accounts: Mapping[str, str], region: str) -> None:
    """Make the organisation, unless it is there. The accounts' roles must have been made before.

    Args:
        accounts: the ids of the accounts by their names, the management account among them.
        region: where moto is to keep it.
    """
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto belongs to the server's process
    from moto.organizations import utils  # noqa: PLC0415 - as moto
    from moto.organizations.models import organizations_backends  # noqa: PLC0415 - as moto

    backend = organizations_backends[accounts[MANAGEMENT]]["aws"]
    if backend.org is not None:
        return
    # The first account gets the management account's id only after a role was made in the made-up one.
    nowhere = "000000000000"
    with mock.patch.object(utils, "make_random_account_id", return_value=nowhere):
        backend.create_organization(region, FeatureSet="ALL")
    iam_backends.pop(nowhere, None)
    backend.accounts[0].name, backend.accounts[0].email = MANAGEMENT, email_of(MANAGEMENT)
    for name, account_id in accounts.items():
        if name != MANAGEMENT:
            with mock.patch.object(utils, "make_random_account_id", return_value=account_id):
                backend.create_account(AccountName=name, Email=email_of(name))
