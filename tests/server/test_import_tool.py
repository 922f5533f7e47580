"""`make import`: the products of a file, all or none, in the database that is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Database
from tests.sql.conftest import contents
from tools import import_products

NAMES = "title,category,brand,cost_price,selling_price,sku"


@pytest.fixture(autouse=True)
def served(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's database, with a category and a brand, is the one that is served."""
    for kind in ("category", "brand"):
        database.one(f"select id from inventory.create_{kind}('One')")
    monkeypatch.setenv("DATABASE_URL", database.conninfo)


def write(directory: Path, *lines: str, name: str = "products.csv") -> str:
    path = directory / name
    path.write_bytes("\r\n".join(lines).encode())
    return str(path)


def row(number: int) -> str:
    return f"Mug {number},1,1,2.50,4.99,M-{number}"


def test_a_csv_file(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, f"\ufeff{NAMES},quantity", f"{row(1)},5", "", '"A, ""B""\n",1,1,1,1,,')
    assert import_products.main([file]) == 0
    assert capsys.readouterr().out == "2 products imported.\n"
    assert database.rows("select sku, name, retail_price::text from store.product order by id") == [
        ("M-1", "Mug 1", "4.990"),
        ("P-000001", 'A, "B"\n', "1.000"),
    ]
    assert database.one("select on_hand from store.stock order by product_id limit 1") == 5
    database.verify()


@pytest.mark.parametrize("name", ["products.ndjson", "products.jsonl"])
def test_json_lines(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    line = '{"title": "Mug", "category": 1, "brand": 1, "cost_price": 0.1, "selling_price": "99999999999999999999.99"}'
    assert import_products.main([write(tmp_path, line, "", line, name=name)]) == 0
    assert capsys.readouterr().out == "2 products imported.\n"
    assert (
        database.rows("select cost_price::text, retail_price::text from store.product")
        == [("0.100", "99999999999999999999.990")] * 2
    )
    database.verify()


def test_a_suffix_minds_no_case(database: Database, tmp_path: Path) -> None:
    assert import_products.main([write(tmp_path, NAMES, row(1), name="PRODUCTS.CSV")]) == 0
    assert database.counts()["product"] == 1


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            [NAMES, row(1), ",1,1,x,1,", row(2), "a,1,1,1,-1, x"],
            [
                "line 3: title: This field is required.",
                "line 3: cost_price: A valid number is required.",
                "line 5: selling_price: Ensure this value is greater than or equal to 0.",
                "line 5: sku: String should be printable characters with no space at either end.",
            ],
        ),
        (
            [NAMES, row(1), "", "a,7,8,1,1,", row(1)],
            [
                'line 4: category: Invalid pk "7" - object does not exist.',
                'line 4: brand: Invalid pk "8" - object does not exist.',
                "line 5: sku: product with this sku already exists.",
            ],
        ),
    ],
    ids=["not-valid", "refused-by-the-database"],
)
def test_lines_that_are_refused(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], told: list[str]
) -> None:
    before = contents(database)
    assert import_products.main([write(tmp_path, *lines)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    shown = [line for line in said.err.splitlines() if "lines" not in line]  # but for the progress bar
    assert shown == ["No line was taken: some of them are not valid.", *told]
    assert contents(database) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file has no lines."),
        (f"{NAMES}\nT\xfcte".encode("latin-1"), "The file is not UTF-8."),
        (b"category,brand\n1,1", "The first line must have the names of the fields, each once."),
    ],
)
def test_what_is_no_file_of_products(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, sentence: str
) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(content)
    assert import_products.main([str(path)]) == 1
    assert sentence in capsys.readouterr().err
    assert database.counts()["product"] == 0


@pytest.mark.parametrize("bad", ["a,1,9,1,1,", row(1)], ids=["unknown-brand", "a-code-of-an-earlier-chunk"])
def test_the_last_of_several_chunks_fails(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.setattr(import_products, "CHUNK", 3)
    before = contents(database)
    rows = [row(number) for number in range(7)]
    assert import_products.main([write(tmp_path, NAMES, *rows, bad)]) == 1
    assert "line 9: " in capsys.readouterr().err
    assert contents(database) == before
    assert import_products.main([write(tmp_path, NAMES, *rows)]) == 0
    assert capsys.readouterr().out == "7 products imported.\n"
    assert [name for (name,) in database.rows("select name from store.product order by id")] == [
        f"Mug {number}" for number in range(7)
    ]
    database.verify()


def test_a_file_that_is_not_there(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        assert import_products.main([str(path)]) == 1
        said = capsys.readouterr().err
        assert str(path) in said
        assert said.endswith("Nothing was imported.\n")
    assert database.counts()["product"] == 0


@pytest.mark.parametrize("arguments", [[], [""], ["a.csv", "b.csv"]])
def test_how_it_is_called(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert import_products.main(arguments) == 2
    assert capsys.readouterr().err == "usage: make import FILE=products.csv\n"


def test_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, NAMES, row(1))
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # no .env
    assert import_products.main([file]) == 1
    assert "The database does not run: `make run` starts it." in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", f"postgresql:///inventory?host={tmp_path}")
    assert import_products.main([file]) == 1
    assert capsys.readouterr().err.endswith("Nothing was imported.\n")


def test_a_database_that_is_not_ours(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.admin.execute("alter function http.catalog rename to gone")
    assert import_products.main([write(tmp_path, NAMES, row(1))]) == 1
    assert capsys.readouterr().err.endswith("Nothing was imported.\n")


def test_a_category_that_somebody_holds_is_waited_for(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], in_thread: type
) -> None:
    other = database.connect("inventory_admin")
    with other.transaction():
        other.execute("select inventory.delete_category(1)")
        waiting = in_thread(lambda: import_products.main([write(tmp_path, NAMES, row(1))]))
        database.wait_for(
            lambda: database.one(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
        )
    assert waiting.result() == 1
    assert "A category or a brand was deleted meanwhile." in capsys.readouterr().err
    assert database.counts()["product"] == 0
