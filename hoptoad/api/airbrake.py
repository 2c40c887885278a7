"""The addresses of Airbrake's servers, and of those that are laid out alike."""

from urllib.parse import urlsplit

from hoptoad.conf.settings import Settings


def notices_v2(settings: Settings) -> str:
    """Where Airbrake takes notices of version 2."""
    return _address(settings, "notifier_api/v2/notices")


def notices_v3(settings: Settings) -> str:
    """Where Airbrake takes notices of version 3."""
    return _address(settings, f"api/v3/projects/{settings.project_id}/notices")


def beside(url: str, path: str) -> str:
    """The address of `path` at the server that `url` leads to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{path}"


def _address(settings: Settings, path: str) -> str:
    return f"{'https' if settings.use_ssl else 'http'}://api.airbrake.io/{path}"
