"""Plots by gnuplot: panels with curves, as SVG and PNG."""
import math
import shutil
import subprocess

HOW_TO_GET = "apt-get install --no-install-recommends gnuplot-nox"
# Okabe and Ito's, which the color-blind can tell apart; then dashed.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933")


class PlotFailed(Exception):
    pass


def can_plot():
    return shutil.which("gnuplot") is not None


def quoted(text):
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"


def plot(path, panels, columns, x_label, x_range=None):
    """Draws one picture; the path's end says which kind, .svg or .png. One legend for all panels is below them.

    panels: (title, label of the y axis, [(curve's name, number of its color, [(x, y) or (x, y, spread)])]) each,
    `columns` a row.
    x_range: of the x axis, from its first to its last point."""
    styles = {}
    for _, _, curves in panels:
        for name, color, points in curves:
            if points:
                hue, dash = COLORS[color % len(COLORS)], 1 + color // len(COLORS)
                styles[name] = f"linewidth 2 dashtype {dash} linecolor rgb '{hue}'"
    rows = math.ceil(len(panels) / columns)
    name_width = 9 * max(map(len, styles), default=0) + 80
    width = max(480 * columns, name_width)
    legend_rows = math.ceil(len(styles) / (width // name_width))
    below = 20 * legend_rows + 10
    height = 340 * rows + below
    terminal = "svg" if path.endswith(".svg") else "pngcairo" if has_cairo() else "png"
    text = [f"set terminal {terminal} size {width},{height} background '#ffffff' noenhanced",
            f"set output {quoted(path)}", "set multiplot", "unset key", "set grid", f"set xlabel {quoted(x_label)}",
            "set offsets 0, 0, graph 0.05, graph 0.05", "set autoscale y",
            f"set size {1 / columns:.9g},{340 / height:.9g}"]
    if x_range:
        text.append(f"set xrange [{x_range[0]:g}:{x_range[1]:g}]")
    for p, (title, y_label, curves) in enumerate(panels):
        drawn = []
        for c, (name, _, points) in enumerate(curves):
            if not points:
                continue
            text += [f"$d{p}_{c} << EOD"] + [" ".join(f"{value:.9g}" for value in point) for point in points] + ["EOD"]
            point_style = "" if len(points) > 200 else " pointtype 7 pointsize 0.4"
            kind = "yerrorlines" if len(points[0]) > 2 else "linespoints" if point_style else "lines"
            using = ":".join(str(i + 1) for i in range(len(points[0])))
            drawn.append(f"$d{p}_{c} using {using} with {kind} {styles[name]}{point_style} title {quoted(name)}")
        if drawn:
            text += [f"set origin {p % columns / columns:.9g},{1 - 340 * (p // columns + 1) / height:.9g}",
                     f"set title {quoted(title)}", f"set ylabel {quoted(y_label)}", "plot " + ", ".join(drawn)]
    if styles:
        lines = [f"NaN with lines {style} title {quoted(name)}" for name, style in styles.items()]
        text += ["reset", f"set size 1,{below / height:.9g}", "set origin 0,0", "set margins 0, 0, 0, 0", "unset tics",
                 "unset border", "set xrange [0:1]", "set yrange [0:1]",
                 f"set key center center vertical Left reverse maxrows {max(1, legend_rows)} samplen 3",
                 "plot " + ", ".join(lines)]
    run_gnuplot("\n".join(text) + "\nunset multiplot\n")


def has_cairo():
    return "pngcairo" in run_gnuplot("set print '-'\nprint GPVAL_TERMINALS\n")


def run_gnuplot(text):
    # The path of the picture need not be UTF-8.
    result = subprocess.run(["gnuplot"], input=text, encoding="utf-8", errors="surrogateescape", capture_output=True)
    if result.returncode:
        raise PlotFailed(f"gnuplot failed:\n{result.stderr}")
    return result.stdout
