"""Profiles that sign in through AWS IAM Identity Center (SSO), as botocore makes them work.

The sign-in itself is the aws CLI's (`aws sso login`): it leaves a token in a cache folder, which botocore
reads and, where it can, renews. Both forms are known: `sso_session`, and the older `sso_start_url` in the
profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from workflows.aws.errors import AwsError, AwsFailure
from workflows.core.sentences import Sentence


def is_sso(settings: Mapping[str, Any]) -> bool:
    """Whether a profile's own credentials come from SSO, by what makes botocore think so."""
    return "sso_account_id" in settings or "sso_role_name" in settings


def sso_provider(session: Any, profile: str, cache_folder: Path, options: Mapping[str, Any]) -> Any:
    """Botocore's provider for a profile of this session, with a token cache of our choice.

    Args:
        session: the botocore session.
        profile: the profile's name.
        cache_folder: where `aws sso login` leaves its tokens.
        options: what every client of the caller gets: `endpoint_url` and `config`.
    """
    from botocore import credentials as boto  # noqa: PLC0415 - boto is slow to import
    from botocore.tokens import SSOTokenProvider  # noqa: PLC0415 - boto is slow to import
    from botocore.utils import JSONFileCache  # noqa: PLC0415 - boto is slow to import

    cache = JSONFileCache(str(cache_folder), dumps_func=_dumps)

    def client(service: str, **arguments: Any) -> Any:
        # Unsigned, and in the region of the SSO instance: botocore says so by a config of its own.
        config = options["config"].merge(arguments.pop("config"))
        return session.create_client(service, **{**options, **arguments, "config": config})

    return boto.SSOProvider(
        load_config=lambda: session.full_config,
        client_creator=client,
        profile_name=profile,
        token_cache=cache,
        token_provider=SSOTokenProvider(session, cache=cache, profile_name=profile),
    )


@contextmanager
def explaining_sso(session: Any, profile: str, config_file: Path) -> Iterator[None]:
    """Say which command signs in again, where that is what is wrong.

    Args:
        session: the botocore session.
        profile: the profile that is used; a role's may have its credentials from one that signs in.
        config_file: where the profile is.

    Raises:
        AwsError: the SSO token is missing, damaged or has expired; other failures pass unchanged.
    """
    try:
        yield
    except KeyError as error:
        source = _signing_in(session, profile)
        if source is None:
            raise
        # What botocore makes of a token's file that is no JSON.
        raise _sign_in_again(source, config_file, "KeyError", f"No token for {error}.") from None
    except AwsError as error:
        if error.failure is not AwsFailure.SSO:
            raise
        source = _signing_in(session, profile) or profile
        raise _sign_in_again(source, config_file, error.code, error.detail) from None


def _signing_in(session: Any, profile: str) -> str | None:
    """The profile itself, or the first of its sources that signs in through SSO."""
    profiles = session.full_config.get("profiles", {})
    seen: list[str] = []
    while profile in profiles and profile not in seen:
        if is_sso(profiles[profile]):
            return profile
        seen.append(profile)
        profile = str(profiles[profile].get("source_profile", ""))
    return None


def _sign_in_again(profile: str, config_file: Path, code: str, detail: Sentence) -> AwsError:
    return AwsError(
        AwsFailure.SSO,
        code,
        doing=f"using the profile {profile}",
        detail=detail,
        next=f"Run `AWS_CONFIG_FILE={config_file} aws sso login --profile {profile}`, then try again.",
    )


def _dumps(token: Mapping[str, Any]) -> str:
    """A token in the form that the aws CLI and the SDKs read: times with seconds and a Z."""
    return json.dumps(
        {
            name: value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
            for name, value in token.items()
        }
    )
