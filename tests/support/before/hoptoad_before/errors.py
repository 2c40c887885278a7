"""The errors a caller can act on differently."""

from django.core.exceptions import ImproperlyConfigured


class HoptoadError(Exception):
    """Anything this library raises on purpose."""


class ConfigurationError(HoptoadError, ImproperlyConfigured):
    """A setting is malformed; the message names it, the value found and the shape wanted."""


class ParseError(HoptoadError):
    """Bytes that claim to be a notice are not one."""
