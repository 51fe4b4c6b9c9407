"""AWS clients from explicit credentials or from a project's own profile files only.

The SDK's usual search (environment, `~/.aws`, a metadata service) would mix the wizard's work with the
person's other settings. Here a client gets exactly what the caller passes, so two identities can be used side
by side in one process. The process's environment is neither read nor changed for that.

A profile may sign in through AWS IAM Identity Center (SSO). The aws CLI does that (`aws sso login`): it
leaves a token in a cache folder, which botocore reads and, if possible, renews. Both forms are supported:
`sso_session`, and the older `sso_start_url` in the profile.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from workflows.aws.errors import AwsError, AwsFailure, calling_aws, translate
from workflows.core.files import is_there, read_bytes
from workflows.core.later import on_demand
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import Sentence
from workflows.profiles.aws_data import aws_descriptions

with on_demand():  # boto is slow to import
    from botocore import config as boto_config, credentials as boto, exceptions, session as boto_session


_MAX_PROFILES = 4 * 1024 * 1024  # bytes of one of the AWS tools' two files


@dataclass(frozen=True)
class Patience:
    """How many seconds a client waits for a connection and for an answer, and how many attempts it makes."""

    connect: float = 5
    read: float = 20
    attempts: int = 3


PROCESS_SECONDS = 120.0
"""Time limit of a `credential_process`: some wait for a person in a browser. Botocore would wait forever."""
USUAL = Patience()
FOR_A_LOOK = Patience(connect=3, read=3, attempts=1)
"""For checks in the background: nobody waits for them, except when quitting."""
USUAL_REGION = "us-east-1"
"""The region if none is known: every account has it, and nobody can deactivate it."""


AwsClient: TypeAlias = Any
"""A botocore client; its classes are created at run time, so there is no type to name."""


@dataclass(frozen=True)
class ProfileFiles:
    """The files with a project's profiles.

    Attributes:
        config_file: its `AWS_CONFIG_FILE`.
        credentials_file: its `AWS_SHARED_CREDENTIALS_FILE`.
        sso_cache: the folder with the tokens of `aws sso login`; None rules out SSO profiles.
    """

    config_file: Path
    credentials_file: Path
    sso_cache: Path | None = None


class ClientFactory:
    """Makes botocore clients that are closed when their `with` block ends. Thread-safe.

    Args:
        endpoint_url: None for AWS; in the sandbox the address of the local AWS, for every service.
        region: the region of clients from explicit credentials, and of profiles without a region.
        environment: for a profile's `credential_process`; None inherits this process's.
        patience: how long clients wait for an answer.
    """

    def __init__(
        self,
        endpoint_url: str | None,
        region: str,
        *,
        environment: Mapping[str, str] | None = None,
        patience: Patience = USUAL,
    ) -> None:
        self._patience = patience
        self.endpoint_url = endpoint_url
        self.region = region
        self._environment = environment
        self._lock = Lock()
        self._session: Any = None

    @contextmanager
    def client(
        self, service: str, credentials: Credentials, region: str | None = None
    ) -> Iterator[AwsClient]:
        """Make a client ("iam", "sts", "ec2") that signs with these credentials.

        Raises:
            AwsError: the region or the service cannot be used.
        """
        with calling_aws(f"preparing a request to {service.upper()}"), self._lock:
            # Creating clients is not thread-safe, but using them is (as botocore documents).
            if self._session is None:
                nothing = Path(os.devnull)
                self._session = _new_session(ProfileFiles(nothing, nothing), profile=None, region=self.region)
            token = credentials.session_token
            client = self._session.create_client(
                service,
                region_name=region or self.region,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key.reveal(),
                aws_session_token=token.reveal() if token is not None else None,
                **self._options(),
            )
        with closing(client):
            yield client

    @contextmanager
    def profile_client(
        self, service: str, files: ProfileFiles, profile: str, *, region: str | None = None
    ) -> Iterator[AwsClient]:
        """Make a client that signs with a profile of these files: keys, `credential_process` or roles.

        Args:
            service: as for `client`.
            files: the project's two files; a missing file counts as empty.
            profile: its name; fails if a role's `mfa_serial` needs a code.
            region: overrides the profile's own.

        Raises:
            AwsError: the profile is missing, has no credentials, or they cannot be obtained.
        """
        with self._profile_session(files, profile) as session:
            with _using(profile, f"using the profile {profile}"):
                # The chain may start the profile's credential_process here.
                client = session.create_client(service, region_name=region, **self._options())
            with closing(client):
                yield client

    def profile_credentials(self, files: ProfileFiles, profile: str) -> Credentials:
        """Return a profile's credentials.

        They are its access key, from `credentials`, `config` or its `credential_process`; or temporary
        credentials from SSO or a role.

        Raises:
            AwsError: there is no such profile, or it has no credentials.
        """
        doing = f"reading the access key of the profile {profile}"
        with self._profile_session(files, profile) as session, _using(profile, doing):
            session.get_scoped_config()  # fails for a missing profile, not for one without a key
            found = session.get_credentials()
            if found is None:
                raise exceptions.NoCredentialsError
            frozen = found.get_frozen_credentials()
        token = Secret(frozen.token) if frozen.token else None
        # Only renewable credentials have an expiry, for which botocore has no public name.
        expires_at: datetime | None = getattr(found, "_expiry_time", None)
        return Credentials(frozen.access_key, Secret(frozen.secret_key), token, expires_at)

    @contextmanager
    def _profile_session(self, files: ProfileFiles, profile: str) -> Iterator[Any]:
        """Open a botocore session for a profile; the clients that assume its roles are closed at the end."""
        session = _new_session(files, profile=profile, region=self.region)
        with explaining_sso(session, profile, files.config_file), ExitStack() as stack:
            chain = self._credential_chain(session, files, profile, stack)
            session.register_component("credential_provider", chain)
            yield session

    def _credential_chain(self, session: Any, files: ProfileFiles, profile: str, stack: ExitStack) -> Any:
        """Return the chain of credential sources in the files, without the SDK's other sources."""
        process = LimitedProcess
        start = process if self._environment is None else partial(process, env=dict(self._environment))

        class FileProviders:
            """Gives botocore the providers of a `source_profile`."""

            @staticmethod
            def providers(profile_name: str, disable_env_vars: bool = False) -> list[Any]:  # noqa: ARG004, FBT001
                cache, options = files.sso_cache, self._options()
                return [
                    *([sso_provider(session, profile_name, cache, options)] if cache else []),
                    boto.SharedCredentialProvider(str(files.credentials_file), profile_name),
                    boto.ProcessProvider(profile_name, lambda: session.full_config, popen=start),
                    boto.ConfigProvider(str(files.config_file), profile_name),
                ]

        def client_for_role(service: str, **arguments: object) -> AwsClient:
            # A role's credentials are requested while `client.method()` runs, in the calling thread.
            region = session.get_config_variable("region")
            client = session.create_client(service, region_name=region, **{**self._options(), **arguments})
            stack.callback(client.close)
            return client

        role = boto.AssumeRoleProvider(
            load_config=lambda: session.full_config,
            client_creator=client_for_role,
            cache={},
            profile_name=profile,
            prompter=_no_code,
            credential_sourcer=boto.CanonicalNameCredentialSourcer([]),
            profile_provider_builder=FileProviders(),
        )
        return boto.CredentialResolver([role, *FileProviders.providers(profile)])

    def _options(self) -> dict[str, Any]:
        """Return the options of every client."""
        host = urlsplit(self.endpoint_url or "").hostname
        config = boto_config.Config(
            connect_timeout=self._patience.connect,
            read_timeout=self._patience.read,
            retries={"mode": "standard", "total_max_attempts": self._patience.attempts},
            user_agent_extra="iam-onboard",
            # A proxy cannot reach this computer's own loopback.
            proxies={} if host in {"127.0.0.1", "localhost"} else None,
        )
        return {"endpoint_url": self.endpoint_url, "config": config}


