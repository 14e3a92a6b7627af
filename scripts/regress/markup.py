"""Pieces of HTML. Whatever text comes in, of logs too, comes out as text."""

import time
from html import escape

from plain import clean, link


def esc(text):
    return escape(clean(text))


def tag(name, content, kind=""):
    return f"<{name}{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{content}</{name}>"


def when(seconds):
    """A time of day, which is that of Greenwich everywhere."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds)) + " UTC"
    except (OverflowError, ValueError, OSError):
        return "at an unknown time"


def number(value):
    return f"{value:,}"


def table(label, heads, rows):
    """`heads`: texts; one that begins with > is of a column of numbers, one with ~ of a column that a telephone has no room
    for. `rows`: lists of HTML, or (class, list)."""
    columns = [{">": "n", "~": "wide"}.get(head[:1], "") for head in heads]
    top = "".join(tag("th", esc(head.lstrip(">~")), column) for head, column in zip(heads, columns))
    body = []
    for row in rows:
        kind, cells = row if isinstance(row, tuple) else ("", row)
        body.append(tag("tr", "".join(cell if cell.startswith("<td") else tag("td", cell, column)
                                      for cell, column in zip(cells, columns)), kind))
    return (f'<div class="scroll" role="region" aria-label="{esc(label)}" tabindex="0"><table><thead><tr>{top}</tr></thead>'
            f'<tbody>{"".join(body)}</tbody></table></div>')


def command(text):
    return (f'<div class="command"><pre>{esc(text)}</pre>'
            f'<button type="button" data-copy hidden aria-label="Copy the command">Copy</button></div>')


def file_link(path, word):
    """A link to a file below the run's folder; other names are shown, and lead nowhere."""
    address = link(path)
    return f'<a href="{escape(address)}">{esc(word)}</a>' if address else f"{esc(word)} {esc(path)}"


def plural(count, word):
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def outcome(word):
    return tag("span", esc(word), "good" if word == "passed" else "bad")
