"""What `make mutants` changes in a function, and that what is said of survivors is still about something."""

from __future__ import annotations

import pytest

from tools.mutants.changes import Mutant, everything, mutants, parameters
from tools.mutants.page import read_reasons

SIGNATURES = {"inventory.take": {"p_one": "numeric", "p_other": "numeric", "p_why": "text"}}


def of(body: str) -> list[Mutant]:
    head = "create or replace function inventory.f(p_id bigint)\nreturns void\nas $$\n"
    return mutants("inventory.f", f"{head}{body}\n$$;\n\ngrant to nobody;\n", SIGNATURES)


def changes(body: str) -> set[str]:
    """The kind of each mutant of a body of one line, and what becomes of the line."""
    return {f"{mutant.kind}: {mutant.difference[1]}" for mutant in of(body)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x := a < b;", {"comparison: x := a <= b;"}),
        ("x := a - b;", {"sign: x := a + b;"}),
        ("x := f(-a);", {"sign: x := f(a);"}),
        ("x := count(*);", set()),
        ("select * into x from t;", set()),
        ("x := '1 < 2' || $q$ 3 > 4 $q$; -- 5 = 6", set()),
        ("x := a ->> 'b';", set()),
        ("x := round(a, 3);", {"rounding: x := trunc(a, 3);", "constant: x := round(a, 4);"}),
        ("x := least(a, b);", {"extreme: x := greatest(a, b);"}),
        ("x := true;", {"constant: x := false;"}),
        ("x := coalesce(f(a, b), c);", {"null: x := (f(a, b));"}),
        ("x := a is null;", {"not: x := a is not null;"}),
        ("x := a is not null;", {"not: x := a is null;"}),
        ("x := a and b;", {"and/or: x := a or b;"}),
        ("x := a between b and c;", set()),
        (
            "perform from t for no key update skip locked;",
            {"lock: perform from t for no key update;", "lock: perform from t;"},
        ),
        ("perform pg_advisory_xact_lock(a);", {"lock: null;"}),
        ("perform inventory.require_limit(a);", {"guard: null;"}),
        ("x := array_agg(a order by b, c);", {"order by: x := array_agg(a);"}),
        (
            "x := (select a from t limit f(b) for update);",
            {"limit: x := (select a from t for update);", "lock: x := (select a from t limit f(b));"},
        ),
        ("if f(a) then raise 'no'; end if;", {"guard: if false then raise 'no'; end if;"}),
        (
            "if f(a) then return; end if;",
            {"condition: if false then return; end if;", "condition: if true then return; end if;"},
        ),
        ("raise exception using message = format('%s', a - b), hint = a < b;", set()),
        (
            "delete from t where (f(a) or f(b)) and a between b and c;",
            {
                "where: delete from t where true and a between b and c;",
                "where: delete from t where (f(a) or f(b)) and true;",
                "and/or: delete from t where (f(a) and f(b)) and a between b and c;",
                "and/or: delete from t where (f(a) or f(b)) or a between b and c;",
            },
        ),
        ("x := inventory.take(a, f(b, c), d);", {"arguments: x := inventory.take(f(b, c), a, d);"}),
        (
            "x := inventory.take(p_other => a, p_one => b);",
            {"arguments: x := inventory.take(p_other => b, p_one => a);"},
        ),
    ],
)
def test_changes_of_a_line(body: str, expected: set[str]) -> None:
    assert changes(body) == expected


def test_a_mutant_is_the_whole_statement_that_creates_the_function() -> None:
    (mutant,) = of("begin\n    x := a < b;\nend;")
    assert mutant.line == 3
    assert mutant.change == "x := a < b; → x := a <= b;"
    assert mutant.definition == (
        "create or replace function inventory.f(p_id bigint)\nreturns void\nas $$\nbegin\n    x := a <= b;\nend;\n$$;"
    )


def test_a_name_stays_when_something_else_changes() -> None:
    (alone,) = of("x := a < b;")
    beside = [mutant.id for mutant in of("y := f(c and d);\nx := a < b;\n    x := a < b;")]
    assert alone.id in beside
    assert len(set(beside)) == 3


def test_the_arguments_of_a_function() -> None:
    several = "    p_id bigint,\n    p_limit integer default null,\n    out result json\n"
    assert parameters(f"create function f(\n{several})\nreturns json\nas $$") == {
        "p_id": "bigint",
        "p_limit": "integer",
    }
    assert parameters("create function f(p_id uuid, p_names text [] default null)\nreturns void\nas $$") == {
        "p_id": "uuid",
        "p_names": "text []",
    }


def test_what_is_said_to_change_nothing_is_still_a_change() -> None:
    known = {mutant.id for mutant in everything()[0]}
    assert len(known) > 2000
    assert read_reasons().keys() - known == set()
