"""Reads XML and JSON that may be hostile: whatever the bytes, it takes no second and no 64 MB."""

import json
import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hoptoad.errors import ParseError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 256  # elements in elements, as libxml2 has it
MAX_ITEMS = 100_000  # elements and attributes, or values of JSON
_CHUNK = 64 * 1024  # bytes; a tag may be twice as long
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def xml_tree(document: bytes) -> Element:
    """The element tree of a document without a document type and entities. Raises ParseError."""
    require_size(document)
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True  # else each line end of a text is an object of its own
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        for start in range(0, len(document), _CHUNK):
            parser.Parse(document[start : start + _CHUNK], False)
            if start - parser.CurrentByteIndex > _CHUNK:  # it waits for the end of a tag
                raise ParseError(f"a tag is longer than {_CHUNK:,} bytes")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ParseError(f"the document is not well-formed XML: {error}") from error
    return builder.root()


def json_value(document: bytes) -> Any:
    """The value of a JSON document, its numbers as they are written. Raises ParseError."""
    require_size(document)
    try:
        text = document.decode(json.detect_encoding(document), "surrogatepass")
        require_items(text)
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the document is not well-formed JSON: {error}") from error


def require_size(document: bytes) -> None:
    """Raises ParseError for a document of more than MAX_BYTES."""
    if len(document) > MAX_BYTES:
        raise ParseError(f"the document has {len(document):,} bytes, more than {MAX_BYTES:,}")


def require_items(text: str) -> int:
    """How many values this JSON has, seen before any is built. Raises ParseError for more than MAX_ITEMS."""
    count = _separators(text)
    strings = _STRING.finditer(text) if count > MAX_ITEMS else ()
    for string in strings:  # what looks like a value may stand in a text
        count -= _separators(string[0])
    if count > MAX_ITEMS:
        raise ParseError(f"the document has more than {MAX_ITEMS:,} values")
    return count


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


class _Builder:
    """Builds a tree, and counts while it does."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self.data = self._builder.data
        self._depth = 0
        self._items = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._items += 1 + len(attributes)
        if self._depth > MAX_DEPTH:
            raise ParseError(f"elements are nested more than {MAX_DEPTH} deep")
        if self._items > MAX_ITEMS:
            raise ParseError(f"the document has more than {MAX_ITEMS:,} elements and attributes")
        self._builder.start(name, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(name)

    def root(self) -> Element:
        return self._builder.close()


def _refuse(*declaration: object) -> None:
    raise ParseError("a notice must not declare a document type or entities")
