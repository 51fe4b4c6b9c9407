"""A project whose accounts have profiles, and a strict AWS for them on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from support.served_aws import NewUserAws, served
from support.strict_aws import ADMINISTRATORS, APPS, MANAGEMENT, SECURITY, RegionSettings, StrictWorld

from workflows.aws.sts_regions import ask
from workflows.environment import Environment
from workflows.sandbox.project import lay_out
from workflows.steps.admin import sts_regions
from workflows.steps.shared.module import Context

ASSUME = (
    '{"Version": "2012-10-17", "Statement": '
    '[{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}'
)
READING = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", '
    '"Action": ["iam:GetAccountSummary", "ec2:DescribeRegions"]}]}'
)

FEW = (
    *("af-south-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
    *("us-east-1", "us-west-2"),
)
"""An opt-in region, the region that is always active, two that the project uses, and others.

There are few, as each costs a client and a request for every account.
"""


@dataclass
class RegionsProject:
    """The project bb with the accounts management, security and shared; two more have no profile.

    Attributes:
        root: the checkout.
        made: AWS and the administrator's environment.
    """

    root: Path
    made: NewUserAws

    @property
    def aws(self) -> StrictWorld:
        return self.made.aws

    @property
    def environment(self) -> Environment:
        return self.made.environment

    @property
    def settings(self) -> RegionSettings:
        """The region settings of all accounts."""
        return self.made.aws.strict.settings

    @property
    def profiles(self) -> Path:
        return self.environment.home / ".aws" / "bb"

    def context(self, **facts: Any) -> Context:
        known = {"project_root": str(self.root), "project": "bb", **facts}
        return Context(self.environment, known, known, "", self.made.folder)

    def allow(self, *regions: str) -> None:
        """Set the project's allowed regions."""
        common = self.root / "config" / "common.tfvars"
        listed = ", ".join(f'"{region}"' for region in regions)
        lines = [
            f"regions_allowed = [{listed}]" if line.startswith("regions_allowed") else line
            for line in common.read_text().splitlines()
        ]
        common.write_text("\n".join(lines) + "\n")

    def role_with_mfa(self) -> str:
        """Give shared a profile with a role that requires jane.doe's device; return the device's seed."""
        key = self.aws.user("jane.doe", ASSUME)
        serial, seed = self.aws.device("jane.doe")
        iam = self.aws.administrator("iam", APPS)
        iam.put_role_policy(RoleName="DevOps", PolicyName="reading", PolicyDocument=READING)
        self.add(
            "bb-security",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        with (self.profiles / "config").open("a") as config:
            config.write(
                f"[profile bb-shared-devops]\nrole_arn = arn:aws:iam::{APPS}:role/DevOps\n"
                f"source_profile = bb-security\nmfa_serial = {serial}\n"
            )
        return seed

    def add(self, profile: str, **settings: str) -> None:
        """Add a profile with these settings to `credentials`."""
        with (self.profiles / "credentials").open("a") as file:
            file.write(f"[{profile}]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))


@contextmanager
def regions_project(folder: Path, regions: tuple[str, ...] = FEW) -> Iterator[RegionsProject]:
    """Yield the project and its AWS, whose partition consists of these regions."""
    root = folder / "project"
    lay_out(root)
    with (
        served(folder) as made,
        mock.patch.object(ask, "regions_of", return_value=regions),
        mock.patch.object(sts_regions, "regions_of", return_value=regions),
    ):
        project = RegionsProject(root, made)
        project.profiles.mkdir(parents=True)
        for profile, account in (
            ("bb-management-administrator", MANAGEMENT),
            ("bb-security-devops", SECURITY),
        ):
            key, secret = ADMINISTRATORS[account]
            project.add(profile, aws_access_key_id=key, aws_secret_access_key=secret)
        yield project
