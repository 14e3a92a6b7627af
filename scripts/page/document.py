"""Whole pages: one file of HTML that needs no other one and loads nothing from anywhere."""

import base64
import hashlib
from pathlib import Path

from markup import esc

HERE = Path(__file__).resolve().parent
STYLE, SCRIPT = HERE / "page.css", HERE / "page.js"


def source_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def document(title, body, styles=(), scripts=()):
    """The text of a page. `title`: text; `body`: HTML. `styles`, `scripts`: files of a page of its own, after the shared ones.

    Nothing but those runs or styles anything, even if text of a log were taken for markup: elements have no attribute `style`
    and none of `on...`. A script may set styles of elements.
    """
    style, script = ("".join(path.read_text(encoding="utf-8") for path in (first, *own))
                     for first, own in ((STYLE, styles), (SCRIPT, scripts)))
    policy = (f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; base-uri 'none'; "
              "form-action 'none'")
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
            f'content="{policy}"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{esc(title)}</title><style>{style}</style></head><body>\n{body}\n<script>{script}</script></body></html>\n")
