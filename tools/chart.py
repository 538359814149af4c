#!/usr/bin/env python3
"""Draws the logs of trainings (classifier train -log FILE) side by side: top-1, top-k and loss, as SVG and PNG.

usage: LOGS="a.csv b.csv" tools/chart.py     `make chart LOGS="a.csv b.csv"` does that

Settings are environment variables:
  LOGS   the files, with spaces between them; one whose name has a space in quotes
  X      batches, epochs or time: the axis (batches)
  OUT    the pictures are OUT.svg and OUT.png (build/chart)
Each log gets a line in the terminal too; without gnuplot, only that.
"""
import csv
import io
import math
import os
import shlex
import sys

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused
from compare_runs import duration
from plot import HOW_TO_GET, PlotFailed, can_plot, plot

AXES = {"batches": ("batch", "batches"), "epochs": ("epoch", "epochs"), "time": ("seconds", "seconds of training")}


def read(path):
    """The name of the top-k column, or None, and the rows: numbers, None where the log has none."""
    try:
        with open(path) as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"LOGS: {path}: cannot be read ({error})") from None
    lines = csv.DictReader(io.StringIO(text[:text.rfind("\n") + 1]))  # a line that is being written is not whole
    names = lines.fieldnames or []
    tops = [name for name in names if name.startswith("top") and name != "top1"] + ["top1"] * ("top1" in names)
    missing = {"batch", "epoch", "loss", "seconds"} - set(names)
    if missing or not tops:
        raise Refused(f"LOGS: {path}: is no log of classifier train -log: its first line has no "
                      + (", ".join(sorted(missing)) or "top1"))
    rows, columns = [], ("batch", "epoch", "loss", "seconds", "top1", tops[0])
    for number, line in enumerate(lines, 2):
        try:
            rows.append({name: float(line[name]) if line[name] else None for name in columns})
            if not all(value is None or math.isfinite(value) for value in rows[-1].values()):
                raise ValueError
        except (TypeError, ValueError):
            raise Refused(f"LOGS: {path}: line {number} is not of finite numbers alone") from None
    if not rows:
        raise Refused(f"LOGS: {path}: holds no validation yet")
    return tops[0], rows


def short_names(paths):
    """The paths without what all of them begin and end with."""
    parts = [os.path.splitext(path)[0].split("/") for path in paths]
    while all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    while all(len(part) > 1 for part in parts) and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    return ["/".join(part) for part in parts]


def spark(values):
    """A curve of one line, at most 16 letters."""
    values = [value for value in values if value is not None]
    values = [values[i * len(values) // 16] for i in range(15)] + values[-1:] if len(values) > 16 else values
    low, high = min(values, default=0), max(values, default=0)
    return "".join("▁▂▃▄▅▆▇█"[int(7 * (value - low) / (high - low)) if high > low else 0] for value in values)


def table_line(name, top, rows, width):
    last = rows[-1]
    text = f"{name:{width}}  batch {last['batch']:.0f} in {duration(last['seconds'] or 0)}  loss {last['loss']:.4g}"
    measured = [row for row in rows if row[top] is not None]
    if measured:
        best = max(measured, key=lambda row: row[top])
        text += (f"  top-1 {100 * measured[-1]['top1']:.2f}  top-{top[3:]} {100 * measured[-1][top]:.2f} "
                 f"(best {100 * best[top]:.2f} at {best['batch']:.0f})  " + spark([row[top] for row in measured]))
    return text


def chart(environment):
    try:
        paths = shlex.split(environment.get("LOGS", ""))
    except ValueError as reason:
        raise Refused(f"LOGS={environment['LOGS']}: {reason}") from None
    axis = environment.get("X") or "batches"
    out = environment.get("OUT") or "build/chart"
    if not paths:
        raise Refused('LOGS: must name the logs, as in make chart LOGS="a.csv b.csv"')
    if axis not in AXES:
        raise Refused(f"X={axis}: must be batches, epochs or time")
    logs = list(zip(short_names(paths), map(read, paths)))
    width = max(len(name) for name, _ in logs)
    for name, (top, rows) in logs:
        print(table_line(name, top, rows, width))
    if not can_plot():
        print(f"no picture without gnuplot ({HOW_TO_GET})")
        return
    column, label = AXES[axis]
    tops = list(dict.fromkeys(top for _, (top, _) in logs if top != "top1"))

    def curves(name, scale):
        return [(log, c, [(row[column], scale * row[name]) for row in rows if row.get(name) is not None])
                for c, (log, (_, rows)) in enumerate(logs)]
    panels = [(f"validation top-{name[3:]}", "%", curves(name, 100)) for name in ["top1"] + tops]
    panels.append(("training loss", "running mean", curves("loss", 1)))
    os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
    for kind in ("svg", "png"):
        plot(f"{out}.{kind}", panels, len(panels), label)
    print(f"pictures: {out}.svg, {out}.png")


def main():
    if len(sys.argv) > 1:
        print(__doc__, file=sys.stdout if sys.argv[1] in ("-h", "--help") else sys.stderr)
        sys.exit(0 if sys.argv[1] in ("-h", "--help") else 1)
    try:
        chart(os.environ)
    except (Refused, PlotFailed, OSError) as reason:
        print(f"chart: {reason}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
