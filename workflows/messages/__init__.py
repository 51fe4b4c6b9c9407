"""The request and the handoff: the two plain texts that an admin and a new user send each other."""
