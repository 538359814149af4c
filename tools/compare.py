#!/usr/bin/env python3
"""The comparison: one network under several losses, over label noise, parts of the training set and seeds.

usage: tools/compare.py compare     train all that is not yet trained, and compare; `make compare` does that
       tools/compare.py tune        choose rates and temperatures on a part of the training set; `make tune`
       tools/compare.py plan        print a command a run, for other machines that see this directory; train nothing:
                                      tools/compare.py plan >runs.txt, then one of
                                      parallel -j 4 <runs.txt
                                      srun -n 16 sh -c 'sed -n "$((SLURM_PROCID + 1))~16p" runs.txt | sh'
                                      sbatch --array=1-48 --wrap 'sed -n "${SLURM_ARRAY_TASK_ID}p" runs.txt | sh'
       tools/compare.py run DIR     one run that plan has prepared
All from the root of the repository.

Settings are environment variables, below with their meanings, in brackets what is taken where nothing is said.
What is made, in OUT:
  data/         every draw of noise and subset as a list of paths and of labels; links to the images
  runs/         a directory a run: its .cfg and .data, log.csv (validation over time), train.log, weights/, result.csv
  results.csv   a line a finished run, with its time and CPU time in seconds; such a run is not repeated
  report.html   tables, plots, settings and runs on one page, for any browser
  table.txt, table.md, table.csv, noise.svg, training.svg: the same for other uses
The last two lines' files are of all runs in OUT, and written again when one ends.
A run that was stopped or killed goes on from its last weights. Those do not hold the momentum, so it does not end in
exactly the weights of an unbroken one. Several of these programs may work in one OUT, on one machine or on several
that share it: each run is taken by one of them.
"""
import os
import shlex
import signal
import sys

sys.dont_write_bytecode = True  # tools/ stays as it is

from compare_data import Refused, draw, load_data, write_valid
from compare_losses import network_text
from compare_out import keep_settings, preparing, read_kept
from compare_report import report, run_name, where
from compare_runs import DARKNET, Run, train_all
from compare_settings import SETTINGS, check_names, choose_by_data, describe, read_settings, shorter, validation_cost
from compare_tune import tune
from plot import PlotFailed

COMMON = ("DATA", "NETWORK", "BATCHES", "EVERY", "K")  # settings that all runs in OUT share


def prepare(settings):
    """Data, draws and a directory a run. Returns the settings as kept, and all runs of the call."""
    with preparing(settings["OUT"]):
        data = load_data(settings)
        choose_by_data(settings, data)
        kept = keep_settings(settings, data, COMMON)
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
                                  {"loss": loss.label, "noise": noise, "fraction": fraction, "seed": seed,
                                   "k": settings["K"], "batches": settings["BATCHES"], "every": settings["EVERY"],
                                   "validation": validation_cost(settings, len(data.valid)), "measure": True,
                                   "several": data.several})
                        if not run.is_done():
                            text = network_text(loss, settings, len(data.labels), loss.rate)
                            run.prepare(text, len(data.labels), train, valid, labels)
                        runs.append(run)
    done = sum(run.is_done() for run in runs)
    print(f"{describe(data, settings)}{len(runs)} runs of {settings['BATCHES']} batches, {done} of them done before",
          file=sys.stderr if settings["plan"] else sys.stdout, flush=True)
    return kept, runs


def compare(settings):
    kept, runs = prepare(settings)
    failed = []
    todo = [run for run in runs if not run.is_done()]
    train_all(todo, settings["JOBS"], lambda run: report(kept), failed.append,
              lambda seconds: shorter(settings, seconds, todo[0].facts["validation"]))
    print(report(kept))
    print("\n" + where(settings["OUT"]))
    if failed:
        raise Refused(f"diverged, without a result: {', '.join(run.name for run in failed)}; see {failed[0].shown}; "
                      "try a smaller rate")


def plan(settings):
    _, runs = prepare(settings)
    todo = [run for run in runs if not run.is_done()]
    for run in todo:
        print(f"cd {shlex.quote(os.getcwd())} && tools/compare.py run {shlex.quote(run.directory)}")
    print(f"{len(todo)} commands; when they have ended, {settings['OUT']}/table.txt is whole" if todo else
          "all runs are done", file=sys.stderr)


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


def check_darknet():
    if not os.access(DARKNET, os.X_OK):
        raise Refused(f"{DARKNET} is missing; run make in the root of the repository")


def open_streams():
    """Names of files need not be UTF-8, whatever the locale says, and standard output may be closed."""
    if sys.getfilesystemencoding().lower() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.argv])
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
    sys.stdout.reconfigure(errors="backslashreplace")


def show_help(asked):
    shown = sys.stdout if asked else sys.stderr
    print(__doc__ + "\nSettings:", file=shown)
    for name, (_, default, meaning) in SETTINGS.items():
        print(f"  {name:15} {meaning}" + (f" ({default})" if default else ""), file=shown)
    shown.flush()
    sys.exit(0 if asked else 1)


def main():
    open_streams()
    commands = {"compare": compare, "tune": tune, "plan": plan}
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        if command == "run" and len(sys.argv) == 3:
            check_darknet()
            run_one(sys.argv[2])
        elif command not in commands:
            show_help(sys.argv[1:] in (["-h"], ["--help"]))
        else:  # make adds the names of what its command line sets
            check_names(sys.argv[2:])
            settings = read_settings(dict(os.environ), command == "tune")
            settings["plan"] = command == "plan"
            check_darknet()
            commands[command](settings)
        sys.stdout.flush()
    except (Refused, PlotFailed) as reason:
        print(f"{command}: {reason}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"{command}: {error.filename or 'standard output, or a file in OUT'}: {error.strerror}", file=sys.stderr)
        # What is left of standard output would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; started again, it goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
