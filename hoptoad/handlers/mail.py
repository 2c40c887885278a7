"""Delivery by mail: worded like Django's own error mails, and sent by Django."""

import contextlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mail_admins, mail_managers

from hoptoad.api.parsers import parse
from hoptoad.conf.loading import get_settings
from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.stats import stats
from hoptoad.handlers.letter import body, is_broken_link, subject
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.notice import Frame, Notice, Value
from hoptoad.runtime import messages
from hoptoad.runtime.exception_reporters import NAMES, find
from hoptoad.runtime.guards import log_exception
from hoptoad.runtime.lifecycle import imported, importing
from hoptoad.runtime.messages import get_logger
from hoptoad.signals import emit, notice_answered

ADDRESS = "mail"
_SMTP = "django.core.mail.backends.smtp.EmailBackend"

logger = get_logger(__name__)


class MailNotifier(ThreadedNotifier):
    """Mails in one thread, so that no request waits for a mail server."""

    takes_reports = False

    def __init__(self, **kwargs: Any) -> None:
        with importing, contextlib.suppress(Exception):  # a missing backend is logged with the first mail
            import encodings.idna  # noqa: F401 - Python imports it to resolve a host name

            imported(_backend())
        super().__init__(1, send=send, **kwargs)


def send(payload: bytes, timeout: float) -> Answer:
    """Mails a notice to ADMINS, or to MANAGERS for a 404, and returns what came of it. Blocks."""
    notice = parse(payload)
    try:
        _send(notice)
    except Exception as error:  # from the mail backend
        text = messages.safe_line(f"{type(error).__name__}: {error}")
        answer = Answer(verdict=Verdict.REFUSED, url=ADDRESS, fault="mail", text=text)
    else:
        stats.count("mailed")
        answer = Answer(verdict=Verdict.ACCEPTED, url=ADDRESS)
    emit(notice_answered, send, answer=answer)
    return answer


def _send(notice: Notice) -> None:
    setting, send_mail = ("MANAGERS", mail_managers) if is_broken_link(notice) else ("ADMINS", mail_admins)
    if not getattr(settings, setting):
        raise ImproperlyConfigured(f"{setting} is empty")
    html = _html(notice) if get_settings().mail_html else None
    send_mail(subject(notice), body(notice), html_message=html)


def _html(notice: Notice) -> str | None:
    try:
        return _page(notice, str(notice.request.cgi_data.get("EXCEPTION_REPORTER", "")))
    except Exception:
        log_exception(logger, "The exception reporter could not make a page: the mail goes as plain text.")
        return None


def _backend() -> str:
    mailers = getattr(settings, "MAILERS", None)  # Django 6.1
    return str(settings.EMAIL_BACKEND if mailers is None else mailers["default"].get("BACKEND", _SMTP))


def _page(notice: Notice, path: str = "") -> str:
    """The notice as HTML, made by the template of the site's reporter class.

    `path` names the reporter class of the failing request; one that this process has not seen is ignored,
    because a document may come from anybody. The page shows only what the notice holds. Raises what the
    class and its template raise.
    """
    kind: Any = find(path) or imported(settings.DEFAULT_EXCEPTION_REPORTER)
    data = {**_page_data(notice), **notice.extra}
    shown = type("Page", (kind,), {"get_traceback_data": lambda _: data})
    return str(shown(None, None, None, None, is_email=True).get_traceback_html())


def _page_data(notice: Notice) -> dict[str, Any]:
    meta, request = notice.request.cgi_data, notice.request
    frames = [_frame(number, frame) for number, frame in enumerate(reversed(notice.error.frames))]
    short = notice.error.class_name.rpartition(".")[2]
    return {
        **dict.fromkeys(NAMES, ""),
        "is_email": True,
        "frames": frames,
        "lastframe": frames[-1] if frames else None,
        "request": _Request(meta, request.url) if meta.get("REQUEST_METHOD") else None,
        "request_insecure_uri": request.url,
        "request_meta": {name: value for name, value in meta.items() if isinstance(value, str)},
        "filtered_POST_items": list(request.params.items()),
        "settings": {"SETTINGS_MODULE": "[settings are never sent]"},
        "user_str": notice.user.id if notice.user else "",
        "raising_view_name": ".".join(filter(None, (request.component, request.action))),
        "exception_type": short,
        "exception_value": notice.error.message.removeprefix(f"{short}: "),
        "django_version_info": notice.framework.removeprefix("Django: "),
        "sys_version_info": notice.language.removeprefix("Python/"),
    }


class _Request:
    """The part of a request that Django's template reads."""

    def __init__(self, meta: Mapping[str, Value], url: str) -> None:
        self.META = meta
        self.path_info = str(meta.get("PATH_INFO", url))
        self.GET: dict[str, str] = {}  # the parameters hold them, and uploads too
        self.FILES: dict[str, str] = {}
        self.COOKIES: dict[str, str] = {}  # a header holds them


def _frame(number: int, frame: Frame) -> dict[str, Any]:
    lines = dict(frame.source)
    return {
        "id": number,
        "tb": frame,
        "type": "user" if frame.file.startswith("[PROJECT_ROOT]") else "django",
        "filename": frame.file,
        "function": frame.function,
        "lineno": frame.line,
        "vars": list(frame.variables.items()),
        "pre_context_lineno": min(lines, default=frame.line),
        "pre_context": [line for at, line in lines.items() if at < frame.line],
        "context_line": lines.get(frame.line, ""),
        "post_context": [line for at, line in lines.items() if at > frame.line],
        "colno": "",
        "tb_area_colno": "",
    }
