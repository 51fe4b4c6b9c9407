"""A project's profiles for the AWS tools, in `~/.aws/<project>/config` and `~/.aws/<project>/credentials`.

`plan` says which profiles are wanted, `merge` puts them into a text without touching anything else,
`write` puts both files on the disk. `~/.aws/config` itself belongs to the person and is never opened.
"""
