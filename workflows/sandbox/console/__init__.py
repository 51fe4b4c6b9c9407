"""The sandbox's replacement for AWS's sign-in console, and a pretend phone with an authenticator app.

The pages are rendered on the server and contain no scripts, so a text browser or a test can use them as a
person does. They call AWS through the strict layer only: whatever AWS would reject in its console fails here.
"""
