"""How tools/coverage.py adds up what the tests have run. The rows are what plpgsql_check has for this function."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import coverage
from tools.coverage import Counts, CoverageError, Function, Statement

SOURCE = """
begin
    if p_a = 1 then
        return 1; -- at once
    elsif p_a = 2 then
        raise exception using
            errcode = 'IV001';
    end if;
    for v_i in 1..p_a loop
        if v_i = 5 then
            v_x := 0;
        else
            v_x := 1;
        end if;
    end loop;
    begin
        perform 1 / p_a;
    exception
        when division_by_zero then
            v_x := 2;
    end;
    return v_x;
end;
"""
STATEMENTS = [
    [0, None, None, 1, 2, "statement block"],
    [1, 0, "body", 1, 3, "IF"],
    [2, 1, "then body", 1, 4, "RETURN"],
    [3, 1, "elsif 1", 1, 6, "RAISE"],
    [4, 0, "body", 2, 9, "FOR with integer loop variable"],
    [5, 4, "loop body", 1, 10, "IF"],
    [6, 5, "then body", 1, 11, "assignment"],
    [7, 5, "else body", 1, 13, "assignment"],
    [8, 0, "body", 3, 16, "statement block"],
    [9, 8, "body", 1, 17, "PERFORM"],
    [10, 8, "exception 1", 1, 20, "assignment"],
    [11, 0, "body", 4, 22, "RETURN"],
]
NAME = "inventory.clock"
IF = "if p_a = 1 then"
THEN = f"{IF} return 1;"
ELSIF = f"{IF} … elsif 1: raise exception using errcode = 'IV001';"
ABSENT_ELSE = f"{IF} (it is always true)"
LOOP = "for v_i in 1..p_a loop"
IDLE = f"{LOOP} (it always has a pass)"
INNER_THEN = "if v_i = 5 then v_x := 0;"
HANDLER = "begin … exception 1: v_x := 2;"

# What calls with these arguments run.
THREE = {0: 1, 1: 1, 4: 1, 5: 3, 7: 3, 8: 1, 9: 1, 11: 1}
ONE = {0: 1, 1: 1, 2: 1}
TWO = {0: 1, 1: 1, 3: 1}
ZERO = {0: 1, 1: 1, 4: 1, 8: 1, 9: 1, 10: 1, 11: 1}
FIVE = THREE | {5: 5, 6: 1, 7: 4}


def function(*calls: dict[int, int]) -> Function:
    made = Function(NAME, "inventory/core", SOURCE, [Statement(*row) for row in STATEMENTS])
    for call in calls:
        made.add(call)
    return made


@pytest.mark.parametrize(
    ("calls", "missing", "statements_run", "branches_run"),
    [
        ([], [coverage.WHOLE], 0, 0),
        ([THREE], [THEN, ELSIF, INNER_THEN, IDLE, HANDLER], 8, 3),
        ([ONE], [ELSIF, ABSENT_ELSE, LOOP, "begin", "return v_x;"], 3, 1),
        ([ONE, TWO], [ABSENT_ELSE, LOOP, "begin", "return v_x;"], 4, 2),
        ([ZERO], [THEN, ELSIF, f"{LOOP} (it never has a pass)"], 7, 3),
        ([THREE, ONE, TWO, ZERO], [INNER_THEN], 11, 7),
        ([ONE, TWO, ZERO, FIVE], [], 12, 8),
    ],
)
def test_what_was_not_reached_is_named_once(
    calls: list[dict[int, int]], missing: list[str], statements_run: int, branches_run: int
) -> None:
    made = function(*calls)
    assert made.missing() == missing
    assert made.counts() == Counts(1, 12, statements_run, 8, branches_run)


def test_a_loop_is_idle_in_a_test_of_its_own() -> None:
    """Five passes in one test do not hide that another test's loop had none."""
    assert IDLE not in function(FIVE, ZERO).missing()
    assert IDLE in function(FIVE).missing()


def write(directory: Path, *tests: dict[int, int]) -> None:
    (directory / "functions.json").write_text(json.dumps({NAME: {"source": SOURCE, "statements": STATEMENTS}}))
    lines = {row[0]: row[4] for row in STATEMENTS}
    for number, test in enumerate(tests):
        statements = {NAME: {str(each): [lines[each], count] for each, count in test.items()}}
        with (directory / f"gw{number % 2}.jsonl").open("a") as file:
            file.write(json.dumps({"test": f"t{number}", "seconds": 0.1, "statements": statements}) + "\n")


def test_the_tests_of_all_workers_are_added_up(tmp_path: Path) -> None:
    write(tmp_path, ONE, TWO, ZERO, FIVE)
    (added,), tests = coverage.read(tmp_path)
    assert tests == 4
    assert added.executions == sum(
        (function(call).executions for call in (ONE, TWO, ZERO, FIVE)), function().executions
    )
    assert added.missing() == []
    assert "| inventory/core | 1 | 12 of 12 | 100.0 % | 8 of 8 | 100.0 % |" in coverage.page([added], {}, tests)


def test_no_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CoverageError):
        coverage.read(tmp_path)


def test_the_marks_are_held_with_a_reason_for_each_branch_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, most = function(ONE, TWO, ZERO, FIVE), function(ONE, TWO, FIVE)
    assert coverage.faults([whole], {}) == []
    assert len(coverage.faults([most], {})) == 4  # statements, branches, and two that are missing
    reasons = {NAME: {IDLE: "why", HANDLER: "why"}}
    assert len(coverage.faults([most], reasons)) == 2
    monkeypatch.setitem(coverage.MARKS, "inventory", (91.0, 75.0))
    assert coverage.faults([most], reasons) == []
    monkeypatch.setitem(coverage.MARKS, "inventory", (91.0, 75.1))
    assert len(coverage.faults([most], reasons)) == 1


def test_a_reason_for_what_is_reached_or_is_no_more_is_an_error() -> None:
    whole = function(ONE, TWO, ZERO, FIVE)
    assert len(coverage.faults([whole], {NAME: {HANDLER: "why"}, "inventory.gone": {IDLE: "why"}})) == 2
