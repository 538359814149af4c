#!/usr/bin/env python3
"""The comparison: one network under softmax and under smooth_topk, over label noise, parts of the training set and seeds.

usage: tools/compare.py compare|tune     from the root of the repository; `make compare` and `make tune` do that

Settings are environment variables, below with their meanings and defaults; those without one are as in the network's .cfg. What is made, in OUT:
  data/         the images (but for DATA=DIR), and every draw of noise and subset as a list of paths and of labels
  runs/         a directory a run: its .cfg and .data, log.csv (validation over time), train.log, weights/
  results.csv   a line a finished run; such a run is not repeated
  table.txt, table.md, table.csv, noise.svg, training.svg
A run that was stopped or killed goes on from its last weights. Those do not hold the momentum, so it does not end in
exactly the weights of an unbroken one.
"""
import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused, draw, load_data, read_lines, subset, write_whole
from compare_report import LOSSES, append_result, read_log, read_results, report, run_name

DARKNET = "build/darknet"
HELD_APART = 0.2  # what `tune` validates on, as a part of the training images that FRACTION leaves


# --- Settings

def number(low, high, whole=False, above=False):
    def read(text):
        kind = "a whole number" if whole else "a number"
        limits = f"{kind} {'above' if above else 'from'} {low:g} to {high:.10g}"
        pattern = r"[0-9]+" if whole else r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[0-9]+\."
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {limits}")
        value = int(text) if whole else float(text)
        if not low <= value <= high or (above and value == low):
            raise ValueError(f"must be {limits}")
        return value
    return read


def several(read_one):
    def read(text):
        values = []
        for word in text.split():
            try:
                value = read_one(word)
            except ValueError as reason:
                raise ValueError(f"{word} {reason}") from None
            if value not in values:
                values.append(value)
        if not values:
            raise ValueError("must be one or more values with spaces between them")
        return values
    return read


def text_value(text):
    return text


RATE = number(0, 1e38, above=True)
TAU = number(0, 1e6)

# name: default, reader, meaning. A default of None depends on other settings (see read_settings).
SETTINGS = {
    "DATA": ("glyphs", text_value, "glyphs, cifar100, or a directory with labels.txt, train.txt or train/, valid.txt or valid/, and perhaps groups.txt"),
    "CIFAR100": ("", text_value, "the archive cifar-100-binary.tar.gz; without it, DATA=cifar100 downloads it"),
    "NETWORK": (None, text_value, "beginning of the names of a pair, NETWORK_softmax.cfg and NETWORK_smooth_topk.cfg"),
    "NOISE": ("0 0.3 0.6 1", several(number(0, 1)), "probabilities that a training label is redrawn within its group"),
    "FRACTION": ("1 0.25", several(number(0, 1, above=True)), "parts of the training set"),
    "SEEDS": ("1 2 3", several(number(0, 4294967295, whole=True)), "seeds of noise, subset, first weights and order of images"),
    "BATCHES": (None, number(1, 100000000, whole=True), "how long each run trains, whatever the fraction; 500 for the glyphs, else as NETWORK says"),
    "K": ("5", number(1, 1000000, whole=True), "guesses: of top-k, of the loss, and the size of a group where no file says it"),
    "LR": (None, RATE, "learning rate of both losses"),
    "LR_SOFTMAX": (None, RATE, "learning rate of softmax, if not LR"),
    "LR_SMOOTH_TOPK": (None, RATE, "learning rate of smooth_topk, if not LR"),
    "TAU": (None, TAU, "temperature of smooth_topk"),
    "ALPHA": (None, number(0, 1e6), "margin of smooth_topk"),
    "JOBS": (str(os.cpu_count() or 1), number(1, 1024, whole=True), "runs at once"),
    "OUT": (None, text_value, "where everything is made"),
    "LRS": (None, several(RATE), "tune: learning rates to try with each TAUS; softmax tries as many, spread over the same range"),
    "TAUS": ("0.01 0.1 1 10", several(TAU), "tune: temperatures to try"),
}


def cfg_value(lines, name):
    """The last value of an option in a network's file."""
    values = [line.split("=", 1)[1].strip() for line in lines if re.match(rf"{name}\s*=", line)]
    return values[-1] if values else None


