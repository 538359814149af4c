"""Checks the images of make_disturbances against the equation in tools/make_disturbances.c, written here once more.

usage: disturbances.py CHECK DIRECTORY [SNR]     CHECK is one of the functions below; DIRECTORY as it was made."""

import sys

import numpy as np

RANGES = {
    "h3": (0.05, 0.15),
    "h5": (0.05, 0.15),
    "h7": (0.05, 0.15),
    "l": (0.05, 0.1),
    "f": (8, 25),
    "b": (0.1, 0.8),
    "t1": (0, 0.16),
    "T": (0.008, 0.04),
    "g": (300, 900),
    "p": (0.222, 1.11),
    "t2": (0, 0.19),
    "depth": (0.1, 0.4),
    "width": (0.01, 0.05),
}
CHANGES = {"sag": (-0.9, -0.1), "swell": (0.1, 0.8), "interruption": (-1, -0.9)}
MEMBERS = {
    "harmonics": ("h3", "h5", "h7"),
    "flicker": ("l", "f"),
    "oscillation": ("b", "t1", "T", "g"),
    "impulse": ("p", "t2"),
    "notch": ("notches", "depth", "width", "first_notch"),
}
CYCLE, RATE = 64, 3200
ROUNDING = 2**0.5 / 64 / 12**0.5  # an amplitude, were all of the pixels' rounding at one frequency


def read_signals(directory):
    with open(f"{directory}/signals.tsv") as lines:
        names = next(lines).split()[2:]
        for line in lines:
            path, kind, *numbers = line.rstrip("\n").split("\t")
            with open(path, "rb") as image:
                head, size, most, pixels = image.read().split(b"\n", 3)
            assert (head, size, most, len(pixels)) == (b"P5", b"64 10", b"255", 640), path
            yield path, kind.split("+"), dict(zip(names, map(float, numbers))), np.frombuffer(pixels, np.uint8)


