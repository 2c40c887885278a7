"""The site in which the made-up requests of `generated` fail, and what it has sent of them."""

import json
import logging
import os
import sys
import tempfile
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.http import Http404, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from generated import PROTECTED
from scenes import Scene, body, headers_of, path, value_of, wrapped

import hoptoad
from hoptoad import hooks
from hoptoad.capture import context
from hoptoad.log import HoptoadHandler
from hoptoad.reporting.pipeline import pipeline

# The site's files, and the one in which each failure happens; its text is made for each case.
FOLDER = tempfile.TemporaryDirectory(prefix="hoptoad-made-up-")
FILE = os.path.join(FOLDER.name, "made_up.py")
TRAIL = 20
sent = []  # what the handler got
_now = []  # the scene of the request that runs

FIXED = {
    "HOPTOAD_PROJECT_ROOT": FOLDER.name,
    "HOPTOAD_HANDLER": "staged.Wire",
    "HOPTOAD_STORM_LIMIT": 0,
    "HOPTOAD_NOTIFY_404": True,
    "HOPTOAD_DIGEST_404": 0,
    "HOPTOAD_NOTIFY_WHILE_DEBUG": True,
    "HOPTOAD_PROTECTED_PARAMS": PROTECTED,
    "HOPTOAD_PROJECT_ID": "1",
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "ROOT_URLCONF": "staged",
}


class Wire:
    """A handler that keeps the bytes."""

    def enqueue(self, payload, timeout):
        sent.append(payload)


class Own(Exception):
    """With a text of its own making."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def __str__(self):
        return f"it failed: {self.text}"


def run(case):
    """The documents that were sent of a case."""
    # Only the trail gets what is logged: a failure would show the log of all cases.
    with mock.patch.object(logging.getLogger(), "handlers", []):
        return _run(case)


def _run(case):
    scene = Scene(case)
    sent.clear()
    pipeline.start_over()
    context.forget()
    own, environment = _own(scene)
    _now[:] = [scene]
    handler = HoptoadHandler()
    logging.getLogger("made.up").addHandler(handler)
    try:
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(sys, "excepthook", lambda *failure: None),
            override_settings(**{**FIXED, **own, **case.settings}),
        ):
            hooks.install(("commands",), trail=TRAIL)
            (_command if case.entry == "command" else _request)(scene)
    finally:
        hooks.remove()
        context.forget()
        logging.getLogger("made.up").removeHandler(handler)
        _now.clear()
    return list(sent)


def _own(scene):
    """The site's own secrets, as settings and as environment."""
    own, environment = {}, {}
    for plant in scene.planted("setting"):
        own[plant.name] = wrapped(plant.wrap, plant.secret.value)
    for plant in scene.planted("environment"):
        environment[plant.name] = plant.secret.value
    return own, environment


def _request(scene):
    case = scene.case
    client = _client(case.interface)
    client.cookies.clear()
    send = client.post if case.interface == "wsgi" else async_to_sync(client.post)
    data, more = body(scene)
    send(path(scene), data, headers=headers_of(scene), **more)


@lru_cache
def _client(interface):
    """One for all cases: each would leave its middleware behind, connected until it is collected."""
    return (AsyncClient if interface == "asgi" else Client)(raise_request_exception=False)


def _prepare(request, scene):
    """What a site does before it fails."""
    if scene.case.body == "form":
        dict(request.POST)
    elif scene.case.body == "json":
        json.loads(request.body)
    for name, value in scene.data("session").items():
        request.session[name] = value
    request.user = get_user_model()(pk=7, username=scene.text("username", "freda"))
    _remember(scene)


def _remember(scene):
    if "trail" in scene.texts:
        logging.getLogger("shop").warning("noted: %s", scene.text("trail"))
    if data := scene.data("context"):
        hoptoad.context(cart=data)


