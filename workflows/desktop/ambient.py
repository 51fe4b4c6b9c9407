"""Shell variables that affect the servers and files that iam-onboard and Terraform use.

One table for the documentation and for `doctor`. Those that affect Terraform are also shown with each plan
(`workflows.terraform.commands.inherited`), and another AWS in the wizard's top line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True)
class Ambient:
    """Shell variables with one effect.

    Attributes:
        names: their names, or patterns of names.
        effect: their effect, in a sentence or two.
        shown: whether their values are safe to show.
        harmless: whether all requests still go to AWS.
    """

    names: tuple[str, ...]
    effect: str
    shown: bool = True
    harmless: bool = True


ELSEWHERE: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_*")
OF_ENDPOINTS: Final = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
AMBIENT: Final = (
    Ambient(
        ELSEWHERE,
        "iam-onboard sends its requests there instead of to AWS. Terraform does so only with a recent AWS "
        "provider; an old one, such as 3.39, still reaches AWS.",
        harmless=False,
    ),
    Ambient(OF_ENDPOINTS, "Requests go to AWS's FIPS or dual-stack endpoints."),
    Ambient(
        ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"),
        "iam-onboard checks AWS's certificates with this file. If several are set, the first one counts.",
    ),
    Ambient(
        ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
        "Requests go through the proxy, except to a local AWS.",
        shown=False,
    ),
    Ambient(("NO_PROXY", "no_proxy"), "Requests to these hosts don't go through a proxy.", shown=False),
    Ambient(
        (
            *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"),
            *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN"),
        ),
        "Not used: the project names the profile, region and files.",
    ),
    Ambient(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        "Not used and not passed on: only the project's profiles sign requests.",
        shown=False,
    ),
    Ambient(
        ("TF_CLI_ARGS", "TF_CLI_ARGS_*"),
        "Terraform adds these arguments, and each plan shows them. iam-onboard stops if they would make "
        "a plan partial, destroy everything or skip the lock.",
    ),
    Ambient(("TF_WORKSPACE",), "Terraform uses this workspace. Each plan shows it."),
    Ambient(("TF_DATA_DIR",), "Terraform keeps its data there, not in .terraform. Each plan shows it."),
    Ambient(
        ("TF_VAR_*",),
        "Terraform uses it for a variable that no file sets. Each plan shows its name.",
        shown=False,
    ),
    Ambient(("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"), "Terraform gets its providers from there."),
    Ambient(
        ("TFENV_*", "TOFUENV_*", "TENV_*", "ASDF_*", "MISE_*"),
        "Your version manager uses them to choose the Terraform or OpenTofu for each layer's folder.",
    ),
    Ambient(("GNUPGHOME",), "gpg looks for your PGP keys there."),
    Ambient(
        ("PYTHON_KEYRING_BACKEND",),
        "iam-onboard keeps your access keys in this keyring, if it is known to keep secrets.",
    ),
    Ambient(
        ("TF_LOG", "TF_LOG_*", "GIT_TRACE*", "GIT_CURL_VERBOSE"),
        "Not passed on: its output would hold credentials.",
    ),
)
"""In the order of the documentation."""


def found_in(environment: Mapping[str, str]) -> Iterator[tuple[str, Ambient]]:
    """Yield the variables in the table that are set, as NAME=value, or as NAME if the value may be secret."""
    for setting in AMBIENT:
        for name in sorted(environment):
            if environment[name] and any(fnmatchcase(name, pattern) for pattern in setting.names):
                yield (f"{name}={environment[name]}" if setting.shown else name), setting


def endpoints(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with AWS's endpoints, which Terraform needs too."""
    patterns = (*ELSEWHERE, *OF_ENDPOINTS)
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
