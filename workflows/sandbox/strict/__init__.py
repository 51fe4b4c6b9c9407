"""What AWS refuses and moto lets through: a strict WSGI layer in front of moto.

The program must never get away with something in the sandbox that AWS would not allow, so every request is
authenticated (Signature Version 4), given an identity, authorised by the policies attached to it, and only
then handed to moto.
"""
