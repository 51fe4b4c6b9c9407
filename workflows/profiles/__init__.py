"""A project's profiles for the AWS tools, in `~/.aws/<project>/config` and `~/.aws/<project>/credentials`.

`plan` determines the wanted profiles, `merge` puts them into a text without touching anything else,
`write` writes both files. `~/.aws/config` itself belongs to the person and is never opened.
"""
