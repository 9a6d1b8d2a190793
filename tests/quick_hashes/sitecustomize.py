"""Makes servers of the tests hash passwords quickly: Python imports this first, where PYTHONPATH names the folder.

Argilla hashes with bcrypt in 2^12 rounds, Label Studio with PBKDF2 in a million: each account and each sign-in takes
a third of a second of processor. Nobody has to be kept from guessing the passwords of tests.
"""

from functools import partial
from importlib.util import find_spec

if find_spec("bcrypt"):
    import bcrypt

    bcrypt.gensalt = partial(bcrypt.gensalt, rounds=4)
if find_spec("django"):
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    PBKDF2PasswordHasher.iterations = 1_000
