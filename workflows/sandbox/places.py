"""Where everything of a sandbox is, where its AWS answers, and who lives in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workflows.sandbox.environment import Person, environment_for
from workflows.sandbox.layout import Layout, Record


class SandboxPlaces:
    """The places of a sandbox.

    Args:
        layout: its folder.
        record: what is written down about it; its port may change while it is opened.
        host: the environment of the real machine.
    """

    def __init__(self, layout: Layout, record: Record, host: Mapping[str, str]) -> None:
        self._layout = layout
        self._record = record
        self._host = host

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return self._layout.folder

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 where its AWS answers."""
        return self._record.port

    @property
    def endpoint_url(self) -> str:
        """The address of its AWS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def console_url(self) -> str:
        """The address of its sign-in console."""
        return f"{self.endpoint_url}/console"

    @property
    def phone_url(self) -> str:
        """The address of the pretend phone."""
        return f"{self.endpoint_url}/phone"

    @property
    def project_root(self) -> Path:
        """The infrastructure repository."""
        return self._layout.project_root

    @property
    def mailbox(self) -> Path:
        """Where texts pass from one person to the other."""
        return self._layout.mailbox

    @property
    def downloads(self) -> Path:
        """Where the browser puts what it downloads."""
        return self._layout.downloads

    @property
    def administrator(self) -> Person:
        """The person who runs the admin's workflow; has the profiles that the layers name."""
        return self._person("administrator")

    @property
    def new_user(self) -> Person:
        """The person who joins; has an empty home."""
        return self._person("new-user")

    @property
    def home(self) -> Path:
        """The administrator's home."""
        return self.administrator.home

    @property
    def gnupg_home(self) -> Path:
        """The administrator's gpg folder."""
        return self.administrator.gnupg_home

    @property
    def environment(self) -> Mapping[str, str]:
        """For the programs that the administrator starts."""
        return self.administrator.environment

    @property
    def terraform_argv(self) -> tuple[str, ...]:
        """How to run Terraform: the arguments go after these."""
        return (str(self._layout.terraform),)

    def _person(self, name: str) -> Person:
        base = self._layout.base(self._record)
        home, gnupg_home = self.folder / name / "home", base / name / "gnupg"
        environment = environment_for(
            base, home=home, gnupg_home=gnupg_home, endpoint_url=self.endpoint_url, host=self._host
        )
        return Person(home, gnupg_home, self.downloads, environment)
