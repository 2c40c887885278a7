"""Escapes the characters that XML does not allow."""

import re

from hoptoad.conf.validators import XML_CHARACTERS


def clean(text: str) -> str:
    """`text` with every character that XML 1.0 forbids written as `\\x1b` or `\\ud800`."""
    if text.isprintable():  # XML allows all that is printable
        return text
    return XML_CHARACTERS.forbidden.sub(_escaped, text)


def _escaped(match: "re.Match[str]") -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
