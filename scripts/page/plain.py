"""Text of anybody's programs, made fit to be shown: whatever bytes it had, and however much there is of it."""

import re
from urllib.parse import quote

MOST_LINE = 400  # characters of a line that are shown
_CONTROL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
# What XML cannot hold, and what a browser does not show as itself: control characters, halves of surrogate pairs, and the
# marks that turn the direction of a text, with which it can look like another one.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")


def _escaped(match):
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clean(text):
    """The text with colours taken out, and everything that XML or a page could not hold written as \\x1b or \\u202e."""
    text = _CONTROL_SEQUENCE.sub("", str(text)).replace("\r\n", "\n").replace("\r", "\n")
    return _UNFIT.sub(_escaped, text)


def excerpt(text, most_lines):
    """The first lines of a text, clean, none of them too long, with a last line that says how much was left out."""
    lines = clean(text).split("\n")
    shown = [line if len(line) <= MOST_LINE else f"{line[:MOST_LINE]} ... {len(line) - MOST_LINE} characters more"
             for line in lines[:most_lines]]
    if len(lines) > most_lines:
        shown.append(f"... {len(lines) - most_lines} lines more")
    return "\n".join(shown)


def tail(path, most_bytes):
    """The end of a log, clean, from the beginning of a line on, with what was left out; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most_bytes))
            data = file.read(most_bytes)
    except OSError:
        return None
    left = size - len(data)
    if left > 0:
        cut = data.find(b"\n") + 1
        left, data = left + cut, data[cut:]
    text = clean(data.decode("utf-8", errors="backslashreplace"))
    return f"... {left} bytes before\n{text}" if left else text


def link(path):
    """A file of the run's folder as the address of a link beside it, or None for what is not below that folder."""
    if not path or path.startswith("/") or "\\" in path or ".." in path.split("/") or _UNFIT.search(path):
        return None
    return quote(path, safe="/")


def duration(seconds):
    """'0.42 s', '12 s', '3 min 20 s', '2 h 05 min'"""
    if seconds is None or seconds != seconds:
        return "-"
    if seconds < 0.9995:
        return f"{1000 * max(seconds, 0):.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


def rate(number):
    """Things a second: '0.8', '850', '12,345', '1.23 M', '4.56 G'."""
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if number >= 0.9995 * size:
            value = number / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {letter}"
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}"


def cases(number):
    return f"{number:,} case" + ("" if number == 1 else "s")
