"""What is in OUT: one program at a time prepares runs there, and all runs there have the same settings."""
import fcntl
import hashlib
import json
import os
import shlex

from compare_data import Refused, write_whole
from compare_losses import file_name

# Beside its runs and its own bookkeeping.
WRITTEN = ("data", "results.csv", "report.html", "table.txt", "table.md", "table.csv", "noise.svg", "training.svg",
           "tune.csv")
LOSS_KEYS = ("section", "options", "rate", "base", "network")


class Locked:
    """One program at a time. waiting: what is said where another one is at it."""

    def __init__(self, path, waiting=""):
        self.path, self.waiting = path, waiting

    def __enter__(self):
        self.lock = open(self.path, "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if self.waiting:
                print(self.waiting, flush=True)
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.lock.close()


def preparing(out):
    """One program at a time prepares data and runs in OUT. Files there that no earlier call made are not replaced."""
    os.makedirs(out, exist_ok=True)
    if not os.path.exists(out + "/lock") and not os.path.exists(out + "/settings.json"):
        others = [name for name in WRITTEN if os.path.lexists(f"{out}/{name}")]
        if others:
            raise Refused(f"OUT={out}: {out}/{others[0]} is not of an earlier call and would be replaced; "
                          "choose another OUT")
    return Locked(out + "/lock", f"waiting for another program that prepares runs in {out}")


def command_line(command, given):
    """The call of make that these settings are, for a shell. Each $ is doubled, as make reads $$ for one. LOSSES has
    quotes of its own, which stay readable."""
    return f"make {command} " + " ".join(
        f'{name}="{value}"' if name == "LOSSES" and not set(value) & set('"$`\\') else
        f"{name}={shlex.quote(value.replace('$', '$$'))}" for name, value in given.items())


def is_kept(kept):
    """Whether that is what keep_settings writes."""
    if not isinstance(kept, dict) or not isinstance(kept.get("losses"), dict):
        return False
    losses = kept["losses"].values()
    return ({"DATA", "NETWORK", "K"} <= set(kept)
            and all(isinstance(loss, dict) and {"sentence", *LOSS_KEYS} <= set(loss) for loss in losses))


def read_kept(out):
    """The settings of the runs in OUT; None where there are none yet."""
    try:
        with open(out + "/settings.json") as file:
            kept = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as reason:
        raise Refused(f"{out}/settings.json: cannot be read ({reason}); choose another OUT") from None
    if not is_kept(kept):
        raise Refused(f"{out}/settings.json: is not what this program writes there; choose another OUT")
    return kept


def was_trained(out, names):
    """Whether one of the runs has begun to count: it has a validation in its log, or a result."""
    return any(os.path.exists(f"{out}/runs/{name}/log.csv") for name in names)


def described(loss):
    """What settings.json says of a loss."""
    digest = hashlib.sha256("\n".join(loss.text).encode("utf-8", "surrogateescape")).hexdigest()
    return {"section": loss.section, "options": loss.options, "rate": loss.rate, "base": loss.base,
            "sentence": loss.sentence(), "network": digest}


def refuse_other_loss(out, label, kept, now):
    another = "choose another OUT, or remove that one"
    for name in LOSS_KEYS:
        if kept[name] == now[name]:
            continue
        if name == "network":
            raise Refused(f"the results of {label} in {out} are of another network file than {kept['base']} is now; "
                          + another)
        raise Refused(f"{label}: the results in {out} are of {kept['sentence']} ({kept['base']}), "
                      f"not {now['sentence']}; {another}")


def join_losses(out, runs, before, losses):
    """losses, and those of the runs there are. A narrower call leaves the first loss, which all others are compared
    with, the first."""
    asked = set(losses)
    for label, kept in before.items():
        if not was_trained(out, [name for name in runs if name.startswith(file_name(label) + "_p")]):
            continue
        refuse_other_loss(out, label, kept, losses.setdefault(label, kept))
    if set(losses) == asked:
        return losses
    order = [label for label in before if label in losses]
    return {label: losses[label] for label in order + [label for label in losses if label not in order]}


def keep_settings(settings, data, own):
    """Writes what the runs in OUT have in common and each loss's own, and returns it; results of other settings do not
    belong into one table. own: the names of those settings that all runs share, beside the data's. Nothing binds before
    a run has been trained."""
    out = settings["OUT"]
    digest = hashlib.sha256()
    several = [",".join(map(str, labels)) for labels in data.train_labels + data.valid_labels] if data.several else []
    for text in data.labels + data.groups + data.train + data.valid + several:
        digest.update(text.encode("utf-8", "surrogateescape") + b"\n")
    now = {name: settings[name] for name in own}
    now["images"] = digest.hexdigest()
    now["several"] = data.several
    losses = {loss.label: described(loss) for loss in settings["losses"]}
    runs = os.listdir(out + "/runs") if os.path.isdir(out + "/runs") else []
    before = read_kept(out) if was_trained(out, runs) else None
    commands = [command_line(settings["command"], settings["given"])]
    if before:
        another = "choose another OUT, or remove that one"
        for name, value in now.items():
            if before.get(name, value) != value:
                raise Refused(f"the results in {out} are of other lists or labels; {another}" if name == "images" else
                              f"{name}={value}: the results in {out} are of {name}={before[name]}; {another}")
        losses = join_losses(out, runs, before["losses"], losses)
        commands = [text for text in before.get("commands", []) if text not in commands] + commands
    kept = {**now, "losses": losses, "commands": commands}
    write_whole(out + "/settings.json", json.dumps(kept, indent=1) + "\n")
    return {**kept, "OUT": out}
