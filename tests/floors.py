"""Reads the includes of src/, and the symbols of objects: which file needs which.

usage: tests/floors.py upwards|circles|calls [OBJECTS...]

upwards   includes of a room that does not stand below (src/rooms.mk has the order)
circles   files that include each other in a loop
calls     objects that call each other in a loop; OBJECTS are directories of objects

A file is a source together with the header of its name. What is wrong is printed; exit code 1 if anything is.
"""
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path("src")
ROOMS = re.search(r"^ROOMS := (.*)$", (SOURCE / "rooms.mk").read_text(), re.M).group(1).split()
FILES = [path for path in SOURCE.rglob("*") if path.suffix in (".c", ".h", ".cu", ".cuh", ".cpp")]


def room(path):
    return str(path.parent.relative_to(SOURCE))


def includes():
    """Pairs of our own files: who includes, what is included."""
    by_name = {path.name: path for path in FILES}
    for path in FILES:
        for name in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            if name in by_name:
                yield path, by_name[name]


def upwards():
    for path, included in includes():
        if ROOMS.index(room(included)) > ROOMS.index(room(path)):
            yield f"{path} includes {included}, which is above"


def loops(arrows):
    """The strongly connected parts of a graph, as far as they have more than one member (Tarjan 1972)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(arrows.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            part = [stack.pop()]
            while part[-1] != node:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted(part))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return found


def circles():
    arrows = {}
    for path, included in includes():
        if path.stem != included.stem:
            arrows.setdefault(path.stem, set()).add(included.stem)
    return ["in a circle: " + ", ".join(part) for part in loops(arrows)]


def calls(directories):
    ours = {path.stem for path in FILES}
    defined, wanted = {}, {}
    for directory in directories:
        for path in pathlib.Path(directory).glob("*.o"):
            if path.stem not in ours:
                continue
            for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
                kind, name = line.split()[-2:]
                if kind == "U":
                    wanted.setdefault(path.stem, set()).add(name)
                elif kind.isupper():
                    defined[name] = path.stem
    arrows = {stem: {defined[name] for name in names if name in defined} - {stem} for stem, names in wanted.items()}
    return ["in a circle: " + ", ".join(part) for part in loops(arrows)]


def main():
    sys.setrecursionlimit(10000)
    question = sys.argv[1]
    faults = list({"upwards": upwards, "circles": circles}[question]() if question != "calls" else calls(sys.argv[2:]))
    print("\n".join(sorted(faults)))
    sys.exit(1 if faults else 0)


main()
