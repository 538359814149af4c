#!/usr/bin/env python3
"""The comparison: one network under several losses, over label noise, parts of the training set and seeds.

usage: tools/compare.py compare     train all that is not yet trained, and compare; `make compare` does that
       tools/compare.py tune        choose rates and temperatures on a part of the training set; `make tune`
       tools/compare.py plan        print a command a run, for other machines that see this directory, and train nothing:
                                      tools/compare.py plan >runs.txt, then one of
                                      parallel -j 4 <runs.txt
                                      srun -n 16 sh -c 'sed -n "$((SLURM_PROCID + 1))~16p" runs.txt | sh'
                                      sbatch --array=1-48 --wrap 'sed -n "${SLURM_ARRAY_TASK_ID}p" runs.txt | sh'
       tools/compare.py run DIR     one run that plan has prepared
All from the root of the repository.

Settings are environment variables, below with their meanings and defaults; those without one are as in the network's .cfg. What is made, in OUT:
  data/         every draw of noise and subset as a list of paths and of labels; links to the images
  runs/         a directory a run: its .cfg and .data, log.csv (validation over time), train.log, weights/, result.csv
  results.csv   a line a finished run; such a run is not repeated
  table.txt, table.md, table.csv, noise.svg, training.svg: of all runs in OUT, written again when one ends
A run that was stopped or killed goes on from its last weights. Those do not hold the momentum, so it does not end in
exactly the weights of an unbroken one. Several of these programs may work in one OUT, on one machine or on several
that share it: each run is taken by one of them.
"""
import fcntl
import hashlib
import json
import math
import os
import shlex
import signal
import sys

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused, draw, load_data, subset, write_valid, write_whole
from compare_losses import file_name, network_text
from compare_report import report, run_name, where
from compare_runs import DARKNET, Run, train_all
from compare_settings import SETTINGS, read_settings
from plot import PlotFailed

HELD_APART = 0.2  # what `tune` validates on, as a part of the training images that FRACTION leaves


# --- What is in OUT

