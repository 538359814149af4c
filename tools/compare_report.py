"""The results of the comparison: results.csv and the runs' logs, and the tables and plots made of them."""
import csv
import io
import math
import os
import statistics
import subprocess

from compare_data import Refused, write_whole

LOSSES = ("softmax", "smooth_topk")
RESULT_FIELDS = ("loss", "noise", "fraction", "seed", "batches", "top1_last", "topk_last", "top1_best", "topk_best",
                 "best_batch", "seconds")


def run_name(loss, noise, fraction, seed):
    return f"{loss}_p{noise:g}_f{fraction:g}_s{seed}"


def read_log(path):
    """The whole rows of a run's log."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        return []
    return list(csv.DictReader(io.StringIO(text[:text.rfind("\n") + 1])))


# --- Results

def read_results(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        text = file.read()
    rows = list(csv.DictReader(io.StringIO(text[:text.rfind("\n") + 1])))
    for row in rows:
        for name in row:
            if name != "loss":
                row[name] = (int if name in ("seed", "batches", "best_batch") else float)(row[name])
    return rows


def append_result(path, row):
    rows = read_results(path)
    text = ",".join(RESULT_FIELDS) + "\n" + "".join(
        ",".join(f"{one[name]:g}" if name in ("noise", "fraction") else str(one[name]) for name in RESULT_FIELDS) + "\n"
        for one in rows + [row])
    write_whole(path, text)


# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


def mean_and_spread(values):
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def exceeds(differences):
    """Whether the mean difference, seed by seed, is beyond what the seeds explain (95 % by Student's t)."""
    if len(differences) < 2:
        return "one seed"
    degrees = len(differences) - 1
    t = STUDENT[degrees - 1] if degrees <= len(STUDENT) else 2.1
    mean, spread = mean_and_spread(differences)
    return "yes" if abs(mean) > t * spread / math.sqrt(len(differences)) else "no"


def summarize(results, noises, fractions, seeds):
    """A row a fraction, noise and kind of weights, over the seeds that both losses have finished."""
    by_key = {(r["loss"], r["noise"], r["fraction"], r["seed"]): r for r in results}
    table = []
    for kind in ("last", "best"):
        for fraction in fractions:
            for noise in noises:
                common = [s for s in seeds if all((loss, noise, fraction, s) in by_key for loss in LOSSES)]
                if not common:
                    continue
                row = {"weights": kind, "fraction": fraction, "noise": noise, "seeds": len(common)}
                for top in ("top1", "topk"):
                    values = {loss: [100 * by_key[loss, noise, fraction, s][f"{top}_{kind}"] for s in common] for loss in LOSSES}
                    for loss in LOSSES:
                        row[f"{loss}_{top}"], row[f"{loss}_{top}_sd"] = mean_and_spread(values[loss])
                    differences = [b - a for a, b in zip(*(values[loss] for loss in LOSSES))]
                    row[f"difference_{top}"], row[f"difference_{top}_sd"] = mean_and_spread(differences)
                    row[f"exceeds_{top}"] = exceeds(differences)
                table.append(row)
    return table


def cells(row):
    def pair(name, sign=""):
        spread = row[name + "_sd"]
        return f"{row[name]:{sign}.1f}" + ("" if spread is None else f" ± {spread:.1f}")
    result = [f"{row['fraction']:g}", f"{row['noise']:g}"]
    for top in ("top1", "topk"):
        result += [pair("softmax_" + top), pair("smooth_topk_" + top), pair("difference_" + top, "+"), row["exceeds_" + top]]
    return result


def write_tables(out, table, settings):
    head = ["fraction", "noise"]
    for top in ("top-1", f"top-{settings['K']}"):
        head += [f"{top} softmax", f"{top} smooth_topk", "difference", "beyond seeds"]
    texts, marks = [], []
    names = {"last": "The last weights", "best": f"The best weights by validation top-{settings['K']}, as the paper selects"}
    note = (f"{settings['DATA']}, {settings['NETWORK']}, {settings['BATCHES']} batches, learning rates "
            f"{settings['rates']['softmax']:g} (softmax) and {settings['rates']['smooth_topk']:g} (smooth_topk), "
            f"k={settings['K']}, tau={settings['TAU']:g}, alpha={settings['ALPHA']:g}; percent, mean ± standard deviation over "
            f"{'/'.join(str(n) for n in sorted({row['seeds'] for row in table}))} seed(s). The difference is smooth_topk less softmax, "
            "seed by seed; it is beyond the seeds where Student's t at 95 % says so. The best weights are selected by the "
            "images they are reported on, which flatters both losses.")
    for kind, name in names.items():
        rows = [cells(row) for row in table if row["weights"] == kind]
        widths = [max(len(line[i]) for line in [head] + rows) for i in range(len(head))]
        texts.append(name + "\n" + "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in [head] + rows))
        marks.append(f"{name}:\n\n| " + " | ".join(head) + " |\n|" + "--:|" * len(head) + "\n"
                     + "\n".join("| " + " | ".join(line) + " |" for line in rows))
    write_whole(out + "/table.txt", "\n\n".join([note] + texts) + "\n")
    write_whole(out + "/table.md", "\n\n".join([note] + marks) + "\n")
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.3f}" if isinstance(value, float) and name not in ("noise", "fraction") else value
                      for name, value in row.items()} for row in table)
    write_whole(out + "/table.csv", file.getvalue())
    return "\n\n".join([note] + texts)


