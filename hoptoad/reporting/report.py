"""A captured failure on its way to a handler, redacted and encoded when the bytes are wanted."""

from dataclasses import replace

from hoptoad.api.registry import encode
from hoptoad.capture import build
from hoptoad.conf.settings import Settings
from hoptoad.delivery.stats import stats
from hoptoad.notice import Notice, Snapshot
from hoptoad.reporting import before_notify
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)


class Report:
    """One failure, and the settings under which it was captured.

    It may be handed to another thread, but not to another process. Its repr shows nothing.
    """

    __slots__ = ("_captured", "_payload", "id", "settings", "timeout")

    def __init__(self, captured: Snapshot | Notice, settings: Settings) -> None:
        """A Notice, such as a summary of this library's own counts, is redacted already."""
        self._captured: Snapshot | Notice | None = captured
        self._payload: bytes | None = None
        self.id = captured.raw.id if isinstance(captured, Snapshot) else captured.id
        self.settings = settings
        self.timeout = settings.timeout

    def payload(self) -> bytes | None:
        """The document; None where a function of HOPTOAD_BEFORE_NOTIFY returns none.

        Redacts, calls those functions and encodes, once, and forgets what was captured. One thread calls it.
        """
        captured, self._captured = self._captured, None
        if captured is not None:
            self._payload = self._made(captured)
        return self._payload

    def _made(self, captured: Snapshot | Notice) -> bytes | None:
        if isinstance(captured, Snapshot):
            captured = build.redacted(captured, self.settings).notice
        if stats.dropped:
            captured = replace(captured, lost=stats.dropped)
        changed = before_notify.apply(captured, self.settings.before_notify)
        if changed is None:
            stats.count("suppressed")
            return None
        self.id = changed.id
        return _encoded(changed)

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("a Report is not redacted yet: it must not be pickled or copied")

    def __repr__(self) -> str:
        return "<Report>"


def _encoded(notice: Notice) -> bytes:
    try:
        return encode(notice)
    except Exception:  # a function of HOPTOAD_BEFORE_NOTIFY may have put something else than text there
        log_exception(logger, "A notice could not be encoded as it is: it goes without details.")
        return encode(before_notify.bare(notice))