def _failing(scene, kind=""):
    """A function of the site's own file that fails: with marked variables, variables and source lines."""
    values, lines = [], []
    for number, plant in enumerate(scene.planted("variable")):
        values.append(value_of(plant.secret))
        lines.append(f"{plant.name}{'_' * number} = take()")
    for carrier, how in (("variable", str), ("nested variable", lambda text: {"list": [text, {text: "x"}]})):
        if carrier in scene.texts:
            values.append(how(scene.text(carrier)))
            lines.append(f"{carrier.replace(' ', '_')} = take()")
    if "source" in scene.texts:
        lines.append(f"note = 0  # {scene.text('source')}")
    marked = scene.planted("marked variable", "marked async")
    inner = [f"{plant.name}{'_' * number} = take()" for number, plant in enumerate(marked)]
    call = "await below()" if kind else "below()"
    source = "\n    ".join([f"{kind}def fail(take, below):", *lines, call])
    source += "\n\n" + "\n    ".join([f"{kind}def below(take, step=1):", *inner, "raise take()"])
    namespace = {"__name__": "shop.made_up"}
    exec(compile(source, FILE, "exec"), namespace)
    Path(FILE).write_text(source, encoding="utf-8", errors="surrogatepass")
    below = namespace["below"]
    if marked:
        names = [line.partition(" ")[0] for line in inner]
        below = sensitive_variables(*(names if len(scene.case.number) % 2 else ()))(below)
    taken = _taking([*(value_of(plant.secret) for plant in marked), _error(scene)])
    return partial(namespace["fail"], _taking(values), partial(below, taken))


def _taking(values):
    return partial(next, iter(values))


def _error(scene):
    text = scene.text("message", "it failed")
    error = {
        "ValueError": lambda: ValueError(text),
        "KeyError": lambda: KeyError(text),
        "OSError": lambda: OSError(2, "no such file", text),
        "Own": lambda: Own(text),
        "two arguments": lambda: RuntimeError(text, 5),
    }[scene.case.error]()
    if "cause" in scene.texts:
        error.__cause__ = LookupError(scene.text("cause"))
        error.__cause__.__context__ = OSError(5, "at first")
    if "note" in scene.texts:
        error.__notes__ = [scene.text("note")]
    return error


def _answer(request, scene):
    """What becomes of a request in its view."""
    _prepare(request, scene)
    case = scene.case
    if case.entry == "status":
        raise Http404
    if case.entry == "notify":
        hoptoad.notify(
            None if case.error == "OSError" and "cause" not in scene.texts else _error(scene),
            message=scene.text("message", "it failed"),
            request=request,
            params=scene.data("params"),
            tags=scene.data("tag"),
        )
        return HttpResponse("noticed")
    if case.entry == "log":
        extra = {"details": scene.data("log extra"), "request": request}
        text = scene.text("message", "it failed")
        if "log argument" in scene.texts:
            logging.getLogger("made.up").error("%s / %s", text, scene.text("log argument"), extra=extra)
        else:
            logging.getLogger("made.up").error(text, extra=extra)
        return HttpResponse("logged")
    return _failing(scene)()


@csrf_exempt
def view(request, rest):
    scene = _now[0]
    names = [plant.name for plant in scene.planted("marked")]
    answer = partial(_answer, scene=scene)
    return (sensitive_post_parameters(*names)(answer) if names else answer)(request)


@csrf_exempt
async def async_view(request, rest):
    scene = _now[0]

    async def answer(request):
        _prepare(request, scene)
        if scene.case.entry != "view":
            return _answer(request, scene)
        return await _failing(scene, "async ")()

    names = [plant.name for plant in scene.planted("marked")]
    return await (sensitive_post_parameters(*names)(answer) if names else answer)(request)


def _command(scene):
    with mock.patch.object(sys, "argv", _arguments(scene)):
        _remember(scene)
        try:
            Command(_failing(scene)).run_from_argv(sys.argv)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)


class Command(BaseCommand):
    """A management command that takes any arguments and fails."""

    def __init__(self, fail):
        super().__init__()
        self._fail = fail

    def create_parser(self, *args, **kwargs):
        return SimpleNamespace(parse_args=lambda given: SimpleNamespace(settings=None, pythonpath=None))

    def execute(self, *args, **options):
        self._fail()


def _arguments(scene):
    arguments = ["manage.py", "import_orders"]
    for plant in scene.planted("argument"):
        value = plant.secret.value
        arguments += [f"{plant.name}={value}"] if plant.wrap == ("=",) else [plant.name, value]
    if "argument" in scene.texts:
        arguments.append(f"the {scene.text('argument')}")
    return arguments


urlpatterns = [
    re_path(r"(?s)^fail/async/(?P<rest>.*)$", async_view),
    re_path(r"(?s)^fail/(?P<rest>.*)$", view),
]