# --- Plots

COLORS = {"softmax": "#1f77b4", "smooth_topk": "#d62728"}


def gnuplot(text):
    result = subprocess.run(["gnuplot"], input=text, text=True, capture_output=True)
    if result.returncode:
        raise Refused(f"gnuplot failed:\n{result.stderr}")


def block(name, rows):
    return f"${name} << EOD\n" + "".join(" ".join(str(v) for v in row) + "\n" for row in rows) + "EOD\n"


def plot(path, panels, columns, x_label, y_label):
    """panels: (title, [(curve's title, color, [(x, y, spread)])]) each."""
    lines = math.ceil(len(panels) / columns)
    text = (f"set terminal svg size {420 * columns},{330 * lines} background '#ffffff'\nset output '{path}'\n"
            f"set multiplot layout {lines},{columns}\nset key outside top center horizontal\nset offsets graph 0.04, graph 0.04, 0, 0\nset grid\nset yrange [0:100]\n"
            f"set xlabel '{x_label}'\nset ylabel '{y_label}'\n")
    for p, (title, curves) in enumerate(panels):
        for c, (_, _, rows) in enumerate(curves):
            text += block(f"d{p}_{c}", rows)
        text += f"set title '{title}'\nplot " + ", ".join(
            f"$d{p}_{c} using 1:2:3 with yerrorlines linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb '{color}' title '{name}'"
            for c, (name, color, _) in enumerate(curves)) + "\n"
    gnuplot(text.replace("_topk'", "\\_topk'") + "unset multiplot\n")


def part_of_set(fraction):
    return "all of the training set" if fraction == 1 else f"{fraction:g} of the training set"


def plot_noise(out, table, settings):
    panels = []
    rows = [row for row in table if row["weights"] == "last"]
    for fraction in dict.fromkeys(row["fraction"] for row in rows):
        curves = [(loss, COLORS[loss], [(row["noise"], row[f"{loss}_topk"], row[f"{loss}_topk_sd"] or 0)
                                        for row in rows if row["fraction"] == fraction]) for loss in LOSSES]
        panels.append((part_of_set(fraction), curves))
    plot(out + "/noise.svg", panels, min(2, len(panels)), "label noise p", f"validation top-{settings['K']}, %")


def plot_training(out, table, settings, seeds):
    """Mean over the seeds of validation top-k, at the mean of the times when it was measured."""
    panels = []
    rows = [row for row in table if row["weights"] == "last"]
    for row in rows:
        curves = []
        for loss in LOSSES:
            logs = [read_log(f"{out}/runs/{run_name(loss, row['noise'], row['fraction'], seed)}/log.csv") for seed in seeds]
            logs = [log for log in logs if log]
            points = []
            for at_once in zip(*logs):
                values = [100 * float(one[f"top{settings['K']}"]) for one in at_once]
                points.append((statistics.mean(float(one["seconds"]) for one in at_once), *(v or 0 for v in mean_and_spread(values))))
            curves.append((loss, COLORS[loss], points))
        panels.append((f"noise {row['noise']:g}, {part_of_set(row['fraction'])}", curves))
    plot(out + "/training.svg", panels, min(2, len(panels)), "seconds of training", f"validation top-{settings['K']}, %")


def report(settings):
    table = summarize(read_results(settings["OUT"] + "/results.csv"), sorted(settings["NOISE"]),
                      sorted(settings["FRACTION"], reverse=True), settings["SEEDS"])
    if not table:
        return "no setting has runs of both losses yet"
    text = write_tables(settings["OUT"], table, settings)
    plot_noise(settings["OUT"], table, settings)
    plot_training(settings["OUT"], table, settings, settings["SEEDS"])
    return text
