"""For the tests of a site: nothing is sent, and tests can look at the notices in `outbox`."""

from typing import Any

from hoptoad.capture.values import class_name
from hoptoad.handlers.memory import outbox
from hoptoad.notice import Notice

__all__ = ["HoptoadTestMixin", "assert_nothing_notified", "assert_notified", "outbox"]


def assert_notified(
    exception_class: "type[BaseException] | str | None" = None,
    *,
    message: str | None = None,
    component: str | None = None,
    action: str | None = None,
    count: int | None = None,
) -> Notice:
    """Returns the last notice that matches, and raises AssertionError where there is none, or not `count`.

    `exception_class` is a class or its name in the notice; `message` is a part of the message.
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
        expected = "" if count is None else f"; expected: {count}"
        raise AssertionError(f"Matching notices: {len(found)}{expected}. {_outbox()}")
    return found[-1]


def assert_nothing_notified() -> None:
    """Raises AssertionError where anything was reported."""
    if outbox:
        raise AssertionError(f"Nothing should have been reported. {_outbox()}")


class HoptoadTestMixin:
    """For TestCase classes: empties the outbox before each test, and has the assertions as methods."""

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
