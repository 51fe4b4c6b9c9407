"""Botocore's sessions over a project's own profile files, and over nothing else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

from workflows.services.aws_errors import AwsError, translate


class FilePair(Protocol):
    """The two profile files."""

    @property
    def config_file(self) -> Path:
        """What `AWS_CONFIG_FILE` names."""

    @property
    def credentials_file(self) -> Path:
        """What `AWS_SHARED_CREDENTIALS_FILE` names."""


def new_session(files: FilePair, *, profile: str | None, region: str | None) -> Any:
    """A botocore session that takes its files, profile and region from here, never from the environment."""
    import botocore.session  # noqa: PLC0415 - boto is slow to import

    # At DEBUG botocore logs whole requests and answers: passwords, seeds and new secret keys.
    logging.getLogger("botocore").setLevel(logging.INFO)
    # (key in the config file, environment variable, default, conversion)
    variables = {
        "profile": (None, None, None, None),
        "config_file": (None, None, str(files.config_file), None),
        "credentials_file": (None, None, str(files.credentials_file), None),
        "region": ("region", None, region, None),
        "sts_regional_endpoints": (None, None, "regional", None),  # each region's own, never the global one
    }
    return botocore.session.Session(session_vars=variables, profile=profile)


def no_code(question: str) -> str:  # noqa: ARG001 - botocore's signature
    """Give no MFA code where none can be asked for.

    Raises:
        RefreshWithMFAUnsupportedError: always.
    """
    from botocore.exceptions import RefreshWithMFAUnsupportedError  # noqa: PLC0415 - boto is slow to import

    raise RefreshWithMFAUnsupportedError


def process_failed(error: Exception, profile: str) -> AwsError:
    """The error for a `credential_process` that could not be started or gave no JSON."""
    from botocore.exceptions import CredentialRetrievalError  # noqa: PLC0415 - boto is slow to import

    reason = (
        f"{type(error).__name__}: {error.strerror} {error.filename}"
        if isinstance(error, OSError)
        else "no valid JSON"
    )
    return translate(
        CredentialRetrievalError(provider="credential_process", error_msg=reason),
        f"asking the credential_process of the profile {profile}",
    )
