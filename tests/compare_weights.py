#!/usr/bin/env python3
"""Whether two weights files have the same header and, but for the numbers FIRST to END-1, numbers that differ by
at most LIMIT.

usage: compare_weights.py A B LIMIT [FIRST END]"""
import struct
import sys


def read(name):
    with open(name, "rb") as file:
        contents = file.read()
    return contents[:20], [number for number, in struct.iter_unpack("<f", contents[20:])]


(header, numbers), (other_header, others) = read(sys.argv[1]), read(sys.argv[2])
first, end = map(int, sys.argv[4:]) if len(sys.argv) > 4 else (0, 0)
if header != other_header or len(numbers) != len(others):
    sys.exit(f"headers {header.hex()} and {other_header.hex()}, {len(numbers)} and {len(others)} numbers")
difference = max(abs(a - b) for i, (a, b) in enumerate(zip(numbers, others)) if not first <= i < end)
print(f"{sys.argv[1]}, {sys.argv[2]}: differ by {difference:.2g}")
sys.exit(not difference <= float(sys.argv[3]))
