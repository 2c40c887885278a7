"""Reads the DSN of a project at Sentry: address and key in one."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

FORM = "https://KEY@HOST/PROJECT"
_KEY = re.compile(r"[!-+.-~-]{1,200}")  # without commas, which part the values of its header
_PROJECT = re.compile(r"[\w.-]{1,100}", re.ASCII)


class Dsn(NamedTuple):
    """The key and the address in a DSN."""

    key: str
    url: str  # where envelopes are posted


def parse_dsn(text: str) -> Dsn:
    """The key and the address in a DSN. Raises ValueError, which names what is missing and quotes nothing.

    `https://key@bugs.example.com/errors/7` leads to `https://bugs.example.com/errors/api/7/envelope/`.
    A secret after the key, as Sentry gave out until 2018, is left out.
    """
    try:
        parts = urlsplit(text)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError as error:
        raise ValueError("its host or port is malformed") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError("it does not begin with https:// or http://")
    if not parts.username or not _KEY.fullmatch(parts.username):
        raise ValueError("it has no key before an @")
    if not parts.hostname:
        raise ValueError("it has no host after the @")
    path, _, project = parts.path.rstrip("/").rpartition("/")
    if not _PROJECT.fullmatch(project):
        raise ValueError("it does not end with the number of a project")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Dsn(parts.username, f"{parts.scheme}://{host}{port}{path}/api/{project}/envelope/")
