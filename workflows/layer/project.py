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
        name: its name in the project, such as `security`.
        email: the address of its root user, or "".
        id: the 12-digit account id as text, or "" if not in the project yet.
    """

    name: str
    email: str
    id: str


@dataclass(frozen=True, slots=True)
class LockedProvider:
    """The AWS provider that a lock file pins.

    Attributes:
        version: the version, such as `3.39.0`, or "" if the file lacks it.
        registry: the registry in the lock file; None for any other registry.
    """

    version: str
    registry: Literal["terraform", "opentofu"] | None


@dataclass(frozen=True, slots=True)
class LayerLocation:
    """A base-identities layer on disk.

    Attributes:
        account: the account's name in the project.
        path: the layer folder, absolute.
        relative: the layer folder relative to the project's root, with forward slashes.
        account_id: 12 digits, or None if not in the project.
        backend: the values of the account's backend file: `profile`, `bucket`, `region`, `dynamodb_table` …;
            empty if an override file replaces the layer's backend by another kind.
        backend_config: the account's backend file.
        var_files: the `-var-file=` files, in order.
        variables: their merged values; later files win.
        locked: the AWS provider of `.terraform.lock.hcl`, or None without one.
        required_version: the `required_version` of the layer's Terraform block, or None.
        backend_configs: the files for `terraform init -backend-config=`: the backend file, or none.
        region: the first region found in its variables, its backend file or its backend block, or "".
        root: the project's root folder; no link of the layer may lead outside it.
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
        name: the short name, such as `bb`: the prefix of profiles and the folder under `~/.aws`.
        long_name: the long name, such as `binbash`.
        region_primary: the AWS region of the backend and of most resources, from the common variables or else
            from the first layer with a region; or "".
        region_secondary: the other region, or "".
        regions_allowed: the regions that the project permits; may be empty.
        accounts: in the order of `common.tfvars`.
        build_env: the settings of `build.env`.
        binary: `TF_BINARY` of `build.env`, or None.
        mfa_enabled: `MFA_ENABLED` of `build.env`.
        sso_enabled: `sso_enabled` of `common.tfvars`: IAM users are then the exception.
        layers: management first, then security, then the others by name.
        warnings: sentences about oddities that stop nothing.
        left_out: why a layer can't be used, by account.
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
        """Return the account of that name, or None."""
        return next((account for account in self.accounts if account.name == name), None)

    def region_of(self, account: str) -> str:
        """Return the region of an account's layer, or else the project's."""
        layer = self.layer(account)
        return (layer.region if layer else "") or self.region_primary

    def layer(self, account: str) -> LayerLocation | None:
        """Return the layer of that account, or None."""
        return next((layer for layer in self.layers if layer.account == account), None)
