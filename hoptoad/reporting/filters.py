"""Filters: which failures are not reported, and because of which setting."""

from collections.abc import Callable
from urllib.parse import urlsplit

from hoptoad.conf.settings import Settings
from hoptoad.notice import Incident, is_internal


def suppressed_by(incident: Incident, settings: Settings) -> str | None:
    """The name of the first setting by which `incident` is not reported, or None."""
    for name, suppresses in FILTERS:
        if suppresses(incident, settings):
            return name
    return None


def is_answer(error: BaseException) -> bool:
    """Whether the exception is a failure only if nothing answers it: `hoptoad_ignore = "answered"`."""
    return _hoptoad_ignore(error) == "answered"


def is_broken_link(path: str, referrer: str, host: str, *, append_slash: bool = True) -> bool:
    """Whether the page `referrer` has a broken link to `path`, which includes the query string.

    The rule of Django's BrokenLinkEmailsMiddleware:
    https://docs.djangoproject.com/en/stable/ref/middleware/#django.middleware.common.BrokenLinkEmailsMiddleware
    """
    if not referrer or ("?" in referrer and not is_internal(referrer, host)):  # a search engine's page
        return False
    try:
        parts = urlsplit(referrer)
    except ValueError:  # half an IPv6 address
        return False
    if parts.netloc.lower() not in ("", host.lower()):
        return True
    came_from = parts.path + (f"?{parts.query}" if parts.query else "")
    if path in (came_from, parts.path):
        return False  # a poorly written bot names the page itself
    # Django's own redirect. Its rule compares the whole referrer with the path, which is never equal.
    return not (append_slash and path.endswith("/") and came_from == path[:-1])


def _in_debug_mode(incident: Incident, settings: Settings) -> bool:
    return settings.debug and not settings.notify_while_debug


def _unwanted_crash(incident: Incident, settings: Settings) -> bool:
    return incident.is_request and incident.exception is not None and not settings.notify_500


def _unwanted_status(incident: Incident, settings: Settings) -> bool:
    return incident.is_request and incident.exception is None and incident.status not in settings.statuses


def _ignored_exception(incident: Incident, settings: Settings) -> bool:
    # By type(): isinstance would believe an exception that lies about its class.
    return incident.exception is not None and issubclass(type(incident.exception), settings.ignore_exceptions)


def _ignored_class(incident: Incident, settings: Settings) -> bool:
    return incident.exception is not None and _hoptoad_ignore(incident.exception) is True


def _hoptoad_ignore(error: BaseException) -> object:
    """The attribute `hoptoad_ignore` of the exception's class, read without calling code of the site."""
    for kind in type.__dict__["__mro__"].__get__(type(error)):
        if "hoptoad_ignore" in kind.__dict__:
            return kind.__dict__["hoptoad_ignore"]
    return False


def _ignored_agent(incident: Incident, settings: Settings) -> bool:
    return any(pattern.search(incident.agent) for pattern in settings.ignore_agents)


def _ignored_url(incident: Incident, settings: Settings) -> bool:
    return any(pattern.search(incident.path) for pattern in settings.ignore_urls)


def _ignorable_404(incident: Incident, settings: Settings) -> bool:
    if incident.status != 404:
        return False
    path = incident.path.partition("?")[0]
    return (
        any(pattern.search(incident.path) for pattern in settings.ignorable_404_urls)
        or path.startswith(settings.ignorable_404_starts)
        or path.endswith(settings.ignorable_404_ends)
    )


def _no_broken_link(incident: Incident, settings: Settings) -> bool:
    if incident.status != 404 or not settings.broken_links_only:
        return False
    path, referrer, host = incident.path, incident.referrer, incident.host
    if settings.broken_links_only == "internal" and not is_internal(referrer, host):
        return True
    return not is_broken_link(path, referrer, host, append_slash=settings.django.append_slash)


# In this order. A filter is a function and a row here.
FILTERS: tuple[tuple[str, Callable[[Incident, Settings], bool]], ...] = (
    ("HOPTOAD_NOTIFY_WHILE_DEBUG", _in_debug_mode),
    ("HOPTOAD_NOTIFY_500", _unwanted_crash),
    ("HOPTOAD_NOTIFY_STATUSES", _unwanted_status),
    ("HOPTOAD_IGNORE_EXCEPTIONS", _ignored_exception),
    ("hoptoad_ignore", _ignored_class),
    ("HOPTOAD_IGNORE_AGENTS", _ignored_agent),
    ("HOPTOAD_IGNORE_URLS", _ignored_url),
    ("IGNORABLE_404_URLS", _ignorable_404),
    ("HOPTOAD_BROKEN_LINKS_ONLY", _no_broken_link),
)
