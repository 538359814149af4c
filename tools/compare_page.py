"""The page of a comparison: tables, plots, settings, runs and the commands that made them in one HTML file. It has no
scripts and loads nothing."""
import base64
import html
import re

from compare_losses import titles, top_names
from compare_runs import duration

STYLE = """
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; max-width: 75em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 0.9em }
th, td { padding: 0.25em 0.7em; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }
th { border-bottom: 2px solid #888 }
.left th, .left td { text-align: left }
pre { background: #f4f4f4; padding: 0.7em; white-space: pre-wrap; overflow-wrap: anywhere }
img { max-width: 100% }
"""
PLOTS = {"noise": "Over label noise", "training": "During training"}


def cell(text):
    """One of Markdown's, whose bold ones are the best of their row."""
    return re.sub(r"\*\*(.*?)\*\*", r"<b>\1</b>", html.escape(text))


def html_table(lines, kind=""):
    """lines: the head, then the rows; cells as in Markdown."""
    head = "".join(f"<th>{cell(text)}</th>" for text in lines[0])
    rows = "".join("<tr>" + "".join(f"<td>{cell(text)}</td>" for text in line) + "</tr>\n" for line in lines[1:])
    return f'<div class="wide"><table class="{kind}"><tr>{head}</tr>\n{rows}</table></div>\n'


def picture(svg, title):
    """Within the page, as an image: so names in two of them do not meet."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<p><img alt="{html.escape(title)}" src="data:image/svg+xml;base64,{data}"></p>\n'


def table_of_runs(results, names, settings):
    lines = [["loss", "fraction", "noise", "seed", *top_names(settings), "guesses for 90 %", "training loss", "time",
              "CPU time"]]
    for r in sorted(results, key=lambda r: (-r["fraction"], r["noise"], list(names).index(r["loss"]), r["seed"])):
        seconds, cpu, guesses = r.get("seconds"), r.get("cpu_seconds"), r.get("guesses")
        lines.append([names[r["loss"]], f"{r['fraction']:g}", f"{r['noise']:g}", str(r["seed"]),
                      f"{100 * r['top1_last']:.2f}", f"{100 * r['topk_last']:.2f}",
                      "" if guesses is None else f"{guesses:.2f}",
                      "" if r["train_loss"] is None else f"{r['train_loss']:.4g}",
                      "" if seconds is None else duration(seconds), "" if cpu is None else duration(cpu)])
    return lines


def page(settings, note, tables, plots, results):
    """settings: as kept in OUT/settings.json; tables: (title, _, lines) each; plots: SVG by name; results: of all
    runs."""
    k = settings["K"]
    names = titles(settings["losses"], k)
    shown = {"data": settings["DATA"], "network": settings["NETWORK"], "batches": str(settings["BATCHES"]),
             "batches between validations": str(settings["EVERY"]), "guesses (K)": str(k)}
    shown.update({names[label]: f"{loss['sentence']} ({loss['base']})" for label, loss in settings["losses"].items()})
    commands = html.escape("\n".join(settings.get("commands", [])))
    parts = [f"<h1>{html.escape(', '.join(names.values()))}</h1>\n<p>{html.escape(note)}</p>\n"]
    for title, _, lines in tables:
        parts.append(f"<h2>{html.escape(title)}</h2>\n{html_table(lines)}")
    for name, title in PLOTS.items():
        if name in plots:
            parts.append(f"<h2>{title}</h2>\n{picture(plots[name], title)}")
    parts.append(f"<h2>Settings</h2>\n{html_table([['setting', 'value'], *map(list, shown.items())], 'left')}")
    parts.append(f"<h2>Made by</h2>\n<pre>{commands}</pre>\n")
    parts.append(f"<h2>Runs</h2>\n{html_table(table_of_runs(results, names, settings))}")
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Comparison of losses</title>\n'
            f"<style>{STYLE}</style></head>\n<body>\n{''.join(parts)}</body></html>\n")
