"""The forms of a secret in a text: quoted, escaped, encoded."""

import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T", str, bytes)
Span = tuple[int, int]  # start and end in a text

_PIECE = 256  # longer secrets are searched in pieces, so that a cut one is found too
_MIN_BASE64 = 8  # bytes
_PIECE_OF_BASE64 = 768
MAX_DECODINGS = 4

_SPACED = re.compile(r"[\w.~ -]*", re.ASCII)  # in which nothing but a space is escaped anywhere, and "-"
PLAIN = re.compile(r"[\w-]*", re.ASCII)
_NEVER_ESCAPED = re.compile(r"[A-Za-z0-9]+")
_QUOTED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENCODED = re.compile(r"((?:%[0-9A-Fa-f]{2})+)|\+|(?:[^%+]|%(?![0-9A-Fa-f]{2}))+")
_IN_SCRIPTS = str.maketrans(
    {
        character: f"\\u{ord(character):04X}"
        for character in [*"&<>'\"`=-;\\\u2028\u2029", *map(chr, range(32))]
    }
)
_IN_JSON = str.maketrans({character: f"\\u{ord(character):04X}" for character in "&<>'`+"})
_JSON_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def unquoted(text: str) -> str:
    """The text as `urllib.parse.unquote` has it. That takes ten times as long for `%25%25%25…`."""
    return _QUOTED.sub(_plain, text)


def _plain(found: "re.Match[str]") -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")


def written(value: str) -> Iterator[str]:
    """The value, or pieces of it, as it is and escaped; percent-encoded as well."""
    for piece in _in_pieces(value, _PIECE) if len(value) > _PIECE else (value,):
        yield from _written(piece)
        if not _SPACED.fullmatch(piece) or " " in piece:
            yield quote(piece.encode("utf-8", "surrogatepass"), safe="")


def encoded_forms(value: str) -> Iterator[tuple[str, Iterable[str]]]:
    """The forms of a value, plain, escaped for HTML, JSON, scripts and Python, and in Base64.

    Each item is a core, the longest part that no escaping changes, and its forms. Forms whose core is not
    in the text need not be made. Percent-encoded text is decoded instead (`decodings`).

        core, forms = next(encoded_forms("a<longest"))
        core == "longest"
        {*forms} >= {"a<longest", "a&lt;longest"}

    `tests/redaction/test_encodings.py` fails for each form that is missing.
    """
    for piece in _in_pieces(value, _PIECE) if len(value) > _PIECE else (value,):
        yield max(_NEVER_ESCAPED.findall(piece), key=len, default=""), _written(piece)
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) >= _MIN_BASE64:
        for part in _in_pieces(raw, _PIECE_OF_BASE64) if len(raw) > _PIECE_OF_BASE64 else (raw,):
            yield "", _base64(part)


def _written(piece: str) -> Iterator[str]:
    """The piece in each form, and the forms once more as JSON or a `repr` escapes them."""
    for form in _forms(piece):
        doubled = form.replace("\\", "\\\\")
        yield form
        yield doubled
        if "'" in form:
            yield doubled.replace("'", "\\'")
        if '"' in form:
            yield doubled.replace('"', '\\"')


def _forms(piece: str) -> Iterator[str]:
    yield piece
    if "-" in piece:
        yield piece.replace("-", "\\u002D")  # as Django's escapejs has it
    if not _SPACED.fullmatch(piece):
        yield from _escaped(piece)
    elif " " in piece:
        yield piece.replace(" ", "+")


def _in_pieces(value: T, size: int) -> Iterator[T]:
    """Pieces of equal length. The last one overlaps: a short piece would be in many texts."""
    for start in range(0, len(value), size):
        yield value[start : start + size] if start + size <= len(value) else value[-size:]


def decodings(text: str) -> list[str]:
    """Percent-encoded `text` decoded once, twice and more often."""
    said = []
    for _ in range(MAX_DECODINGS):
        if "%" not in text:
            break
        decoded = unquoted(text)
        said.append(decoded)
        if decoded == text:  # as of "50%"
            break
        text = decoded
    return said


