#!/usr/bin/env python3
"""Draws the first validation signal of each class of a data set by make_disturbances, as SVG.

usage: tools/draw_disturbances.py DIR PICTURE.svg     DIR as make_disturbances was given it"""

import sys

# In samples and gray levels, which are the units of the picture.
COLUMNS, WIDTH, HEIGHT, TITLE, GAP = 4, 640, 256, 50, 40


def read_signals(directory):
    with open(directory + "/valid.txt") as lines:
        for line in lines:
            path, name = line.rstrip("\n").split("\t")
            if path.endswith("_00000.pgm"):
                with open(path, "rb") as image:
                    yield name, image.read().split(b"\n", 3)[3]


def panel(number, name, pixels):
    """The class's name above a curve, each point relative to the last."""
    x, y = number % COLUMNS * (WIDTH + GAP), number // COLUMNS * (HEIGHT + TITLE) + TITLE
    steps = " ".join(f"1 {before - after}" for before, after in zip(pixels, pixels[1:]))
    return (
        f'<text x="{x}" y="{y - 10}">{name.replace("+", " + ")}</text><path d="M{x} {y + 255 - pixels[0]}l{steps}"/>\n'
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    signals = list(read_signals(sys.argv[1]))
    width, height = COLUMNS * (WIDTH + GAP), -(-len(signals) // COLUMNS) * (HEIGHT + TITLE) + GAP
    with open(sys.argv[2], "w") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width // 2}" height="{height // 2}" '
            f'viewBox="{-GAP // 2} 0 {width} {height}" font-family="sans-serif" font-size="30">\n'
            f'<rect x="{-GAP // 2}" width="{width}" height="{height}" fill="#fff"/>\n'
            "<style>path { fill: none; stroke: #0072b2; stroke-width: 2.5 }</style>\n"
        )
        for number, (name, pixels) in enumerate(signals):
            file.write(panel(number, name, pixels))
        file.write("</svg>\n")


if __name__ == "__main__":
    main()
