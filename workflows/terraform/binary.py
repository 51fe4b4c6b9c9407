"""Choose the program that the layer requires, or none.

A newer Terraform upgrades the state so that colleagues' older versions can't read it any more, and the lock
files of OpenTofu and Terraform exclude each other. So a mismatch is an error that says what to install.

Terraform runs with the person's credentials, and `TF_BINARY` is a line in a colleague's branch. So the person
is asked about a program that a checkout chose by a path, once, and again when its content changes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from workflows.core.files import expanded, explained, open_file, private_folder, read_bytes, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.processes import capture
from workflows.core.sentences import OnboardError, Sentence
from workflows.core.versions import VersionNumber, allows, allows_from
from workflows.terraform.commands import Commands
from workflows.terraform.record import file_sha256

_LARGEST = 1_000_000


@dataclass(frozen=True)
class ForeignProgram:
    """A program that the person must accept.

    Attributes:
        path: its real path, with links resolved.
        owner: the owner's name, or number if there is no name.
        sha256: the hash of its content, 64 hexadecimal digits.
        why: who chose it, such as "TF_BINARY in build.env names it".
    """

    path: Path
    owner: str
    sha256: str
    why: str

    @classmethod
    def at(cls, path: Path, why: str) -> ForeignProgram:
        """Describe the program at a path.

        Raises:
            FileError: it cannot be read.
        """
        with explained(path, "read"):
            place = path.resolve(strict=True)
            return cls(place, _owner(place), file_sha256(place), why)

    @property
    def question(self) -> Sentence:
        """What the person must know before it runs."""
        return (
            f"{self.why}:\n\n  {self.path}\n  owner {self.owner}, SHA-256 {self.sha256[:16]}…\n\n"
            "It would run with your AWS credentials. Run it only if you know where it comes from. "
            "iam-onboard asks once, and again when the file changes."
        )


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)


class ProgramNotTrusted(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A project's own program would run, and the person hasn't accepted it yet.

    Attributes:
        program: the program.
    """

    def __init__(self, program: ForeignProgram) -> None:
        super().__init__(
            "The project brings its own program",
            f"{program.why}: {program.path}, owned by {program.owner}.",
            why="It would run with your AWS credentials, and you haven't said that you trust it.",
            next=(
                "Check where it comes from. Then give --trust-binary to run it, "
                "or --binary with a program of your own."
            ),
        )
        self.program = program


class TrustedPrograms:
    """The programs that the person accepted, by path and content.

    Args:
        file: their file: a JSON object of SHA-256 by path, 0600.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def require(self, program: ForeignProgram) -> None:
        """Reject a program that the person has not accepted, or that changed since.

        Raises:
            ProgramNotTrusted: it isn't accepted.
            FileError: the file cannot be read.
        """
        if self._known().get(str(program.path)) != program.sha256:
            raise ProgramNotTrusted(program)

    def add(self, program: ForeignProgram) -> None:
        """Record that the person accepted a program.

        Raises:
            FileError: the file cannot be written.
        """
        private_folder(self._file.parent)
        known = {**self._known(), str(program.path): program.sha256}
        write_atomically(self._file, json.dumps(known, indent=1).encode())

    def _known(self) -> dict[str, object]:
        if not self._file.exists():
            return {}
        try:
            known = parse_json(read_bytes(self._file, _LARGEST))
        except ValueError:
            return {}  # a damaged file trusts nothing: the person is asked again
        return known if isinstance(known, dict) else {}


OLDEST = VersionNumber((1, 0, 0))
"""The first version with `-json` for plan and apply, and with `-replace`."""


class Product(StrEnum):
    """The two programs that run a layer."""

    TERRAFORM = "Terraform"
    OPENTOFU = "OpenTofu"

    @property
    def program(self) -> str:
        """Its usual name on the PATH."""
        return "terraform" if self is Product.TERRAFORM else "tofu"

    @property
    def oldest(self) -> VersionNumber:
        """Its oldest usable version."""
        return OLDEST if self is Product.TERRAFORM else VersionNumber((1, 6, 0))

    @property
    def registry(self) -> str:
        """The host of its registry in lock files."""
        return "registry.terraform.io" if self is Product.TERRAFORM else "registry.opentofu.org"

    @property
    def site(self) -> str:
        """Its installation page."""
        if self is Product.TERRAFORM:
            return "https://developer.hashicorp.com/terraform/install"
        return "https://opentofu.org/docs/intro/install/"


class BinaryMissing(OnboardError):  # noqa: N818 - it names what is missing
    """The program that a layer needs is not on this computer."""


class OtherProduct(BinaryMissing):
    """The program is not the product that wrote the layer's lock file, which is missing."""


class Unidentified(OnboardError):  # noqa: N818 - it says what is wrong
    """A program doesn't start, or is neither Terraform nor OpenTofu."""


class VersionExcluded(OnboardError):  # noqa: N818 - it says what is wrong
    """The layer doesn't allow a program's version, or it is too old for any layer."""


