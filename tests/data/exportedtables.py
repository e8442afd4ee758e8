"""Tables as programs and people export them."""

import datetime as dt
import gzip
import io
import random

import numpy as np
import polars

from data.tablewriting import DAY, Quirk, gap, german, quirk, text


@quirk
def bank() -> Quirk:
    """Semicolons, decimal comma, thousands point, German dates, a constant currency."""
    rows = [
        [
            (DAY + dt.timedelta(days=3 * row)).strftime("%d.%m.%Y"), german(random.uniform(-2000, 5000)), "EUR",
            random.choice(["Miete", "Gehalt", "Einkauf"]), f"{random.uniform(0, 9):.1f}".replace(".", ","),
            "ja" if row % 3 else "nein",
        ]
        for row in range(90)
    ]  # fmt: skip
    header = ["Buchungstag", "Betrag", "Währung", "Zweck", "Gebühr", "geprüft"]
    kinds = {"date": 1, "numeric": 2, "categorical": 1, "constant": 1}
    return Quirk(
        "European bank statement",
        "bank.csv",
        text(header, rows, ";", end="\r\n"),
        "geprüft",
        "classification",
        kinds,
        5 + 1 + 3 + 1,
    )


@quirk
def excel() -> Quirk:
    """What a spreadsheet exports: a byte order mark, the line sep=;, CR LF, an error value."""
    rows = [
        [german(random.uniform(0, 9)), random.choice(["Nord", "Süd"]), gap(f"{row % 7},5", 0, ""), "ab"[row % 2]]
        for row in range(60)
    ]
    rows[5][2] = "#DIV/0!"
    rows[30][2] = "#N/A"
    data = b"\xef\xbb\xbf" + text(["Größe", "Region", "Quote", "Klasse"], rows, ";", end="\r\n", start="sep=;")
    return Quirk(
        "Excel export", "excel.csv", data, "Klasse", "classification", {"numeric": 2, "categorical": 1}, 1 + 2 + 2
    )


@quirk
def warehouse() -> Quirk:
    """Parquet with nulls, Booleans, whole numbers, dates and times."""
    rows = 80
    frame = polars.DataFrame(
        {
            "amount": [None if row % 9 == 0 else random.uniform(0, 5) for row in range(rows)],
            "count": [random.randrange(1000) for _ in range(rows)], "paid": [row % 3 == 0 for row in range(rows)],
            "shop": [None if row % 7 == 0 else "ABC"[row % 3] for row in range(rows)],
            "day": [DAY.date() + dt.timedelta(days=5 * row) for row in range(rows)],
            "at": [DAY + dt.timedelta(hours=7 * row) for row in range(rows)], "empty": [None] * rows,
            "t": [random.gauss(0, 1) for _ in range(rows)],
        }
    )  # fmt: skip
    made = io.BytesIO()
    frame.write_parquet(made)
    kinds = {"numeric": 2, "Boolean": 1, "categorical": 1, "date": 2, "empty": 1}
    return Quirk(
        "Parquet of a warehouse", "warehouse.parquet", made.getvalue(), "t", "regression", kinds, 2 + 1 + 1 + 4 + 6 + 5
    )


@quirk
def laboratory() -> Quirk:
    """NPZ: arrays of float32 with NaN, and text."""
    made = io.BytesIO()
    dose = np.where(np.arange(70) % 10 == 0, np.nan, np.linspace(0, 1, 70)).astype(np.float32)
    np.savez(
        made,
        dose=dose,
        tissue=np.array(["skin", "bone"] * 35),
        reading=np.sin(np.arange(70.0)),
        ill=np.arange(70) % 3 == 0,
    )
    return Quirk(
        "NPZ of a laboratory",
        "laboratory.npz",
        made.getvalue(),
        "ill",
        "classification",
        {"numeric": 2, "categorical": 1},
        2 + 2 + 1,
    )


@quirk
def sensors() -> Quirk:
    """A compressed log: bars, times with a zone."""
    rows = [
        [
            (DAY + dt.timedelta(hours=5 * row)).isoformat() + "Z",
            f"{20 + 5 * np.sin(row):.3f}",
            random.choice(["ok", "warn"]),
            f"{np.cos(row):.4f}",
        ]
        for row in range(100)
    ]
    data = gzip.compress(text(["time", "celsius", "state", "next"], rows, "|"), mtime=0)
    return Quirk(
        "compressed sensor log",
        "sensors.csv.gz",
        data,
        "next",
        "regression",
        {"date": 1, "numeric": 1, "categorical": 1},
        5 + 1 + 2,
    )


