"""The trainings of the comparison: each in a directory of its own, started, watched, locked, and read off its log."""
import csv
import ctypes
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

from compare_data import Refused, read_lines, write_whole

DARKNET = "build/darknet"
COVER = 0.9  # the part of the images whose prediction sets shall hold the right class
MEASURED = 2000  # training images, evenly spread, that training top-1 is measured on
RESULT_FIELDS = ("loss", "noise", "fraction", "seed", "batches", "top1_last", "topk_last", "top1_best", "topk_best",
                 "best_batch", "train_loss", "train_top1", "seconds", "cpu_seconds", "guesses", "coverage", "map_last",
                 "map_best")


def read_text(path):
    """What Darknet said; "" where it has not yet."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def read_log(path):
    """The whole rows of a run's log."""
    text = read_text(path)
    rows = list(csv.DictReader(text[:text.rfind("\n") + 1].replace("\0", "?").splitlines()))
    for number, row in enumerate(rows, 2):
        if not (row.get("batch") or "").isdecimal() or None in row.values():
            raise Refused(f"{path}: line {number} is no row of a log, as after a crash of the machine; "
                          f"remove {os.path.dirname(path)}, and this run begins anew")
    return rows


def at_most(lines, count):
    """At most count of the lines, evenly spread."""
    step = max(1, len(lines) / count)
    return [lines[int(i * step)] for i in range(min(count, len(lines)))]


def stop_with_parent():
    """A training does not outlive this program: Darknet saves its weights at SIGTERM. (Linux; elsewhere it goes on.)"""
    # This program gets these signals too, and then asks each training to stop.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


def environment(threads):
    """That of a training, which stands alone: not of the job of MPI or Slurm whose task this program may be."""
    of_a_job = re.compile("OMPI_|PMIX_|PMI_|SLURM_STEP_NUM_TASKS$")
    own = {name: value for name, value in os.environ.items() if not of_a_job.match(name)}
    return {"OMP_NUM_THREADS": str(threads), **own}