def read_settings(environment, tune):
    settings = {}
    for name, (default, read, _) in SETTINGS.items():
        text = environment.get(name) or default
        if text is None:
            settings[name] = None
            continue
        try:
            settings[name] = read(text)
        except ValueError as reason:
            raise Refused(f"{name}={text}: {reason}") from None
    data = settings["DATA"]
    if data not in ("glyphs", "cifar100") and not os.path.isdir(data):
        raise Refused(f"DATA={data}: must be glyphs, cifar100 or a directory that exists")
    settings["NETWORK"] = settings["NETWORK"] or ("cfg/glyphs" if data == "glyphs" else "cfg/cifar100")
    settings["OUT"] = settings["OUT"] or ("build/tune" if tune else "build/compare") + ("" if data == "glyphs" else "_" + os.path.basename(os.path.normpath(data)))
    if re.search(r"[\s#,]", settings["OUT"]):
        raise Refused(f"OUT={settings['OUT']}: Darknet reads no path with spaces, # or commas; choose another")
    settings["networks"] = {}
    for loss in LOSSES:
        path = f"{settings['NETWORK']}_{loss}.cfg"
        if not os.path.isfile(path):
            raise Refused(f"NETWORK={settings['NETWORK']}: there is no {path}")
        with open(path) as file:
            settings["networks"][loss] = file.read().splitlines()
    smooth = settings["networks"]["smooth_topk"]
    if not settings["BATCHES"]:
        settings["BATCHES"] = 500 if data == "glyphs" else int(cfg_value(smooth, "max_batches") or 0)
        if settings["BATCHES"] < 1:
            raise Refused(f"BATCHES: {settings['NETWORK']}_smooth_topk.cfg has no max_batches; say how long to train")
    settings["TAU"] = float(cfg_value(smooth, "tau") or 1) if settings["TAU"] is None else settings["TAU"]
    settings["ALPHA"] = float(cfg_value(smooth, "alpha") or 1) if settings["ALPHA"] is None else settings["ALPHA"]
    settings["rates"] = {}
    for loss in LOSSES:
        settings["rates"][loss] = (settings["LR_" + loss.upper()] or settings["LR"]
                                   or float(cfg_value(settings["networks"][loss], "learning_rate")))
    settings["LRS"] = settings["LRS"] or [settings["rates"]["softmax"] * factor for factor in (0.2, 1, 5)]
    return settings


def check_tools():
    for command, package in (("gnuplot", "gnuplot-nox"),):
        if not shutil.which(command):
            raise Refused(f"the command '{command}' is missing; install it with: apt-get install {package}")
    if not os.access(DARKNET, os.X_OK):
        raise Refused(f"{DARKNET} is missing; run make in the root of the repository")


# --- Runs

def network_text(lines, settings, classes, rate, tau, is_smooth):
    """The network with the settings in the place of its own: classes, batches and rate; k, tau and alpha of the loss."""
    values = {"max_batches": settings["BATCHES"], "learning_rate": rate}
    if is_smooth:
        values.update({"k": settings["K"], "tau": tau, "alpha": settings["ALPHA"]})
    before = int(cfg_value(lines, "max_batches") or settings["BATCHES"])
    sections = [i for i, line in enumerate(lines) if line.startswith("[")]
    last_layer = max((i for i in sections if lines[i].strip() in ("[connected]", "[convolutional]")), default=-1)
    result, section = [], ""
    for i, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip()
            current = i
        name = line.split("=")[0].strip()
        if "=" in line and not line.startswith("#"):
            if name in values and section in ("[net]", "[smooth_topk]"):
                line = f"{name}={values[name]:g}" if isinstance(values[name], float) else f"{name}={values[name]}"
            elif name == "steps" and section == "[net]":
                steps = [max(1, round(int(step) * settings["BATCHES"] / before)) for step in line.split("=")[1].split(",")]
                line = "steps=" + ",".join(map(str, steps))
            elif current == last_layer and name in ("output", "filters"):
                line = f"{name}={classes}"
        result.append(line)
    return "\n".join(result) + "\n"


