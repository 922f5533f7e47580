"""The OpenAPI 3.1 document: made of the routes, the functions of the database, their comments and their roles.

    python -m tools.openapi        writes docs/openapi.json, which the server serves unchanged

A test fails if the file is out of date.

| module | what it knows |
|---|---|
| document.py | the operations: parameters, bodies, answers, who may call |
| schemas.py | a comment's sketch or an SQL type as a schema, with a name where it is an object |
| errors.py | the bodies and headers of errors |
| links.py | which operation can follow on another |
| names.py | tags, names of schemas, what a parameter means that no comment of the database explains |
| examples.py | samples of the APIs' documents |
"""

from tools.openapi.document import document, text

__all__ = ["document", "text"]
