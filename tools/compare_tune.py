"""Tuning: learning rates and temperatures for each loss, validated on a part of the training set."""
import csv
import io
import math
import shlex

from compare_data import Refused, draw, load_data, subset, write_valid, write_whole
from compare_losses import network_text, top_names
from compare_out import command_line, keep_settings, preparing
from compare_report import run_name
from compare_runs import Run, train_all
from compare_settings import choose_by_data, describe, shorter, validation_cost

HELD_APART = 0.2  # what is validated on, as a part of the training images that FRACTION leaves
BEYOND = 4        # rates that are added to a loss whose best is at the edge of those tried


def spread_out(low, high, count):
    """count numbers from low to high, each the same multiple of the one before."""
    return [low * (high / low) ** (i / max(1, count - 1)) for i in range(count)]


def rounded(number):
    return float(f"{number:.4g}")


def list_candidates(loss, settings):
    """(rate, tau) to try: as many for each loss, where LRS has several. tau is None where the loss has none, or LOSSES
    says it."""
    rates, taus = settings["LRS"], settings["TAUS"]
    if loss.has_tau() and "tau" not in loss.said:
        return [(rounded(rate), tau) for tau in taus for rate in rates]
    spread = map(rounded, spread_out(min(rates), max(rates), len(rates) * len(taus)))
    return [(rate, None) for rate in dict.fromkeys(spread)]  # one, where LRS is one


def standard_error(part, images):
    """Of a percentage of that many images."""
    return 100 * math.sqrt(max(part * (1 - part), 1 / images) / images)


class Tuning:
    """All runs of a call. results: of the runs that have ended, None for one that diverged."""

    def __init__(self, settings):
        self.settings = settings
        self.runs, self.results = [], {}
        with preparing(settings["OUT"]):
            data = load_data(settings)
            choose_by_data(settings, data)
            self.noise, self.fraction, self.seed = (settings[name][0] for name in ("NOISE", "FRACTION", "SEEDS"))
            keep_settings(settings, data, ("DATA", "NETWORK", "K"))  # the names of the runs have the others
            # With a FRACTION of the labels, no more than that is there to choose by.
            apart = set(subset(data, range(len(data.train)), HELD_APART * self.fraction, "held apart"))
            # The only image of a class is trained on.
            trained = {data.train_classes[i] for i in range(len(data.train)) if i not in apart}
            apart = {i for i in apart if data.train_classes[i] in trained}
            if not apart:
                raise Refused(f"DATA={settings['DATA']}: tune validates on a part of the images to train on; "
                              "at least one class must have two")
            directory = settings["OUT"] + "/data"
            self.valid, self.labels = write_valid(data, directory, "train", sorted(apart))
            rest = [i for i in range(len(data.train)) if i not in apart]
            self.train = draw(data, directory, self.noise, self.fraction, self.seed, rest)
        self.cost = validation_cost(settings, len(apart))
        self.classes, self.images, self.description = len(data.labels), len(apart), describe(data, settings)

    def add(self, loss, rate, tau):
        settings = self.settings
        name = f"{run_name(loss.label, self.noise, self.fraction, self.seed)}_b{settings['BATCHES']}_lr{rate:.4g}"
        run = Run(f"{settings['OUT']}/runs/{name}" + ("" if tau is None else f"_tau{tau:g}"),
                  {"loss": loss.label, "noise": self.noise, "fraction": self.fraction, "seed": self.seed,
                   "k": settings["K"], "batches": settings["BATCHES"], "every": settings["EVERY"],
                   "validation": self.cost, "measure": False})
        run.rate, run.tau = rate, tau
        if not run.is_done():
            text = network_text(loss, settings, self.classes, rate, tau)
            run.prepare(text, self.classes, self.train, self.valid, self.labels)
        self.runs.append(run)
        return run

    def train_new(self):
        """Trains what has no result. A rate that is too high is a result, not an error."""
        failed = []
        todo = [run for run in self.runs if run not in self.results]
        train_all([run for run in todo if not run.is_done()], self.settings["JOBS"], lambda run: None, failed.append,
                  lambda seconds: shorter(self.settings, seconds, self.cost))
        self.results.update({run: None if run in failed else run.result() for run in todo})

    def of_loss(self, loss):
        return [run for run in self.runs if run.facts["loss"] == loss.label]

    def error(self, run):
        return standard_error(self.results[run]["topk_last"], self.images)

    def best(self, loss):
        """The run with the best top-k; None where all diverged."""
        ended = [run for run in self.of_loss(loss) if self.results[run]]
        return max(ended, key=lambda run: self.results[run]["topk_last"], default=None)

    def cannot_be_told_apart(self, loss):
        """The runs whose top-k is within a standard error of the best."""
        best = self.best(loss)
        top = self.results[best]["topk_last"]
        return [run for run in self.of_loss(loss)
                if self.results[run] and 100 * (top - self.results[run]["topk_last"]) <= self.error(best)]

    def chosen(self, loss):
        """Of what cannot be told apart the one that has learned most, by training loss; losses of another temperature
        than the best's are in another unit. Where the labels have less noise than here, what underfits is behind."""
        best = self.best(loss)
        alike = [run for run in self.cannot_be_told_apart(loss) if run.tau == best.tau]
        return min(alike, key=lambda run: self.results[run]["train_loss"])

    def next_rate(self, loss):
        """The rate beyond the chosen one where that is the least or the greatest tried at its temperature."""
        if not self.best(loss):
            return None
        run = self.chosen(loss)
        tried = sorted(one.rate for one in self.of_loss(loss) if one.tau == run.tau)
        if len(tried) < 2 or tried[0] < run.rate < tried[-1]:
            return None
        beyond = rounded(run.rate ** 2 / (tried[1] if run.rate == tried[0] else tried[-2]))
        return beyond if 1e-37 < beyond < 1e37 else None  # what Darknet can compute with

    def search(self):
        """Trains all, and goes on where a loss's best is at the edge."""
        for loss in self.settings["losses"]:
            for rate, tau in list_candidates(loss, self.settings):
                self.add(loss, rate, tau)
        done = sum(run.is_done() for run in self.runs)
        print(f"{self.description}tuned on {self.images} images of the training set, which no run trains on; "
              f"{len(self.runs)} runs of {self.settings['BATCHES']} batches, {done} of them done before", flush=True)
        self.train_new()
        for _ in range(BEYOND):
            beyond = [(loss, self.next_rate(loss)) for loss in self.settings["losses"]]
            for loss, rate in beyond:
                if rate:
                    run = self.chosen(loss)
                    print(f"{loss.label}: its best rate, {run.rate:g}, is at the edge; {rate:g} is tried", flush=True)
                    self.add(loss, rate, run.tau)
            if not any(rate for _, rate in beyond):
                return
            self.train_new()


