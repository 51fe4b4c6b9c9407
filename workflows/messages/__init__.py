"""The texts that people send each other: invitation, request and handoff.

Each is readable by itself and usable without the wizard; the request and the handoff also have one fenced
block of JSON for the wizard. None of them contains a secret in clear text, so any messenger will do.
"""
