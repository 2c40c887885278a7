"""For tests of sites: nothing is sent, and what would have been is here to be looked at."""

from typing import Any

from hoptoad_before.handlers.memory import outbox
from hoptoad_before.notice import Notice
from hoptoad_before.text import class_name

__all__ = ["HoptoadTestMixin", "assert_nothing_notified", "assert_notified", "outbox"]


def assert_notified(
    exception_class: "type[BaseException] | str | None" = None,
    *,
    message: str | None = None,
    component: str | None = None,
    action: str | None = None,
    count: int | None = None,
) -> Notice:
    """The last notice of this class (or of the name it has on the wire), whose message contains
    `message`, from this component and action. AssertionError where there is none, or not `count`.
    """
    wanted = class_name(exception_class) if isinstance(exception_class, type) else exception_class
    found = [
        notice
        for notice in outbox
        if wanted in (None, notice.error.class_name)
        and (message is None or message in notice.error.message)
        and component in (None, notice.request.component)
        and action in (None, notice.request.action)
    ]
    if not found or (count is not None and len(found) != count):
        number = "no" if not found else str(len(found))
        expected = "" if count is None else f", and {count} were expected"
        raise AssertionError(f"{number} such notice was reported{expected}. {_outbox()}")
    return found[-1]


def assert_nothing_notified() -> None:
    """AssertionError where anything was reported."""
    if outbox:
        raise AssertionError(f"Nothing was to be reported. {_outbox()}")


class HoptoadTestMixin:
    """For TestCase classes: an empty outbox for each test, and the two assertions as methods."""

    def setUp(self) -> None:
        outbox.clear()
        super().setUp()  # type: ignore[misc]

    def assertNotified(self, *args: Any, **kwargs: Any) -> Notice:  # noqa: N802 - as unittest names them
        """See `assert_notified`."""
        return assert_notified(*args, **kwargs)

    def assertNothingNotified(self) -> None:  # noqa: N802
        """See `assert_nothing_notified`."""
        assert_nothing_notified()


def _outbox() -> str:
    shown = [f"{notice.error.message!r:.100} ({notice.request.component})" for notice in outbox]
    return f"The outbox holds: {', '.join(shown) or 'nothing'}."
