"""Looks for secrets in what was sent. It shares no code with the package: it decodes, and then reads."""

import base64
import html
import json
import re
from urllib.parse import unquote, unquote_plus
from xml.etree import ElementTree

WINDOW = 8  # so many characters in a row of a secret are a leak
_MAX_DECODINGS = 4
_MAX_VIEWS = 400
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_LATIN = re.compile(r"[\x80-\xff]{2,}")
_GROUPED = re.compile(r"(?<=\d)[ -](?=\d)")
_PLAIN = re.compile(r"[a-z_ .,-]*")  # of a document's own words, most


def leaves(wire):
    """Every text of a document of version 2 or 3: values, and the names of values."""
    if wire[:1] == b"<":
        for element in ElementTree.fromstring(wire).iter():
            if element.tag in ("api-key", "line", "notifier"):
                continue
            yield from filter(None, (element.get("key"), element.text))
    else:
        waiting = [json.loads(wire)]
        while waiting:
            item = waiting.pop()
            if isinstance(item, dict):
                yield from item
                waiting.extend(item.values())
            elif isinstance(item, list):
                waiting.extend(item)
            else:
                yield str(item)


def views(wire):
    """The texts of a document, as they are and decoded in every way, up to four ways after each other."""
    first = "\0".join(dict.fromkeys(leaves(wire)))
    seen = {first: 0}
    waiting = [first]
    while waiting and len(seen) < _MAX_VIEWS:
        view = waiting.pop(0)
        if seen[view] == _MAX_DECODINGS:
            continue
        for decode in _DECODERS:
            shown = decode(view)
            if shown and shown not in seen:
                seen[shown] = seen[view] + 1
                waiting.append(shown)
    return list(seen)


def leaked(cores, shown):
    """Which part of a secret is in one of the views; an empty text where none is."""
    for core in cores:
        if len(core) < WINDOW:
            whole = re.compile(rf"(?<![\w.]){re.escape(core)}(?![\w.])")
            for view in shown[:1]:  # so short a text stands in much that is decoded and means nothing
                if whole.search(view):
                    return core
            continue
        step = 1 if len(core) < 100 else WINDOW  # of a long one, twice as many are certain to be found
        windows = [core[start : start + WINDOW] for start in range(0, len(core) - WINDOW + 1, step)]
        for view in shown:
            for window in windows:
                if window in view:
                    return window
    return ""


def _unescaped(view):
    def meant(found):
        code = found[1]
        if len(code) == 1:
            return _LETTERS.get(code, code)
        number = int(code, 8) if code.isdigit() and len(code) == 3 else int(code[1:], 16)
        return chr(number) if number < 0x110000 else ""

    shown = _ESCAPE.sub(meant, view)
    return shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _from_base64(view):
    found = []
    for run in _BASE64.findall(view):
        if _PLAIN.fullmatch(run):
            continue
        for start in range(4):
            piece = run[start:].replace("-", "+").replace("_", "/")
            raw = base64.b64decode(piece[: len(piece) // 4 * 4])
            found.append(raw.decode("utf-8", "ignore"))
            rest = len(piece) % 4
            if rest > 1:  # what lacks its padding
                found.append(
                    base64.b64decode(piece[-4 - rest :] + "=" * (4 - rest)).decode("utf-8", "ignore")
                )
                found.append(base64.b64decode(piece + "=" * (4 - rest)).decode("utf-8", "ignore"))
    return "\0".join(found)


def _as_utf8(view):
    def meant(found):
        try:
            return found[0].encode("latin-1").decode()
        except UnicodeDecodeError:
            return found[0]

    return _LATIN.sub(meant, view)


_DECODERS = (
    unquote,
    unquote_plus,
    html.unescape,
    _unescaped,
    _as_utf8,
    _from_base64,
    lambda view: _GROUPED.sub("", view),
)
