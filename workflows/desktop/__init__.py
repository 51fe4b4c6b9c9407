"""The person's desktop: browser, clipboard, editor, shell, and how to install what is missing."""
