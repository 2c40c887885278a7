"""What this library writes to the log and to terminals: printable lines, without the site's secrets."""

import logging
import re
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoptoad_before.imports import when_needed
from hoptoad_before.lazily import compiled
from hoptoad_before.text import cut

if TYPE_CHECKING:
    from hoptoad_before.masked import Known

MAX_CHARS = 500
_MAX_LOG_CHARS = 4000
_MAX_LOOKED_AT = 64 * 1024  # characters of a text; so many a server's answer has at most
_URL = compiled(r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s\"<>]{1,2000}")
_HOST = r"(?:[^:/?#]*\.[^:/?#]*|(?:[^:/?#]*@)?(?:localhost|\[[0-9a-fA-F:.]+\]))(?::\d{1,5})?"
_HOST_AND_PATH = compiled(rf"{_HOST}[/?#].*", re.DOTALL)
_OURS = "hoptoad_before"

Secrets = Callable[[], "Known | None"]


def _none() -> "Known | None":
    return None


_secrets: Secrets = _none

# A site whose root logger is at DEBUG did not ask for our details; a level of its own for ours asks.
if logging.getLogger(_OURS).level == logging.NOTSET:
    logging.getLogger(_OURS).setLevel(logging.WARNING)


def keep_secret(secrets: Secrets) -> None:
    """Takes the function that returns the secrets to mask."""
    global _secrets
    _secrets = secrets


def quoted(text: object, max_chars: int = MAX_CHARS) -> str:
    """A text of somebody else as one printable line of at most `max_chars`, with secrets masked.

    >>> quoted("no such key\\n\\x1b[2Kaccepted")
    'no such key \\\\x1b[2Kaccepted'
    """
    return one_line(redacted(str(text)), max_chars)


def one_line(text: str, max_chars: int = MAX_CHARS) -> str:
    """The text on one line, with everything that does not print escaped."""
    return cut(printable(" ".join(text.split())), max_chars)


def printable(text: str, keep: str = "", escape: Callable[[str], str] = lambda c: ascii(c)[1:-1]) -> str:
    """The text with every character that does not print escaped, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() or c in keep else escape(c) for c in text])


def redacted(text: str) -> str:
    """The beginning of the text with the site's secrets masked, and without the credentials in URLs."""
    return without_credentials_inside(without_secrets(text[:_MAX_LOOKED_AT], _secrets()))


def without_secrets(text: str, secrets: "Known | None") -> str:
    """The text with these secrets masked, in whatever form it quotes them."""
    if secrets is None:
        return text
    masked = when_needed("hoptoad_before.masked")
    finder = masked.Masked(secrets).reappearing([text])
    pieces: list[str] = []
    end = 0
    for first, last in sorted(finder.spans(text)) if finder is not None else ():
        if first >= end:
            pieces += (text[end:first], masked.MASK)
        end = max(end, last)
    return "".join([*pieces, text[end:]])


def address(url: str) -> str:
    """Where a URL leads, as one printable line without credentials, query and fragment."""
    return one_line(without_secrets(without_query(without_credentials(url)), _secrets()), 2000)


def without_query(url: str) -> str:
    """The URL without query and fragment."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def without_credentials(url: str) -> str:
    """The URL without user and password.

    A password may hold a slash, a question mark or an @ that nobody has escaped, so all before the last
    @ goes. An @ stays where the text before it begins with what can only be a host.

    >>> without_credentials("ftp://bob:p/w@host/a?key=1")
    'ftp://host/a?key=1'
    """
    scheme, slashes, rest = url.partition("://") if "://" in url else ("", "", url)
    before, at, after = rest.rpartition("@")
    if not at or (not slashes and ":" not in before):
        return url  # git@example.com:shop.git
    if _HOST_AND_PATH.fullmatch(before):
        host, *path = re.split(r"(?=[/?#])", rest, maxsplit=1)
        after = f"{host.rpartition('@')[2]}{without_credentials_inside(''.join(path))}"
    return f"{scheme}{slashes}{after}"


def without_credentials_inside(text: str) -> str:
    """The text with the credentials taken out of the URLs in it."""
    return _URL.sub(lambda found: without_credentials(found[0]), text) if "://" in text else text


def web_link(text: str) -> str:
    """The text where it is an address of the web that can be opened from a terminal, else nothing."""
    try:
        parts = urlsplit(text)
        is_link = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return text if is_link and text.isprintable() and " " not in text else ""


def get_logger(name: str) -> logging.Logger:
    """The logger of a module of this library.

    Records keep their template and get their arguments as printable lines. Tracebacks have their secrets
    masked; the `exc_info` of one that quotes a secret is gone, because some formatters print it again.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_safe)
    return logger


def _safe(record: logging.LogRecord) -> bool:
    try:
        if isinstance(record.args, tuple):
            record.args = tuple(_argument(item) for item in record.args)
    except Exception as error:  # whatever the text of a foreign object raises, it is not printed
        record.args = ()
        record.msg = f"A line of the log could not be written: {type(error).__name__}."
    try:
        if record.exc_info and record.exc_info[0] is not None:
            _redact_traceback(record, record.exc_info)
    except Exception:  # a metaclass may refuse the name of an exception's class
        record.exc_info = None
        record.msg = f"{record.msg} (Its traceback could not be logged.)"
    return True


def _redact_traceback(record: logging.LogRecord, exc_info: Any) -> None:
    parts = traceback.format_exception(*exc_info)
    shown = [redacted(part) for part in parts]
    record.exc_text = "\n".join(map(_traceback_part, shown))
    if shown != parts:
        record.exc_info = None


def _argument(item: object) -> object:
    return item if isinstance(item, (int, float)) else quoted(item, _MAX_LOG_CHARS)


def _traceback_part(part: str) -> str:
    """A frame, or the text of an exception, no line of which begins like one of the log."""
    text = part.rstrip("\n")
    is_ours = part.startswith(("  ", "\n", "Traceback"))
    return printable(text if is_ours else text.replace("\n", "\n  "), keep="\n\t")
