"""The sandbox's stand-in for AWS's sign-in console, and a pretend phone with an authenticator app.

Server-rendered pages without any script, so that a text browser and a test walk them as a person does. They
act through the strict layer only: whatever AWS would reject in its console fails here.
"""
