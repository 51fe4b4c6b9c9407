"""Unusual files: foreign parts stay byte for byte, and the AWS tools can read the whole files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import botocore.configloader
import pytest
from support.profile_samples import devops

from workflows.core.files import FileError
from workflows.core.secret import Credentials, Secret
from workflows.profiles.merge import ProfileFileError
from workflows.profiles.plan import KeyFromProcess
from workflows.profiles.write import ProfilePaths, profile_paths, write_profiles

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
OURS = "bb-shared-devops"
KEY = Credentials("AKIA" + "A" * 16, Secret("s" * 40))

ODD = {
    "empty": "",
    "blank lines alone": "\n\n\n",
    "a comment alone": "# nothing yet",
    "comments of both kinds": "; one\n# two\n[profile a]\n;x = 1\ny = 2\n#z = 3\n",
    "no final line end": "[profile a]\nregion = eu-west-1",
    "many final line ends": "[profile a]\nregion = eu-west-1\n\n\n\n\n",
    "line ends of Windows": "[profile a]\r\nregion = eu-west-1\r\n\r\n# c\r\n",
    "line ends of Windows, none at the end": "[profile a]\r\nregion = eu-west-1",
    "mixed line ends": "[profile a]\r\nx = 1\ny = 2\r\n[profile b]\nz = 3\n",
    "blanks at line ends": "[profile a]   \nregion = eu-west-1  \t\n   \n",
    "tabs": "[profile a]\n\tregion\t=\teu-west-1\n",
    "no blanks around the sign": "[profile a]\nregion=eu-west-1\noutput=text\n",
    "the sign is a colon": "[profile a]\nregion: eu-west-1\nrole_arn : arn:aws:iam::1:role/x\n",
    "a nested block": "[profile a]\ns3 =\n  max_queue_size = 10\n  addressing_style = path\nregion = x\n",
    "a nested block with comments": "[profile a]\ns3 =\n    # why\n    max_queue_size = 10\n\n# end\n",
    "a nested block at the end": "[profile a]\ns3 =\n  max_queue_size = 10",
    "an inline comment": "[profile a]\nregion = eu-west-1 # home\noutput = json ; as usual\n",
    "a comment after a header": "[profile a] # mine\nregion = x\n[profile b] ; yours\nregion = y\n",
    "quoted names": "[profile \"a b\"]\nregion = x\n[profile 'c']\nregion = y\n",
    "two blanks in a header": "[profile   a]\nregion = x\n",
    "sections of other kinds": (
        "[default]\nregion = x\n[sso-session team]\nsso_region = x\nsso_start_url = https://a/#/\n"
        "[services local]\ns3 =\n  endpoint_url = http://localhost:1\n[preview]\ncloudfront = true\n"
    ),
    "an sso profile": "[profile a]\nsso_session = team\nsso_account_id = 000000000001\nsso_role_name = R\n",
    "signs inside values": '[profile a]\ncredential_process = /bin/x --a=b;c "d # e" %USER% %(x)s ${y}\n',
    "other alphabets": "# Größe, 大阪\n[profile größe]\nregion = eu-west-1\n",
    "a disabled profile": "[profile a]\nx = 1\n\n#[profile b]\n#x = 2\n\n[profile c]\nx = 3\n",
    "an empty value": "[profile a]\nregion =\noutput = json\n",
    "a long line": f"[profile a]\nweb_identity_token_file = /{'x' * 5000}\n",
    "ours in the middle": (
        f"[profile a]\nx = 1\n\n[profile {OURS}]\n# note\nregion = old\n\n[profile c]\ny = 2\n"
    ),
    "ours without options": f"[profile {OURS}]\n[profile c]\ny = 2\n",
    "ours with a nested block": (
        f"[profile {OURS}]\nregion = old\ns3 =\n  max_queue_size = 1\n[profile c]\ny = 2\n"
    ),
    "ours indented": (
        f"[profile {OURS}]\n    region = old\n\n    # note\n    output = text\n[profile c]\ny = 2\n"
    ),
    "ours quoted": f'[profile "{OURS}"]\nregion = old\n',
}
REFUSED = {
    "twice": ("[profile a]\nx = 1\n[profile a]\ny = 2\n", 3),
    "twice in another spelling": ("[profile a]\nx = 1\n[profile 'a']\ny = 2\n", 3),
    "an option twice": ("[profile a]\nx = 1\nx = 2\n", 3),
    "a lone word": ("[profile a]\nx = 1\n\nnonsense\n", 4),
    "no section": ("x = 1\n", 1),
    "a byte order mark": ("\ufeff[profile a]\nx = 1\n", 1),
    "an open bracket": ("[profile a]\nx = 1\n[profile b\ny = 2\n", 3),
    "a block without signs": ("[profile a]\ns3 =\n  nonsense\n", 3),
    "a block without signs, further down": (
        "[profile b]\ns3 =\n  x = 1\n\n[profile a]\ny = 2\nS3 :\n  # note\n  x = 1\n\n  nonsense\n",
        11,
    ),
    "a value on the next line": ("[profile a]\nx = 1\nregion =\n  eu-west-1\n", 4),
    "a lone carriage return": ("[profile a]\nx = 1\ry = 2\n", 2),
    "a mark of a merge": ("[profile a]\n<<<<<<< HEAD\nx = 1\n", 2),
}


@pytest.fixture
def paths(tmp_path: Path) -> ProfilePaths:
    made = profile_paths(tmp_path, "bb")
    made.folder.mkdir(parents=True)
    return made


def as_botocore_reads(path: Path) -> dict[str, dict[str, object]]:
    found = botocore.configloader.load_config(str(path))
    profiles: dict[str, dict[str, object]] = found["profiles"]
    return profiles


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_ours_stays_and_writing_twice_is_the_same_as_once(paths: ProfilePaths, name: str) -> None:
    text = ODD[name].encode()
    paths.config.write_bytes(text)
    before = as_botocore_reads(paths.config)
    write_profiles(paths, devops(KEY), NOW)
    once = paths.config.read_bytes()
    if not name.startswith("ours"):
        assert once.startswith(text)
    after = as_botocore_reads(paths.config)
    assert {key: value for key, value in after.items() if not key.startswith("bb-")} == {
        key: value for key, value in before.items() if not key.startswith("bb-")
    }
    assert after[OURS]["role_arn"] == "arn:aws:iam::333333333333:role/DevOps"
    assert after[OURS]["region"] == "us-east-1"
    if b"\r\n" in text and b"\n" not in text.replace(b"\r\n", b""):
        assert b"\n" not in once.replace(b"\r\n", b"")
    assert write_profiles(paths, devops(KEY), NOW).changed == ()
    assert paths.config.read_bytes() == once


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_indented_options_stay_indented(paths: ProfilePaths, blank: str) -> None:
    """An indented header's section ends at the first line that is not indented."""
    lines = [
        f"[profile {OURS}]",
        "region = old",
        "# note",
        "OUTPUT = text",
        "s3 =",
        "  max_queue_size = 1",
        "",
    ]
    more = ["[profile c]", "y = 2", ""]
    paths.config.write_text("\n".join(blank + line if line else "" for line in (*lines, *more)))
    write_profiles(paths, devops(KEY), NOW)
    ours, _, other = paths.config.read_text().partition(f"{blank}[profile c]\n")
    for line in ("region = us-east-1", "# note", "OUTPUT = json", "  max_queue_size = 1"):
        assert f"\n{blank}{line}\n" in ours
    assert all(line.startswith(blank) for line in ours.splitlines() if line)
    assert other.startswith(f"{blank}y = 2\n")
    read = as_botocore_reads(paths.config)
    assert read[OURS]["s3"] == {"max_queue_size": "1"}
    assert read["c"] == {"y": "2"}


