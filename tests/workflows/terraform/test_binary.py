from __future__ import annotations

import stat
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import pytest

from workflows.core.processes import Completed, child_environment
from workflows.core.sentences import OnboardError, text_of
from workflows.terraform import binary
from workflows.terraform.binary import (
    Binary,
    BinaryMissing,
    OtherProduct,
    Product,
    Unidentified,
    VersionExcluded,
    Wanted,
    choose_binary,
    chosen_by_folder,
    find_program,
    identify,
)


def answering(answer: str | OSError) -> AbstractContextManager[object]:
    """Make every program give this version, or fail to start."""
    said = answer if isinstance(answer, OSError) else [Completed(0, answer, "")]
    return patch.object(binary, "capture", side_effect=said)


def install(folder: Path, *names: str) -> str:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/false\n")
        (folder / name).chmod(stat.S_IRWXU)
    return str(folder)


def choose(wanted: Wanted, path: str, version: str = "1.9.0", product: str = "Terraform") -> Binary:
    with answering(f"{product} v{version}\non linux_amd64\n"):
        return choose_binary(wanted, path=path, environment={}, folder=Path())


def test_the_lock_files_registry_decides(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform", "tofu")
    assert choose(Wanted(registry="opentofu"), path) == Binary((f"{path}/tofu",), Product.OPENTOFU, "1.9.0")
    assert choose(Wanted(registry="terraform"), path).product is Product.TERRAFORM
    assert choose(Wanted(), path).product is Product.TERRAFORM
    assert choose(Wanted(), install(tmp_path / "only", "tofu")).product is Product.OPENTOFU
    assert str(choose(Wanted(), path)) == "Terraform 1.9.0"


def test_the_explicit_name_comes_before_build_env_and_both_before_the_lock_file(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform", "tofu", "mine")
    assert choose(Wanted(explicit="mine", build_env="tofu"), path).argv == (f"{path}/mine",)
    assert choose(Wanted(build_env="tofu"), path).argv == (f"{path}/tofu",)
    assert choose(Wanted(explicit=("python", "shim.py")), "").argv == ("python", "shim.py")


def test_the_other_product_than_the_lock_file_names_is_refused(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform")
    with pytest.raises(OtherProduct, match=r"OpenTofu: ") as refused:
        choose(Wanted(registry="opentofu"), path)
    assert "OpenTofu" in refused.value.next
    with pytest.raises(OtherProduct, match=r"Terraform: "):
        choose(Wanted(registry="terraform", explicit=("x",)), path, product="OpenTofu")


def test_a_version_that_the_layer_excludes_is_refused(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform")
    with pytest.raises(VersionExcluded, match=r" 1\.9\.0:") as refused:
        choose(Wanted(required_version="~> 1.6.0"), path)
    assert "~> 1.6.0" in refused.value.next
    assert choose(Wanted(required_version="~> 1.6, != 1.8.0"), path).version == "1.9.0"
    with pytest.raises(OnboardError, match="Can't read"):
        choose(Wanted(required_version="newest"), path)


def test_older_than_1_0_is_refused(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform")
    with pytest.raises(VersionExcluded, match=r"0\.15\.5"):
        choose(Wanted(), path, version="0.15.5")
    assert choose(Wanted(), path, version="1.0.0").version == "1.0.0"


def test_the_image_of_the_other_product_is_no_advice(tmp_path: Path) -> None:
    for asked in (None, "~> 1.3"):
        wanted = Wanted("a/layer", registry="opentofu", toolbox_image="1.3.5-0.1.9", required_version=asked)
        with pytest.raises(BinaryMissing) as refused:
            choose(wanted, str(tmp_path))
        assert "1.3.5" not in f"{refused.value.why} {refused.value.next}"
        assert "1.6.0" in str(refused.value.next)
        assert "a/layer" in str(refused.value.what)


@pytest.mark.parametrize("asked", ["~> 1.2.0", "1.5.7", "< 1.6", ">= 1.7, < 1.7"])
def test_where_no_version_of_the_product_fits_none_is_to_be_installed(tmp_path: Path, asked: str) -> None:
    with pytest.raises(BinaryMissing) as refused:
        choose(Wanted(registry="opentofu", required_version=asked), str(tmp_path))
    assert Product.OPENTOFU.site not in str(refused.value.next)
    with pytest.raises(BinaryMissing) as refused:
        choose(Wanted(registry="opentofu", required_version=">= 1.2, != 1.6.0"), str(tmp_path))
    assert Product.OPENTOFU.site in str(refused.value.next)


def test_nothing_installed_names_the_images_version(tmp_path: Path) -> None:
    with pytest.raises(BinaryMissing, match=r"^OpenTofu ") as refused:
        choose(Wanted(registry="opentofu", toolbox_image="1.6.0-tofu-0.3.1"), str(tmp_path))
    assert "container (1.6.0-tofu-0.3.1)" in refused.value.why
    assert " OpenTofu 1.6.0 " in refused.value.next
    with pytest.raises(BinaryMissing, match=r"^Terraform or OpenTofu "):
        choose(Wanted(), str(tmp_path))
    for name in ("tofu", "~nobody.here/tofu"):
        with pytest.raises(BinaryMissing, match=f" {name} ") as missing:
            choose(Wanted(build_env=name), str(tmp_path))
        assert {"TF_BINARY", "build.env"} <= set(text_of(missing.value.why).split())


def test_a_program_that_is_neither_or_does_not_start(tmp_path: Path) -> None:
    with answering("hello"), pytest.raises(Unidentified) as refused:
        identify(("x",), {}, Path())
    assert "hello" in refused.value.detail
    broken = PermissionError("forbidden")
    with answering(broken), pytest.raises(Unidentified) as refused:
        identify(("x",), {}, Path())
    assert refused.value.why == "forbidden"
    with pytest.raises(Unidentified):
        identify((str(tmp_path / "none"),), {}, tmp_path)


_SHIM = """#!/bin/sh
# As tfenv, tofuenv, asdf and mise do: the current folder's file decides, a variable decides before it.
version=${{{variable}:-$(cat "{file}" 2>/dev/null || echo 1.2.3)}}
[ -n "$TF_CLI_ARGS$TF_CLI_ARGS_version" ] && echo "no such argument" >&2 && exit 1
echo "Terraform v$version"
"""


@pytest.mark.parametrize(
    ("variable", "file"),
    [
        ("TFENV_TERRAFORM_VERSION", ".terraform-version"),
        ("TOFUENV_TOFU_VERSION", ".opentofu-version"),
        ("ASDF_TERRAFORM_VERSION", ".tool-versions"),
        ("MISE_TERRAFORM_VERSION", "mise.toml"),
    ],
)
def test_the_version_is_the_one_that_a_version_manager_runs_in_the_layers_folder(
    tmp_path: Path, variable: str, file: str
) -> None:
    path = install(tmp_path / "bin", "terraform")
    Path(path, "terraform").write_text(_SHIM.format(variable=variable, file=file))
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / file).write_text("1.6.6")
    shell = {"PATH": f"{path}:/usr/bin:/bin", "TF_CLI_ARGS": "-input=false", "TF_CLI_ARGS_version": "-x"}

    def version(**more: str) -> str:
        environment = child_environment({**shell, **more})
        return choose_binary(Wanted(), path=path, environment=environment, folder=layer).version

    assert version() == "1.6.6"
    assert version(**{variable: "1.8.0"}) == "1.8.0"
    with pytest.raises(VersionExcluded, match=r" 1\.6\.6:"):
        choose_binary(
            Wanted(required_version="< 1.5"), path=path, environment=child_environment(shell), folder=layer
        )
    assert chosen_by_folder("terraform", path)


def test_finding_a_program_runs_nothing(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "terraform")
    Path(path, "terraform").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    assert find_program(Wanted(registry="terraform"), path) == (f"{path}/terraform",)
    with pytest.raises(OtherProduct, match=r"OpenTofu: "):
        find_program(Wanted(registry="opentofu"), path)
    assert not (tmp_path / "ran").exists()
