"""Writes docs/reference: functions, views and types from the catalog, errors and metrics from the code that has them.

    python -m tools.reference

A test fails if a page is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from db.source import FUNCTIONS, ROOT
from pgcalls import Limits as QueueLimits
from server.database.calls import Database
from server.http.errors import STATUS, Api
from server.http.guard import Drain
from server.http.rate_limits import Limits
from server.operation.metrics import FIGURES, Metrics
from server.settings import Settings
from server.webhooks.sender import Sender
from tools.scratch import scratch_cluster

PAGES = ROOT / "docs" / "reference"
WRITTEN = "`python -m tools.reference` wrote this page. Do not edit."

_FUNCTIONS = """
select
    n.nspname as schema,
    p.proname as name,
    p.provolatile::text as volatility,
    obj_description(p.oid, 'pg_proc') as comment,
    pg_get_function_arguments(p.oid) as arguments,
    pg_get_function_result(p.oid) as result,
    array(
        select a.grantee::regrole::text from aclexplode(p.proacl) as a
        where a.grantee <> p.proowner order by 1
    ) as roles,
    -- Of a function that returns the row of a table: its columns.
    array(
        select a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod)
        from pg_type as t
        inner join pg_attribute as a on t.typrelid = a.attrelid
        where t.oid = p.prorettype and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as columns
from pg_proc as p
inner join pg_namespace as n on p.pronamespace = n.oid
where n.nspname = any(%s)
order by p.proname collate "C"
"""

_VIEWS = """
select
    c.relname, obj_description(c.oid, 'pg_class'),
    array(
        select array[a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)]
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0
        order by a.attnum
    ) as columns
from pg_class as c
where c.relnamespace = 'report'::regnamespace and c.relkind = 'v'
order by c.relname collate "C"
"""

_TYPES = """
select
    t.oid::regtype::text,
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
    obj_description(t.oid, 'pg_type'),
    array(
        select a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod)
        from pg_attribute as a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as fields
from pg_type as t
left join pg_class as c on t.typrelid = c.oid
where t.typnamespace = 'inventory'::regnamespace and (t.typtype = 'd' or c.relkind = 'c')
order by t.typtype desc, t.typname collate "C"
"""

# Schemas in the order of the page, and what each is for.
_SCHEMAS = {
    "inventory": "The rules. The endpoints call them too.",
    "report": "Reports with a time. The [views](views.md) are those without.",
    "maintenance": "Jobs, checks, settings and users.",
}


def pages(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Returns the text of each page by its file's name."""
    return {
        "functions.md": _functions(connection),
        "views.md": _views(connection),
        "types.md": _types(connection),
        "errors.md": _errors(connection),
        "metrics.md": _metrics(),
    }


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", WRITTEN, *parts)) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _functions(connection: psycopg.Connection[Any]) -> str:
    rows: list[Any] = connection.cursor(row_factory=namedtuple_row).execute(_FUNCTIONS, [list(_SCHEMAS)]).fetchall()
    parts = [
        """The functions that a role may call, with named arguments, such as
`inventory.reserve_stock(p_product_id => 4, p_amount => 1)`. [sql.md](../sql.md) shows which to use for what.
[api.md](../api.md#roles) has the roles; operator, employee and admin each may also call what the ones before may.
[types.md](types.md) has the types of the arguments, and [errors.md](errors.md) the errors. Other functions have no
grant, and are no interface."""
    ]
    for schema, purpose in _SCHEMAS.items():
        parts += [f"## {schema}", purpose]
        for area in sorted(folder.name for folder in (FUNCTIONS / schema).iterdir()):
            names = {file.stem for file in (FUNCTIONS / schema / area).glob("*.sql")}
            shown = [row for row in rows if row.schema == schema and row.name in names and row.roles]
            parts += [f"### {schema}: {area}"] if shown else []
            parts += [part for row in shown for part in _function(row)]
    return _page("Functions", *parts)


def _function(row: Any) -> Iterator[str]:
    name = f"{row.schema}.{row.name}"
    yield f"#### {name}"
    # No argument has a comma in it, but within parentheses.
    each = re.split(r", (?![^(]*\))", _short(row.arguments)) if row.arguments else []
    head = name + ("(\n" + ",\n".join(f"    {argument}" for argument in each) + "\n)" if each else "()")
    yield f"```sql\n{head}\nreturns {_result(row.result)}\n```" if row.result else f"```sql\ncall {head}\n```"
    yield from _prose(row.comment)
    if row.result and row.columns:
        columns = ", ".join(f"`{_short(column)}`" for column in row.columns)
        yield f"The columns of `{row.result.removeprefix('SETOF ')}`: {columns}."
    kind = {"i": "Immutable", "s": "Changes nothing", "v": "May change data"}[row.volatility]
    yield f"{kind}. May be called by {', '.join(f'`{role}`' for role in row.roles)}."


