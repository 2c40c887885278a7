"""The pool of threads: it never blocks, it survives forks, and it empties itself at the end."""

import gc
import os
import queue
import re
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from collector import Reply
from places import PYTHONPATH

from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker
from hoptoad.delivery.stats import stats
from hoptoad.handlers.threaded import ThreadedNotifier


class Gate:
    """A `send` that waits until it is opened, and remembers what it was given."""

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.sent = []

    def __call__(self, payload, timeout):
        self.entered.release()
        assert self.open.wait(20)
        self.sent.append(payload)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def losses():
    """Counts the notices that were lost since."""
    before = stats.counts()["dropped"]
    return lambda: stats.counts()["dropped"] - before


def new_threads():
    """Counts the threads that were started since."""
    before = set(threading.enumerate())
    return lambda: len(set(threading.enumerate()) - before)


def pool(gate, **kwargs):
    return ThreadedNotifier(kwargs.pop("threads", 2), send=gate, **kwargs)


class Encoding:
    """A report that takes until it is released to be encoded."""

    timeout = 5.0

    def __init__(self):
        self.begun = threading.Event()
        self.released = threading.Event()

    def payload(self):
        self.begun.set()
        assert self.released.wait(20)
        return b"encoded late"


def test_a_notice_that_is_encoded_while_the_pool_ends_is_not_lost_in_silence():
    report, failed = Encoding(), queue.SimpleQueue()

    def fall_back(payload, timeout, why, answer):  # by now the pool has emptied its queue
        report.released.set()
        failed.put(payload)

    notifier = ThreadedNotifier(1, send=lambda *args: None, fall_back=fall_back)
    notifier.submit(report)
    assert report.begun.wait(20)
    notifier.enqueue(b"waiting", 5)

    notifier.close(0)

    assert [failed.get(timeout=20), failed.get(timeout=20)] == [b"waiting", b"encoded late"]


def test_no_thread_runs_before_there_is_something_to_send(gate):
    started = new_threads()

    notifier = pool(gate)
    assert started() == 0

    notifier.enqueue(b"1", 5)
    assert started() == 1


def test_threads_are_as_many_as_there_is_work_for_up_to_the_setting(gate):
    started = new_threads()
    notifier = pool(gate, threads=3)

    for number in range(10):
        notifier.enqueue(b"%d" % number, 5)

    assert started() == 3


def test_an_idle_thread_is_used_again(gate):
    gate.open.set()
    started = new_threads()
    notifier = pool(gate)

    for number in range(5):
        notifier.enqueue(b"%d" % number, 5)
        assert notifier.flush(20)

    assert len(gate.sent) == 5
    assert started() <= 2


def test_a_full_queue_drops_the_newest_counts_and_says_so_once(gate, caplog):
    lost = losses()
    notifier = pool(gate, threads=1, queue_size=3)
    notifier.enqueue(b"being sent", 5)
    gate.entered.acquire(timeout=20)

    for number in range(10):
        notifier.enqueue(b"%d" % number, 5)

    assert lost() == 7
    assert len([line for line in caplog.messages if "queue is full" in line]) == 1
    gate.open.set()
    assert notifier.flush(20)
    assert gate.sent == [b"being sent", b"0", b"1", b"2"]


def test_flush_gives_up_in_time(gate):
    notifier = pool(gate)
    notifier.enqueue(b"1", 5)

    assert notifier.flush(0.05) is False
    gate.open.set()
    assert notifier.flush(20) is True


def test_what_cannot_be_sent_in_time_is_counted_in_the_log(gate, caplog):
    lost = losses()
    notifier = pool(gate, threads=1)
    for _ in range(3):
        notifier.enqueue(b"1", 5)

    assert notifier.close(0.05) is False
    assert lost() == 2  # what becomes of the one that is being sent is not known yet
    assert "HOPTOAD_FLUSH_TIMEOUT = 0.05 s was not enough" in caplog.text


