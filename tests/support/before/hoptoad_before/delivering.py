"""Whether this thread is delivering: what is logged meanwhile must not be reported, it would go round."""

import threading

_thread = threading.local()


class delivering:  # noqa: N801 - read as what it does, in a with statement
    """Inside the block this thread is delivering."""

    def __enter__(self) -> None:
        _thread.now = True

    def __exit__(self, *args: object) -> None:
        _thread.now = False


def is_delivering() -> bool:
    """Whether this thread is inside such a block."""
    return getattr(_thread, "now", False)
