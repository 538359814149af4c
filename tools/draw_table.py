#!/usr/bin/env python3
"""Draws top-k over label noise from a table of make compare, as it is or edited.

usage: tools/draw_table.py TABLE.csv PICTURE.svg     K=5 in the environment: the k of top-k (5)

TABLE.csv is OUT/table.csv of make compare, or has these of its columns: weights (last or best; the last are drawn),
fraction, noise, loss, topk, topk_sd; perhaps guesses, guesses_sd.
"""
import csv
import os
import sys

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused
from compare_report import plot_noise
from plot import HOW_TO_GET, PlotFailed, can_plot

NUMBERS = ("fraction", "noise", "topk", "topk_sd", "guesses", "guesses_sd")


def read(path):
    """The rows of the last weights."""
    try:
        with open(path) as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.update({name: float(row[name]) if row.get(name) else None for name in NUMBERS})
        rows = [row for row in rows if row["weights"] == "last"]
        whole = all(row["loss"] and None not in (row["fraction"], row["noise"], row["topk"]) for row in rows)
    except (OSError, KeyError, ValueError, csv.Error) as reason:
        raise Refused(f"{path}: cannot be read as a table of make compare ({reason!r})") from None
    if not rows or not whole:
        raise Refused(f"{path}: has no rows of last weights with loss, fraction, noise and topk in each")
    if len({row["noise"] for row in rows}) < 2:
        raise Refused(f"{path}: has one noise, {rows[0]['noise']:g}; two are the least for a plot over noise")
    return rows


def draw(table, picture):
    if not can_plot():
        raise Refused(f"no picture without gnuplot ({HOW_TO_GET})")
    k = os.environ.get("K") or "5"
    if not k.isdigit() or int(k) < 1:
        raise Refused(f"K={k}: must be a whole number from 1")
    rows = read(table)
    plot_noise(picture, rows, {"K": int(k), "losses": dict.fromkeys(row["loss"] for row in rows)})


def main():
    asked = sys.argv[1:] in (["-h"], ["--help"])
    if asked or len(sys.argv) != 3 or not sys.argv[2].endswith((".svg", ".png")):
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 1)
    try:
        draw(*sys.argv[1:])
    except (Refused, PlotFailed, OSError) as reason:
        print(f"draw_table: {reason}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
