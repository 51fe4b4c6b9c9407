"""Where an account's STS answers: every region of the partition asked through its own endpoint.

No API lists which regional STS endpoints are deactivated, and none deactivates one. What shows it is a call
that would give temporary credentials of the account: RegionDisabledException is the
answer of a deactivated one.
"""
