"""When a notice is sent, and in which thread."""

from hoptoad.handlers.registry import get_handler

__all__ = ["get_handler"]
