"""Pieces of HTML. Whatever text comes in, of logs too, comes out as text."""

import re
import time
from html import escape

from plain import clean, link

MOST_LISTED = 50


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


def plural(count, word):
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def cell(content, kind="", value=None):
    """A cell of a table: HTML, its class, and the number it is sorted by where its content does not begin with that number."""
    sorted_by = "" if value is None else f' data-value="{value:.17g}"'
    return f"<td{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}{sorted_by}>{content}</td>"


def table(label, heads, rows, sortable=False, name=""):
    """`heads`: texts; one that begins with > is of a column of numbers, one with ~ of a column that a telephone has no room
    for. `rows`: lists of HTML or of cells, or (class, list). `sortable`: a click on a head sorts. `name`: the id of the table;
    with it, rows can be searched for words."""
    columns = [{">": "n", "~": "wide"}.get(head[:1], "") for head in heads]
    top = "".join(tag("th", esc(head.lstrip(">~")), column) for head, column in zip(heads, columns))
    body = []
    for row in rows:
        kind, cells = row if isinstance(row, tuple) else ("", row)
        body.append(tag("tr", "".join(one if one.startswith("<td") else cell(one, column)
                                      for one, column in zip(cells, columns)), kind))
    attributes = (f' id="{esc(name)}"' if name else "") + (" data-sortable" if sortable else "")
    field = (f'<input class="filter" type="search" data-filter="{esc(name)}" hidden placeholder="Words that a row has" '
             f'aria-label="Rows of {esc(label)} with these words">' if name else "")
    return (f'{field}<div class="scroll" role="region" aria-label="{esc(label)}" tabindex="0"><table{attributes}><thead>'
            f'<tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>')


def listing(lines, most=MOST_LISTED):
    items = "".join(tag("li", esc(line)) for line in lines[:most])
    more = tag("li", f"and {number(len(lines) - most)} more", "quiet") if len(lines) > most else ""
    return f"<ul>{items}{more}</ul>"


def problems(lines, most=MOST_LISTED):
    """A box that stands out, or nothing where there is no problem."""
    return f'<div class="problems">{listing(lines, most)}</div>' if lines else ""


def tiles(figures):
    """The figures to be seen first: (HTML of the value, HTML of what it is, class)."""
    return '<ul class="tiles">' + "".join(f"<li>{tag('b', value, kind)}{what}</li>" for value, what, kind in figures) + "</ul>"


def facts(pairs):
    """(HTML of a name, HTML of what it is)"""
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs) + "</dl>"


def navigation(sections):
    """Links to the sections, HTML that begins with `<section><h2 id="name">Title`; the title ends at a colon."""
    found = [(match[1], match[2]) for match in (re.search(r'<h2 id="([\w-]+)">([^:<]*)', text) for text in sections) if match]
    return "<nav aria-label=\"Sections\">" + "".join(f'<a href="#{name}">{title}</a>' for name, title in found) + "</nav>"


def command(text):
    return (f'<div class="command"><pre>{esc(text)}</pre>'
            f'<button type="button" data-copy hidden aria-label="Copy the command">Copy</button></div>')


def file_link(path, word):
    """A link to a file below the page's folder; other names are shown, and lead nowhere."""
    address = link(path)
    return f'<a href="{escape(address)}">{esc(word)}</a>' if address else f"{esc(word)} {esc(path)}"


def verdict(word, kind):
    """The word that a page begins with. `kind`: good, bad or warn."""
    return tag("span", esc(word.upper()), f"verdict {kind}")


def outcome(word):
    return tag("span", esc(word), "good" if word == "passed" else "bad")
