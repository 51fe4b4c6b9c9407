"""A strict WSGI layer in front of moto, which rejects what AWS rejects and moto allows.

In the sandbox nothing may succeed that AWS would reject. So the layer checks every request's signature
(Signature Version 4), finds the identity behind it, and evaluates that identity's policies, before it passes
the request on to moto.
"""