def _result(result: str) -> str:
    result = _short(result)
    if not result.startswith("TABLE("):
        return result.lower() if result == "VOID" else result.replace("SETOF", "setof")
    return "table (\n" + "".join(f"    {each},\n" for each in result[6:-1].split(", "))[:-2] + "\n)"


def _short(text: str) -> str:
    """The catalog's words for types and defaults, as people write them."""
    text = text.replace("timestamp with time zone", "timestamptz")
    text = re.sub(r" DEFAULT ", " default ", text)
    return re.sub(r"(?<=default )(NULL|('[^']*'))::[\w. ]+", lambda match: match[2] or "null", text)


def _prose(comment: str) -> Iterator[str]:
    """A comment's paragraphs. Lines like ``name: what it is`` become the items of a list."""
    for paragraph in re.sub(r"\sErrors: ", "\n\nErrors: ", comment).split("\n\n"):
        text, indent = "", ""
        for line in paragraph.splitlines():
            if match := re.match(r"([a-z][a-z_0-9]*(?:(?:, | and )[a-z][a-z_0-9]*)*): ", line):
                text += ("" if indent else "\n") + f"- `{match[1]}`: {_plain(line[match.end() :])}\n"
                indent = "  "
            else:
                text += indent + _plain(line.strip()) + "\n"
        yield text.strip()


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([*<>\[\]`])", r"\\\1", text)


def _views(connection: psycopg.Connection[Any]) -> str:
    parts = [
        """The views of the schema `report`, for the role `inventory_reporting` and those that it is granted to. [How to
make reports](../howto/reports.md) shows them in use. Quantities are in the product's unit, money is in the one
currency of the stock, and times are `timestamptz`."""
    ]
    for name, comment, columns in connection.execute(_VIEWS):
        parts += [f"## report.{name}", *_prose(comment)]
        rows = ([f"`{column}`", _short(kind), _plain(meaning).replace("\n", " ")] for column, kind, meaning in columns)
        parts.append(_table(("column", "type", ""), rows))
    return _page("Report views", *parts)


def _types(connection: psycopg.Connection[Any]) -> str:
    domains, rows = [], []
    for name, kind, comment, fields in connection.execute(_TYPES):
        meaning = " ".join(_plain(comment or "").split())
        if kind:
            domains.append([f"`{name}`", kind, meaning])
        else:
            rows.append([f"`{name}`", ", ".join(f"`{_short(field)}`" for field in fields), meaning])
    return _page(
        "Types",
        """A value outside of its type is refused with SQLSTATE 23514 and the name of the constraint; over HTTP with the
API's status for a wrong field.""",
        _table(("type", "is a", ""), domains),
        "## Rows",
        "What the lines of an argument consist of.",
        _table(("type", "fields", ""), rows),
    )


def _errors(connection: psycopg.Connection[Any]) -> str:
    of_code = {
        code: (state, meaning) for state, code, meaning in connection.execute("select * from inventory.error_codes()")
    }
    apis = [api for api in Api if api is not Api.SERVICE]
    head = ("code", "SQLSTATE", "meaning", *(api.value.partition(" ")[0] for api in apis))

    def row(code: str) -> list[str]:
        state, meaning = of_code.get(code, ("", ""))
        return [f"`{code}`", state and f"`{state}`", _plain(meaning), *(str(STATUS[code][api]) for api in apis)]

    return _page(
        "Errors",
        """The statuses are those of APIs 1 to 5 and of the authentication endpoints. Users and webhooks answer as
API 5. A code may have no way to occur in an API. In API 5, what the *body* names and is not there is 422.""",
        """[api.md](../api.md#errors) shows what the bodies look like, and says what a caller can do about the server's
own.""",
        "## Of the rules",
        """The database raises them, over HTTP and in SQL. DETAIL has JSON for programs, where there is more to say. Two
other kinds: an argument out of its range is SQLSTATE 22023 with DETAIL `{"field", "input"}`, and a value
outside of its [type](types.md) is 23514.""",
        _table(head, (row(code) for code in of_code)),
        "## Of the server",
        _table((head[0], *head[3:]), ([row(code)[0], *row(code)[3:]] for code in STATUS if code not in of_code)),
    )


def _metrics() -> str:
    database = Database("", None, QueueLimits(1, 1, 1))
    metrics = Metrics(database, Limits(Settings(_env_file=None)), Drain(), Sender(database), {}, standbys=None)
    metrics.figures = dict.fromkeys(FIGURES, 0)
    families = [family for family in metrics.collect() if family.name.startswith("inventory_")]
    rows = (
        [f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, family.documentation]
        for family in sorted(families, key=lambda family: family.name)
    )
    return _page(
        "Metrics",
        """What `/metrics` shows, as it describes itself. [operations.md](../operations.md#metrics) says what their
labels are, which of them are the database's, and which are worth an alert. A histogram has `_bucket`, `_sum` and
`_count`.""",
        _table(("metric", "type", ""), rows),
    )


def main() -> int:
    with scratch_cluster() as cluster, psycopg.connect(cluster.dsn()) as connection:
        for name, text in pages(connection).items():
            (PAGES / name).write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
