"""Runs the demo: starts the site, requests every page, and prints the notices that arrive."""

import contextlib
import http.client
import io
import shutil
import signal
import sys
import tempfile
import textwrap
import threading
from typing import Any, Protocol, TextIO
from urllib.parse import urlencode

from django.apps import apps

from hoptoad.api.characters import clean
from hoptoad.handlers.letter import flat, where
from hoptoad.management.demo import inbox, site
from hoptoad.management.demo.receiver import Receiver
from hoptoad.notice import Notice
from hoptoad.redaction.cutting import cut

STATIC = "django.contrib.staticfiles"
_WAIT = 20.0  # seconds for a notice to arrive
_MASK_SHOWN = "*" * 20


class Received(Protocol):
    """Where the notices arrive."""

    @property
    def documents(self) -> list[bytes]: ...
    @property
    def notices(self) -> list[Notice]: ...


def run(*, serve: bool = False, out: "TextIO | None" = None) -> int:
    """Returns 0 if every failing page was reported once and no secret arrived, else 1."""
    out = out or sys.stdout
    return _show_inbox(out) if serve else _show_receiver(out)


def _show_receiver(out: TextIO) -> int:
    receiver = Receiver()
    receiver.start()
    names = {"HOPTOAD_API_KEY": "the-key-of-the-demo", "HOPTOAD_NOTIFICATION_URL": receiver.url}
    _set_up(site.settings({**names, "HOPTOAD_USE_SSL": False}))
    port = _start_site()
    out.write(f"Receiver  {receiver.address}/\nSite      http://127.0.0.1:{port}/\n\n")
    status = _show(out, port, receiver)
    receiver.stop()
    out.write("\nTo see them in the inbox, in a browser:  python -m hoptoad demo --serve\n")
    return status


def _show_inbox(out: TextIO) -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _set_up({**site.settings(inbox.NOTIFIER), **inbox.settings(folder)})
        from django.core.management import call_command

        from hoptoad.management.demo.urls import new_path

        call_command("migrate", verbosity=0, interactive=False)
        port = _start_site()
        status = _show(out, port, inbox.Arrived())
        out.write(f"\nThe inbox  http://127.0.0.1:{port}{new_path()}  (signs you in, once)\n")
        out.write(f"The site   http://127.0.0.1:{port}/\n")
        _serve(out)
    return status


def _show(out: TextIO, port: int, received: Received) -> int:
    """Requests every page, and prints what arrives."""
    complete = True
    for request in site.REQUESTS:
        status, arrived = _ask(port, request, received)
        complete = complete and len(arrived) == 1
        _print(out, request, status, arrived)
    leaked = [secret for secret in site.SECRETS if secret.encode() in b"".join(received.documents)]
    out.write(
        f"{len(site.REQUESTS)} requests, {len(received.notices)} notices, "
        f"{len(leaked)} of {len(site.SECRETS)} secrets unmasked.\n"
    )
    return 0 if complete and not leaked else 1


def _set_up(names: "dict[str, Any]") -> None:
    import django
    from django.conf import settings

    settings.configure(**names)
    django.setup(set_prefix=False)


def _start_site() -> int:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: object) -> None:
            """Logs nothing: the demo prints a table of its own."""

        def get_stderr(self) -> TextIO:
            return io.StringIO()  # hides the traceback of the broken stream

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    application = get_wsgi_application()
    server.set_app(StaticFilesHandler(application) if apps.is_installed(STATIC) else application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def _ask(port: int, request: site.DemoRequest, received: Received) -> "tuple[int, list[Notice]]":
    from hoptoad.handlers import get_handler

    before = len(received.notices)
    body, content_type = request.data, "application/json"
    if isinstance(body, dict):
        body, content_type = urlencode(body).encode(), "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAIT)
    try:
        headers = {"Content-Type": content_type} if body else {}
        connection.request("POST" if body else "GET", request.path, body, headers)
        response = connection.getresponse()
        with contextlib.suppress(http.client.IncompleteRead):  # the stream that breaks off
            response.read()
    finally:
        connection.close()
    flush = getattr(get_handler(), "flush", None)
    if flush is not None:
        flush(_WAIT)
    return response.status, received.notices[before:]


def _print(out: TextIO, request: site.DemoRequest, status: int, arrived: "list[Notice]") -> None:
    width = max(min(shutil.get_terminal_size().columns, 120), 60)
    method = "POST" if request.data else "GET"
    out.write(f"{status}  {method} {request.path}   ({request.what})\n")
    if not arrived:
        out.write("     nothing arrived\n")
    for notice in arrived:
        rows = [("error", notice.error.message), ("where", where(notice))]
        if notice.error.frames[0].line:
            frame = notice.error.frames[0]
            rows.append(("line", f"{frame.file}:{frame.line}"))
        cause = notice.request.cgi_data.get("EXCEPTION_CAUSE")
        if isinstance(cause, str):
            rows.append(("cause", cause.splitlines()[0]))
        if _MASK_SHOWN in notice.request.url:
            rows.append(("url", notice.request.url))
        rows += flat(notice.request.params)
        out.writelines(_row(name, text, width) for name, text in rows)
    out.write("\n")


def _row(name: str, text: str, width: int) -> str:
    wrapped = textwrap.wrap(clean(cut(text, 400)), width - 26) or [""]
    lines = [f"     {name:<19}  {wrapped[0]}", *(" " * 26 + line for line in wrapped[1:])]
    return "\n".join(lines) + "\n"


def _serve(out: TextIO) -> None:
    out.write("Both keep running. Ctrl+C stops them.\n")
    out.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the folder is to be removed
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.write("\n")