def profile_map(files: ProfileFiles) -> Mapping[str, Mapping[str, Any]]:
    """Return all profiles of the two files as botocore parses them: name to settings; `credentials` wins.

    Raises:
        AwsError: a file cannot be parsed (`AwsFailure.PROFILE`).
    """
    with calling_aws("reading the profile files"):
        session = _new_session(files, profile=None, region=None, makes_clients=False)
        return dict(session.full_config.get("profiles", {}))


def _new_session(
    files: ProfileFiles, *, profile: str | None, region: str | None, makes_clients: bool = True
) -> Any:
    """Make a botocore session with these files, profile and region, regardless of the environment.

    It trusts the same certificates as Terraform, a Go program.
    """
    # At DEBUG, botocore logs whole requests and responses: passwords, seeds and new secret keys.
    logging.getLogger("botocore").setLevel(logging.INFO)
    for file in (files.config_file, files.credentials_file):
        if is_there(file) and file.is_file():  # botocore ignores anything else, and reads files of any size
            read_bytes(file, _MAX_PROFILES)
    # (key in the config file, environment variable, default, conversion)
    variables = {
        "profile": (None, None, None, None),
        "config_file": (None, None, str(files.config_file), None),
        "credentials_file": (None, None, str(files.credentials_file), None),
        "region": ("region", None, region, None),
        "ca_bundle": ("ca_bundle", "AWS_CA_BUNDLE", _trusted_elsewhere(), None),
        "sts_regional_endpoints": (None, None, "regional", None),  # regional endpoints, never the global one
    }
    session = boto_session.Session(
        session_vars=variables, include_builtin_handlers=makes_clients, profile=profile
    )
    session.register_component("data_loader", aws_descriptions())
    return session