class Preparing:
    """One program at a time prepares data and runs in OUT."""

    def __init__(self, out):
        os.makedirs(out, exist_ok=True)
        self.path = out + "/lock"

    def __enter__(self):
        self.lock = open(self.path, "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"waiting for another program that prepares runs in {os.path.dirname(self.path)}", flush=True)
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.lock.close()


def read_kept(out):
    try:
        with open(out + "/settings.json") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as reason:
        raise Refused(f"{out}/settings.json: cannot be read ({reason}); choose another OUT") from None


def was_trained(out, names):
    """Whether one of the runs has begun to count: it has a validation in its log, or a result."""
    return any(os.path.exists(f"{out}/runs/{name}/log.csv") for name in names)


def keep_settings(settings, data, own):
    """Writes what the runs in OUT have in common and each loss's own; results of other settings do not belong into one table.
    own: the names of those settings that all runs share, beside the data's. Nothing binds before a run has been trained."""
    out = settings["OUT"]
    digest = hashlib.sha256()
    for text in data.labels + data.groups + data.train + data.valid:
        digest.update(text.encode() + b"\n")
    now = {name: settings[name] for name in own}
    now["images"] = digest.hexdigest()
    losses = {loss.label: {"section": loss.section, "options": loss.options, "rate": loss.rate, "base": loss.base, "sentence": loss.sentence(),
                           "network": hashlib.sha256("\n".join(loss.lines).encode()).hexdigest()} for loss in settings["losses"]}
    runs = os.listdir(out + "/runs") if os.path.isdir(out + "/runs") else []
    before = read_kept(out) if was_trained(out, runs) else None
    if before:
        another = "choose another OUT, or remove that one"
        for name, value in now.items():
            if before.get(name, value) != value:
                raise Refused(f"the results in {out} are of other lists or labels; {another}" if name == "images" else
                              f"{name}={value}: the results in {out} are of {name}={before[name]}; {another}")
        for label, kept in before["losses"].items():
            if not was_trained(out, [name for name in runs if name.startswith(file_name(label) + "_p")]):
                continue
            if label not in losses:
                losses[label] = kept
                continue
            for name in ("section", "options", "rate", "base", "network"):
                if kept[name] != losses[label][name]:
                    raise Refused(f"the results of {label} in {out} are of another network file than {kept['base']} is now; {another}" if name == "network" else
                                  f"{label}: the results in {out} are of {kept['sentence']} ({kept['base']}), not {losses[label]['sentence']}; {another}")
        if set(losses) - {loss.label for loss in settings["losses"]}:
            # A narrower call: the first loss, which all others are compared with, stays the first.
            order = [label for label in before["losses"] if label in losses]
            losses = {label: losses[label] for label in order + [label for label in losses if label not in order]}
    kept = {**now, "losses": losses}
    write_whole(out + "/settings.json", json.dumps(kept, indent=1) + "\n")
    return {**kept, "OUT": out}


def describe(data, settings):
    line = (f"{settings['DATA']}: {len(data.labels)} classes from {data.labels_from}, {len(data.train)} images to train on, "
            f"{len(data.valid)} to validate on\n")
    if "NETWORK" not in settings["given"] and settings["DATA"] != "glyphs":
        line += f"NETWORK is not given: {settings['NETWORK']}\n"
    without = data.without_images()
    if without:
        line += (f"note: no image to train on is of {'the class' if len(without) == 1 else f'the {len(without)} classes'} "
                 f"{', '.join(without[:5])}{', ...' if len(without) > 5 else ''}\n")
    return line


# --- The commands

def prepare(settings):
    """Data, draws and a directory a run. Returns the settings as kept, and all runs of the call."""
    with Preparing(settings["OUT"]):
        data = load_data(settings)
        kept = keep_settings(settings, data, ("DATA", "NETWORK", "BATCHES", "EVERY", "K"))
        directory = settings["OUT"] + "/data"
        valid, labels = write_valid(data, directory, "valid", range(len(data.valid)))
        runs = []
        # The seeds are the outermost: a stopped comparison has whole tables of fewer seeds.
        for seed in settings["SEEDS"]:
            for fraction in settings["FRACTION"]:
                for noise in settings["NOISE"]:
                    train = draw(data, directory, noise, fraction, seed, range(len(data.train)))
                    for loss in settings["losses"]:
                        run = Run(f"{settings['OUT']}/runs/{run_name(loss.label, noise, fraction, seed)}",
                                  {"loss": loss.label, "noise": noise, "fraction": fraction, "seed": seed, "k": settings["K"],
                                   "batches": settings["BATCHES"], "every": settings["EVERY"], "measure": True})
                        if not run.is_done():
                            run.prepare(network_text(loss, settings, len(data.labels), loss.rate), len(data.labels), train, valid, labels)
                        runs.append(run)
    done = sum(run.is_done() for run in runs)
    print(describe(data, settings) + f"{len(runs)} runs of {settings['BATCHES']} batches, {done} of them done before", file=sys.stderr if settings["plan"] else sys.stdout, flush=True)
    return kept, runs


def compare(settings):
    kept, runs = prepare(settings)
    failed = []
    train_all([run for run in runs if not run.is_done()], settings["JOBS"], lambda run: report(kept), failed.append)
    print(report(kept))
    print("\n" + where(settings["OUT"]))
    if failed:
        raise Refused(f"diverged, without a result: {', '.join(run.name for run in failed)}; see {failed[0].shown}; try a smaller rate")


def plan(settings):
    _, runs = prepare(settings)
    todo = [run for run in runs if not run.is_done()]
    for run in todo:
        print(f"cd {shlex.quote(os.getcwd())} && tools/compare.py run {shlex.quote(run.directory)}")
    print(f"{len(todo)} commands; when they have ended, {settings['OUT']}/table.txt is whole" if todo else "all runs are done", file=sys.stderr)


def run_one(directory):
    run = Run(os.path.normpath(directory))
    out = os.path.dirname(os.path.dirname(run.directory))
    kept = read_kept(out)
    if not kept:
        raise Refused(f"{out}: has no settings.json; tools/compare.py plan writes it")
    if run.is_done() or not run.take():
        print(f"{run.name}: " + ("done before" if run.is_done() else "another program is training it; left to that"))
        return
    run.release()
    train_all([run], 1, lambda _: report({**kept, "OUT": out}))


def spread_out(low, high, count):
    """count numbers from low to high, each the same multiple of the one before."""
    return [low * (high / low) ** (i / max(1, count - 1)) for i in range(count)]


def candidates_of(loss, settings):
    """(rate, tau) to try: as many for each loss, where LRS has several. tau is None where the loss has none, or LOSSES says it."""
    rates, taus = settings["LRS"], settings["TAUS"]
    if loss.has_tau() and "tau" not in loss.said:
        return [(rate, tau) for tau in taus for rate in rates]
    spread = [float(f"{rate:.4g}") for rate in spread_out(min(rates), max(rates), len(rates) * len(taus))]
    return [(rate, None) for rate in dict.fromkeys(spread)]  # one, where LRS is one


def tune(settings):
    """Validated on a part of the training set, with its true labels."""
    out = settings["OUT"]
    noise, fraction, seed = settings["NOISE"][0], settings["FRACTION"][0], settings["SEEDS"][0]
    with Preparing(out):
        data = load_data(settings)
        keep_settings(settings, data, ("DATA", "NETWORK", "K"))  # the names of the runs have the others
        # With a FRACTION of the labels, no more than that is there to choose by.
        apart = set(subset(data, range(len(data.train)), HELD_APART * fraction, "held apart"))
        directory = f"{out}/data"
        valid, labels = write_valid(data, directory, "train", sorted(apart))
        train = draw(data, directory, noise, fraction, seed, [i for i in range(len(data.train)) if i not in apart])
        runs = []
        for loss in settings["losses"]:
            for rate, tau in candidates_of(loss, settings):
                name = (f"{run_name(loss.label, noise, fraction, seed)}_b{settings['BATCHES']}_lr{rate:.4g}" + ("" if tau is None else f"_tau{tau:g}"))
                run = Run(f"{out}/runs/{name}", {"loss": loss.label, "noise": noise, "fraction": fraction, "seed": seed, "k": settings["K"],
                                                 "batches": settings["BATCHES"], "every": settings["EVERY"], "measure": False})
                run.rate, run.tau = rate, tau
                if not run.is_done():
                    run.prepare(network_text(loss, settings, len(data.labels), rate, tau), len(data.labels), train, valid, labels)
                runs.append(run)
    todo = [run for run in runs if not run.is_done()]
    print(describe(data, settings) + f"tuned on {len(apart)} images of the training set, which no run trains on; {len(runs)} runs of "
          f"{settings['BATCHES']} batches, {len(runs) - len(todo)} of them done before", flush=True)
    failed = []
    # A rate that is too high is a result, not an error.
    train_all(todo, settings["JOBS"], lambda run: None, failed.append)
    print(tuned(settings, runs, failed, len(apart)))


def standard_error(part, images):
    """Of a percentage of that many images."""
    return 100 * math.sqrt(max(part * (1 - part), 1 / images) / images)


def tuned(settings, runs, failed, images):
    """Writes tune.csv; returns the table, what to make of it, and the command to compare with the best."""
    top = f"top-{settings['K']}"
    width = max(12, *(len(loss.label) for loss in settings["losses"]))
    lines, rows, best = [f"{'loss':{width}} {'rate':>8} {'tau':>6} {'top-1':>7} {top:>7}"], ["loss,rate,tau,top1,topk"], {}
    results = {run: run.result() for run in runs if run not in failed}
    for run, result in results.items():
        if run.facts["loss"] not in best or result["topk_last"] > results[best[run.facts["loss"]]]["topk_last"]:
            best[run.facts["loss"]] = run
    for run in runs:
        label, tau = run.facts["loss"], "" if run.tau is None else format(run.tau, "g")
        line = f"{label:{width}} {run.rate:8.4g} {tau:>6} "
        quoted = f'"{label}"' if "," in label else label
        if run in failed:
            lines.append(line + "diverged")
            rows.append(f"{quoted},{run.rate:.4g},{tau},,")
            continue
        result, winner = results[run], results[best[label]]
        mark = " best" if best[label] is run else " ~" if 100 * (winner["topk_last"] - result["topk_last"]) < standard_error(winner["topk_last"], images) else ""
        lines.append(f"{line}{100 * result['top1_last']:7.2f} {100 * result['topk_last']:7.2f}{mark}")
        rows.append(f"{quoted},{run.rate:.4g},{tau},{result['top1_last']},{result['topk_last']}")
    write_whole(settings["OUT"] + "/tune.csv", "\n".join(rows) + "\n")
    missing = [loss.label for loss in settings["losses"] if loss.label not in best]
    if missing:
        print("\n".join(lines))
        raise Refused(f"every run of {missing[0]} diverged; try smaller LRS")
    errors = [standard_error(results[run]["topk_last"], images) for run in best.values()]
    lines.append(f"The last weights, on {images} images. The standard error of a best {top} is {min(errors):.1f}" + (f" to {max(errors):.1f}" if max(errors) - min(errors) >= 0.05 else "")
                 + " points: ~ marks what is within one of its loss's best, and so not known to be worse.")
    for loss in settings["losses"]:
        lines += edges(loss, best[loss.label], [run for run in runs if run.facts["loss"] == loss.label])
    losses = " ".join(shlex.quote(" ".join([loss.section] + [f"{name}={value}" for name, value in loss.said.items()]
                                           + ([] if best[loss.label].tau is None else [f"tau={best[loss.label].tau:g}"])
                                           + [f"rate={best[loss.label].rate:.4g}"])) for loss in settings["losses"])
    given = {name: value for name, value in settings["given"].items() if name in ("DATA", "CIFAR100", "NETWORK", "NOISE", "FRACTION", "BATCHES", "EVERY", "K", "ALPHA", "JOBS")}
    given.update({"OUT": settings["OUT"] + "_compared", "LOSSES": losses})
    lines.append(f"To compare with the best by {top}:\n  make compare " + " ".join(f'{name}="{value}"' if name == "LOSSES" else f"{name}={shlex.quote(value)}" for name, value in given.items()))
    return "\n".join(lines)


def edges(loss, best, runs):
    """What to say where the best is the least or the greatest of what was tried."""
    lines = []
    for name, setting, tried, value in (("rate", "LRS", sorted({run.rate for run in runs}), best.rate),
                                        ("tau", "TAUS", sorted({run.tau for run in runs if run.tau is not None}), best.tau)):
        if not value or len(tried) < 2 or tried[0] < value < tried[-1]:
            continue
        least = value == tried[0]
        beyond = value * value / tried[1] if least else value * value / tried[-2] if tried[-2] else 10 * value
        lines.append(f"{loss.label}: its best {name}, {value:g}, is the {'least' if least else 'greatest'} tried; a better one may be beyond: "
                     f"add {beyond:.2g} to {setting}")
    return lines


def check_darknet():
    if not os.access(DARKNET, os.X_OK):
        raise Refused(f"{DARKNET} is missing; run make in the root of the repository")


def main():
    commands = {"compare": compare, "tune": tune, "plan": plan}
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if not (command in commands and len(sys.argv) == 2 or command == "run" and len(sys.argv) == 3):
        asked = sys.argv[1:] in (["-h"], ["--help"])
        shown = sys.stdout if asked else sys.stderr
        print(__doc__ + "\nSettings:", file=shown)
        for name, (default, _, meaning) in SETTINGS.items():
            print(f"  {name:15} {meaning}{f' ({default})' if default else ''}", file=shown)
        sys.exit(0 if asked else 1)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        if command == "run":
            check_darknet()
            run_one(sys.argv[2])
        else:
            settings = read_settings(dict(os.environ), command == "tune")
            settings["plan"] = command == "plan"
            check_darknet()
            commands[command](settings)
    except (Refused, PlotFailed) as reason:
        print(f"{command}: {reason}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; started again, it goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
