"""The shell: the command line, and the application that leads through a session."""
