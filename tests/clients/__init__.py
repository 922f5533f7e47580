"""Clients made of docs/openapi.json by the usual generators: linted, generated, compiled, and run against the service.

    make test-clients                        all of them
    make test-clients ARGS='hey-api java'    some of them

Each client's walk is a program in walks/: the README's first walk, a business error, and a page of a list with a token.
A generator whose compiler is not installed is reported as generated only, and that is an error unless ARGS says
--allow-missing.
"""
