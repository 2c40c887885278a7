"""Which missing pages are someone's broken link: the rule of Django's BrokenLinkEmailsMiddleware."""

from urllib.parse import urlsplit


def is_internal(referrer: str, host: str) -> bool:
    """Whether the link stands on this very site; another subdomain is another site."""
    return bool(host) and referrer.lower().startswith((f"http://{host}/".lower(), f"https://{host}/".lower()))


def is_broken_link(path: str, referrer: str, host: str, *, append_slash: bool = True) -> bool:
    """Whether the link to `path` (with its query string) on `referrer` is worth mending.

    https://docs.djangoproject.com/en/stable/ref/middleware/#django.middleware.common.BrokenLinkEmailsMiddleware
    """
    if not referrer:
        return False
    internal = is_internal(referrer, host)
    if "?" in referrer and not internal:
        return False  # a search engine's page
    try:
        parts = urlsplit(referrer)
    except ValueError:  # half an IPv6 address
        return False
    if parts.netloc.lower() not in ("", host.lower()):
        return True
    came_from = parts.path + (f"?{parts.query}" if parts.query else "")
    if path in (came_from, parts.path):
        return False  # the page itself: a poorly written bot
    # Django's own redirect. Its rule compares the whole referrer with the path, which is never equal.
    return not (append_slash and path.endswith("/") and came_from == path[:-1])
