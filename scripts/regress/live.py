"""Times as people write them, and what a run says while it goes on: one line that changes on a terminal, otherwise a line every few seconds."""

import re
import shutil
import time

PAUSE = 10  # seconds between two lines where there is no terminal
TERMINAL_PAUSE = 0.2


def short(number):
    """A number in at most five characters: 999, 12.3k, 4.56M."""
    for unit in ("", "k", "M", "G"):
        if number < 1000 or unit == "G":
            return f"{number:.3g}{unit}" if unit else f"{number:.0f}"
        number /= 1000
    return ""


def clock(seconds):
    """Minutes and seconds, or hours, minutes and seconds."""
    seconds = max(0, round(seconds))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def budget_seconds(text):
    """Of a time such as 90s, 10m or 1.5h, as BUDGET= has it."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(s|m|h)", text)
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if seconds <= 0:
        raise ValueError(f"BUDGET={text} is no time such as 90s, 10m or 1.5h")
    return seconds


class Live:
    def __init__(self, stream):
        self.stream, self.terminal = stream, stream.isatty()
        self.last = time.monotonic() if not self.terminal else 0
        self.shown = False

    def due(self):
        return time.monotonic() - self.last >= (TERMINAL_PAUSE if self.terminal else PAUSE)

    def show(self, text):
        self.last = time.monotonic()
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write(f"\r\x1b[2K{text[:width]}")
            self.shown = True
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def say(self, text):
        """A line that stays."""
        self.clear()
        self.stream.write(text + "\n")
        self.stream.flush()

    def clear(self):
        if self.shown:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()
        self.shown = False
