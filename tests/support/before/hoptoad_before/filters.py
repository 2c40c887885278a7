"""Which incidents nobody wants to hear of."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from hoptoad_before.brokenlinks import is_broken_link, is_internal
from hoptoad_before.notice import Incident


class Rules(Protocol):
    """The settings these filters read."""

    @property
    def debug(self) -> bool: ...
    @property
    def notify_while_debug(self) -> bool: ...
    @property
    def notify_500(self) -> bool: ...
    @property
    def statuses(self) -> Collection[int]: ...
    @property
    def ignore_agents(self) -> "Sequence[re.Pattern[str]]": ...
    @property
    def ignore_exceptions(self) -> tuple[type[BaseException], ...]: ...
    @property
    def ignore_urls(self) -> "Sequence[re.Pattern[str]]": ...
    @property
    def ignorable_404_urls(self) -> "Sequence[re.Pattern[str]]": ...
    @property
    def ignorable_404_starts(self) -> tuple[str, ...]: ...
    @property
    def ignorable_404_ends(self) -> tuple[str, ...]: ...
    @property
    def broken_links_only(self) -> bool | str: ...
    @property
    def append_slash(self) -> bool: ...


def suppressed_by(incident: Incident, rules: Rules) -> str | None:
    """The name of the first setting that keeps `incident` from being reported, or None."""
    for name, says_no in _FILTERS:
        if says_no(incident, rules):
            return name
    return None


def _debugging(incident: Incident, rules: Rules) -> bool:
    return rules.debug and not rules.notify_while_debug


def _unwanted_crash(incident: Incident, rules: Rules) -> bool:
    return incident.is_request and incident.exception is not None and not rules.notify_500


def _unwanted_status(incident: Incident, rules: Rules) -> bool:
    return incident.is_request and incident.exception is None and incident.status not in rules.statuses


def _ignored_exception(incident: Incident, rules: Rules) -> bool:
    # By type(): isinstance would believe an exception that lies about its class.
    return incident.exception is not None and issubclass(type(incident.exception), rules.ignore_exceptions)


def _ignores_itself(incident: Incident, rules: Rules) -> bool:
    """A class may say of itself that it is no failure: `hoptoad_ignore = True`."""
    return incident.exception is not None and _says_of_itself(incident.exception) is True


def is_answer(error: BaseException) -> bool:
    """Whether it is a failure only where nothing answers it: `hoptoad_ignore = "answered"`."""
    return _says_of_itself(error) == "answered"


def _says_of_itself(error: BaseException) -> object:
    mro = type.__dict__["__mro__"].__get__(type(error))
    return next((kind.__dict__["hoptoad_ignore"] for kind in mro if "hoptoad_ignore" in kind.__dict__), False)


def _ignored_agent(incident: Incident, rules: Rules) -> bool:
    return any(pattern.search(incident.agent) for pattern in rules.ignore_agents)


def _ignored_url(incident: Incident, rules: Rules) -> bool:
    return any(pattern.search(incident.path) for pattern in rules.ignore_urls)


def _ignorable_url(incident: Incident, rules: Rules) -> bool:
    if incident.status != 404:
        return False
    path = incident.path.partition("?")[0]
    return (
        any(pattern.search(incident.path) for pattern in rules.ignorable_404_urls)
        or path.startswith(rules.ignorable_404_starts)
        or path.endswith(rules.ignorable_404_ends)
    )


def _no_broken_link(incident: Incident, rules: Rules) -> bool:
    if incident.status != 404 or not rules.broken_links_only:
        return False
    path, referrer, host = incident.path, incident.referrer, incident.host
    if rules.broken_links_only == "internal" and not is_internal(referrer, host):
        return True
    return not is_broken_link(path, referrer, host, append_slash=rules.append_slash)


_FILTERS: tuple[tuple[str, Callable[[Incident, Rules], bool]], ...] = (
    ("HOPTOAD_NOTIFY_WHILE_DEBUG", _debugging),
    ("HOPTOAD_NOTIFY_500", _unwanted_crash),
    ("HOPTOAD_NOTIFY_STATUSES", _unwanted_status),
    ("HOPTOAD_IGNORE_EXCEPTIONS", _ignored_exception),
    ("hoptoad_ignore", _ignores_itself),
    ("HOPTOAD_IGNORE_AGENTS", _ignored_agent),
    ("HOPTOAD_IGNORE_URLS", _ignored_url),
    ("IGNORABLE_404_URLS", _ignorable_url),
    ("HOPTOAD_BROKEN_LINKS_ONLY", _no_broken_link),
)
