"""Profiles that sign in through AWS IAM Identity Center (SSO), with botocore's support.

The aws CLI does the sign-in (`aws sso login`): it leaves a token in a cache folder, which botocore reads and,
if possible, renews. Both forms are supported: `sso_session`, and the older `sso_start_url` in the profile.
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
    """Return whether a profile's own credentials come from SSO, by botocore's criteria."""
    return "sso_account_id" in settings or "sso_role_name" in settings


def sso_provider(session: Any, profile: str, cache_folder: Path, options: Mapping[str, Any]) -> Any:
    """Return botocore's provider for a profile of this session, with our own token cache.

    Args:
        profile: the profile's name.
        cache_folder: the folder with the tokens of `aws sso login`.
        options: the options of every client: `endpoint_url` and `config`.
    """
    from botocore import credentials as boto  # noqa: PLC0415 - boto is slow to import
    from botocore.tokens import SSOTokenProvider  # noqa: PLC0415 - boto is slow to import
    from botocore.utils import JSONFileCache  # noqa: PLC0415 - boto is slow to import

    cache = JSONFileCache(str(cache_folder), dumps_func=_dumps)

    def client(service: str, **arguments: Any) -> Any:
        # botocore passes a config for unsigned requests in the SSO instance's region.
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
    """Name the command that signs in again if the SSO sign-in has failed.

    Args:
        profile: the profile in use; a role's credentials may come from another one with SSO.
        config_file: the file with the profile.

    Raises:
        AwsError: the SSO token is missing, damaged or has expired; other failures pass unchanged.
    """
    try:
        yield
    except KeyError as error:
        source = _signing_in(session, profile)
        if source is None:
            raise
        # botocore's error for a token file with invalid JSON
        raise _sign_in_again(source, config_file, "KeyError", f"No token for {error}.") from None
    except AwsError as error:
        if error.failure is not AwsFailure.SSO:
            raise
        source = _signing_in(session, profile) or profile
        raise _sign_in_again(source, config_file, error.code, error.detail) from None


def _signing_in(session: Any, profile: str) -> str | None:
    """Return the profile, or the first of its sources, that signs in through SSO; or None."""
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
    """Serialise a token in the form of the aws CLI and the SDKs: times with seconds and a Z."""
    return json.dumps(
        {
            name: value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
            for name, value in token.items()
        }
    )
