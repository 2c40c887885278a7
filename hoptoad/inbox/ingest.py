"""The ingest views: notices and deploys from any client of the protocol, versions 2 and 3.

Nothing is parsed before its size, encoding, key and rate are known, and nothing is accepted before it is
committed. A key lets write, nothing else.
"""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from html import unescape
from typing import Any
from urllib.parse import parse_qs

from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.timezone import now

from hoptoad.errors import ParseError
from hoptoad.inbox import answers, options
from hoptoad.inbox.answers import Refused
from hoptoad.inbox.apps_by_key import app_with_key
from hoptoad.inbox.arrivals import Arrival, arrival
from hoptoad.inbox.buckets import Buckets
from hoptoad.inbox.models import Deploy
from hoptoad.inbox.writer import Busy, writer

MAX_BYTES = 1024 * 1024
COMMIT_WITHIN = 25.0  # seconds
LATER = 5.0  # seconds after which a client may come again
KEYS_FOR = 5.0  # seconds for which a process remembers whose key it is

by_key = Buckets(per_second=500, burst=5000)
by_address = Buckets(per_second=500, burst=5000)
unknown_keys = Buckets(per_second=5, burst=100)  # of one address
_KEY = re.compile(rb"<api-key>\s*(?:<!\[CDATA\[)?([^<\]]{1,200})")
_keys: dict[tuple[str, str], tuple[float, int]] = {}
_MAX_KEYS = 1000


def start_over() -> None:
    """Forgets keys and rates."""
    _keys.clear()
    for buckets in (by_key, by_address, unknown_keys):
        buckets.start_over()


View = Callable[..., HttpResponse]


def notices_v2(request: HttpRequest) -> HttpResponse:
    """`POST /notifier_api/v2/notices`: XML as the body, or in the form field `data`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        document = _form_data(_body(request))
        identity = _accepted(request, _key_v2(document), document, unknown=422)
    except Refused as refused:
        return _refused(refused, answers.refused_v2)
    return answers.accepted_v2(identity, _link(request, identity))


def notices_v3(request: HttpRequest, project: str) -> HttpResponse:
    """`POST /api/v3/projects/<id>/notices`: JSON, from servers and from browsers."""
    if request.method == "OPTIONS":
        return answers.preflight(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    try:
        document = _body(request)
        if document.lstrip()[:1] != b"{":
            raise Refused(400, "The body is not a JSON object.")
        identity = _accepted(request, _key_v3(request, project), document, unknown=401)
    except Refused as refused:
        return _refused(refused, answers.refused_v3)
    return answers.accepted_v3(identity, _link(request, identity))


def deploys_v2(request: HttpRequest) -> HttpResponse:
    """`POST /deploys.txt`: a form with `api_key` and `deploy[rails_env]`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        form = _form(_body(request))
        app = _app(request, form.get("api_key", ""), unknown=422)
        environment = form.get("deploy[rails_env]", "")
        if not environment:
            raise Refused(422, "deploy[rails_env] is missing.", app_id=app)
        version, revision = form.get("deploy[version]", ""), form.get("deploy[scm_revision]", "")
        _deployed(app, environment, version, revision, form.get("deploy[local_username]", ""))
    except Refused as refused:
        return _refused(refused, answers.refused_v2)
    return HttpResponse("<deploy>Recorded the deploy.</deploy>", content_type="text/xml; charset=utf-8")


