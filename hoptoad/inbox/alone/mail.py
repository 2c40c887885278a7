"""The mail server of an inbox that runs alone: Django's names, from the environment."""

from collections.abc import Callable, Mapping
from typing import Any

import django

from hoptoad.errors import ConfigurationError

_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError("a port, as 587")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in (*_ON, *_OFF):
        raise ValueError("true or false")
    return text.lower() in _ON


# The variable, the option of Django's backend, and how its text is read.
_OPTIONS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("EMAIL_HOST", "host", str),
    ("EMAIL_PORT", "port", _port),
    ("EMAIL_HOST_USER", "username", str),
    ("EMAIL_HOST_PASSWORD", "password", str),
    ("EMAIL_USE_TLS", "use_tls", _switch),
    ("EMAIL_USE_SSL", "use_ssl", _switch),
)
TIMEOUT = 20  # seconds


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings for mail. Raises ConfigurationError. The defaults are Django's: localhost, port 25."""
    given = {
        name: _read(name, environ[name], read) for name, _, read in _OPTIONS if environ.get(name, "").strip()
    }
    if given.get("EMAIL_USE_TLS") and given.get("EMAIL_USE_SSL"):
        raise ConfigurationError("EMAIL_USE_TLS and EMAIL_USE_SSL are both true: set one of them.")
    sender = environ.get("DEFAULT_FROM_EMAIL", "").strip()
    from_email = {"DEFAULT_FROM_EMAIL": sender} if sender else {}
    if django.VERSION < (6, 1):
        return {**given, "EMAIL_TIMEOUT": TIMEOUT, **from_email}
    options = {option: given[name] for name, option, _ in _OPTIONS if name in given}
    return {
        "MAILERS": {"default": {"BACKEND": _BACKEND, "OPTIONS": {**options, "timeout": TIMEOUT}}},
        **from_email,
    }


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text.strip())
    except ValueError as error:
        raise ConfigurationError(f"{name}={text}: expected {error}.") from None