def edges(tuning, loss):
    """What is said where the best is still the least or the greatest of what was tried."""
    run, lines = tuning.chosen(loss), []
    rate = tuning.next_rate(loss)
    if rate:
        lines.append(f"{loss.label}: its best rate, {run.rate:g}, is at the edge of those tried; "
                     f"a better one may be beyond: add {rate:.2g} to LRS")
    taus = sorted({one.tau for one in tuning.of_loss(loss) if one.tau is not None})
    if len(taus) > 1 and run.tau in (taus[0], taus[-1]) and run.tau:
        beyond = run.tau ** 2 / taus[1] if run.tau == taus[0] else run.tau ** 2 / taus[-2] if taus[-2] else 10 * run.tau
        lines.append(f"{loss.label}: its best tau, {run.tau:g}, is at the edge of those tried; "
                     f"a better one may be beyond: add {beyond:.2g} to TAUS")
    return lines


def table(tuning):
    """(lines for the eye, rows for tune.csv)."""
    (first, top), width = top_names(tuning.settings), max(12, *(len(run.facts["loss"]) for run in tuning.runs))
    lines = [f"{'loss':{width}} {'rate':>8} {'tau':>6} {first:>13} {top:>13} {'training loss':>13}"]
    rows = [("loss", "rate", "tau", "top1", "topk", "topk_error", "train_loss", "choice")]
    for loss in tuning.settings["losses"]:
        best = tuning.best(loss)
        alike = tuning.cannot_be_told_apart(loss) if best else []
        chosen = tuning.chosen(loss) if best else None
        for run in sorted(tuning.of_loss(loss), key=lambda run: (run.tau or 0, run.rate)):
            result, tau = tuning.results[run], "" if run.tau is None else format(run.tau, "g")
            line = f"{loss.label:{width}} {run.rate:8.4g} {tau:>6} "
            if not result:
                lines.append(line + "diverged")
                rows.append((loss.label, f"{run.rate:.4g}", tau, "", "", "", "", "diverged"))
                continue
            choice = "chosen" if run is chosen else "best" if run is best else "~" if run in alike else ""
            one, k = (f"{100 * result[name]:.2f} ± {standard_error(result[name], tuning.images):.2f}"
                      for name in ("top1_last", "topk_last"))
            lines.append(f"{line}{one:>13} {k:>13} {result['train_loss']:13.4g} {choice}".rstrip())
            rows.append((loss.label, f"{run.rate:.4g}", tau, result["top1_last"], result["topk_last"],
                         f"{tuning.error(run) / 100:.5f}", result["train_loss"], choice))
    return lines, rows


def compare_command(tuning):
    """The command that compares with what was chosen."""
    settings, words = tuning.settings, []
    for loss in settings["losses"]:
        run = tuning.chosen(loss)
        options = [f"{name}={value}" for name, value in loss.said.items()]
        options += [] if run.tau is None else [f"tau={run.tau:g}"]
        words.append(shlex.quote(" ".join([loss.section, *options, f"rate={run.rate:.4g}"])))
    handed_on = ("DATA", "CIFAR100", "NETWORK", "NOISE", "FRACTION", "BATCHES", "EVERY", "K", "ALPHA", "JOBS")
    given = {name: value for name, value in settings["given"].items() if name in handed_on}
    return command_line("compare", {**given, "OUT": settings["OUT"] + "_compared", "LOSSES": " ".join(words)})


def tune(settings):
    """Validated on a part of the training set, with its true labels."""
    tuning = Tuning(settings)
    tuning.search()
    lines, rows = table(tuning)
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    write_whole(settings["OUT"] + "/tune.csv", file.getvalue())
    for loss in settings["losses"]:
        if not tuning.best(loss):
            print("\n".join(lines))
            raise Refused(f"every run of {loss.label} diverged; try smaller LRS")
    lines.append(f"The last weights, on {tuning.images} images; ± is a standard error. ~ marks what is within one of "
                 "its loss's best, and so not known to be worse; of those with the best's tau the one with the least "
                 "training loss is chosen, as what underfits here falls behind where labels have less noise.")
    for loss in settings["losses"]:
        lines += edges(tuning, loss)
    lines.append(f"To compare with what was chosen:\n  {compare_command(tuning)}")
    print("\n".join(lines))
