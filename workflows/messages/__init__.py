"""The texts that people send each other: invitation, request and handoff.

Each is readable on its own and usable without the wizard; the request and the handoff also carry one fenced
block of JSON for the wizard. None of them holds a secret in clear, so any messenger will do.
"""