def deploys_v4(request: HttpRequest, project: str) -> HttpResponse:
    """`POST /api/v4/projects/<id>/deploys`: JSON."""
    if request.method == "OPTIONS":
        return answers.preflight(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST", "OPTIONS"])
    try:
        told = _json_texts(_body(request))
        app = _app(request, _key_v3(request, project), unknown=401)
        environment, version, revision, email, user = (
            told.get(name, "") for name in ("environment", "version", "revision", "email", "username")
        )
        _deployed(app, environment, version, revision, user or email)
    except Refused as refused:
        return _refused(refused, answers.refused_v3)
    return answers.accepted_v3(str(app), "")


def locate(request: HttpRequest, identity: str) -> HttpResponse:
    """Leads from the id of a notice to the admin, which finds its problem for those who may see it."""
    try:
        return HttpResponseRedirect(reverse("admin:hoptoad_inbox_problem_locate", args=[identity]))
    except NoReverseMatch as error:
        raise Http404("this site has no admin") from error


def _body(request: HttpRequest) -> bytes:
    """The body, read here and not by Django, whose limits and parsers are the site's."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "The body must not be compressed: send it without a Content-Encoding.")
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and (len(length) > 10 or int(length) > MAX_BYTES):
        raise Refused(413, f"The body has more than {MAX_BYTES:,} bytes.")
    try:
        body = request.read(MAX_BYTES + 1)
    except OSError as error:  # the client went away
        raise Refused(400, "The body ended early.") from error
    if len(body) > MAX_BYTES:
        raise Refused(413, f"The body has more than {MAX_BYTES:,} bytes.")
    if not body:
        raise Refused(400, "The body is empty: send the notice as the body, with a Content-Length.")
    return bytes(body)


def _form_data(body: bytes) -> bytes:
    """The document of a body that is one, or that has it in the field `data`."""
    return _form(body).get("data", "").encode() if body.startswith(b"data=") else body


def _form(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=50)
    except ValueError as error:
        raise Refused(400, "The form has too many fields.") from error
    return {name: values[-1] for name, values in found.items()}


def _json_texts(body: bytes) -> dict[str, str]:
    """The texts of a small object."""
    try:
        found = json.loads(body) if len(body) < 64 * 1024 else None
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise Refused(400, "The body is not a small JSON object.")
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _key_v2(document: bytes) -> str:
    found = _KEY.search(document)
    return unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def _key_v3(request: HttpRequest, project: str) -> str:
    """In the order in which Errbit looks for it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or request.headers.get("X-Airbrake-Token", "") or request.GET.get("key", "") or project


def _app(request: HttpRequest, key: str, *, unknown: int) -> int:
    """The id of the app that may send now."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if delay := by_address.wait(address):
        raise Refused(429, "This address sends too much.", delay=delay)
    try:
        app = _app_id(key)
    except Error as error:
        raise Refused(503, "The database of the inbox cannot be reached.", delay=LATER) from error
    if app is None:
        if delay := unknown_keys.wait(address):
            raise Refused(429, "This address sends too many unknown keys.", delay=delay)
        raise Refused(unknown, "Your API key is unknown.")
    if delay := by_key.wait(key):
        raise Refused(429, "Project is rate limited.", delay=delay, app_id=app)
    return app


def _app_id(key: str) -> int | None:
    using = options.database()
    until, app = _keys.get((using, key), (0.0, 0))
    if time.monotonic() < until:
        return app
    found = app_with_key(key, using) if len(key) <= 100 and "\x00" not in key else None
    if found is None:
        return None
    if len(_keys) >= _MAX_KEYS:
        _keys.clear()
    _keys[using, key] = time.monotonic() + KEYS_FOR, found.pk
    return int(found.pk)


def _accepted(request: HttpRequest, key: str, document: bytes, *, unknown: int) -> str:
    """Stores the notice and returns its id, once it is committed."""
    app = _app(request, key, unknown=unknown)
    try:
        found = arrival(app, document, now())
    except ParseError as error:
        raise Refused(422 if unknown == 422 else 400, f"{error}.", app_id=app) from error
    _commit(found)
    return found.client_id


def _commit(found: Arrival) -> None:
    try:
        done: Future[None] = writer(options.database()).submit(found)
        done.result(COMMIT_WITHIN)
    except Busy as busy:
        raise Refused(503, "Too many notices wait to be stored.", delay=LATER, app_id=found.app_id) from busy
    except (Error, FutureTimeout) as error:
        raise Refused(503, "The notice could not be stored now.", delay=LATER) from error


def _deployed(app: int, environment: str, version: str, revision: str, user: str) -> None:
    texts = [text.replace("\x00", "")[:100] for text in (environment, version, revision, user)]
    names = ("environment", "version", "revision", "user")
    try:
        Deploy.objects.using(options.database()).create(app_id=app, **dict(zip(names, texts, strict=True)))
    except Error as error:
        raise Refused(503, "The deploy could not be stored now.", delay=LATER) from error


def _refused(refused: Refused, answer: Callable[[Refused], HttpResponse]) -> HttpResponse:
    if refused.app_id is not None:
        writer(options.database()).refuse(refused.app_id, refused.reason)
    return answer(refused)


def _link(request: HttpRequest, identity: str) -> str:
    return request.build_absolute_uri(reverse("hoptoad_inbox:locate", args=[identity]))


def exempt(view: View) -> View:
    """`view` without CSRF check, login and transaction, which the site may require of its views."""
    from django.db import connections
    from django.db.transaction import non_atomic_requests
    from django.views.decorators.csrf import csrf_exempt

    found: Any = csrf_exempt(view)
    found.login_required = False  # as login_not_required does, without django.contrib.auth
    for alias in connections:
        found = non_atomic_requests(using=alias)(found)
    exempted: View = found
    return exempted