def voltage(x):
    n = np.arange(640)
    t, w = n / RATE, 2 * np.pi * 50
    inside = (n / CYCLE >= x["start"]) & (n / CYCLE < x["start"] + x["duration"])
    v = sum(x.get(f"h{i}", 1) * np.sin(i * w * t) for i in (1, 3, 5, 7))
    v *= (1 + x["change"] * inside) * (1 + x["l"] * np.sin(2 * np.pi * x["f"] * t))
    if x["b"]:
        late = t - x["t1"]
        v += (late >= 0) * x["b"] * np.exp(-np.maximum(late, 0) / x["T"]) * np.sin(2 * np.pi * x["g"] * late)
    if x["p"]:
        late = t - x["t2"]
        v -= ((late >= 0) & (late < 0.001)) * x["p"] * (np.exp(-750 * late) - np.exp(-344 * late))
    if x["notches"]:
        half_wave = np.where(n % CYCLE < CYCLE // 2, 1, -1)
        in_notch = np.zeros(640, bool)
        for notch in range(-int(x["notches"]), 10 * int(x["notches"])):
            begin = CYCLE * (x["first_notch"] + notch / x["notches"])
            in_notch |= (n >= begin - 1e-6) & (n < begin + CYCLE * x["width"])
        v -= x["depth"] * half_wave * in_notch
    return v


def equation(directory):
    """Every pixel of images without noise is the equation's, rounded."""
    count = 0
    for path, _, x, pixels in read_signals(directory):
        wanted = np.clip(128 + 64 * voltage(x), 0, 255)
        worst = np.abs(wanted - pixels).max()
        assert worst <= 0.505, f"{path}: off by {worst} gray levels"
        count += 1
    assert count == 29 * 25, count


def ranges(directory):
    """Every number is in its range where its disturbance is in the class, else 0; all of a range is used."""
    seen = {}
    for path, kinds, x, _ in read_signals(directory):
        change = [CHANGES[kind] for kind in kinds if kind in CHANGES]
        assert len(change) <= 1, path
        if change:
            assert change[0][0] <= x["change"] <= change[0][1], f"{path}: change {x['change']}"
            assert 1 <= x["duration"] <= 9 and 0 <= x["start"] and x["start"] + x["duration"] <= 10, path
        else:
            assert x["change"] == x["duration"] == 0, path
        for kind, names in MEMBERS.items():
            for name in names:
                if kind not in kinds:
                    assert x[name] == 0, f"{path}: {name}={x[name]}"
                elif name in RANGES:
                    low, high = RANGES[name]
                    assert low <= x[name] <= high, f"{path}: {name}={x[name]}"
                    seen.setdefault(name, []).append((x[name] - low) / (high - low))
        if "notch" in kinds:
            assert x["notches"] in (1, 2, 4, 6), path
            seen.setdefault("notches", []).append(x["notches"])
    assert set(seen.pop("notches")) == {1, 2, 4, 6}
    for name, places in seen.items():
        assert (
            min(places) < 0.15 and max(places) > 0.85 and 0.3 < np.mean(places) < 0.7
        ), f"{name}: {min(places)} to {max(places)}"


def spectrum(directory):
    """A Fourier transform of the pixels finds amplitudes and frequencies within their ranges."""
    found = {"harmonics": 0, "flicker": 0, "oscillation": 0, "normal": 0}
    for path, kinds, x, pixels in read_signals(directory):
        v = (pixels.astype(float) - 128) / 64
        amplitudes = np.abs(np.fft.rfft(v)) / 320  # a bin is 5 Hz, a harmonic of 50 Hz every tenth
        if kinds == ["normal"] or kinds == ["harmonics"]:
            assert abs(amplitudes[10] - 1) < ROUNDING, f"{path}: {amplitudes[10]}"
            for i in (3, 5, 7):
                low, high = (0.05 - ROUNDING, 0.15 + ROUNDING) if kinds == ["harmonics"] else (0, ROUNDING)
                assert low <= amplitudes[10 * i] <= high, f"{path}: harmonic {i} of {amplitudes[10 * i]}"
                assert kinds == ["normal"] or abs(amplitudes[10 * i] - x[f"h{i}"]) < ROUNDING, path
            rest = np.delete(amplitudes, [10, 30, 50, 70])
            assert rest.max() < ROUNDING, f"{path}: {rest.max()} elsewhere"
            found[kinds[0]] += 1
        if kinds == ["flicker"]:  # the size of the wave, cycle by cycle, has the flicker's frequency
            wave = np.exp(2j * np.pi * np.arange(640) / CYCLE)
            size = 2 * (v * wave).reshape(20, 32).mean(1)  # half cycles, 100 a second
            padded = np.abs(np.fft.rfft(np.abs(size) - np.abs(size).mean(), 1024))
            peak = padded.argmax() * 100 / 1024
            assert abs(peak - x["f"]) < 3 and 5 <= peak <= 28, f"{path}: {peak} Hz, not {x['f']}"
            found["flicker"] += 1
        if kinds == ["oscillation"]:
            padded = np.abs(np.fft.rfft(v - np.sin(2 * np.pi * np.arange(640) / CYCLE), 8192))
            peak = padded.argmax() * RATE / 8192
            assert abs(peak - x["g"]) < 15 and 290 <= peak <= 910, f"{path}: {peak} Hz, not {x['g']}"
            found["oscillation"] += 1
    assert found == dict.fromkeys(found, 25), found


def noise(directory, snr):
    """The noise has the power that -snr asks for."""
    ratios = []
    for _, _, x, pixels in read_signals(directory):
        v = voltage(x)
        seen = (pixels > 0) & (pixels < 255)
        error = ((pixels.astype(float) - 128) / 64 - v)[seen]
        ratios.append((np.mean(error**2) - (1 / 64) ** 2 / 12) / np.mean(v**2))
    measured = -10 * np.log10(np.mean(ratios))
    print(measured)
    assert abs(measured - float(snr)) < 0.1, measured


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
