"""The part of iam-onboard that does not need a screen.

Importing this package loads neither Textual nor boto3, as a test checks in a subprocess.
"""
