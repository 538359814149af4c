"""The tables and plots of the comparison, made of its results and the runs' logs."""
import csv
import io
import math
import os
import statistics

from compare_data import write_whole
from compare_losses import file_name, titles, top_names
from compare_out import Locked
from compare_page import page
from compare_runs import collect_results, read_log
from plot import HOW_TO_GET, can_plot, plot


def run_name(label, noise, fraction, seed):
    return f"{file_name(label)}_p{noise:g}_f{fraction:g}_s{seed}"


# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


def mean_and_spread(values):
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def exceeds(differences):
    """Whether the mean difference, paired by seed, is significant (95 % by Student's t)."""
    if len(differences) < 2:
        return "one seed"
    degrees = len(differences) - 1
    t = STUDENT[degrees - 1] if degrees <= len(STUDENT) else 2.1
    mean, spread = mean_and_spread(differences)
    # Differences that are alike to the last image by chance prove nothing.
    return "yes" if spread > 0 and abs(mean) > t * spread / math.sqrt(len(differences)) else "no"


# --- From results to rows

MEASURES = {"top1": 100, "topk": 100, "map": 100, "guesses": 1}  # and by what a result is multiplied


def summarize(results, labels):
    """A row a kind of weights, fraction, noise and loss: its means over the seeds it has finished, and its differences
    from the first loss over the seeds that both have. Rows of one setting stand together, losses in the order of
    labels."""
    values = {(r["loss"], r["noise"], r["fraction"], r["seed"]): r for r in results}
    table = []
    for kind in ("last", "best"):
        for fraction in sorted({r["fraction"] for r in results}, reverse=True):
            for noise in sorted({r["noise"] for r in results}):
                for label in labels:
                    row = summarize_one(values, labels[0], label, noise, fraction, kind)
                    if row:
                        table.append(row)
    return table


def summarize_one(values, first, label, noise, fraction, kind):
    def of(loss):
        return {key[3]: r for key, r in values.items() if key[:3] == (loss, noise, fraction)}
    own, base = of(label), of(first)
    if not own:
        return None
    row = {"weights": kind, "fraction": fraction, "noise": noise, "loss": label, "seeds": len(own)}
    for measure, factor in MEASURES.items():
        # Prediction sets are of the last weights alone, and not of runs by an earlier version of this program.
        column = f"{measure}_{kind}" if measure != "guesses" else "guesses" if kind == "last" else ""
        have = {s: factor * r[column] for s, r in own.items() if r.get(column) is not None}
        compared = {s: factor * r[column] for s, r in base.items() if r.get(column) is not None and label != first}
        row[measure], row[measure + "_sd"] = mean_and_spread(list(have.values())) if have else (None, None)
        differences = [have[s] - compared[s] for s in sorted(have) if s in compared]
        mean, spread = mean_and_spread(differences) if differences else (None, None)
        row[f"difference_{measure}"], row[f"difference_{measure}_sd"] = mean, spread
        row[f"exceeds_{measure}"] = exceeds(differences) if differences else ""
    row["train_loss"], row["train_loss_sd"] = mean_and_spread([r["train_loss"] for r in own.values()])
    tops = [100 * r["train_top1"] for r in own.values() if r["train_top1"] is not None]
    row["train_top1"], row["train_top1_sd"] = mean_and_spread(tops) if tops else (None, None)
    return row


# --- Tables

def with_spread(row, name, digits=1, sign=""):
    if row[name] is None:
        return ""
    spread = row[name + "_sd"]
    return f"{row[name]:{sign}.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


def accuracy_cell(row, measure, best, bold):
    text = with_spread(row, measure)
    if bold and best:
        text = f"**{text}**"
    if row[f"difference_{measure}"] is not None:
        star = " *" if row[f"exceeds_{measure}"] == "yes" else ""
        text += f" ({with_spread(row, 'difference_' + measure, sign='+')}{star})"
    return text


