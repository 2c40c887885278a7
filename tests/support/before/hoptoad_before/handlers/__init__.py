"""Who carries a notice to the server, and when."""

from hoptoad_before.handlers.base import Handler, get_handler

__all__ = ["Handler", "get_handler"]
