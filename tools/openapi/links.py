"""Links: to the operations that can follow, with the parameters that they take from an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from server.http.routes import Route
from tools.openapi.names import operation_id

PATH_PARAMETER = re.compile(r"\{(\w+)\}")

Resolve = Callable[[dict[str, Any]], dict[str, Any]]


def links(route: Route, operation: dict[str, Any], routes: Sequence[Route], resolve: Resolve) -> dict[str, Any]:
    """Returns links to the operations that can follow: on what a POST created or changed, or on a nested list's first.

    A nested list is a GET whose path has a parameter, such as the prices of a product. ``resolve``: returns what a
    schema refers to, or the schema.
    """
    answer = operation["responses"][str(route.status)].get("content", {}).get("application/json", {}).get("schema", {})
    own = PATH_PARAMETER.findall(route.path)
    if not answer or (route.method != "POST" and not (route.method == "GET" and own)):
        return {}
    found = {}
    for target in routes:
        parameters = {}
        for name in PATH_PARAMETER.findall(target.path):
            below = f"{route.path.rstrip('/')}/{{{name}}}"
            is_below = f"{target.path}/".startswith(f"{below}/")
            pointer = _pointer(resolve(answer), name, resolve, is_below=is_below)
            if pointer is not None:
                parameters[name] = f"$response.body#{pointer}"
            elif name in own and target.path.startswith(route.path):
                parameters[name] = f"$request.path.{name}"
        values = parameters.values()
        if len(parameters) == target.path.count("{") and any(value.startswith("$response") for value in values):
            found[operation_id(target)] = {"operationId": operation_id(target), "parameters": parameters}
    return found


def _pointer(schema: dict[str, Any], name: str, resolve: Resolve, *, is_below: bool) -> str | None:
    """Returns the JSON pointer to a path parameter's value in an answer, or None.

    The value is a member with the parameter's name or, if the target's path continues this one (``is_below``), an id.
    """
    names = [name] if name != "id" else []
    properties = {key: resolve(inner) for key, inner in schema.get("properties", {}).items()}
    places = [("", properties), *((f"/{key}", inner.get("properties", {})) for key, inner in properties.items())]
    if is_below:
        names.append("id")
        items = resolve(properties.get("results", {}).get("items", {}))
        places.append(("/results/0", items.get("properties", {})))
    found = (f"{place}/{key}" for key in names for place, inner in places if key in inner)
    return next(found, None)
