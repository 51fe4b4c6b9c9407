"""Find an account's active STS regions by asking every regional endpoint of the partition.

No API lists or changes which regional STS endpoints are deactivated. Only a call for temporary credentials of
the account shows it: a deactivated endpoint responds with RegionDisabledException.
"""