class Run:
    """One training: prepared, started (again, from its last weights), watched, and read off its log."""

    def __init__(self, out, key, labels, network, settings):
        self.key = key
        self.directory = f"{out}/runs/{key['name']}"
        self.labels, self.network, self.settings = labels, network, settings
        self.process = None
        self.log = self.directory + "/log.csv"
        self.shown = self.directory + "/train.log"
        self.backup = self.directory + "/weights/run.backup"

    def start(self, train, valid, lock):
        os.makedirs(self.directory + "/weights", exist_ok=True)
        write_whole(self.directory + "/run.cfg", self.network)
        write_whole(self.directory + "/run.data", "".join(f"{name}={value}\n" for name, value in (
            ("classes", len(self.labels)), ("train", train), ("valid", valid), ("labels", os.path.dirname(valid) + "/labels.txt"),
            ("backup", self.directory + "/weights"), ("top", self.settings["K"]))))
        command = [DARKNET, "classifier", "train", self.directory + "/run.data", self.directory + "/run.cfg"]
        command += [self.backup] if os.path.exists(self.backup) else []
        command += ["-seed", str(self.key["seed"]), "-topk", str(self.settings["K"]), "-progress", "-log", self.log,
                    "-every", str(max(1, self.settings["BATCHES"] // 10))]
        self.first = self.saved_batch()
        with open(self.shown, "ab") as shown:
            self.said_before = shown.tell()
            # The lock is passed on: two runs are never at work in one directory, even if this program is killed.
            self.process = subprocess.Popen(command, stdout=shown, stderr=shown, stdin=subprocess.DEVNULL,
                                            pass_fds=[lock.fileno()], preexec_fn=stop_with_parent)

    def saved_batch(self):
        """Where its last weights are from."""
        rows = read_log(self.log) if os.path.exists(self.backup) else []
        return int(rows[-1]["batch"]) if rows else 0

    def batch(self):
        """How far it is, from the end of what Darknet said since the start."""
        with open(self.shown, "rb") as shown:
            shown.seek(max(self.said_before, os.fstat(shown.fileno()).st_size - 2000))
            found = re.findall(rb"^batch (\d+)", shown.read(), re.M)
        return int(found[-1]) if found else self.first

    def result(self):
        rows = read_log(self.log)
        top = f"top{self.settings['K']}"
        if not rows or int(rows[-1]["batch"]) != self.settings["BATCHES"]:
            raise Refused(f"{self.log}: does not end at batch {self.settings['BATCHES']}; remove {self.directory} and start again")
        best = max(rows, key=lambda row: float(row[top]))
        return {**{name: self.key[name] for name in ("loss", "noise", "fraction", "seed")}, "batches": self.settings["BATCHES"],
                "top1_last": float(rows[-1]["top1"]), "topk_last": float(rows[-1][top]), "top1_best": float(best["top1"]),
                "topk_best": float(best[top]), "best_batch": int(best["batch"]), "seconds": float(rows[-1]["seconds"])}

    def end_of_output(self):
        with open(self.shown, errors="replace") as shown:
            return "".join("  " + line for line in shown.readlines()[-12:])


def stop_with_parent():
    """A training does not outlive this program: Darknet saves its weights at SIGTERM. (Linux; elsewhere it goes on.)"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for this program, which then asks each training to stop
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


def take_lock(out):
    lock = open(out + "/lock", "w")
    for attempt in range(40):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if attempt == 4:
                print(f"waiting for the trainings of an earlier run in {out} to stop", flush=True)
            time.sleep(0.25)
    raise Refused(f"{out}: another comparison, or a training of one, is at work there; stop it first, or choose another OUT")


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def train_all(runs, jobs, lists, valid, lock, batches, finished, diverged=None):
    """Trains what is left, `jobs` at once; calls finished(run) after each, and diverged(run), if given, in its place."""
    terminal = sys.stdout.isatty()
    waiting, running, done, session = list(runs), [], 0, 0
    start, printed = time.time(), 0
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.pop(0)
                run.start(lists[run.key["name"]], valid, lock)
                running.append(run)
            time.sleep(0.2)
            for run in list(running):
                code = run.process.poll()
                if code is None:
                    continue
                running.remove(run)
                if code == 1 and diverged and "not finite" in run.end_of_output():
                    session += run.batch() - run.first
                    done += 1
                    diverged(run)
                    continue
                if code:
                    how = f"signal {-code}" if code < 0 else f"exit code {code}"
                    raise Refused(f"the training {run.key['name']} ended with {how}; the end of {run.shown}:\n{run.end_of_output()}"
                                  "Started again, it goes on from its last weights.")
                session += batches - run.first
                done += 1
                finished(run)
            if time.time() - printed < (1 if terminal else 10) and (waiting or running):
                continue
            printed = time.time()
            now = [(run, run.batch()) for run in running]
            trained = session + sum(batch - run.first for run, batch in now)
            left = sum(batches - run.saved_batch() for run in waiting) + sum(batches - batch for _, batch in now)
            line = f"{done}/{len(runs)} runs done"
            if now:
                line += "; " + ", ".join(f"{run.key['name']} {batch}/{batches}" for run, batch in now)
            if trained and printed - start >= 10 and left:
                line += f"; {duration((printed - start) * left / trained)} left"
            print(("\r" + line + "\033[K") if terminal else line, end="" if terminal else "\n", flush=True)
    finally:
        for run in running:
            run.process.terminate()
        for run in running:
            run.process.wait()
        if terminal:
            print()


# --- The two commands

def check_same_settings(settings, data, own):
    """Results of other settings do not belong into one table. own: those of the command, beside the data's."""
    digest = hashlib.sha256()
    for text in data.labels + data.groups + data.train + data.valid + sum(settings["networks"].values(), []):
        digest.update(text.encode() + b"\n")
    now = {name: settings[name] for name in ("DATA", "NETWORK", "K", "ALPHA")}
    now.update(own)
    now["files"] = digest.hexdigest()
    path = settings["OUT"] + "/settings.txt"
    if os.path.exists(path):
        before = dict(line.split("=", 1) for line in read_lines(path, "the settings of its results"))
        for name, value in now.items():
            if before.get(name) == str(value):
                continue
            if name == "files":
                raise Refused(f"the results in {settings['OUT']} are of other lists, labels or networks; choose another OUT, or remove that one")
            raise Refused(f"{name}={value}: the results in {settings['OUT']} are of {name}={before.get(name)}; choose another OUT, or remove that one")
    write_whole(path, "".join(f"{name}={value}\n" for name, value in now.items()))


def write_valid(directory, data, paths):
    """The validation list and labels as the runs read them; the images are those of the data set, untouched."""
    os.makedirs(directory, exist_ok=True)
    write_whole(directory + "/labels.txt", "\n".join(data.labels) + "\n")
    write_whole(directory + "/valid.txt", "\n".join(paths) + "\n")
    return directory + "/valid.txt"


def make_run(settings, data, loss, noise, fraction, seed, name, rate, tau):
    key = {"loss": loss, "noise": noise, "fraction": fraction, "seed": seed, "name": name}
    text = network_text(settings["networks"][loss], settings, len(data.labels), rate, tau, loss == "smooth_topk")
    return Run(settings["OUT"], key, data.labels, text, settings)


def compare(settings):
    out = settings["OUT"]
    os.makedirs(out, exist_ok=True)
    lock = take_lock(out)
    data = load_data(settings)
    own = {"LR_" + loss.upper(): settings["rates"][loss] for loss in LOSSES}
    check_same_settings(settings, data, {**own, "BATCHES": settings["BATCHES"], "TAU": settings["TAU"]})
    draws = out + "/data/draws"
    valid = write_valid(draws, data, data.valid)
    results_path = out + "/results.csv"
    finished = {(r["loss"], r["noise"], r["fraction"], r["seed"]) for r in read_results(results_path)}
    runs, lists = [], {}
    # The seeds are the outermost: a stopped comparison has whole tables of fewer seeds.
    for seed in settings["SEEDS"]:
        for fraction in settings["FRACTION"]:
            for noise in settings["NOISE"]:
                todo = [loss for loss in LOSSES if (loss, noise, fraction, seed) not in finished]
                if not todo:
                    continue
                train = draw(data, draws, noise, fraction, seed, range(len(data.train)))
                for loss in todo:
                    run = make_run(settings, data, loss, noise, fraction, seed, run_name(loss, noise, fraction, seed),
                                   settings["rates"][loss], settings["TAU"])
                    runs.append(run)
                    lists[run.key["name"]] = train
    total = len(LOSSES) * len(settings["SEEDS"]) * len(settings["FRACTION"]) * len(settings["NOISE"])
    print(f"{settings['DATA']}: {len(data.labels)} classes, {len(data.train)} images to train on, {len(data.valid)} to validate on; "
          f"{total} runs of {settings['BATCHES']} batches, {total - len(runs)} of them done before", flush=True)

    def finish(run):
        append_result(results_path, run.result())
        if os.path.exists(run.backup):
            os.remove(run.backup)
        report(settings)
    train_all(runs, settings["JOBS"], lists, valid, lock, settings["BATCHES"], finish)
    print(report(settings))
    print(f"\nTables: {out}/table.txt, table.md, table.csv; plots: {out}/noise.svg, training.svg; every run: {out}/results.csv")


def spread_out(low, high, count):
    """count numbers from low to high, each the same multiple of the one before."""
    return [low * (high / low) ** (i / max(1, count - 1)) for i in range(count)]


def tune(settings):
    """As many runs for each loss; validated on a part of the training set, with its true labels."""
    out = settings["OUT"]
    os.makedirs(out, exist_ok=True)
    lock = take_lock(out)
    data = load_data(settings)
    if len(settings["NOISE"]) > 1 or len(settings["FRACTION"]) > 1 or len(settings["SEEDS"]) > 1:
        raise Refused("tune: takes one NOISE, one FRACTION and one of SEEDS")
    check_same_settings(settings, data, {})  # the names of the runs have the others
    noise, fraction, seed = settings["NOISE"][0], settings["FRACTION"][0], settings["SEEDS"][0]
    # With a FRACTION of the labels, no more than that is there to choose by.
    apart = set(subset(data, range(len(data.train)), HELD_APART * fraction, "held apart"))
    draws = f"{out}/data/draws"
    valid = write_valid(draws, data, [data.train[i] for i in sorted(apart)])
    train = draw(data, draws, noise, fraction, seed, [i for i in range(len(data.train)) if i not in apart])
    candidates = [("smooth_topk", rate, tau) for tau in settings["TAUS"] for rate in settings["LRS"]]
    candidates += [("softmax", rate, None) for rate in spread_out(min(settings["LRS"]), max(settings["LRS"]), len(candidates))]
    runs = []
    for loss, rate, tau in candidates:
        name = f"{loss}_p{noise:g}_f{fraction:g}_s{seed}_b{settings['BATCHES']}_lr{rate:.4g}" + (f"_tau{tau:g}" if tau is not None else "")
        run = make_run(settings, data, loss, noise, fraction, seed, name, rate, tau)
        run.candidate = (loss, rate, tau)
        runs.append(run)

    def is_done(run):
        rows = read_log(run.log)
        return bool(rows) and int(rows[-1]["batch"]) == settings["BATCHES"]
    todo = [run for run in runs if not is_done(run)]
    print(f"{settings['DATA']}: tuned on {len(apart)} images of the training set, which no run trains on; {len(runs)} runs of "
          f"{settings['BATCHES']} batches, {len(runs) - len(todo)} of them done before", flush=True)
    failed = []
    # A rate that is too high is a result, not an error.
    train_all(todo, settings["JOBS"], {run.key["name"]: train for run in todo}, valid, lock, settings["BATCHES"], lambda run: None, failed.append)
    best = {}
    lines = [f"{'loss':12} {'rate':>8} {'tau':>6} {'top-1':>7} {'top-' + str(settings['K']):>7}"]
    rows = ["loss,rate,tau,top1,topk"]
    for run in runs:
        loss, rate, tau = run.candidate
        if run in failed:
            lines.append(f"{loss:12} {rate:8.4g} {'' if tau is None else format(tau, 'g'):>6} diverged")
            rows.append(f"{loss},{rate:.4g},{'' if tau is None else format(tau, 'g')},,")
            continue
        result = run.result()
        lines.append(f"{loss:12} {rate:8.4g} {'' if tau is None else format(tau, 'g'):>6} {100 * result['top1_best']:7.2f} {100 * result['topk_best']:7.2f}")
        rows.append(f"{loss},{rate:.4g},{'' if tau is None else format(tau, 'g')},{result['top1_best']},{result['topk_best']}")
        if loss not in best or result["topk_best"] > best[loss][0]:
            best[loss] = (result["topk_best"], rate, tau)
    write_whole(out + "/tune.csv", "\n".join(rows) + "\n")
    print("\n".join(lines))
    if len(best) < 2:
        raise Refused("every run of a loss diverged; try smaller LRS")
    same = "".join(f"{name}={settings[name]} " for name in ("DATA", "NETWORK", "K", "BATCHES", "ALPHA") if os.environ.get(name))
    print("The best by validation top-k; to compare with them:\n"
          f"  make compare {same}OUT={out}_compared LR_SOFTMAX={best['softmax'][1]:.4g} LR_SMOOTH_TOPK={best['smooth_topk'][1]:.4g} TAU={best['smooth_topk'][2]:g}")


def main():
    commands = {"compare": compare, "tune": tune}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        shown = sys.stdout if asked else sys.stderr
        print(__doc__ + "\nSettings:", file=shown)
        for name, (default, _, meaning) in SETTINGS.items():
            print(f"  {name:15} {meaning}{f' ({default})' if default else ''}", file=shown)
        sys.exit(0 if asked else 1)
    try:
        environment = dict(os.environ)
        if sys.argv[1] == "tune":
            for name, value in (("NOISE", "0.3"), ("FRACTION", "1"), ("SEEDS", "1")):
                environment[name] = environment.get(name) or value
        settings = read_settings(environment, sys.argv[1] == "tune")
        check_tools()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        commands[sys.argv[1]](settings)
    except Refused as reason:
        print(f"{sys.argv[1]}: {reason}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; started again, it goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
