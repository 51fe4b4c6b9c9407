"""The arguments of `pgp check`, `pgp request` and `decrypt`; `--help` imports nothing else."""

from __future__ import annotations

from tui.cli.arguments import Commands


def add_pgp_commands(commands: Commands) -> None:
    """Add `pgp` with its two parts, and `decrypt`, to the parser's commands."""
    pgp = commands.add_parser("pgp", help="check PGP keys before an apply does; make a request with yours")
    parts = pgp.add_subparsers(dest="part", metavar="PART", required=True)
    _add_check(parts)
    _add_request(parts)
    _add_decrypt(commands)


def _add_check(parts: Commands) -> None:
    check = parts.add_parser(
        "check",
        help="say what the AWS provider will make of a key",
        description="Says of PGP keys, in whatever form they were sent, what the AWS provider will make of "
        "them. Files in a layer's keys/ folder are judged as they are.",
        epilog="exit codes: 0 every key may be used, 1 one may not (the reason is told), 2 wrong usage",
    )
    check.add_argument(
        "file",
        nargs="?",
        default="-",
        metavar="FILE",
        help="a file or folder of keys ('-': stdin, the default)",
    )
    version = check.add_mutually_exclusive_group()
    version.add_argument(
        "--provider-version", default="", metavar="V", help="the AWS provider, as 3.39.0 or '~> 4.10'"
    )
    version.add_argument("--layer", default="", metavar="FOLDER", help="the layer whose AWS provider counts")
    check.add_argument("--user", default="", metavar="NAME", help="the IAM user whose key it is to be")
    check.add_argument(
        "--key", default="", metavar="KEY", help="of several, the one with this fingerprint or mail"
    )
    output = check.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--text", action="store_true", help="print the key as a file in keys/ has to be")


def _add_request(parts: Commands) -> None:
    request = parts.add_parser(
        "request",
        help="print the text with your public key for your admin",
        description="Prints the text that asks an admin for an IAM user, with your public PGP key in it. "
        "Nothing in it is secret. What is not told by an option is asked for on the terminal.",
    )
    request.add_argument("--project", default="", metavar="NAME", help="the project's short name, as bb")
    request.add_argument("--user", default="", metavar="NAME", help="your IAM user name, as jane.doe")
    request.add_argument("--key", default="", metavar="KEY", help="your key, by fingerprint or mail")
    request.add_argument("--new", action="store_true", help="make a new key; asks for a passphrase")
    request.add_argument("--name", default="", metavar="NAME", help="your name in the new key")
    request.add_argument("--mail", default="", metavar="ADDRESS", help="your mail address in the new key")
    request.add_argument(
        "--years", default="2", metavar="N", help="how long the new key is valid (default: 2)"
    )
    request.add_argument("--replacement", action="store_true", help="you cannot decrypt what you got before")
    request.add_argument("--reason", default="", metavar="TEXT", help="why it is replaced")


def _add_decrypt(commands: Commands) -> None:
    decrypt = commands.add_parser(
        "decrypt",
        help="print the one-time password that you got encrypted",
        description="Decrypts the password in a handoff, or a bare encrypted password, and prints it on "
        "standard output only. The passphrase is asked for by gpg, or here on the terminal.",
    )
    decrypt.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="the text ('-': stdin, the default)"
    )
    decrypt.add_argument("--account", default="", metavar="NAME", help="of a handoff's accounts, this one")
