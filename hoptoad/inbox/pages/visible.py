"""Text from notices, made fit to be shown: nothing in it is hidden, and nothing secret is shown.

Escaping is the template's. Here characters that change how the text around them reads are written as escapes.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hoptoad.conf.loading import get_settings
from hoptoad.notice import Data
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.names import Names

# Control characters but for tab and line feed; soft hyphens, zero widths, directions, tags, surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_QUERY_VALUE = re.compile(r"(?<=[?&;])([^=&;#\s]+)=([^&;#\s]*)")
_MAX_URL = 2000
MAX_INDENT = 6


class Row(NamedTuple):
    """One line of a table. Nested data has a line for its name, and deeper lines below it."""

    name: str
    text: str
    href: str = ""
    path: tuple[str, ...] = ()  # the names above it
    is_masked: bool = False
    is_group: bool = False  # deeper lines follow

    @property
    def depth(self) -> int:
        """How far its name is moved in; deep data stays readable on a phone."""
        return min(len(self.path), MAX_INDENT)

    @property
    def full_name(self) -> str:
        """As `user[name]`."""
        first, *rest = (*self.path, self.name)
        return first + "".join(f"[{name}]" for name in rest)


def visible(text: str) -> str:
    """`text` with control and direction characters as escapes: "a\\u202eb"."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_escape, text)


def line(text: str, length: int = 300) -> str:
    """`text` in one line of at most `length` characters; protected parameters of URLs are masked."""
    joined = url(" ".join(text[: length * 4].split()))
    return joined if len(joined) <= length else joined[: length - 1] + "…"


def place(text: str, length: int = 500) -> str:
    """The place of a problem. "unknown" is for version 2, where a place is required: here it is nothing."""
    return "" if text == "unknown" else line(text, length)


def link(text: str) -> str:
    """`text` where the whole of it is a web address that is safe to follow; else nothing."""
    if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or set(text) & set(" \\<>\"'`"):
        return ""
    try:
        parts = urlsplit(text)
        is_safe = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    return text if is_safe and text.startswith(f"{parts.scheme}://") else ""


def url(text: str) -> str:
    """A URL whose protected parameters are masked."""
    return visible(_QUERY_VALUE.sub(_masked_value, text))


def is_secret(name: str) -> bool:
    """Whether the value under `name` is never shown: by the built-in names and HOPTOAD_PROTECTED_PARAMS."""
    return bool(_names(get_settings().protected_params).rule(name))


def rows(data: Data) -> tuple[Row, ...]:
    """Nested data as lines of a table, in its order; secrets are masked."""
    return tuple(_rows(data, ()))


def row(name: str, text: str) -> Row:
    """One line that holds a text."""
    shown = url(text)
    return Row(name, shown, link(text) if shown == text else "", is_masked=text == MASK)


def _rows(data: Data, path: tuple[str, ...]) -> Iterator[Row]:
    for name, value in data.items():
        shown = line(name, 200)
        if value and is_secret(name):
            yield Row(shown, MASK, path=path, is_masked=True)
        elif isinstance(value, str):
            yield row(shown, value)._replace(path=path)
        elif not value:
            yield Row(shown, "{}" if isinstance(value, Mapping) else "[]", path=path)
        else:
            items = (
                value
                if isinstance(value, Mapping)
                else {str(number): item for number, item in enumerate(value)}
            )
            yield Row(shown, "", path=path, is_group=True)
            yield from _rows(items, (*path, shown))


def _masked_value(found: "re.Match[str]") -> str:
    return f"{found[1]}={MASK if found[2] and is_secret(found[1]) else found[2]}"


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    if found[0] == "\r":
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=4)
def _names(protected: "tuple[Any, ...]") -> Names:
    return Names(protected)
