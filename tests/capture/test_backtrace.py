"""The lines of a backtrace, which servers group by."""

import json
import threading

import pytest
from asgiref.sync import sync_to_async
from collector import Reply
from rules import check_v2

CREATED = Reply(201, '{"id":"000-11","url":"https://airbrake.test/locate/000-11"}')
VIEWS = "[PROJECT_ROOT]/site/shop/views.py"
PATHS = ["/boom/", "/boom/class/7/", "/boom/decorated/", "/boom/callable/", "/boom/word/", "/boom/async/"]


def lines(notice):
    return [(line.get("number"), line.get("file"), line.get("method")) for line in notice.iter("line")]


@pytest.mark.parametrize("path", PATHS)
async def test_a_view_has_the_same_lines_under_wsgi_and_asgi(client, async_client, reported, path):
    await sync_to_async(client.get)(path)
    await async_client.get(path)

    wsgi, asgi = [lines(notice) for notice in reported]
    assert wsgi == asgi
    assert [file for _, file, _ in wsgi] == [VIEWS]


async def test_frames_between_two_of_the_project_stay(client, async_client, reported, view):
    from shop.views import decorated

    view(lambda request: decorated(request))
    await sync_to_async(client.get)("/exception/")
    await async_client.get("/exception/")

    wsgi, asgi = [[file for _, file, _ in lines(notice)] for notice in reported]
    assert wsgi == asgi
    assert wsgi[0] == VIEWS
    assert wsgi[1].startswith("[SITE_PACKAGES]/django/")
    assert wsgi[-2:] == ["[PROJECT_ROOT]/capture/test_backtrace.py", VIEWS]


@pytest.mark.parametrize("path", PATHS)
def test_version_3_has_the_lines_of_version_2(client, collector, settings_for, path):
    base = f"http://127.0.0.1:{collector.port}"
    settings_for(HOPTOAD_HANDLER="blocking", HOPTOAD_NOTIFICATION_URL=collector.url)
    client.get(path)
    collector.default = CREATED
    settings_for(HOPTOAD_API="v3", HOPTOAD_NOTIFICATION_URL=f"{base}/api/v3/projects/7/notices")
    client.get(path)

    second, third = collector.received
    backtrace = json.loads(third.body)["errors"][0]["backtrace"]
    assert lines(check_v2(second.body)) == [
        (str(line["line"]), f"[{line['file'][1:].replace('/', ']/', 1)}", line["function"])
        for line in backtrace
    ]


def test_where_no_frame_is_of_the_project_all_stay(client, reported, settings_for):
    settings_for(HOPTOAD_PROJECT_ROOT="/somewhere/else")
    client.get("/boom/class/7/")

    files = [file for _, file, _ in lines(reported.one())]
    assert files[0].endswith("/shop/views.py")
    assert "[SITE_PACKAGES]/django/core/handlers/exception.py" in files


def test_a_thread_of_the_project_begins_with_its_own_function(reported):
    import hoptoad

    def work():
        with hoptoad.watch(reraise=False):
            int("x")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert [file for _, file, _ in lines(reported.one())] == ["[PROJECT_ROOT]/capture/test_backtrace.py"]
