"""A Leverage project as plain values: its accounts, regions and switches, and its identities layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account of the project, from `accounts` in `common.tfvars`.

    Attributes:
        name: as the project calls it, `security`.
        email: the address of its root user, or "".
        id: the 12-digit account id as text, or "" while the project does not know it.
    """

    name: str
    email: str
    id: str


@dataclass(frozen=True, slots=True)
class LockedProvider:
    """The AWS provider that a lock file pins.

    Attributes:
        version: as `3.39.0`, or "" when the file does not say.
        registry: whose registry the lock file names; None for a registry of somebody else.
    """

    version: str
    registry: Literal["terraform", "opentofu"] | None


@dataclass(frozen=True, slots=True)
class LayerLocation:
    """A base-identities layer on disk.

    Attributes:
        account: the account's name in the project.
        path: the layer folder, absolute.
        relative: the same relative to the project's root, with forward slashes.
        account_id: 12 digits, or None if the project does not say.
        backend: what the account's backend file sets: `profile`, `bucket`, `region`, `dynamodb_table` …;
            empty where an override file puts another kind of backend in the place of the layer's.
        backend_config: the account's backend file.
        var_files: the files that `-var-file=` takes, in the order they are given.
        variables: their values together, later files first in rank.
        locked: the AWS provider of `.terraform.lock.hcl`, or None without one.
        required_version: the `required_version` of the layer's Terraform block, or None.
        backend_configs: what `terraform init -backend-config=` takes: that file, or none.
        region: the region of its variables, of its backend file or of its backend block, the first that is
            named; "" where none is.
        root: the root folder of its project: no link of the layer may lead out of it.
    """

    account: str
    path: Path
    relative: str
    account_id: str | None
    backend: Mapping[str, object]
    backend_config: Path
    var_files: tuple[Path, ...]
    variables: Mapping[str, object] = field(repr=False)
    locked: LockedProvider | None = None
    required_version: str | None = None
    backend_configs: tuple[Path, ...] = ()
    region: str = ""
    root: Path | None = None

    @property
    def profile(self) -> str:
        """The profile that its backend file names, or ""."""
        profile = self.backend.get("profile")
        return profile if isinstance(profile, str) else ""


@dataclass(frozen=True, slots=True)
class Project:
    """A Leverage project.

    Attributes:
        root: its root folder, absolute.
        name: the short name, `bb`: the prefix of profiles and the folder under `~/.aws`.
        long_name: the long name, `binbash`.
        region_primary: the AWS region of the backend and of most resources: that of the common variables,
            else of the first layer that names one; "" where none does.
        region_secondary: the other region, or "".
        regions_allowed: the regions that the project permits; may be empty.
        accounts: in the order of `common.tfvars`.
        build_env: the settings of `build.env`.
        binary: `TF_BINARY` of `build.env`, or None.
        mfa_enabled: `MFA_ENABLED` of `build.env`.
        sso_enabled: `sso_enabled` of `common.tfvars`: IAM users are then the exception.
        layers: management first, then security, then the others by name.
        warnings: sentences about what is odd but does not stop anything.
        left_out: by account, why a layer of the project can't be used and is left out.
    """

    root: Path
    name: str
    long_name: str
    region_primary: str
    region_secondary: str
    regions_allowed: tuple[str, ...]
    accounts: tuple[Account, ...]
    build_env: Mapping[str, str]
    binary: str | None
    mfa_enabled: bool
    sso_enabled: bool
    layers: tuple[LayerLocation, ...]
    warnings: tuple[Sentence, ...]
    left_out: Mapping[str, OnboardError] = field(default_factory=dict, compare=False)

    def account(self, name: str) -> Account | None:
        """The account of that name, or None."""
        return next((account for account in self.accounts if account.name == name), None)

    def region_of(self, account: str) -> str:
        """The region of an account's layer, or else the project's."""
        layer = self.layer(account)
        return (layer.region if layer else "") or self.region_primary

    def layer(self, account: str) -> LayerLocation | None:
        """The layer of that account, or None."""
        return next((layer for layer in self.layers if layer.account == account), None)
