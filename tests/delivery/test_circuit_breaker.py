"""A dead server costs one attempt at a time; a busy one is left alone for as long as it says."""

import contextlib
import threading

import pytest
from clocks import Clock
from hypothesis import given
from hypothesis import strategies as st

from hoptoad.delivery.answer import Answer, Verdict
from hoptoad.delivery.circuit_breaker import CircuitBreaker


@pytest.fixture
def circuit(clock):
    return CircuitBreaker(clock=clock, jitter=lambda: 1.0)


def answer(verdict, delay=None):
    return Answer(verdict=verdict, url="http://x/", delay=delay)


ACCEPTED = answer(Verdict.ACCEPTED)
REFUSED = answer(Verdict.REFUSED)
UNREACHABLE = answer(Verdict.UNREACHABLE)


def test_while_the_server_answers_everyone_may_send(circuit):
    for verdict in (ACCEPTED, REFUSED, ACCEPTED):
        assert circuit.permit() == 0.0
        circuit.answered(verdict)

    assert not circuit.is_open


def test_an_unreachable_server_is_probed_by_one_at_a_time(circuit, clock):
    circuit.permit()
    circuit.answered(UNREACHABLE)

    assert circuit.permit() == 1.0
    clock.now += 1.0
    assert circuit.permit() == 0.0
    assert circuit.permit() > 0.0


def test_each_failed_probe_doubles_the_pause_up_to_a_bound(circuit, clock):
    pauses = []
    circuit.permit()
    for _ in range(12):
        circuit.answered(UNREACHABLE)
        pauses.append(circuit.permit())
        clock.now += pauses[-1]
        assert circuit.permit() == 0.0

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0]


def test_several_that_fail_together_count_as_one_failure(circuit, clock):
    for _ in range(4):
        circuit.permit()
    for _ in range(4):
        circuit.answered(UNREACHABLE)

    assert circuit.permit() == 1.0


@pytest.mark.parametrize(("delay", "pause"), [(17.0, 18.7), (None, 66.0), (10**9, 3960.0), (0.0, 1.0)])
def test_a_server_that_asks_for_a_pause_gets_it(circuit, delay, pause):
    circuit.permit()
    circuit.answered(answer(Verdict.LATER, delay))

    assert delay == 0.0 or circuit.permit() == pytest.approx(pause)


def test_a_probe_that_succeeds_lets_everyone_send(circuit, clock):
    circuit.permit()
    circuit.answered(UNREACHABLE)
    clock.now += 1.0
    circuit.permit()
    circuit.answered(ACCEPTED)

    assert [circuit.permit() for _ in range(3)] == [0.0, 0.0, 0.0]
    circuit.answered(UNREACHABLE)
    assert circuit.permit() == 1.0


@pytest.fixture
def half_open(circuit, clock):
    circuit.permit()
    circuit.answered(UNREACHABLE)
    clock.now += 1.0
    assert circuit.permit() == 0.0
    return circuit


@pytest.mark.parametrize("outcome", [None, True, "published", b"", ACCEPTED, REFUSED])
def test_a_probe_that_did_not_fail_lets_everyone_send(half_open, outcome):
    assert half_open.attempt(lambda: outcome) is outcome

    assert [half_open.permit() for _ in range(3)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("error", [ValueError, TimeoutError, SystemExit, KeyboardInterrupt])
def test_a_probe_that_raises_gives_its_permit_back(half_open, error):
    def send():
        raise error

    with pytest.raises(error):
        half_open.attempt(send)

    assert half_open.is_open
    assert half_open.permit() == 0.0


def test_waiting_takes_no_permit(half_open, clock):
    half_open.withdraw()

    assert [half_open.wait() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert half_open.permit() == 0.0
    assert half_open.wait() == 1.0


@pytest.mark.parametrize("outcome", [UNREACHABLE, answer(Verdict.LATER, 5.0), ValueError])
def test_what_was_under_way_before_an_outage_takes_no_permit_from_the_probe(half_open, outcome):
    """Attempts that began before the outage fail one by one while another thread probes."""

    def fail():
        if outcome is ValueError:
            with contextlib.suppress(ValueError):
                half_open.attempt(lambda: int("x"))
        else:
            half_open.attempt(lambda: outcome)

    others = [threading.Thread(target=fail) for _ in range(3)]
    for thread in others:
        thread.start()
        thread.join()

    assert half_open.wait() == 1.0  # the probe is still under way
    half_open.answered(UNREACHABLE)
    assert half_open.wait() == 2.0


def test_an_outage_of_a_week_is_no_overflow(circuit, clock):
    for _ in range(3000):
        circuit.answered(UNREACHABLE)
        clock.now += 300.0
        assert circuit.permit() == 0.0


def test_a_circuit_may_have_a_bound_of_its_own(clock):
    circuit = CircuitBreaker(clock=clock, jitter=lambda: 1.0, longest=7.0)
    pauses = []
    for _ in range(5):
        circuit.answered(UNREACHABLE)
        pauses.append(circuit.permit())
        clock.now += pauses[-1]
        assert circuit.permit() == 0.0

    assert pauses == [1.0, 2.0, 4.0, 7.0, 7.0]


@given(st.lists(st.sampled_from(list(Verdict))), st.floats(0, 1))
def test_it_never_stays_open_for_ever(verdicts, jitter):
    clock = Clock()
    circuit = CircuitBreaker(clock=clock, jitter=lambda: jitter)
    for verdict in verdicts:
        for _ in range(3):
            wait = circuit.permit()
            clock.now += wait
            if not wait:
                break
        assert wait == 0.0
        circuit.answered(answer(verdict))


def test_a_server_may_be_down_for_ever(circuit, clock):
    for _ in range(2000):
        circuit.permit()
        circuit.answered(UNREACHABLE)
        clock.now += circuit.closed_in()

    assert circuit.closed_in() == 0.0


def test_a_circuit_of_many_processes_asks_more_often(clock):
    circuit = CircuitBreaker(clock=clock, jitter=lambda: 1.0, longest=30.0)

    pauses = []
    for _ in range(7):
        circuit.permit()
        circuit.answered(UNREACHABLE)
        pauses.append(circuit.closed_in())
        clock.now += circuit.closed_in()

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