def one_table(table, labels, kind, measure, bold, k):
    """Head and lines: a line a setting, a column a loss. measure: top1, topk, guesses or training; k: of losses that
    say none."""
    settings = list(dict.fromkeys((row["fraction"], row["noise"]) for row in table))
    lines = []
    for fraction, noise in settings:
        rows = {row["loss"]: row for row in table
                if (row["weights"], row["fraction"], row["noise"]) == (kind, fraction, noise)}
        seeds = [row["seeds"] for row in rows.values()]
        count = str(min(seeds)) if min(seeds) == max(seeds) else f"{min(seeds)}-{max(seeds)}"
        line = [f"{fraction:g}", f"{noise:g}", count]
        values = [round(row[measure], 1) for row in rows.values() if measure in MEASURES and row[measure] is not None]
        best = (min if measure == "guesses" else max)(values, default=None)
        for label in labels:
            row = rows.get(label)
            if not row:
                line.append("")
            elif measure == "training":
                top1 = "" if row["train_top1"] is None else f" / {row['train_top1']:.1f}"
                line.append(f"{row['train_loss']:.3g}{top1}")
            else:
                is_best = len(values) > 1 and row[measure] is not None and round(row[measure], 1) == best
                line.append(accuracy_cell(row, measure, is_best, bold))
        lines.append(line)
    return [["fraction", "noise", "seeds", *titles(labels, k).values()]] + lines


