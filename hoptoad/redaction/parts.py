"""What a masked value holds or stands for: a quoted text, a token after its scheme, a password."""

import base64
import binascii
import contextlib
import html
import re
from collections.abc import Iterator

from hoptoad.redaction.encodings import MAX_DECODINGS, PLAIN, unquoted

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_QUOTE_OR_ESCAPE = re.compile(r"\\.|[\"']", re.DOTALL)
_SCHEMES = ("bearer", "basic", "token", "digest", "apikey", "negotiate")
_SCHEME = re.compile(r"[\w!#$%&'*+.^`|~-]{1,64}", re.ASCII)
_AUTH_PARAM = re.compile(
    r"(?<![\w-])(?P<name>[\w.-]{1,64})\s{0,3}=\s{0,3}(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s,;&\"]+))"
)
# Public parameters of Digest, OAuth, Hawk and AWS: RFC 7616, RFC 5849.
_NO_CREDENTIALS = frozenset(
    "realm username user uri algorithm qop nc ts domain stale charset userhash app dlg ext se sr skn"
    " signedheaders headers oauth_version oauth_signature_method oauth_timestamp oauth_callback"
    " signature_method timestamp version created expires keyid".split()
)
_NO_PASSWORDS = frozenset({"x-oauth-basic", "api_token", "unused", "token", "nopass"})


def parts(value: str) -> Iterator[str]:
    """The value as it was masked, and what it stands for or holds: of `Bearer x` the x, of Basic
    credentials the password, of `['a', 'b']` both, of escaped text the text.
    """
    value = value.strip()
    yield value
    if PLAIN.fullmatch(value):
        return
    yield value.rstrip(".,;:!?)]}'\"")
    inside = list(_in_quotes(value)) if value[:1] in "[{(" else []
    yield from inside
    for text in (value, *inside):
        yield from _meanings(text)
    scheme, blank, token = value.partition(" ")
    if blank and scheme.lower() in _SCHEMES:
        yield token.strip()
        if scheme.lower() == "basic":
            yield from _basic(token.strip())


def _meanings(text: str) -> Iterator[str]:
    """What escaped text stands for: unescaped once, and again, as JSON in a `repr` or in a page needs it."""
    waiting, seen = [text], {text}
    for _ in range(MAX_DECODINGS):
        waiting = sorted({plain for shown in waiting for plain in _decoded_once(shown)} - seen)
        if not waiting:
            break
        yield from waiting
        seen.update(waiting)


def _decoded_once(text: str) -> Iterator[str]:
    if "\\" in text:
        plain = _ESCAPE.sub(_unescaped, text)
        yield plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "&" in text:
        yield html.unescape(text)
    if "%" in text:
        yield unquoted(text)
    if not text.isascii():
        with contextlib.suppress(UnicodeError):
            yield text.encode("latin-1").decode()  # as WSGI hands on a header (PEP 3333)


def _in_quotes(text: str) -> Iterator[str]:
    """The quoted texts. Linear: looks at each character once."""
    quote, start = "", 0
    for found in _QUOTE_OR_ESCAPE.finditer(text):
        mark = found[0]
        if mark[0] == "\\":
            continue
        if not quote:
            quote, start = mark, found.end()
        elif mark == quote:
            yield text[start : found.start()]
            quote = ""


def _unescaped(found: "re.Match[str]") -> str:
    """The character that an escape in JSON or in a `repr` stands for."""
    code = found[1]
    if len(code) == 1:
        return _ESCAPED.get(code, code)
    return chr(int(code, 8)) if code.isdigit() else chr(int(code[1:], 16))


def _basic(token: str) -> Iterator[str]:
    plain = _from_base64(token)
    name, _, password = plain.partition(":")
    yield plain
    yield password
    if len(password) < 2 or password in _NO_PASSWORDS:
        yield name  # an API key as user name


def credentials(value: str) -> Iterator[str]:
    """The secrets in the value of an Authorization header, whatever its scheme (RFC 9110, section 11.4).

    Of `Api-Key x` and `Key user:x` the x, of `Hawk id="a", mac="b"` both, of `AWS4 Signature=x` the x.
    """
    scheme, _, rest = value.strip().partition(" ")
    if not _SCHEME.fullmatch(scheme) or not rest:
        return
    rest = rest.strip()
    first = rest.split()[0].rstrip(",;")
    yield rest
    yield rest.rpartition(":")[2]
    if "=" not in first.rstrip("="):
        yield first
    for found in _AUTH_PARAM.finditer(rest):
        if found["name"].lower() not in _NO_CREDENTIALS:
            yield found["quoted"] or found["bare"] or ""


def basic_password(value: str) -> str:
    """The password in Basic credentials, or an empty text."""
    scheme, _, token = value.strip().partition(" ")
    return _from_base64(token.strip()).partition(":")[2] if scheme.lower() == "basic" else ""


def _from_base64(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
