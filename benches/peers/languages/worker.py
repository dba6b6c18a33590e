"""A verifier in Python: `worker.py LIBRARY FILE`.

Reads lines of `ALGORITHM COUNT` and answers each with the nanoseconds that so many verifications took, or `-` for an algorithm
that the library does not know. FILE holds keys and tokens, as `portcullis-peers tokens` writes them.
"""

import json
import sys
import time


def python_jose(tokens, algorithm, issuer, audience):
    """python-jose on cryptography, with a key parsed before: as fast as it can be had."""
    from jose import jwk, jwt

    if algorithm == "EdDSA":
        return None
    key = jwk.construct(tokens["secret"] or tokens["public_pem"], algorithm)
    options = {"leeway": 0, "require_exp": True, "require_iss": True, "require_aud": True}
    return lambda token: jwt.decode(token, key, [algorithm], options, audience=audience, issuer=issuer)


def pyjwt(tokens, algorithm, issuer, audience):
    """PyJWT, with a key object of cryptography."""
    import jwt
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    secret = tokens["secret"]
    key = secret.encode() if secret else load_pem_public_key(tokens["public_pem"].encode())
    options = {"require": ["exp", "iss", "aud", "sub"]}
    return lambda token: jwt.decode(token, key, [algorithm], options, audience=audience, issuer=issuer)


LIBRARIES = {"python-jose": python_jose, "PyJWT": pyjwt}


def refuses(verify, token):
    try:
        verify(token)
    except Exception:
        return True
    return False


def prove(verify, tokens):
    """What takes a bad token, or refuses a good one, is not worth timing."""
    verify(tokens["good"])
    for what, token in tokens["bad"]:
        assert refuses(verify, token), f"takes a token {what}"


def main(library, file):
    with open(file, encoding="utf-8") as text:
        exchange = json.load(text)
    verifiers = {}
    for algorithm, tokens in exchange["algorithms"].items():
        verify = LIBRARIES[library](tokens, algorithm, exchange["issuer"], exchange["audience"])
        if verify:
            prove(verify, tokens)
        verifiers[algorithm] = verify, tokens["good"]
    for line in sys.stdin:
        algorithm, count = line.split()
        verify, token = verifiers[algorithm]
        if verify is None:
            print("-", flush=True)
            continue
        start = time.perf_counter_ns()
        for _ in range(int(count)):
            verify(token)
        print(time.perf_counter_ns() - start, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
