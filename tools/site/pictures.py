"""Draws the pictures of docs/pictures.md: ``python -m tools.site.pictures``. A test fails if they are out of date.

Each is a card with a background of its own, so that it can be read on any page, light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
EXAMPLE = ROOT / "docs" / "worked-example.md"

STYLE = """
text { font: 14px system-ui, "DejaVu Sans", sans-serif; fill: #1f2937 }
.small { font-size: 12px; fill: #4b5563 } .bold { font-weight: 600 }
.card { fill: #ffffff; stroke: #d1d5db }
.box { fill: #e8f0fe; stroke: #3b6fb6 } .soft { fill: #f3f4f6; stroke: #9ca3af }
.good { fill: #e3f4e6; stroke: #3c8c4c } .bad { fill: #fdeaea; stroke: #bf4a4a }
.warm { fill: #fdf2dc; stroke: #b7822a }
.line { fill: none; stroke: #4b5563; stroke-width: 1.5 } .head { fill: #4b5563 }
@media (prefers-color-scheme: dark) {
text { fill: #e5e7eb } .small { fill: #b6bcc6 }
.card { fill: #16191f; stroke: #3a4150 }
.box { fill: #1f3556; stroke: #6f9fe0 } .soft { fill: #262b34; stroke: #6b7280 }
.good { fill: #1d3a24; stroke: #62b374 } .bad { fill: #472424; stroke: #dc7a7a }
.warm { fill: #423317; stroke: #d3a04c }
.line { stroke: #b6bcc6 } .head { fill: #b6bcc6 }
}
""".strip()


def picture(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            f"<style>\n{STYLE}\n</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
            ' orient="auto">'
            '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
            f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, style: str = "", anchor: str = "middle") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{f" class={style!r}" if style else ""}>{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, *lines: str, style: str = "box") -> str:
    """A box with lines of text in its middle: the first in bold, the others small."""
    top = y + height / 2 + 5 - 9 * (len(lines) - 1)
    words = [text(x + width / 2, top + 18 * n, line, "small" if n else "bold") for n, line in enumerate(lines)]
    rect = f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>'
    return "\n".join([rect, *words])


def arrow(*points: tuple[float, float], words: str = "", at: tuple[float, float] | None = None) -> str:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    drawn = f'<path class="line" d="{path}" marker-end="url(#head)"/>'
    return drawn + (text(*at, words, "small") if at else "")


def architecture() -> str:
    callers = [
        ("Shops", "hold and sell: API 1"),
        ("Warehouses", "APIs 2 and 4"),
        ("Office", "APIs 3 and 5"),
    ]
    parts = []
    for n, (who, what) in enumerate(callers):
        y = 30 + 68 * n
        parts += [box(20, y, 150, 52, who, what, style="soft"), arrow((170, y + 26), (248, 124 + (n - 1) * 22))]
    parts += [
        text(210, 60, "HTTP", "small"),
        box(250, 70, 170, 108, "Servers", "as many as you like;", "calls that wait together", "go together"),
        arrow((335, 178), (335, 236), words="events, signed", at=(386, 212)),
        box(250, 238, 170, 44, "Your webhooks", style="soft"),
        box(20, 300, 150, 52, "Analysts, DBAs", "psql, pandas, dbt", style="soft"),
        '<rect class="soft" x="490" y="20" width="310" height="346" rx="8"/>',
        arrow((170, 326), (518, 326), words="SQL", at=(210, 319)),
        text(645, 44, "PostgreSQL", "bold"),
        arrow((420, 124), (518, 96), words="one call", at=(455, 95)),
        box(520, 62, 250, 56, "http", "the JSON of the five APIs; no rule"),
        arrow((645, 118), (645, 142)),
        box(520, 144, 250, 56, "inventory", "the rules, for every caller"),
        arrow((645, 200), (645, 224)),
        box(520, 226, 250, 56, "store", "tables: stock, ledger, cost layers", style="warm"),
        box(520, 300, 120, 52, "report", "views"),
        box(650, 300, 120, 52, "maintenance", "jobs by pg_cron"),
        arrow((580, 300), (580, 284)),
        arrow((710, 300), (710, 284)),
    ]
    return picture(820, 386, "The service at a glance", parts)


def block() -> str:
    ends = [
        (30, "converted", "good", ("convert: it is sold", "on hand - 5", "blocked - 5", "available as it was")),
        (124, "cancelled", "soft", ("cancel: not wanted", "on hand as it was", "blocked - 5", "available + 5")),
        (218, "expired", "soft", ("its time is over", "on hand as it was", "blocked - 5", "available + 5")),
    ]
    parts = [
        box(20, 124, 130, 60, "100 available", "of 100 on hand", style="soft"),
        arrow((150, 154), (248, 154), words="block 5", at=(198, 146)),
        box(250, 112, 170, 84, "active", "on hand 100, blocked 5,", "available 95,", "until expires_at", style="warm"),
        '<path class="line" d="M300 112C290 62 380 62 370 110" marker-end="url(#head)"/>',
        text(335, 64, "extend: a later end", "small"),
    ]
    for y, state, style, (why, *what) in ends:
        parts += [
            arrow((420, 154), (520, y + 36)),
            box(522, y, 110, 72, state, style=style),
            text(648, y + 14, why, "bold", "start"),
            *(text(648, y + 32 + 17 * n, line, "small", "start") for n, line in enumerate(what)),
        ]
    parts.append(
        text(
            410,
            320,
            "It ends once, however many try. Of a part that is converted, the rest becomes available again.",
            "small",
        )
    )
    return picture(860, 340, "The life of a block: created, then converted, cancelled or expired", parts)


def fifo() -> str:
    """The first days of docs/worked-example.md, whose numbers a test holds the service to."""
    rows = re.findall(r"^\| (\d+) \| (.*) ?\|$", EXAMPLE.read_text(), re.MULTILINE)
    days = [[day, *map(str.strip, cells.split("|"))] for day, cells in rows]
    wanted = [row for row in days if row[0] in "12345" and not row[1].startswith("price")][:5]
    parts = []
    scale, base = 200, 240  # pixels a kilogram; where the stacks stand
    for n, (day, step, _, cost, _, _, *layers, value, _) in enumerate(wanted):
        x, y = 40 + 160 * n, float(base)
        parts += [text(x + 50, 30, f"day {day}", "small"), text(x + 50, 48, step.split(" at ")[0], "bold")]
        if price := re.search(r"buy .* at (.*)", step):
            parts.append(text(x + 50, 65, f"at {price[1]}", "small"))
        if cost:
            parts.append(text(x + 50, 65, f"cost {cost}", "small"))
        for layer, style in zip(layers, ("box", "warm"), strict=True):
            if not layer:
                continue
            units, worth = layer.split(" = ")
            height = max(float(units) * scale, 22)
            y -= height + 2
            parts.append(f'<rect class="{style}" x="{x}" y="{y:g}" width="100" height="{height:g}" rx="3"/>')
            parts.append(text(x + 50, y + height / 2 + 4, f"{units} = {worth}", "small"))
        parts.append(text(x + 50, base + 20, f"worth {value}", "small"))
        if n:
            parts.append(arrow((x - 48, 150), (x - 12, 150)))
    parts += [
        f'<rect class="box" x="40" y="{base + 38}" width="14" height="14" rx="2"/>',
        text(62, base + 50, "layer 1: it came first and leaves first", "small", "start"),
        f'<rect class="warm" x="330" y="{base + 38}" width="14" height="14" rx="2"/>',
        text(352, base + 50, "layer 2", "small", "start"),
        text(430, base + 50, "What is returned goes back where it came from, last taken first.", "small", "start"),
    ]
    return picture(860, base + 70, "FIFO: two arrivals, two sales and a return, layer by layer", parts)


def batch() -> str:
    calls = [("reserve 5 of A", "✓"), ("sell 2 of B", "✓"), ("block 9 of A", "✗"), ("reserve 1 of C", "✓")]
    parts = [text(85, 34, "Clients wait", "bold"), text(775, 34, "Each is answered", "bold")]
    for n, (call, result) in enumerate(calls):
        y = 50 + 54 * n
        parts += [
            box(20, y, 130, 40, call, style="soft"),
            arrow((150, y + 20), (208, 130 + (n - 1.5) * 16)),
            arrow((650, 130 + (n - 1.5) * 16), (708, y + 20)),
            box(710, y, 130, 40, f"{call.split(' of ')[0]} {result}", style="bad" if "✗" in result else "good"),
        ]
    parts.append('<rect class="soft" x="210" y="50" width="440" height="202" rx="8"/>')
    parts.append(text(430, 72, "one statement, one transaction", "bold"))
    steps = [
        ("lock", ("A, B, C,", "in this order")),
        ("decide", ("line by line,", "in memory")),
        ("write", ("all lines", "together")),
        ("commit", ("one wait", "for the disk")),
    ]
    for n, (what, how) in enumerate(steps):
        x = 222 + 108 * n
        parts.append(box(x, 96, 92, 84, what, *how, style="warm" if n == 3 else "box"))
        if n:
            parts.append(arrow((x - 15, 138), (x - 1, 138)))
    parts += [
        text(430, 208, "A call that is refused changes nothing, and the others do not notice.", "small"),
        text(430, 228, "Locks in one order: two batches never wait for each other in a ring.", "small"),
    ]
    return picture(860, 276, "What a batch does: calls that wait are decided together and answered one by one", parts)


def drawn() -> dict[str, str]:
    """Each picture by its file's name."""
    return {"architecture.svg": architecture(), "batch.svg": batch(), "block.svg": block(), "fifo.svg": fifo()}


def main() -> int:
    for name, content in drawn().items():
        (PICTURES / name).write_text(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
