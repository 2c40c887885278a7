"""What a message says must be the same for each release, host and virtual environment."""

from pathlib import Path

import django
import pytest
from places import SITE

import hoptoad
from hoptoad.testing import outbox

PACKAGES = Path(django.__file__).parent.parent


def missing_file(request):
    open(SITE / "shop" / "nowhere.csv")  # noqa: SIM115


def missing_name(request):
    from shop.views import nowhere  # noqa: F401


def broken_code(request):
    compile("1 +", str(SITE / "shop" / "broken.py"), "exec")


def missing_in_package(request):
    (PACKAGES / "django" / "nowhere.html").read_text()


def several(request):
    try:
        missing_file(request)
    except OSError as error:
        raise RuntimeError("could not read", SITE / "shop") from error


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (
            missing_file,
            "FileNotFoundError: [Errno 2] No such file or directory: '[PROJECT_ROOT]/site/shop/nowhere.csv'",
        ),
        (
            missing_name,
            "ImportError: cannot import name 'nowhere' from 'shop.views' ([PROJECT_ROOT]/site/shop/views.py)",
        ),
        (broken_code, "SyntaxError: invalid syntax (broken.py, line 1)"),
        (
            missing_in_package,
            "FileNotFoundError: [Errno 2] No such file or directory: '[SITE_PACKAGES]/django/nowhere.html'",
        ),
        (several, "RuntimeError: ('could not read', PosixPath('[PROJECT_ROOT]/site/shop'))"),
    ],
)
def test_paths_in_messages_are_written_like_those_of_frames(client, reported, view, fail, message):
    view(fail)

    client.get("/exception/")

    assert reported.one().findtext("error/message") == message


def test_paths_in_causes_and_notes_are_written_like_those_of_frames(view, client, settings_for):
    def fail(request):
        try:
            missing_file(request)
        except OSError as error:
            wrong = RuntimeError("could not read")
            wrong.__notes__ = [f"beside {SITE}/shop/views.py"]
            raise wrong from error

    view(fail)
    client.get("/exception/")

    environment = outbox[0].request.cgi_data
    assert environment["EXCEPTION_NOTES"] == "beside [PROJECT_ROOT]/site/shop/views.py"
    assert environment["EXCEPTION_CAUSE"].startswith(
        "FileNotFoundError: [Errno 2] No such file or directory: '[PROJECT_ROOT]/site/shop/nowhere.csv' at "
    )


def test_paths_in_what_is_said_are_written_like_those_of_frames():
    hoptoad.notify(message=f"no {SITE}/media")

    assert outbox[0].error.message == "no [PROJECT_ROOT]/site/media"


def test_the_path_of_a_page_is_no_path_of_a_file(client, settings_for):
    settings_for(HOPTOAD_PROJECT_ROOT="/app", HOPTOAD_NOTIFY_404=True)

    client.get("/app/nowhere")

    assert outbox[0].error.message == "Http404: Page not found at /app/nowhere"


def test_a_secret_that_is_a_path_is_masked_all_the_same(client, view):
    def fail(request):
        raise ValueError(f"cannot open {request.GET['private_key']}")

    view(fail)
    client.get("/exception/", {"private_key": f"{SITE}/keys/x.pem"})

    assert outbox[0].error.message == "ValueError: cannot open " + "*" * 20
