"""The exceptions of this package: one for each case in which a caller acts differently."""

from django.core.exceptions import ImproperlyConfigured


class HoptoadError(Exception):
    """The base class of this package's exceptions."""


class ConfigurationError(HoptoadError, ImproperlyConfigured):
    """A setting is malformed. The message names it, its value, and what was expected."""


class ParseError(HoptoadError):
    """A document is not a notice."""