class Run:
    """One training. facts, kept in run.json: loss (its label), noise, fraction, seed, k, batches, every (batches
    between validations), validation (how many batches take as long as one), measure (training top-1 and prediction
    sets, at the end)."""

    def __init__(self, directory, facts=None):
        self.directory = directory
        self.name = os.path.basename(directory)
        self.log = directory + "/log.csv"
        self.shown = directory + "/train.log"
        self.measured = directory + "/measure.log"
        self.sets = directory + "/sets.log"
        self.cpu = directory + "/cpu.csv"
        self.result_file = directory + "/result.csv"
        self.backup = directory + "/weights/run.backup"
        self.process = self.lock = None
        self.weights = directory + "/weights/run.weights"  # the last ones
        self.first = 0
        if facts is None:
            try:
                with open(directory + "/run.json") as file:
                    facts = json.load(file)
            except (OSError, ValueError) as reason:
                raise Refused(f"{directory}: is no run that tools/compare.py plan has prepared ({reason})") from None
        self.facts = facts

    def prepare(self, network, classes, train, valid, labels):
        """Writes all that the training needs. Nothing that a training at work there reads is changed."""
        os.makedirs(self.directory + "/weights", exist_ok=True)
        if os.path.exists(self.result_file):  # and cannot be read: the run is trained again
            for name in ("result.csv", "log.csv", "cpu.csv", "weights/run.backup"):
                if os.path.exists(f"{self.directory}/{name}"):
                    os.remove(f"{self.directory}/{name}")
        write_whole(self.directory + "/run.cfg", network)
        for name, images in (("run", valid), ("measure", self.directory + "/measure.txt")):
            write_whole(f"{self.directory}/{name}.data", "".join(f"{option}={value}\n" for option, value in (
                ("classes", classes), ("train", train), ("valid", images), ("labels", labels),
                ("backup", self.directory + "/weights"), ("top", self.facts["k"]))))
        measured = at_most(read_lines(train, "images"), MEASURED)
        write_whole(self.directory + "/measure.txt", "".join(line + "\n" for line in measured))
        write_whole(self.directory + "/run.json", json.dumps(self.facts) + "\n")

    def take(self):
        """Whether nobody else is at this run; then it is ours until it ends, or until release."""
        lock = open(self.directory + "/lock", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self.lock = lock
        return True

    def release(self):
        if self.lock:
            self.lock.close()
        self.lock = None

    def is_done(self):
        return bool(read_results(self.result_file))

    def begin(self, command, shown, threads):
        # The lock is passed on: two trainings are never at work in one directory, even if this program is killed.
        self.process = subprocess.Popen(command, stdout=shown, stderr=shown, stdin=subprocess.DEVNULL,
                                        pass_fds=[self.lock.fileno()], env=environment(threads),
                                        preexec_fn=stop_with_parent)

    def start(self, threads):
        self.threads, self.is_training, self.may_fail = threads, not self.is_trained(), False
        self.todo, self.output = self.measurements(), self.shown
        for name in (self.measured, self.sets):
            if os.path.exists(name):
                os.remove(name)
        command = [DARKNET, "classifier", "train", self.directory + "/run.data", self.directory + "/run.cfg"]
        command += [self.backup] if os.path.exists(self.backup) else []
        command += ["-seed", str(self.facts["seed"]), "-topk", str(self.facts["k"]), "-progress", "-log", self.log,
                    "-every", str(self.facts["every"])]
        self.first = self.saved_batch()
        self.seen = []  # (time, batch), the first and the last that were seen
        with open(self.shown, "ab") as shown:
            self.said_before = shown.tell()
            if self.is_training:
                self.begin(command, shown, threads)

    def measurements(self):
        """What is measured after the training, on the last weights: (command, where its output goes, whether it may
        fail). Too few images for prediction sets leave these out."""
        if not self.facts["measure"]:
            return []
        own, network = self.directory, [self.directory + "/run.cfg", self.weights]
        training = (["valid", own + "/measure.data", *network, "-verbose"], self.measured, False)
        if self.facts.get("several"):  # labels an image: no prediction sets
            return [training]
        return [training,
                (["calibrate", own + "/run.data", *network, "-cover", str(COVER)], own + "/calibrate.log", True),
                (["valid", own + "/run.data", *network, "-sets", own + "/weights/run.sets"], self.sets, True)]

    def poll(self):
        """None while it is at work; then Darknet's exit code. After a training there are the measurements."""
        code = self.exit_code(os.WNOHANG)
        if code is None or code and not self.may_fail and not self.has_figures(code):
            return code
        if code or not self.todo:
            return 0
        command, self.output, self.may_fail = self.todo.pop(0)
        self.is_training = False
        with open(self.output, "wb") as shown:
            self.begin([DARKNET, "classifier", *command], shown, self.threads)
        return None

    def exit_code(self, how):
        """Of the process; None while it is at work. A training's CPU time is noted when it has ended."""
        if self.process is None:  # trained by an earlier call, which was stopped before it had measured
            return 0
        if self.process.returncode is None:
            ended, status, usage = os.wait4(self.process.pid, how)
            if ended:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                if self.is_training:
                    with open(self.cpu, "a") as file:
                        file.write(f"{usage.ru_utime + usage.ru_stime:.2f}\n")
        return self.process.returncode

    def cpu_seconds(self):
        """Of all trainings that made this run: more than one where it was stopped and went on. "" where none is known.
        """
        try:
            with open(self.cpu) as file:
                return round(sum(map(float, file.read().split())), 2)
        except (OSError, ValueError):
            return ""

    def was_asked_to_stop(self):
        """Whether a signal to all processes of this group has come to the training too."""
        with open(self.shown, "rb") as shown:
            shown.seek(self.said_before)
            return b"\nStopping after this batch" in shown.read()

    def terminate(self):
        # A second signal would stop it at once, without saving.
        if self.process and not self.was_asked_to_stop():
            self.process.terminate()

    def stop(self):
        self.exit_code(0)
        self.release()

    def is_trained(self):
        rows = read_log(self.log)
        return bool(rows) and int(rows[-1]["batch"]) == self.facts["batches"] and os.path.exists(self.weights)

    def has_figures(self, code):
        """Whether this code only says that a measurement leaves out images, as the training did."""
        return code == 1 and not self.is_training and "images were left out: the figures are" in read_text(self.output)

    def left_out(self):
        """The images that this run did without, and why."""
        text = read_text(self.shown) + read_text(self.measured)
        found = re.findall("Left out (?:image number [0-9]+, |of the validation: )(.+?): (.+)", text)
        return list(dict.fromkeys(f"{os.path.realpath(path)}: {why}" for path, why in found))

    def saved_batch(self):
        """Where its last weights are from."""
        rows = read_log(self.log) if os.path.exists(self.backup) else []
        return int(rows[-1]["batch"]) if rows else 0

    def batch(self):
        """How far it is, from the end of what Darknet said since the start."""
        with open(self.shown, "rb") as shown:
            shown.seek(max(self.said_before, os.fstat(shown.fileno()).st_size - 2000))
            found = re.findall(rb"^batch (\d+)", shown.read().replace(b"\r", b"\n"), re.M)
        batch = int(found[-1]) if found else self.first
        if found and (not self.seen or batch > self.seen[-1][1]):
            self.seen = self.seen[:1] + [(time.time(), batch)]
        return batch

    def work(self, batch):
        """Of that many batches and the validations in them, in batches."""
        return batch + batch // self.facts["every"] * self.facts.get("validation", 0)

    def work_from(self, batch):
        """What is left to do."""
        return self.work(self.facts["batches"]) - self.work(batch)

    def pace(self):
        """Seconds a batch, once ten batches have been seen; else None."""
        if len(self.seen) < 2 or self.seen[1][1] - self.seen[0][1] < 10:
            return None
        return (self.seen[1][0] - self.seen[0][0]) / (self.work(self.seen[1][1]) - self.work(self.seen[0][1]))

    def training_top1(self):
        """Of the last weights, on (a part of) what it trained on, with the labels that it was given."""
        try:
            with open(self.measured, "rb") as shown:
                found = re.findall(rb"^\d+: (?:top|precision at) 1: ([0-9.]+)", shown.read(), re.M)
        except OSError:
            found = []
        return float(found[-1]) if found else ""

    def prediction_sets(self):
        """Guesses for COVER and how often they held the right class, on the images that they were not calibrated on."""
        try:
            with open(self.sets) as shown:
                found = re.findall(r"^sets: .*: coverage ([0-9.]+) % .*mean size ([0-9.]+),", shown.read(), re.M)
        except OSError:
            found = []
        return {"guesses": float(found[0][1]), "coverage": round(float(found[0][0]) / 100, 6)} if found else {}

    def end(self):
        """Writes the result of a training that has ended, and returns it."""
        rows = read_log(self.log)
        top = f"top{self.facts['k']}"
        if not rows or int(rows[-1]["batch"]) != self.facts["batches"]:
            raise Refused(f"{self.log}: does not end at batch {self.facts['batches']}; "
                          f"remove {self.directory} and start again")
        best = max(rows, key=lambda row: float(row[top]))
        row = {**{name: self.facts[name] for name in ("loss", "noise", "fraction", "seed", "batches")},
               "top1_last": float(rows[-1]["top1"]), "topk_last": float(rows[-1][top]),
               "top1_best": float(best["top1"]), "topk_best": float(best[top]), "best_batch": int(best["batch"]),
               "train_loss": float(rows[-1]["loss"]), "train_top1": self.training_top1(),
               "seconds": float(rows[-1]["seconds"]), "cpu_seconds": self.cpu_seconds(), **self.prediction_sets()}
        if "map" in rows[-1]:
            row.update({"map_last": float(rows[-1]["map"]), "map_best": float(best["map"])})
        write_whole(self.result_file, results_text([row]))
        if os.path.exists(self.backup):
            os.remove(self.backup)
        self.release()
        return row

    def result(self):
        return read_results(self.result_file)[0]

    def end_of_output(self):
        return "".join(f"  {line}\n" for line in read_text(self.output).splitlines()[-12:])

    def failure(self, code):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        again = (f"\nStarted again, it goes on from its last weights; without {self.directory} it begins anew."
                 if self.saved_batch() else "")
        return (f"the training {self.name} ended with {how}; the end of {self.output}:\n"
                f"{self.end_of_output()}").rstrip("\n") + again


# --- Results

def results_text(rows):
    file = io.StringIO()
    # A later version may have written more fields.
    writer = csv.DictWriter(file, fieldnames=RESULT_FIELDS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: f"{value:g}" if name in ("noise", "fraction") else value for name, value in row.items()}
                     for row in rows)
    return file.getvalue()


