"""Finds the app that a notice belongs to."""

from django.db.models import Q
from django.utils.timezone import now

from hoptoad.inbox.models import App


def app_with_key(key: str, using: str) -> App | None:
    """The app with this key, or with it as the old one that is still valid."""
    if not key:
        return None
    valid = Q(key=key) | Q(old_key=key, old_key_until__gt=now())
    return App.objects.using(using).filter(valid).first()


def site_app(key: str, name: str, using: str) -> App:
    """The app of the site itself: the one with its key, else the site's own, made where there is none."""
    found = app_with_key(key, using)
    if found is not None:
        return found
    apps = App.objects.using(using)
    if key:
        return apps.get_or_create(is_site=True, defaults={"name": name[:100], "key": key[:100]})[0]
    return apps.get_or_create(is_site=True, defaults={"name": name[:100]})[0]