@quirk
def single_quotes() -> Quirk:
    """A dump of a database: single quotes around every field, \\N for NULL."""
    rows = [
        [
            random.choice(["l'eau", "thé", "jus"]),
            gap(f"{random.uniform(1, 4):.2f}", 0.1, "\\N"),
            "oui" if row % 2 else "non",
        ]
        for row in range(60)
    ]
    rows[4][1] = rows[40][1] = "\\N"
    return Quirk(
        "dump of a database",
        "dump.csv",
        text(["boisson", "prix", "bu"], rows, quote="'"),
        "bu",
        "classification",
        {"categorical": 1, "numeric": 1},
        3 + 2,
    )


@quirk
def british() -> Quirk:
    """Days before months, pounds, percents."""
    rows = [
        [
            (DAY + dt.timedelta(days=2 * row)).strftime("%d/%m/%Y"),
            f"£{random.uniform(900, 5000):,.2f}",
            f"{random.uniform(0, 100):.1f}%",
            f"{random.gauss(50, 9):.2f}",
        ]
        for row in range(70)
    ]
    return Quirk(
        "British invoices",
        "invoices.csv",
        text(["invoiced", "net", "discount", "score"], rows),
        "score",
        "regression",
        {"date": 1, "numeric": 2},
        5 + 1 + 1,
    )


@quirk
def tiny() -> Quirk:
    """Twelve rows."""
    rows = [[row * row, ["red", "blue"][row % 2], 3.5 * row + 1] for row in range(12)]
    return Quirk(
        "twelve rows",
        "tiny.csv",
        text(["x", "colour", "y"], rows),
        "y",
        "regression",
        {"numeric": 1, "categorical": 1},
        3,
    )


@quirk
def pandas_index() -> Quirk:
    """Saved by pandas with its unnamed index; whole numbers with gaps as 1.0, truth as True and False."""
    rows = [
        [
            row,
            gap(f"{random.randint(1, 40)}.0", 0.1),
            row % 2 == 0,
            gap(f"{random.randint(1, 3)}.0", 0),
            f"{random.gauss(3, 1)!r}",
        ]
        for row in range(90)
    ]
    rows[3][1] = ""
    notes = ("frame.csv:1:1: left out the first column, which has no name",)
    return Quirk(
        "pandas with its index",
        "frame.csv",
        text(["", "visits", "new", "tier", "spent"], rows),
        "spent",
        "regression",
        {"numeric": 1, "Boolean": 1, "ordinal": 1},
        4,
        notes,
    )


@quirk
def hostile_names() -> Quirk:
    """Columns and words that would break a page, a pattern or a command line."""
    rows = [
        [
            f"{random.random():.2f}",
            random.choice(["<b>", "&amp;", "😀"]),
            random.randint(0, 1),
            f"{random.random():.3f}",
            "ab"[row % 2],
        ]
        for row in range(60)
    ]
    header = ["<script>alert(1)</script>", "^a.*$", "a,b=c", "😀 'x' \"y\"", "{{ t }}"]
    return Quirk(
        "names that are no words",
        "names.csv",
        text(header, rows),
        "{{ t }}",
        "classification",
        {"numeric": 2, "categorical": 1, "Boolean": 1},
        3 + 3,
    )


@quirk
def one_column() -> Quirk:
    """One feature, as a teacher writes it, with spaces around everything."""
    rows = [[f" {row / 2} ", f" {3 * row + random.random():.2f}"] for row in range(50)]
    return Quirk("a line", "line.csv", text([" x ", " y "], rows), "y", "regression", {"numeric": 1}, 1)


@quirk
def swiss() -> Quirk:
    """Apostrophes in thousands, accounting dashes, a total minus sign."""
    rows = [
        [
            f"{random.randint(1000, 999_999):,}".replace(",", "'"),
            gap(f"{random.uniform(-900, 900):.2f}".replace("-", "−"), 0.1, "-"),
            f"{random.uniform(1, 9):.2f} CHF"[:4],
            random.choice(["A", "B"]),
        ]
        for _ in range(80)
    ]
    rows[2][1] = rows[50][1] = "-"
    return Quirk(
        "Swiss accounts",
        "konten.csv",
        text(["Umsatz", "Saldo", "Kurs", "Art"], rows, ";"),
        "Art",
        "classification",
        {"numeric": 3},
        4,
    )