def read_results(path):
    """The rows of a result.csv; none where it is missing, empty or not one."""
    try:
        with open(path) as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if not row["loss"] or not set(RESULT_FIELDS[:9]) <= set(row):
                return []
            for name in row:
                if name != "loss":
                    number = int if name in ("seed", "batches", "best_batch") else float
                    row[name] = number(row[name]) if row[name] else None
            if None in [row[name] for name in RESULT_FIELDS[:9]]:
                return []
        return rows
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        return []


def collect_results(out):
    """Every finished run's result, from its own directory, and results.csv with all of them."""
    runs = out + "/runs"
    files = [f"{runs}/{name}/result.csv" for name in (sorted(os.listdir(runs)) if os.path.isdir(runs) else [])]
    # In the order in which they ended: a line once written stays where it is.
    files = sorted((file for file in files if os.path.exists(file)), key=lambda file: (os.stat(file).st_mtime_ns, file))
    rows = [row for file in files for row in read_results(file)]
    write_whole(out + "/results.csv", results_text(rows))
    return rows


# --- Many runs

def time_in_words(seconds):
    """83 days, 5 hours, 40 minutes: as large a unit as there are two of."""
    for unit, size in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{round(seconds / 60)} minutes" if seconds >= 90 else "a minute"


def duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def time_left(waiting, running, paces, jobs):
    """Seconds, from the pace of runs that have done ten batches; None before there are any."""
    paces = paces + [run.pace() for run, _ in running if run.pace()]
    if not paces:
        return None
    single = [run.work_from(batch) for run, batch in running]
    every = sum(single) + sum(run.work_from(run.saved_batch()) for run in waiting)
    return sum(paces) / len(paces) * max([every / min(jobs, max(1, len(running) + len(waiting)))] + single)