@pytest.mark.parametrize("name", [name for name in ODD if name.startswith("ours")])
def test_around_ours_every_byte_stays(paths: ProfilePaths, name: str) -> None:
    text = ODD[name]
    paths.config.write_text(text)
    write_profiles(paths, devops(KEY), NOW)
    once = paths.config.read_text()
    head, tail = text.split("[profile", 1)[0], text.partition("[profile c]")
    assert once.startswith(head)
    assert tail[1] + tail[2] in once
    for kept in ("# note\n", "s3 =\n  max_queue_size = 1\n"):
        assert (kept in once) == (kept in text)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_aws_tools_reject_is_refused_with_its_line_in_either_file(
    paths: ProfilePaths, name: str
) -> None:
    text, line = REFUSED[name]
    for path, content in ((paths.config, text), (paths.credentials, text.replace("profile ", ""))):
        path.write_text(content, newline="")
        with pytest.raises(ProfileFileError, match=path.name) as caught:
            write_profiles(paths, devops(KEY), NOW)
        if "spelling" not in name or path == paths.config:
            assert f"line {line}:" in caught.value.what
        assert path.read_bytes() == content.encode()
        path.unlink()
        if "spelling" in name:
            break  # `credentials` has only one spelling
    assert not list(paths.folder.glob("*backup*"))


