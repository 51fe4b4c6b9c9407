"""The shell: the command line and the application that walks a session through the screens."""
