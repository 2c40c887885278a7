"""Times in words, such as "5 minutes ago", with the exact time as their title."""

from datetime import date, datetime
from datetime import time as time_of_day

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import is_naive, localtime, make_aware

_MINUTE, _MONTH = 60, 30 * 86_400


def local(moment: datetime) -> datetime:
    """`moment` in the current time zone. That of a site with USE_TZ = False is local already."""
    return moment if is_naive(moment) else localtime(moment)


def midnight(day: date) -> datetime:
    """The beginning of a day in the current time zone."""
    start = datetime.combine(day, time_of_day.min)
    return make_aware(start) if settings.USE_TZ else start


def time(moment: datetime, now: datetime) -> SafeString:
    """A `<time>`: "5 minutes ago", the day where it is long ago; the exact time is its title."""
    shown = local(moment)
    age = (now - moment).total_seconds()
    if age < _MINUTE:
        said = "just now"
    elif age < _MONTH:
        said = f"{timesince(moment, now, depth=1)} ago"
    else:
        said = f"{shown:%d %b %Y}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', shown.isoformat(), f"{shown:%Y-%m-%d %H:%M:%S %Z}", said
    )
