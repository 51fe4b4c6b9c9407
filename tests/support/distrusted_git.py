"""Git settings of a checkout that run the program `{trap}`."""

LOCAL = {
    "core.fsmonitor": "{trap}",
    "core.pager": "{trap}",
    "pager.diff": "{trap}",
    "diff.external": "{trap}",
    "diff.trap.command": "{trap}",
    "diff.trap.textconv": "{trap}",
    "filter.trap.clean": "{trap}",
    "filter.trap.smudge": "{trap}",
    "filter.process.process": "{trap}",
    "filter.process.required": "true",
    "filter.with.dots and blanks.clean": "{trap}",
    "core.hooksPath": "{hooks}",
    "gpg.program": "{trap}",
    "log.showSignature": "true",
    "gc.auto": "1",
    "gc.recentObjectsHook": "{trap}",
    "core.editor": "{trap}",
    "alias.status": "!{trap}",
    "submodule.recurse": "true",
    "hook.trap.command": "{trap}",
    "hook.trap.event": "post-index-change",
}
"""Settings that run a program when git reads the checkout, but do not prevent a fetch."""
