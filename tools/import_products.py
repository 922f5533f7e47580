"""`make import FILE=products.csv`: import the products of a file into the database of `make run`, all or none.

The formats are those of POST /api/v1/products/import/: CSV (.csv) or JSON lines (.ndjson, .jsonl).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import simplejson
from tqdm import tqdm

from server.database import interface
from server.http import files
from server.http.errors import Problem
from tools.cluster import ClusterError, served_database

CHUNK = 2000  # lines in one call, and one step of the progress bar


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not arguments[0]:
        print("usage: make import FILE=products.csv", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        text = files.decode(path.read_bytes())
        with psycopg.connect(served_database()) as connection:
            imported = import_products(connection, text, is_csv=path.suffix.lower() == ".csv")
    except Problem as problem:
        for line in _told(problem):
            print(line, file=sys.stderr)
        return 1
    except (OSError, ClusterError, psycopg.Error) as error:
        print(f"{error} Nothing was imported.", file=sys.stderr)
        return 1
    print(f"{imported} products imported.")
    return 0


def import_products(connection: psycopg.Connection[Any], text: str, *, is_csv: bool) -> int:
    """Create the products in the connection's transaction, and return their number.

    Raises Problem, with the errors by line, if a line is not valid.
    """
    row = connection.execute("select http.catalog()::text").fetchone()
    assert row is not None
    kind = files.line_model(interface.read(row[0]))
    size = text.count("\n") + 1
    lines = files.check_lines(_shown(files.read_lines(text, is_csv=is_csv), "checking", size), kind)
    with tqdm(total=len(lines), desc="importing", unit=" lines", disable=None) as bar:
        for start in range(0, len(lines), CHUNK):
            chunk = lines[start : start + CHUNK]
            try:
                connection.execute("select inventory.import_products(%s::jsonb)", [simplejson.dumps(chunk)])
            except psycopg.Error as error:
                if error.sqlstate != "IV043":  # LINES_REJECTED
                    raise
                raise files.rejected(simplejson.loads(error.diag.message_detail or "{}")) from error
            bar.update(len(chunk))
    return len(lines)


def _shown(lines: Iterator[files.Line], what: str, size: int) -> Iterator[files.Line]:
    shown: Iterable[files.Line] = tqdm(lines, desc=what, total=size, unit=" lines", disable=None)
    yield from shown


def _told(problem: Problem) -> Iterator[str]:
    yield problem.message
    for number, fields in problem.lines.items():
        for field, sentences in fields.items():
            yield f"line {number}: {field}: {' '.join(sentences)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
