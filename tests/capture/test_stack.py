"""Local variables and source lines, for sites that ask for them."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
from django.test import RequestFactory

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.redaction.cutting import MASK
from hoptoad.testing import outbox


def noticed(error):
    return build.notice(build.incident(RequestFactory().get("/"), exception=error), get_settings())


def raised(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error


def broken(colour, password):
    items = [1, {"token": "token-value", "name": "frog"}]
    text = "it's text"
    raise ValueError(colour, items, text, password)


def test_variables_and_source_are_off_by_default(client):
    client.get("/boom/")

    assert all(not (frame.variables or frame.source) for frame in outbox[0].error.frames)
    assert "FRAMES" not in outbox[0].request.cgi_data


def test_variables_and_source_of_the_projects_own_frames(settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True, HOPTOAD_SOURCE_CONTEXT=1)

    [frame, *_] = noticed(raised(broken, "green", "pass-value")).error.frames

    assert frame.variables == {
        "colour": "'green'",
        "password": MASK,
        "items": ("1", {"token": MASK, "name": "frog"}),
        "text": '"it\'s text"',
    }
    assert [line.strip() for _, line in frame.source] == [
        'text = "it\'s text"',
        "raise ValueError(colour, items, text, password)",
        "",
    ]
    assert frame.source[1][0] == frame.line


class Login(NamedTuple):
    user: str
    word: str


@dataclass(slots=True)
class Slotted:
    word: str


def named(credentials):
    raise ValueError(f"not let in: {credentials.word}")


@pytest.mark.parametrize("credentials", [Login("freda", "hunter2-Xyz99"), Slotted("hunter2-Xyz99")])
def test_what_is_inside_a_secret_variable_is_hidden_in_the_message_too(settings_for, credentials):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)

    notice = noticed(raised(named, credentials))

    assert notice.error.frames[0].variables == {"credentials": MASK}
    assert notice.error.message == f"ValueError: not let in: {MASK}"


def logs_in():
    connection = {"password": "s3cr3t-Value99"}
    raise ValueError(f"login with {connection['password']} failed")


def test_a_literal_that_is_masked_in_the_source_is_hidden_in_the_message_too(settings_for):
    settings_for(HOPTOAD_SOURCE_CONTEXT=1)

    notice = noticed(raised(logs_in))

    assert notice.error.frames[0].source[0][1].strip() == f'connection = {{"password": "{MASK}"}}'
    assert notice.error.message == f"ValueError: login with {MASK} failed"


def test_frames_of_packages_have_neither(client, settings_for):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True, HOPTOAD_SOURCE_CONTEXT=3)

    client.get("/boom/")

    own, *others = outbox[0].error.frames
    assert own.file.startswith("[PROJECT_ROOT]")
    assert own.variables == {"request": "<django.core.handlers.wsgi.WSGIRequest object>"}
    assert len(own.source) >= 4
    assert [frame for frame in others if frame.variables or frame.source] == []


def test_they_do_not_push_out_the_request(client, settings_for, view):
    settings_for(HOPTOAD_LOCAL_VARIABLES=True)

    @view
    def fail(request):
        dict(request.POST)
        giant = {f"name{number}": "x" * 2000 for number in range(5000)}
        raise ValueError(len(giant))

    client.post("/exception/", {"colour": "green"})

    [notice] = outbox
    assert notice.request.params == {"colour": "green"}
    assert notice.error.frames[0].variables["giant"]["[cut]"].endswith(" more")
    assert len(repr(notice)) < 250_000


@pytest.mark.parametrize("file", ["<string>", "[PROJECT_ROOT]"])
def test_code_without_a_file_has_no_source(settings_for, file):
    settings_for(HOPTOAD_SOURCE_CONTEXT=3, HOPTOAD_PROJECT_ROOT="/nowhere")
    code = compile("raise ValueError('x')", "/nowhere/gone.py", "exec")

    [frame, *_] = noticed(raised(exec, code, {})).error.frames

    assert frame.source == ()
