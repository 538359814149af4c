"""The temperature that `classifier calibrate` has fitted, from its file x.sets."""

from compare_data import Refused
from export_cfg import read_text


def digest(path):
    """Darknet's digest of a file, src/base/digest.c: FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    with open(path, "rb") as file:
        for byte in file.read():
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def set_fitted_temperature(path, softmax, weights):
    """Gives the network's last layer the temperature of the file, which must be for these weights and that layer."""
    values = dict(line.split("=", 1) for line in read_text(path).splitlines() if "=" in line and line[0] != "#")
    try:
        own, fitted = float(values["temperature"]), float(values["fitted_temperature"])
        made_for, output = values["weights"], values["output"]
    except (KeyError, ValueError):
        raise Refused(f"{path}: is no file of classifier calibrate") from None
    if made_for != digest(weights):
        raise Refused(f"{path}: is for other weights than {weights}; classifier calibrate makes new ones")
    if output != "softmax" or softmax.kind != "softmax" or not fitted > 0:
        raise Refused(f"{path}: has no temperature for this network's output")
    if abs(own - softmax.temperature) > 1e-6 * own:
        raise Refused(f"{path}: is for temperature={own:g}, the network has {softmax.temperature:g}")
    softmax.temperature = fitted