def _trusted_elsewhere() -> str | None:
    """Return the certificate file for other programs in this shell, such as Terraform; None without one."""
    named = (os.environ.get(name, "") for name in ("SSL_CERT_FILE", "NIX_SSL_CERT_FILE"))
    return next((bundle for bundle in named if bundle and Path(bundle).is_file()), None)


def _no_code(question: str) -> str:  # noqa: ARG001 - botocore's signature
    """Refuse to prompt for an MFA code.

    Raises:
        RefreshWithMFAUnsupportedError: always.
    """
    raise exceptions.RefreshWithMFAUnsupportedError


@contextmanager
def _using(profile: str, doing: str) -> Iterator[None]:
    """Translate errors like `calling_aws`, and those of a `credential_process` that fails to answer."""
    try:
        with calling_aws(doing):
            yield
    except (OSError, ValueError) as error:
        reason = "no valid JSON"
        if isinstance(error, OSError):
            reason = f"{type(error).__name__}: {error.strerror} {error.filename}"
        raise translate(
            exceptions.CredentialRetrievalError(provider="credential_process", error_msg=reason),
            f"asking the credential_process of the profile {profile}",
        ) from None


class LimitedProcess(subprocess.Popen[bytes]):
    """A running `credential_process` for botocore's provider; it is killed when its time is up."""

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - subprocess's name for it
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """Return what it wrote to stdout and stderr.

        Raises:
            TimeoutError: it gave no answer within `PROCESS_SECONDS`.
        """
        try:
            return super().communicate(input, PROCESS_SECONDS if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            with self:  # at its end, waits and closes the pipes
                self.kill()
            program = self.args[0] if isinstance(self.args, list) else ""
            raise TimeoutError(
                errno.ETIMEDOUT, f"No answer within {PROCESS_SECONDS:g} seconds from", str(program)
            ) from None


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
