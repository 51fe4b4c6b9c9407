"""The person's desktop: browser, clipboard, editor, and the variables of the shell."""
