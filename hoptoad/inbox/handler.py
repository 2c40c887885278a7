"""The handler "inbox": the site's own failures go into its own database, by a thread of ours.

It is the thread pool with one thread, whose server is the database: a circuit breaker, retries, the fallback
handler and honest counts where the database is down, locked or without its tables.
"""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.utils.timezone import now

from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.stats import stats
from hoptoad.errors import ParseError
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.inbox import alerts, options
from hoptoad.inbox.apps_by_key import site_app
from hoptoad.inbox.arrivals import arrival
from hoptoad.inbox.own_connection import new_connection, used
from hoptoad.inbox.prune import prune_when_due
from hoptoad.inbox.store import Flood
from hoptoad.inbox.writer import store_patiently
from hoptoad.runtime import messages
from hoptoad.runtime.guards import delivering
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import notice_answered, notice_sent, tell

ADDRESS = "the inbox"
_OURS = "hoptoad.inbox."
_MISSING = ("no such table", "no such column", "does not exist", "doesn't exist")

logger = get_logger(__name__)
_flood = Flood()
_outage = [False]  # whether the log says that notices wait


class InboxNotifier(ThreadedNotifier):
    """Stores notices in the order in which they came."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, send=send, **kwargs)


def send(payload: bytes, timeout: float) -> Answer:
    """Stores a notice and returns what came of it. Blocks up to `timeout` seconds for a busy database.

    Whatever thread this is, and whatever transaction it is in: the connection is the inbox's own.
    """
    with delivering():
        answer = _stored(payload, timeout)
        tell(notice_answered, send, answer=answer)
        if answer.verdict is Verdict.ACCEPTED:
            stats.count("sent")
            tell(notice_sent, send, answer=answer)
        elif answer.verdict is Verdict.REFUSED:
            stats.count("refused")
        _log(answer)
    return answer


def _stored(payload: bytes, timeout: float) -> Answer:
    try:
        return Answer(verdict=Verdict.ACCEPTED, url=ADDRESS, id=_store(payload, timeout))
    except ParseError as error:
        text = f"{error}. (The inbox reads HOPTOAD_API v2 and v3.)"
        return Answer(verdict=Verdict.REFUSED, url=ADDRESS, fault="document", text=text)
    except (Error, ImproperlyConfigured) as error:
        text = messages.safe_line(f"{type(error).__name__}: {error}")
        hint = ". Run: manage.py migrate hoptoad_inbox" if any(said in text for said in _MISSING) else ""
        return Answer(verdict=Verdict.UNREACHABLE, url=ADDRESS, fault="database", text=text + hint)


def _store(payload: bytes, timeout: float) -> str:
    """Stores the notice; returns its id."""
    settings = get_settings()
    connection = new_connection(options.database(), timeout)
    try:
        with used(connection) as alias:
            app = site_app(settings.api_key, Path(settings.project_root).name or "site", alias)
            found = arrival(app.pk, payload, now())
            if found.component.startswith(_OURS):
                raise ParseError("It is a failure of the inbox itself, which it does not store")
            stored = store_patiently([found], alias, _flood, retry_for=timeout)
            for alert in stored.alerts:  # here, or a process that ends would not wait for its mail
                alerts.send(alert, alias)
    finally:
        connection.close()
    prune_when_due(alias)
    return found.client_id


def _log(answer: Answer) -> None:
    """Says once that an outage began, and once that it is over."""
    is_down = answer.verdict is Verdict.UNREACHABLE
    if is_down and not _outage[0]:
        logger.warning("The inbox cannot store notices, which wait: %s", answer.text)
    elif _outage[0] and not is_down:
        logger.warning("The inbox stores notices again.")
    _outage[0] = is_down