def test_a_send_that_raises_costs_only_its_own_notice(caplog):
    sent = []

    def send(payload, timeout):
        if payload == b"bad":
            raise RuntimeError("sending failed")
        sent.append(payload)

    notifier = ThreadedNotifier(1, send=send)
    for payload in (b"bad", b"good"):
        notifier.enqueue(payload, 5)

    assert notifier.flush(20)
    assert sent == [b"good"]
    assert "sending failed" in caplog.text


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
def test_enqueue_may_be_entered_again_from_a_signal_handler_and_a_finalizer(gate):
    notifier = pool(gate, threads=1, queue_size=1_000_000)
    entered = [0]

    def again(*args):
        entered[0] += 1
        notifier.enqueue(b"from the signal", 5)

    class Finalized:
        def __del__(self):
            notifier.enqueue(b"from the finalizer", 5)

    previous = signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(3000):
            Finalized()
            notifier.enqueue(b"direct", 5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    gc.collect()

    gate.open.set()
    assert notifier.flush(20)
    assert entered[0] > 0
    assert len(gate.sent) == 6000 + entered[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_an_empty_queue_and_threads_of_its_own(gate):
    """Also where the parent forks while one of its threads holds the lock."""
    notifier = pool(gate, threads=1)
    for _ in range(3):
        notifier.enqueue(b"the parent's", 5)
    held = threading.Event()
    release = threading.Event()

    def hold():
        with notifier._changed:
            held.set()
            release.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)

    child = os.fork()
    if not child:
        gate.sent.clear()
        gate.open.set()
        notifier.enqueue(b"the child's", 5)
        flushed = notifier.flush(10)
        os._exit(0 if flushed and gate.sent == [b"the child's"] else 1)
    release.set()
    holder.join()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.open.set()
    assert notifier.flush(20)
    assert gate.sent == [b"the parent's"] * 3


def run(program, url, **environment):
    """Runs a program in which `client` asks the test site; its notices go to `url`."""
    lines = f"""
        import os
        os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
        import django
        from django.conf import settings
        settings.HOPTOAD_NOTIFICATION_URL = {url!r}
        settings.HOPTOAD_FLUSH_TIMEOUT = 1.5
        settings.HOPTOAD_HANDLER = os.environ.get("SHOP_HANDLER", "threadpool")
        settings.HOPTOAD_FALLBACK_HANDLER = os.environ.get("SHOP_FALLBACK", "")
        settings.HOPTOAD_STORM_LIMIT = 0
        settings.HOPTOAD_QUEUE_SIZE = 2000
        django.setup()
        from django.test import Client
        client = Client(raise_request_exception=False)
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(lines) + textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": PYTHONPATH, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_is_queued_when_the_process_ends_is_sent(collector):
    done = run("for _ in range(20): client.get('/boom/')", collector.url)

    assert done.stderr == ""
    assert len(collector.wait(20)) == 20


def test_what_fails_while_the_interpreter_shuts_down_is_sent(collector):
    done = run(
        """
        import atexit
        atexit.register(lambda: client.get("/boom/"))
        """,
        collector.url,
    )

    assert done.stderr == ""
    assert len(collector.wait(1)) == 1


@pytest.mark.long
def test_a_server_that_hangs_does_not_hold_the_process(collector, deadline):
    import collector as faults

    collector.default = faults.hang
    done = run("for _ in range(3): client.get('/boom/')", collector.url)

    assert done.returncode == 0
    assert "0 notices lost" in done.stderr
    assert "3 were being sent, which may have arrived or not" in done.stderr
    assert "HOPTOAD_FLUSH_TIMEOUT = 1.5 s was not enough" in done.stderr
    assert deadline(15)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_after_an_error_sends_its_own_and_nothing_twice(collector):
    done = run(
        """
        import warnings; warnings.simplefilter("ignore", DeprecationWarning)
        client.get("/boom/")
        import multiprocessing
        context = multiprocessing.get_context("fork")
        def work():
            client.get("/boom/async/")
            from hoptoad.handlers import get_handler
            get_handler().flush(10)
        children = [context.Process(target=work) for _ in range(3)]
        for child in children: child.start()
        for child in children: child.join()
        """,
        collector.url,
    )

    assert (done.stderr, done.returncode) == ("", 0)
    bodies = [received.body for received in collector.wait(4)]
    assert sum(b"while awaited" in body for body in bodies) == 3
    assert len(collector.received) == 4


@pytest.mark.long
def test_a_slow_fallback_does_not_hold_the_end_of_the_process(collector, deadline):
    """Hundreds of notices are left, and each is handed to a handler that takes a while."""
    import collector as faults

    collector.default = faults.hang
    program = """
        import time
        from hoptoad.handlers import mail
        from hoptoad.handlers.fallback import get_fallback_handler
        get_fallback_handler()._send = lambda *args: time.sleep(0.1)
        for _ in range(300): client.get("/boom/")
    """
    done = run(program, collector.url, SHOP_FALLBACK="mail")

    assert done.returncode == 0
    assert "notices lost" in done.stderr
    assert deadline(15)


def losses_in(log):
    """The numbers of each line about lost notices: (new, in all, unknown)."""
    found = re.findall(r"(\d+) notices lost, (\d+) since this process began(?:, and (\d+) were being)?", log)
    return [tuple(int(number or 0) for number in line) for line in found]


@pytest.mark.long
@pytest.mark.parametrize("accepted", [0, 1, 50])
def test_a_process_that_ends_with_a_thousand_waiting_says_the_numbers_once(collector, accepted):
    """The server takes a few, and then hangs."""
    import collector as faults

    collector.replies += [Reply() for _ in range(accepted)]
    collector.default = faults.hang
    done = run("for _ in range(1000): client.get('/boom/')", collector.url)

    [(new, lost, unknown)] = losses_in(done.stderr)
    assert new == lost
    assert 0 <= unknown <= 4  # none where no thread had begun yet
    assert accepted + lost + unknown == 1000
    assert "notices lost" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("status", [503, 429])
def test_a_process_that_ends_while_the_server_is_busy_knows_of_all_that_they_are_lost(collector, status):
    collector.default = Reply(status, "", {"Retry-After": "600"})
    done = run("for _ in range(200): client.get('/boom/')", collector.url)

    assert losses_in(done.stderr)[-1][1:] == (200, 0)
    assert "200 since this process began" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("handler", ["threadpool", "blocking"])
def test_what_was_lost_within_the_last_minute_is_said_at_the_end(collector, handler):
    """The server refuses: the first lost notice is said at once, the others at the end."""
    collector.default = Reply(422, "unknown key")
    done = run(
        """
        for _ in range(30): client.get('/boom/')
        import hoptoad; hoptoad.flush(20)
        """,
        collector.url,
        SHOP_HANDLER=handler,
    )

    assert [line[:2] for line in losses_in(done.stderr)] == [(1, 1), (29, 30)]


def test_a_child_of_multiprocessing_says_its_numbers_too(collector):
    import collector as faults

    collector.default = faults.hang
    done = run(
        """
        import warnings; warnings.simplefilter("ignore", DeprecationWarning)
        import multiprocessing
        def work():
            for _ in range(100): client.get("/boom/")
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        """,
        collector.url,
    )

    [(new, lost, unknown)] = losses_in(done.stderr)
    assert new == lost
    assert lost + unknown == 100


@pytest.mark.long
@pytest.mark.parametrize("error", [ValueError, TimeoutError, SystemExit])
def test_a_send_that_raises_while_the_server_is_probed_gives_its_permit_back(error, monkeypatch):
    """Also where the exception ends the thread."""
    sent, failed = [], []
    ended = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: ended.set())
    outcomes = iter([Answer(verdict=Verdict.UNREACHABLE, url=""), error("x")])

    def send(payload, timeout):
        outcome = next(outcomes, None)
        if isinstance(outcome, BaseException):
            raise outcome
        sent.append(payload)
        return outcome

    notifier = ThreadedNotifier(
        1,
        send=send,
        fall_back=lambda *args: failed.append(args),
        circuit=CircuitBreaker(jitter=lambda: 0.0),
    )
    notifier.enqueue(b"1", 5)
    assert notifier.flush(20)
    assert error is not SystemExit or ended.wait(20)
    for _ in range(3):
        notifier.enqueue(b"2", 5)

    assert notifier.flush(20)
    assert len(failed) == 1
    assert sent == [b"1", b"2", b"2", b"2"]


@pytest.mark.long
@pytest.mark.parametrize("outcome", [None, True, "accepted", b"", 0])
def test_a_send_that_returns_no_answer_ends_an_outage(outcome):
    sent = []
    outcomes = iter([Answer(verdict=Verdict.LATER, url="", delay=0.1)])

    def send(payload, timeout):
        sent.append(payload)
        return next(outcomes, outcome)

    circuit = CircuitBreaker()
    notifier = ThreadedNotifier(1, send=send, circuit=circuit)
    for _ in range(20):
        notifier.enqueue(b"x", 5)

    assert notifier.flush(20)
    assert len(sent) == 21
    assert not circuit.is_open
