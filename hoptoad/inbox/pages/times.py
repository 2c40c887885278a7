"""Moments as people say them, with the exact time beside them."""

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime

_MINUTE, _MONTH = 60, 30 * 86_400


def time(moment: datetime, now: datetime) -> SafeString:
    """A `<time>`: "5 minutes ago", the day where it is long ago; the exact time is its title."""
    local = localtime(moment)
    age = (now - moment).total_seconds()
    if age < _MINUTE:
        said = "just now"
    elif age < _MONTH:
        said = f"{timesince(moment, now, depth=1)} ago"
    else:
        said = f"{local:%d %b %Y}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), f"{local:%Y-%m-%d %H:%M:%S %Z}", said
    )
