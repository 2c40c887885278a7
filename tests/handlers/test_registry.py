"""Which handler is used, also as sites of 2010 name it."""

import textwrap

import pytest

from hoptoad.errors import ConfigurationError
from hoptoad.handlers import get_handler
from hoptoad.handlers.blocking import BlockingNotifier
from hoptoad.handlers.memory import MemoryNotifier
from hoptoad.handlers.threaded import ThreadedNotifier
from hoptoad.testing import outbox

taken = []


class Mine:
    def enqueue(self, payload, timeout):
        taken.append((payload, timeout))


class Flushable(Mine):
    closed = 0

    def close(self):
        Flushable.closed += 1


class NoHandler:
    pass


def test_under_djangos_test_environment_nothing_is_sent_and_all_is_kept(client, db):
    client.post("/form/", {"password": "abc", "page": "2"})

    [notice] = outbox
    assert notice.error.message == "ValueError: something broke with a form"
    assert notice.request.params == {"password": "*" * 20, "page": "2"}
    assert isinstance(get_handler(), MemoryNotifier)


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("threadpool", ThreadedNotifier),
        ("ThreadPool", ThreadedNotifier),
        ("blocking", BlockingNotifier),
        ("memory", MemoryNotifier),
        (f"{__name__}.Mine", Mine),
    ],
)
def test_a_handler_is_named_by_a_word_or_by_its_dotted_path(settings_for, named, kind):
    settings_for(HOPTOAD_HANDLER=named)

    assert type(get_handler()).__name__ == kind.__name__
    assert get_handler() is get_handler()


def test_a_module_and_a_class_can_be_given_apart(settings_for):
    settings_for(HOPTOAD_HANDLER="hoptoad.handlers.blocking", HOPTOAD_HANDLER_CLASS="BlockingNotifier")

    assert isinstance(get_handler(), BlockingNotifier)


HANDLER_OF_2010 = '''
from hoptoad.api import htv2
{also}

class SomeAwesomeReporting({base}):
    def __init__(self, *args, **kwargs):
        {init}

    def enqueue(self, payload, timeout):
        """This enqueue method is your own implementation"""
        {enqueue}
'''


@pytest.mark.parametrize(
    "parts",
    [
        {"also": "", "base": "object", "init": "pass", "enqueue": "htv2.report(payload, timeout)"},
        {
            "also": "from hoptoad.api.htv2 import report",
            "base": "object",
            "init": "pass",
            "enqueue": "report(payload, timeout)",
        },
        {
            "also": "from hoptoad.handlers.blocking import BlockingNotifier",
            "base": "BlockingNotifier",
            "init": "BlockingNotifier.__init__(self, *args, **kwargs)",
            "enqueue": "BlockingNotifier.enqueue(self, payload, timeout)",
        },
        {
            "also": "from hoptoad.handlers.threaded import ThreadedNotifier",
            "base": "ThreadedNotifier",
            "init": "ThreadedNotifier.__init__(self, 2)",
            "enqueue": "ThreadedNotifier.enqueue(self, payload, timeout); self.flush(10)",
        },
    ],
    ids=["module", "function", "blocking", "threaded"],
)
def test_a_handler_written_for_2010_works_unchanged(client, collector, settings_for, tmp_path, parts):
    file = tmp_path / "awesome.py"
    file.write_text(HANDLER_OF_2010.format(**parts))
    settings_for(
        HOPTOAD_HANDLER=str(file),
        HOPTOAD_HANDLER_CLASS="SomeAwesomeReporting",
        HOPTOAD_NOTIFICATION_URL=collector.url,
    )

    client.get("/boom/")

    [received] = collector.wait()
    assert b"something broke" in received.body


def test_the_timeout_reaches_the_handler(client, settings_for):
    taken.clear()
    settings_for(HOPTOAD_HANDLER=f"{__name__}.Mine", HOPTOAD_TIMEOUT=1.5)

    client.get("/boom/")

    [(payload, timeout)] = taken
    assert payload.startswith(b"<?xml")
    assert timeout == 1.5


def test_a_handler_that_is_replaced_is_closed(settings_for):
    settings_for(HOPTOAD_HANDLER=f"{__name__}.Flushable")
    get_handler()
    settings_for(HOPTOAD_HANDLER="memory")
    get_handler()

    assert Flushable.closed == 1


def test_a_handler_stays_when_another_setting_changes(settings_for):
    settings_for(HOPTOAD_HANDLER="threadpool")
    handler = get_handler()
    settings_for(HOPTOAD_ENV_NAME="other")

    assert get_handler() is handler


@pytest.mark.parametrize(
    ("named", "kind", "why"),
    [
        ("shop.nowhere.Handler", "", "No module named 'shop.nowhere'"),
        ("shop.views.Nowhere", "", "Nowhere"),
        ("shop.broken_urls.Handler", "", "the URL configuration is broken"),
        (f"{__name__}.NoHandler", "", "has no method enqueue"),
        ("/no/such/file.py", "X", "No such file"),
        (__file__, "", "name of a class in it"),
        (__file__, "Nowhere", "Nowhere"),
    ],
)
def test_a_handler_that_cannot_be_had_is_named_with_the_reason(settings_for, named, kind, why):
    settings_for(HOPTOAD_HANDLER=named, HOPTOAD_HANDLER_CLASS=kind)

    with pytest.raises(ConfigurationError) as raised:
        get_handler()

    assert repr(named) in str(raised.value)
    assert why in str(raised.value)
    assert 'HOPTOAD_HANDLER = "' in str(raised.value)


def test_a_handler_that_raises_costs_the_site_nothing(client, settings_for, caplog, tmp_path):
    file = tmp_path / "raising.py"
    file.write_text(
        textwrap.dedent("""
        class Raising:
            def enqueue(self, payload, timeout):
                raise RuntimeError("the handler failed")
    """)
    )
    settings_for(HOPTOAD_HANDLER=str(file), HOPTOAD_HANDLER_CLASS="Raising")

    assert client.get("/boom/").status_code == 500
    assert "the handler failed" in caplog.text


def test_the_outbox_is_bounded(client):
    for _ in range(1005):
        MemoryNotifier().enqueue(SMALL, 5)

    assert len(outbox) == 1000


SMALL = b'<notice version="2.4"><error><class>E</class><message>E</message><backtrace/></error></notice>'