def test_bytes_that_are_no_text_are_refused_with_their_line(paths: ProfilePaths) -> None:
    paths.config.write_bytes(b"[profile a]\n# se\xf1or\nx = 1\n")
    with pytest.raises(FileError, match="in line 2,"):
        write_profiles(paths, devops(KEY), NOW)


def test_what_the_default_section_gives_to_ours_is_refused_by_its_name(paths: ProfilePaths) -> None:
    """Options in configparser's [DEFAULT] apply to every profile, so they cannot be removed there."""
    paths.config.write_text("[DEFAULT]\nsso_session = team\n\n[profile a]\nx = 1\n")
    with pytest.raises(ProfileFileError) as caught:
        write_profiles(paths, devops(KEY), NOW)
    assert "[DEFAULT]" in caught.value.what
    assert "sso_session" in caught.value.next
    paths.config.write_text("[DEFAULT]\nregion = eu-west-1\n\n[profile a]\nx = 1\n")
    write_profiles(paths, devops(KEY), NOW)  # an option that our profiles set themselves does no harm
    assert as_botocore_reads(paths.config)[OURS]["region"] == "us-east-1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"[profile a]\nregion = gr\xf6\xdfe\n"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path),
        lambda path: path.write_bytes(b"# x\n" * 2_000_000),
    ],
    ids=["another encoding", "a folder", "a link to itself", "eight megabytes"],
)
def test_what_is_no_text_at_all_is_refused_in_words(
    paths: ProfilePaths, spoil: Callable[[Path], object]
) -> None:
    spoil(paths.config)
    with pytest.raises(FileError) as caught:
        write_profiles(paths, devops(KEY), NOW)
    assert "config" in caught.value.what
    assert caught.value.next
    assert not paths.credentials.exists()


def test_the_real_aws_command_reads_an_odd_file(paths: ProfilePaths) -> None:
    paths.config.write_text(ODD["sections of other kinds"] + ODD["quoted names"] + ODD["an inline comment"])
    write_profiles(paths, devops(KeyFromProcess("/bin/true")), NOW)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(paths.folder),
        "AWS_CONFIG_FILE": str(paths.config),
        "AWS_SHARED_CREDENTIALS_FILE": str(paths.credentials),
    }
    wanted = {"a b": ("region", "x"), OURS: ("role_arn", "arn:aws:iam::333333333333:role/DevOps")}
    for profile, (option, value) in wanted.items():
        command = [sys.executable, "-m", "awscli", "configure", "get", option, "--profile", profile]
        told = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        assert told.stdout.strip() == value