@dataclass(frozen=True)
class Binary:
    """A program that may run the layer.

    Attributes:
        argv: the program and any leading arguments.
        product: which of the two it is.
        version: its version as text ("1.15.5").
    """

    argv: tuple[str, ...]
    product: Product
    version: str

    @property
    def commands(self) -> Commands:
        """Its argument lists."""
        return Commands(self.argv)

    def __str__(self) -> str:
        return f"{self.product} {self.version}"


@dataclass(frozen=True)
class Wanted:
    """A layer's and its project's requirements for the program.

    Attributes:
        layer: the layer's name in errors.
        explicit: the person's choice (`--binary`): a name, an absolute path, or all leading arguments, which
            are trusted without asking; or None.
        build_env: `TF_BINARY` of build.env, or None.
        registry: the registry in the layer's lock file, or None without a lock file.
        required_version: the layer's `required_version` constraints, comma-separated, or None.
        toolbox_image: `TERRAFORM_IMAGE_TAG` of build.env, or None.
        project: the project's root folder: `TF_BINARY` may be relative to it, and programs in it are foreign.
        trusted: the foreign programs that the person accepted; None allows all.
    """

    layer: str = "the layer"
    explicit: str | tuple[str, ...] | None = None
    build_env: str | None = None
    registry: Literal["terraform", "opentofu"] | None = None
    required_version: str | None = None
    toolbox_image: str | None = None
    project: Path | None = None
    trusted: TrustedPrograms | None = None

    @property
    def product(self) -> Product | None:
        """The product of the lock file, or None if unknown."""
        return None if self.registry is None else Product[self.registry.upper()]

    def image_of(self, product: Product) -> str:
        """Return the toolbox image if it has this product, or ""; OpenTofu's have "tofu" in their tag."""
        image = self.toolbox_image or ""
        return image if ("tofu" in image) == (product is Product.OPENTOFU) else ""


def choose_binary(
    wanted: Wanted,
    *,
    path: str,
    environment: Mapping[str, str],
    folder: Path,
) -> Binary:
    """Find the program that the layer requires, and reject one that it excludes.

    The order is: the person's choice, `TF_BINARY` of build.env, the product of the lock file's
    registry, then `terraform`, then `tofu`.

    Args:
        wanted: the requirements of the layer and its project.
        path: the PATH to search.
        environment: the environment for asking a program's version, from `child_environment`.
        folder: the layer's folder, by which version managers (tfenv, tofuenv, asdf, mise) choose.

    Raises:
        ProgramNotTrusted: the project brings or names its own program, which the person has not accepted.
        OnboardError: no program was found, or it does not fit; `next` says what to install.
    """
    argv = find_program(wanted, path)
    binary = identify(argv, environment, folder)
    version = VersionNumber.parse(binary.version)
    if version < OLDEST:
        raise VersionExcluded(
            f"{binary.product} is too old",
            f"{argv[0]} is {binary}; iam-onboard needs {OLDEST} or newer.",
            why="Older versions can't report a plan and an apply as events, or replace a login profile.",
            next=_install(binary.product, wanted),
        )
    _refuse_the_other_product(wanted, binary.product, f"{argv[0]} is {binary}")
    if wanted.required_version and not _fits(wanted.required_version, version):
        raise VersionExcluded(
            f"The layer doesn't allow {binary}",
            f"{argv[0]} is {binary.version}, but {wanted.layer} asks for {wanted.required_version}.",
            why=(
                "A newer version upgrades the state, and colleagues with the required version can then no "
                "longer read it."
            ),
            next=_install(binary.product, wanted),
        )
    return binary


def _refuse_the_other_product(wanted: Wanted, product: Product, found: str) -> None:
    registry = wanted.product
    if registry is not None and registry is not product:
        raise OtherProduct(
            f"This layer uses {registry}",
            f"The lock file of {wanted.layer} names {registry.registry}, but {found}.",
            why="The two keep different lock files, and one may be unable to read the other's state.",
            next=_install(registry, wanted),
        )


