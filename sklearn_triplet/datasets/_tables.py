"""Rows in, a file of tab-separated values out."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_table(path: Path, columns: str, rows: Iterable[Iterable[Any]]) -> None:
    """Write a header of some names and a line for each row."""
    with path.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines, delimiter="\t", lineterminator="\n")
        table.writerow(columns.split())
        table.writerows(rows)