def plain(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def markdown(lines):
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([rows[0], "|" + "--:|" * len(lines[0]), *rows[1:]])


def tables(table, settings):
    """(title, lines for the eye, lines for Markdown) each."""
    k, labels = settings["K"], list(settings["losses"])
    top1, topk = top_names(settings)
    best = f"the best weights by validation {topk}, as the paper selects"
    wanted = [("last", "top1", f"Validation {top1}, the last weights"),
              ("last", "topk", f"Validation {topk}, the last weights"),
              ("last", "map", "Mean average precision, the last weights"),
              ("last", "guesses", "Guesses for 90 %, the last weights"),
              ("last", "training", f"Training loss / training {top1}, the last weights"),
              ("best", "top1", f"Validation {top1}, {best}"),
              ("best", "topk", f"Validation {topk}, {best}")]
    result = []
    for kind, measure, title in wanted:
        if measure == "topk" and k == 1 or measure in ("map", "guesses") and not has(table, measure):
            continue
        result.append((title, one_table(table, labels, kind, measure, False, k),
                       one_table(table, labels, kind, measure, True, k)))
    return result


def has(table, measure):
    return any(row[measure] is not None for row in table)


NOTE = (
    "Percent, mean ± standard deviation over the seeds. In brackets: the difference from the first loss, paired by "
    "seed; a star where it is significant (Student's t at 95 %). The best weights are selected on the images they are "
    "measured on, so every loss looks better than it is. Training loss: the running mean of Darknet at the end, each "
    "loss in its own unit; training {}: on the training images, with the labels it was given.")
NOTE_OF_GUESSES = (
    " Guesses for 90 %: the mean size of prediction sets that hold the right class for 90 % of the images, calibrated "
    "on one half of the validation images and measured on the other; fewer are better.")


def note(settings):
    sentences = "; ".join(loss["sentence"] for loss in settings["losses"].values())
    note_of_guesses = "" if settings.get("several") else NOTE_OF_GUESSES
    return (f"{settings['DATA']}, {settings['NETWORK']}, {settings['BATCHES']} batches; {sentences}. "
            + NOTE.format(top_names(settings)[0]) + note_of_guesses)


def write_tables(out, table, made, settings):
    """made: as tables() returns it. Returns the text."""
    text = "\n\n".join([note(settings)] + [f"{title}\n{plain(lines)}" for title, lines, _ in made])
    write_whole(out + "/table.txt", text + "\n")
    shown = [f"{title}:\n\n{markdown(lines)}" for title, _, lines in made]
    write_whole(out + "/table.md", "\n\n".join([note(settings), *shown]) + "\n")
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    exact = ("noise", "fraction", "train_loss")
    writer.writerows({name: f"{value:.3f}" if isinstance(value, float) and name not in exact else value
                      for name, value in row.items()} for row in table)
    write_whole(out + "/table.csv", file.getvalue())
    return text


# --- Plots

def part_of_set(fraction):
    return "all of the training set" if fraction == 1 else f"{fraction:g} of the training set"


def plot_noise(path, rows, settings):
    noises = sorted({row["noise"] for row in rows})
    panels = []
    for fraction in dict.fromkeys(row["fraction"] for row in rows):
        for measure, y_label in (("topk", f"validation {top_names(settings)[1]}, %"), ("guesses", "guesses for 90 %")):
            curves = []
            for c, (label, name) in enumerate(titles(settings["losses"], settings["K"]).items()):
                own = [row for row in rows if (row["fraction"], row["loss"]) == (fraction, label)]
                curves.append((name, c, [(row["noise"], row[measure], row[measure + "_sd"] or 0) for row in own
                                         if row[measure] is not None]))
            if measure == "topk" or has(rows, "guesses"):
                panels.append((part_of_set(fraction), y_label, curves))
    plot(path, panels, min(2, len(panels)), "label noise p", (noises[0], noises[-1]))


def plot_training(path, out, results, rows, settings):
    """Mean over the seeds of validation top-k, over batches."""
    panels = []
    for fraction, noise in dict.fromkeys((row["fraction"], row["noise"]) for row in rows):
        curves = []
        for c, (label, name) in enumerate(titles(settings["losses"], settings["K"]).items()):
            own = [r for r in results if (r["loss"], r["noise"], r["fraction"]) == (label, noise, fraction)]
            logs = [read_log(f"{out}/runs/{run_name(label, noise, fraction, r['seed'])}/log.csv") for r in own]
            points = []
            for at_once in zip(*[log for log in logs if log]):
                values = [100 * float(one[f"top{settings['K']}"]) for one in at_once]
                points.append((int(at_once[0]["batch"]), *(v or 0 for v in mean_and_spread(values))))
            curves.append((name, c, points))
        title = f"noise {noise:g}, {part_of_set(fraction)}"
        panels.append((title, f"validation {top_names(settings)[1]}, %", curves))
    plot(path, panels, min(2, len(panels)), "batches", (0, settings["BATCHES"]))


def draw_plots(out, results, table, settings):
    """Writes the plots; returns their SVG by name."""
    rows = [row for row in table if row["weights"] == "last"]
    drawers = {"training": lambda path: plot_training(path, out, results, rows, settings)}
    if len({row["noise"] for row in rows}) > 1:
        drawers["noise"] = lambda path: plot_noise(path, rows, settings)
    plots = {}
    for name, draw in drawers.items():
        temporary = f"{out}/{name}.{os.uname().nodename}.{os.getpid()}.svg"
        draw(temporary)
        with open(temporary) as file:
            plots[name] = file.read()
        os.replace(temporary, f"{out}/{name}.svg")
    return plots


def report(settings):
    """Writes tables, plots and the page of all results in OUT, whoever made them. settings: as kept in
    OUT/settings.json. Returns the tables' text."""
    out, labels = settings["OUT"], list(settings["losses"])
    # One program at a time, from the results to the last file: the last to come sees all results.
    with Locked(out + "/report.lock"):
        results = [row for row in collect_results(out) if row["loss"] in labels]
        table = summarize(results, labels)
        if not table:
            return "no run has ended yet"
        made = tables(table, settings)
        text = write_tables(out, table, made, settings)
        plots = draw_plots(out, results, table, settings) if can_plot() else {}
        write_whole(out + "/report.html", page(settings, note(settings), made, plots, results))
    return text


def where(out):
    drawn = [name for name in ("training.svg", "noise.svg") if os.path.exists(f"{out}/{name}")]
    plots = "plots: " + ", ".join(drawn) if can_plot() else f"no plots without gnuplot ({HOW_TO_GET})"
    return (f"Tables: {out}/table.txt, table.md, table.csv; {plots}; every run: {out}/results.csv\n"
            f"All of it on one page: {out}/report.html")