def spans_in_encoded(text: str, values: list[str]) -> Iterator[tuple[int, int, str]]:
    """Where percent-encoded `text` holds one of `values`: beginning, end and value. A plus is a blank."""
    shown, starts = text, list(range(len(text) + 1))
    for _ in range(MAX_DECODINGS):
        if "%" not in shown:
            break
        shown, starts = _one_decoding(shown, starts, "+")
        plain = shown.replace("+", " ")
        for value in values:
            for first, last in occurrences(value, plain):
                yield starts[first], starts[last], value


def back_in_encoded(text: str, plain: str, spans: Iterable[Span]) -> list[Span]:
    """Where in percent-encoded `text` stands what is at `spans` in `plain`, to which it is decoded."""
    shown, starts = text, list(range(len(text) + 1))
    for plus in (" ", *"+" * (MAX_DECODINGS - 1)):
        if shown == plain:
            break
        shown, starts = _one_decoding(shown, starts, plus)
    if shown != plain:  # it is not UTF-8, or plain in part
        return [(0, len(text))]
    return [(starts[start], starts[end]) for start, end in spans]


def occurrences(value: str, text: str) -> Iterator[Span]:
    """The spans of `value` in `text`. Of overlapping ones, as few as cover them all."""
    at, length = text.find(value), len(value)
    while at >= 0:
        yield at, at + length
        further = text.rfind(value, at + 1, at + 2 * length - 1)
        at = further if further >= 0 else text.find(value, at + length)


def _one_decoding(text: str, starts: list[int], plus: str) -> tuple[str, list[int]]:
    """`text` decoded once, and the start of each of its characters in the original."""
    shown: list[str] = []
    places: list[int] = []
    for found in _ENCODED.finditer(text):
        piece, at = found[0], found.start()
        if found[1]:
            plain = bytes.fromhex(piece.replace("%", "")).decode("utf-8", "surrogateescape")
            shown.append(plain)
            if 3 * len(plain) == len(piece):  # a character for each byte
                places.extend(starts[at : found.end() : 3])
                continue
            for character in plain:
                places.append(starts[at])
                at += 3 * (1 if "\udc80" <= character <= "\udcff" else len(character.encode()))
        else:
            shown.append(plus if piece == "+" else piece)
            places.extend(starts[at : at + len(piece)])
    return "".join(shown), [*places, starts[len(text)]]


def _escaped(piece: str) -> Iterator[str]:
    yield piece.replace(" ", "+")
    page = html.escape(piece)
    yield page
    page = page.replace("&#x27;", "&#39;")
    yield page
    yield page.replace("&quot;", "&#34;")
    yield html.escape(piece, quote=False)
    for text in (json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("/", "\\/")
        yield json.dumps(text)[1:-1]
        yield text.replace("&", "\\u0026").replace("<", "\\u003C").replace(">", "\\u003E")
        yield text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    yield piece.translate(_IN_SCRIPTS)
    text = json.dumps(piece)[1:-1].replace('\\"', "\\u0022")  # as System.Text.Json has it
    yield _JSON_ESCAPE.sub(lambda found: f"\\u{found[1].upper()}", text.translate(_IN_JSON))
    raw = piece.encode("utf-8", "surrogatepass")
    latin = raw.decode("latin-1")  # as WSGI hands on what is not quoted (PEP 3333)
    yield latin
    # Python escapes an apostrophe where the whole text has double quotes too.
    yield from {repr(f'"{text}')[2:-1] for text in (latin, piece)}
    yield from (ascii(f'"{piece}')[2:-1], repr(b'"' + raw)[3:-1])
    if '"' not in piece:
        yield from {repr(f"'{text}")[2:-1] for text in (latin, piece)}
        yield from (ascii(f"'{piece}")[2:-1], repr(b"'" + raw)[3:-1])


def _base64(raw: bytes) -> list[str]:
    """The bytes in Base64, for each of the three offsets in a longer text."""
    size = len(raw)
    step = size + (-size % 3) + 1
    encoded = binascii.b2a_base64(raw.ljust(step, b"\0") * 3).decode()
    found = [encoded[-(-start * 8 // 6) : (start + size) * 8 // 6] for start in (0, step, 2 * step)]
    return found + [text.replace("+", "-").replace("/", "_") for text in found if "+" in text or "/" in text]
