"""Makes log lines and terminal output safe to write.

A line of this library may quote a server's answer, an exception of the site, a URL or the name of a file.
Such a text may contain line feeds that forge another line of the log, escape sequences that control a
terminal, the site's API key, or a password in a URL. So every logger comes from `get_logger`, which puts
arguments and tracebacks through `safe_line` and `redacted`; commands and checks call these themselves.
"""

import logging
import re
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoptoad.redaction.cutting import cut
from hoptoad.runtime.lifecycle import importing

if TYPE_CHECKING:
    from hoptoad.redaction.secrets import OwnSecrets

MAX_CHARS = 500
_MAX_ARGUMENT_CHARS = 4000
_MAX_TEXT_CHARS = 64 * 1024  # the most that is read of a server's answer
_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s\"<>]{1,2000}")
_HOST = r"(?:[^:/?#]*\.[^:/?#]*|(?:[^:/?#]*@)?(?:localhost|\[[0-9a-fA-F:.]+\]))(?::\d{1,5})?"
_HOST_AND_PATH = re.compile(rf"{_HOST}[/?#].*", re.DOTALL)
_PACKAGE = "hoptoad"

FindSecrets = Callable[[], "OwnSecrets | None"]


def _no_secrets() -> "OwnSecrets | None":
    return None


_find_secrets: FindSecrets = _no_secrets

# A root logger at DEBUG does not ask for our debug lines. A level for the logger "hoptoad" does.
if logging.getLogger(_PACKAGE).level == logging.NOTSET:
    logging.getLogger(_PACKAGE).setLevel(logging.WARNING)


def set_secrets_finder(find_secrets: FindSecrets) -> None:
    """Sets the function that returns the site's secrets, or None while they are not known."""
    global _find_secrets
    _find_secrets = find_secrets


def safe_line(text: object, max_chars: int = MAX_CHARS) -> str:
    """A foreign text as one printable line of at most `max_chars`, with secrets masked.

    >>> safe_line("no such key\\n\\x1b[2Kaccepted")
    'no such key \\\\x1b[2Kaccepted'
    """
    return one_line(redacted(str(text)), max_chars)


def one_line(text: str, max_chars: int = MAX_CHARS) -> str:
    """The text on one line, with unprintable characters escaped. Masks nothing."""
    return cut(printable(" ".join(text.split())), max_chars)


def printable(text: str, keep: str = "", escape: Callable[[str], str] = lambda c: ascii(c)[1:-1]) -> str:
    """The text with unprintable characters escaped, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() or c in keep else escape(c) for c in text])


def redacted(text: str) -> str:
    """The text without the site's secrets and without credentials in URLs. Its first 64 k characters."""
    return without_credentials_in_urls(without_secrets(text[:_MAX_TEXT_CHARS], _find_secrets()))


def without_secrets(text: str, secrets: "OwnSecrets | None") -> str:
    """The text with these secrets masked, encoded ones too."""
    if secrets is None:
        return text
    with importing:
        from hoptoad.redaction.cutting import hidden
        from hoptoad.redaction.secrets import spans_of
    return hidden(text, spans_of(secrets, text))


def safe_url(url: str) -> str:
    """The URL as one printable line, without credentials, query and fragment."""
    return one_line(without_secrets(without_query(without_credentials(url)), _find_secrets()), 2000)


def without_query(url: str) -> str:
    """The URL without query and fragment."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def without_credentials(url: str) -> str:
    """The URL without user and password.

    A password may contain an unescaped slash, question mark or @. So everything before the last @ is
    removed, unless it starts with what can only be a host.

    >>> without_credentials("ftp://bob:p/w@host/a?key=1")
    'ftp://host/a?key=1'
    """
    scheme, slashes, rest = url.partition("://") if "://" in url else ("", "", url)
    before, at, after = rest.rpartition("@")
    if not at or (not slashes and ":" not in before):
        return url  # git@example.com:shop.git
    if _HOST_AND_PATH.fullmatch(before):
        host, *path = re.split(r"(?=[/?#])", rest, maxsplit=1)
        after = f"{host.rpartition('@')[2]}{without_credentials_in_urls(''.join(path))}"
    return f"{scheme}{slashes}{after}"


def without_credentials_in_urls(text: str) -> str:
    """The text with credentials removed from each URL in it."""
    return _URL.sub(lambda found: without_credentials(found[0]), text) if "://" in text else text


def web_link(text: str) -> str:
    """The text if it is an http or https URL that a terminal can open, else the empty string."""
    try:
        parts = urlsplit(text)
        is_link = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return text if is_link and text.isprintable() and " " not in text else ""


def get_logger(name: str) -> logging.Logger:
    """The logger of a module of this package. What it logs is safe to write.

    Records keep their template; arguments become printable lines. Secrets are masked in tracebacks. If a
    traceback quotes a secret, the record loses its `exc_info`, because some formatters format it again.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_make_safe)
    return logger


def _make_safe(record: logging.LogRecord) -> bool:
    try:
        if isinstance(record.args, tuple):
            record.args = tuple(_argument(item) for item in record.args)
    except Exception as error:  # from the __str__ of a foreign object
        record.args = ()
        record.msg = f"A log line could not be written: {type(error).__name__}."
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
    return item if isinstance(item, (int, float)) else safe_line(item, _MAX_ARGUMENT_CHARS)


def _traceback_part(part: str) -> str:
    """A frame or the text of an exception, indented so that no line of it looks like a line of the log."""
    text = part.rstrip("\n")
    is_indented = part.startswith(("  ", "\n", "Traceback"))
    return printable(text if is_indented else text.replace("\n", "\n  "), keep="\n\t")
