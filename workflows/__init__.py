"""Everything of iam-onboard that would also work without a screen.

Importing this package loads neither Textual nor boto3; a test in a subprocess holds it to that.
"""