def identify(argv: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Binary:
    """Ask a program for its product and version.

    A usual name determines the product, otherwise the first word of the answer does.

    Args:
        argv: the program and any leading arguments.
        environment: its environment; `TF_CLI_ARGS` variables are left out.
        folder: the working directory, from which a version manager chooses the version.

    Raises:
        OnboardError: it cannot be run, or its answer is that of neither program.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith("TF_CLI_ARGS")}
    own = {**kept, "CHECKPOINT_DISABLE": "1"}
    try:
        answer = capture(Commands(argv).version(), cwd=folder, environment=own, timeout=30)
    except OSError as error:  # a TimeoutError, too
        raise Unidentified(
            "Can't run the program",
            f"{argv[0]} didn't report its version.",
            why=str(error),
            next="Check that it is a program for this computer, or name another one with --binary.",
        ) from error
    match = re.match(r"(Terraform|OpenTofu) v(\S+)", answer.stdout.lstrip())
    if match is None:
        raise Unidentified(
            "Neither Terraform nor OpenTofu",
            f"{' '.join(argv)} doesn't identify itself as either.",
            next="Name the right program with --binary.",
            detail=(answer.stdout + answer.stderr).strip(),
        )
    return Binary(argv, product_by_name(argv) or Product(match[1]), match[2])


def product_by_name(argv: Sequence[str]) -> Product | None:
    """Return the product by a program's usual name, or None."""
    return next((product for product in Product if Path(argv[0]).name == product.program), None)


def find_program(wanted: Wanted, path: str) -> tuple[str, ...]:
    """Find the program that the layer requires without running it: version managers run the project's files.

    Raises:
        ProgramNotTrusted: as `choose_binary`.
        OnboardError: there is none, or its name is that of the other product than the lock file's.
    """
    argv = _find(wanted, path)
    _refuse_foreign(wanted, argv)
    if product := product_by_name(argv):
        _refuse_the_other_product(wanted, product, f"{argv[0]} is {product}")
    return argv


def _refuse_foreign(wanted: Wanted, argv: tuple[str, ...]) -> None:
    """Reject a program inside the project, or named by a path in build.env, until the person accepts it."""
    if wanted.trusted is None or isinstance(wanted.explicit, tuple):
        return
    found, why = Path(argv[0]), ""
    if not wanted.explicit and wanted.build_env and "/" in wanted.build_env:
        why = "TF_BINARY in build.env names it"
    elif wanted.project is not None and any(
        place.is_relative_to(wanted.project) for place in (found.parent.resolve(), found.resolve())
    ):
        why = "It is in the project's own folder"
    if why:
        wanted.trusted.require(ForeignProgram.at(found, why))


def chosen_by_folder(name: str, path: str) -> bool:
    """Return whether a program on the PATH is a version manager's: a script, or a link to the manager."""
    found = shutil.which(name, path=path)
    if found is None:
        return False
    with open_file(Path(found)) as file:
        return file.read(2) == b"#!" or Path(found).resolve().stem in {"mise", "asdf", "tenv", "rtx"}


def _find(wanted: Wanted, path: str) -> tuple[str, ...]:
    if isinstance(wanted.explicit, tuple):
        return wanted.explicit
    named = [(wanted.explicit, "--binary names it"), (wanted.build_env, "TF_BINARY in build.env names it")]
    for name, why in named:
        if not name:
            continue
        place = (wanted.project or Path()) / expanded(name)
        found = shutil.which(str(place) if "/" in name else name, path=path)
        if found is None:
            product = Product.OPENTOFU if Path(name).name == "tofu" else wanted.product or Product.TERRAFORM
            raise BinaryMissing(
                f"There is no {name} here",
                f"{name} isn't a program on this computer, and {wanted.layer} needs it.",
                why=f"{why}.",
                next=_install(product, wanted),
            )
        return (found,)
    products = (wanted.product,) if wanted.product else tuple(Product)
    # Try the other product last, although the lock file excludes it: the check then reports that.
    for product in (*products, *Product):
        if found := shutil.which(product.program, path=path):
            return (found,)
    image = wanted.image_of(products[0])
    raise BinaryMissing(
        f"{' or '.join(products)} is not installed",
        f"No {' and no '.join(product.program for product in products)} was found on the PATH, and "
        f"{wanted.layer} needs it.",
        why=image and f"The project runs it in a container ({image}); iam-onboard needs it on the host.",
        next=_install(products[0], wanted),
    )


def _install(product: Product, wanted: Wanted) -> str:
    asked = wanted.required_version
    if asked and not _fits(asked, product.oldest, allows_from):
        return (
            f"No {product} fits: iam-onboard needs {product.oldest} or newer, and {wanted.layer} asks for "
            f"{asked}. Agree with your colleagues on another required_version, then try again."
        )
    version = f" {asked or f'{product.oldest} or newer'}"
    if asked and product is Product.OPENTOFU:
        version += f" (its first version is {product.oldest})"
    image = re.match(r"(\d+\.\d+\.\d+)(?:-|$)", wanted.image_of(product))
    if image and (not asked or _fits(asked, VersionNumber.parse(image[1]))):
        version = f" {image[1]} (the version of the project's image)"
    return (
        f"Install {product}{version} from {product.site} and put it on the PATH, then try again. Or name it "
        "with --binary: in the wizard, quit and start `iam-onboard resume --binary PATH`."
    )


def _fits(
    constraint: str, version: VersionNumber, rule: Callable[[str, VersionNumber], bool] = allows
) -> bool:
    try:
        return rule(constraint, version)
    except ValueError as error:
        raise OnboardError(
            "Can't read the layer's required_version",
            f"It says {constraint!r}.",
            why=f"{error}.",
            next='Write it like "~> 1.6" or ">= 1.3, < 2.0".',
        ) from error
