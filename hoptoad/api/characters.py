"""The characters that a document may hold."""

import re

# XML 1.0, production [2] Char: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """`text` with every character XML 1.0 forbids written as `\\x1b` or `\\ud800`."""
    return text if text.isprintable() else _FORBIDDEN.sub(_escaped, text)  # what prints is allowed


def _escaped(match: "re.Match[str]") -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