def train_all(runs, jobs, ended, diverged=None, advice=None):
    """Trains what nobody else does, `jobs` at once; calls ended(run) after each, and diverged(run), if given, in its
    place. advice(seconds), if given, returns what to say beside the first estimate, or "". Returns when all runs have a
    result; one that another program trains is waited for, and taken over if that program dies."""
    terminal = sys.stdout.isatty()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    waiting, running, paces, done = list(runs), [], [], 0
    printed, retry, told, total, left_out = time.time(), 0, False, None, set()

    def say(line, end):
        if terminal:
            print("\r" + line + "\033[K", end="\n" if end else "", flush=True)
        else:
            print(line, flush=True)

    def name_left_out(run):
        new = [line for line in run.left_out() if line not in left_out]
        left_out.update(new)
        for line in new[:5] + ([f"... and {len(new) - 5} more"] if len(new) > 5 else []):
            say("left out: " + line, True)

    def next_run():
        nonlocal done
        for run in list(waiting):
            if run.is_done() or run.take():
                waiting.remove(run)
                if not run.is_done():
                    return run
                run.release()
                done += 1
                ended(run)
        return None
    try:
        while waiting or running:
            if waiting and len(running) < jobs and time.time() >= retry:
                run = next_run()
                if run:
                    run.start(threads)
                    running.append(run)
                    continue
                retry = time.time() + 1
                if waiting and not running and not told:
                    told = True
                    runs_of_others = f"{len(waiting)} run{'s' * (len(waiting) > 1)}"
                    say(f"waiting for {runs_of_others} that another program is training, "
                        f"{waiting[0].name} for one", True)
            time.sleep(0.1)
            for run in list(running):
                code = run.poll()
                if code is None:
                    continue
                running.remove(run)
                done += 1
                if run.pace():
                    paces.append(run.pace())
                if code == 1 and diverged and re.search("not finite|holds a NaN", run.end_of_output()):
                    run.release()
                    diverged(run)
                elif code:
                    run.release()
                    raise Refused(run.failure(code))
                else:
                    run.end()
                    name_left_out(run)
                    ended(run)
                retry = 0
            now = [(run, run.batch()) for run in running]
            if time.time() - printed < (1 if terminal else 10) or not now:
                continue
            printed = time.time()
            left = time_left(waiting, now, paces, jobs)
            if left is not None and total is None:
                total = left
                count = len(waiting) + len(running)
                say(f"estimated: {duration(left)} for {count} runs, {min(jobs, count)} at once", True)
                if advice and advice(left):
                    say(advice(left), True)
            line = (f"{done}/{len(runs)} runs done, {len(now)} at work: {sum(b for _, b in now)}/"
                    f"{sum(run.facts['batches'] for run, _ in now)} batches")
            say(line + ("" if left is None else f", {duration(left)} left"), False)
    finally:
        time.sleep(0.2 if running else 0)  # a signal to the whole group has arrived everywhere
        for run in running:
            run.terminate()
        for run in running:
            run.stop()
        if terminal:
            print()
