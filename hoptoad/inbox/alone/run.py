"""Starts an inbox of its own: makes its folder, tables, first user and app, says how to send, and serves."""

import argparse
import os
import secrets
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hoptoad.errors import ConfigurationError
from hoptoad.inbox.alone import mail, site

MAX_BODY = 2 * 1024 * 1024
THREADS = 16
_EXTRA = "The inbox needs a web server: pip install 'django-hoptoad[inbox]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--bind", default="127.0.0.1:8000", help="address and port, 127.0.0.1:8000")
    parser.add_argument("--data", default="hoptoad-inbox", type=Path, help="its folder, ./hoptoad-inbox")
    parser.add_argument("--host", action="append", default=[], help="a name by which browsers reach it")
    parser.add_argument("--database-url", default="", help="postgresql://user:password@host/name, not SQLite")
    parser.add_argument(
        "--max-age", default=90.0, type=float, help="days that notices are kept, 90; 0: for ever"
    )
    parser.add_argument(
        "--new-password", metavar="USER", default="", help="print a new password of this user, and end"
    )
    parser.add_argument(
        "--behind-proxy", action="store_true", help="a proxy on this machine speaks https for it"
    )


def run(given: argparse.Namespace, *, out: Callable[[str], object] = print) -> int:
    """Serves until it is interrupted. Returns the exit status."""
    try:
        _require_extra()
        host, port = _address(given.bind)
        address = _public_address(given, host, port)
        _set_up(given, host, address)
        if given.new_password:
            out(_new_password(given.new_password))
            return 0
        lines = _prepared(address)
        server = _server(host, port, behind_proxy=given.behind_proxy)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for line in lines:
        out(line)
    sys.stdout.flush()
    server.run()
    return 0


def _require_extra() -> None:
    """Before anything is made."""
    if not (find_spec("waitress") and find_spec("whitenoise")):
        raise ConfigurationError(_EXTRA)


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"--bind {bind}: expected an address and a port, as in 127.0.0.1:8000")
    return host or "127.0.0.1", int(port)


def _public_address(given: argparse.Namespace, host: str, port: int) -> str:
    """The address for browsers and clients, without a slash at its end."""
    name = (given.host or [host])[0]
    return f"https://{name}" if given.behind_proxy and given.host else f"http://{name}:{port}"


def _set_up(given: argparse.Namespace, host: str, address: str) -> None:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    data = given.data.expanduser().resolve()
    site.make_folder(data)
    hosts = [*given.host, host]
    settings.configure(
        **site.settings(data, given.database_url, hosts, behind_proxy=given.behind_proxy),
        **mail.settings(os.environ),
        HOPTOAD_INBOX_URL=address,
        HOPTOAD_INBOX_MAX_AGE=_max_age(given.max_age),
    )
    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise ConfigurationError(f'{error}. Run: pip install "psycopg[binary]"') from error


def _max_age(days: float) -> float:
    if not 0 <= days <= 3650:
        raise ConfigurationError(f"--max-age {days:g}: expected a number of days from 0 to 3650")
    return days


def _prepared(address: str) -> list[str]:
    """Makes what is missing, and returns the lines that say how to use it."""
    from django.core.management import call_command
    from django.db import OperationalError

    from hoptoad.inbox.models import App

    try:
        call_command("migrate", verbosity=0, interactive=False)
    except OperationalError as error:
        said = " ".join(str(error).split())
        raise ConfigurationError(f"The database of the inbox cannot be used: {said}") from error
    app = App.objects.order_by("pk").first() or App.objects.create(name="My site")
    return [
        *_first_user(),
        f"The inbox is at {address}/",
        "",
        f"To send the errors of {app} to it:",
        "",
        "    HOPTOAD_SETTINGS = {",
        f'        "HOPTOAD_API_KEY": "{app.key}",',
        f'        "HOPTOAD_NOTIFICATION_URL": "{address}/notifier_api/v2/notices",',
        "    }",
        "",
    ]


def _first_user() -> list[str]:
    from django.contrib.auth import get_user_model

    users: Any = get_user_model().objects
    if users.exists():
        return []
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", "", password)
    return ["The first user is admin, the password (said this once, change it on the pages):", password, ""]


def _new_password(name: str) -> str:
    """Gives a user another password, and returns it."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    users: Any = get_user_model().objects
    user = users.filter(username=name).first()
    if user is None:
        raise ConfigurationError(f"--new-password {name}: there is no such user.")
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save()
    return password


def _server(host: str, port: int, *, behind_proxy: bool) -> Any:
    """A server that listens. Raises ConfigurationError where it may not."""
    import waitress  # type: ignore[import-untyped]
    from django.core.wsgi import get_wsgi_application

    trusted: dict[str, Any] = {}
    if behind_proxy:
        trusted = {
            "trusted_proxy": "127.0.0.1",
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
        }
    try:
        return waitress.create_server(
            get_wsgi_application(),
            host=host,
            port=port,
            threads=THREADS,
            max_request_body_size=MAX_BODY,
            ident=None,
            clear_untrusted_proxy_headers=True,
            **trusted,
        )
    except OSError as error:
        raise ConfigurationError(
            f"--bind {host}:{port}: the inbox cannot listen there ({error.strerror}). Give another port."
        ) from error
