"""Reads a .cfg as Darknet does: its sections with their lines, and their options as numbers and words in range."""

import re

from compare_data import Refused

LARGEST = 2147483647
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")
# Darknet's other names for a section.
NAMES = {
    "network": "net",
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
}


class Section:
    """A section: its name without brackets, its line, its options as text (the first where one is given twice)."""

    def __init__(self, path, line, name):
        self.path, self.line, self.name, self.options = path, line, name, {}

    def refuse(self, message):
        raise Refused(f"{self.path}, line {self.line}: [{self.name}] {message}")

    def _read(self, pattern, convert, name, text, least, most, range_in_words):
        value = re.split("[#;]", text)[0]  # what follows is a comment
        if not pattern.fullmatch(value) or not least <= convert(value) <= most:
            self.refuse(f"{name}={self.options.get(name, text)}: out of range; must be {range_in_words}")
        return convert(value)

    def whole(self, name, default, least=0, most=LARGEST):
        """A whole number; default where the option is not given."""
        if name not in self.options:
            return default
        return self._read(WHOLE, int, name, self.options[name], least, most, f"a whole number, {least} to {most}")

    def wholes(self, name, default, least=-LARGEST, most=LARGEST):
        """Whole numbers between commas."""
        return [
            self._read(WHOLE, int, name, text, least, most, f"whole numbers between commas, {least} to {most}")
            for text in self.options.get(name, default).split(",")
        ]

    def numbers(self, name, default, least=-3.4e38, most=3.4e38):
        """Numbers between commas."""
        return [
            self._read(NUMBER, float, name, text, least, most, f"numbers between commas, {least:g} to {most:g}")
            for text in self.options.get(name, default).split(",")
        ]

    def number(self, name, default, least=-3.4e38, most=3.4e38):
        if name not in self.options:
            return default
        return self._read(NUMBER, float, name, self.options[name], least, most, f"a number, {least:g} to {most:g}")

    def word(self, name, default, words):
        """One of the words."""
        value = self.options.get(name, default)
        if value not in words:
            self.refuse(f"{name}={value}: is unknown here; must be one of {', '.join(words)}")
        return value


def read_text(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = "is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}"
        raise Refused(f"{path}: {reason}") from None


def read_cfg(path):
    """[net] and the sections after it, at least one."""
    sections = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = re.sub(r"[ \t\r]", "", line)
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            name = line[1:-1]
            if not line.endswith("]"):
                raise Refused(f"{path}, line {number}: {line}: a section's name must end with ]")
            sections.append(Section(path, number, NAMES.get(name, name)))
            continue
        name, equals, value = line.partition("=")
        if not sections:
            raise Refused(f"{path}, line {number}: {line}: an option before any section; the first must be [net]")
        if not (name and equals and value):
            raise Refused(f"{path}, line {number}: {line}: must be OPTION=VALUE")
        sections[-1].options.setdefault(name, value)
    if not sections:
        raise Refused(f"{path}: has no sections; the first must be [net]")
    if sections[0].name != "net":
        sections[0].refuse("the first section must be [net]")
    if len(sections) == 1:
        sections[0].refuse("has no layers: at least one section must follow it")
    return sections
