"""Lines that are logged once a minute at most."""

from hoptoad.delivery.log_once import OnceAMinute


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_line_is_due_once_a_minute_and_another_at_once():
    clock = Clock()
    once = OnceAMinute(clock=clock)

    assert once.is_due("the disk is full")
    assert not once.is_due("the disk is full")
    assert once.is_due(("https://errbit.test", 503))

    clock.now += 59.9
    assert not once.is_due("the disk is full")
    clock.now += 0.1
    assert once.is_due("the disk is full")


def test_a_line_that_was_logged_without_asking_is_not_due_either():
    once = OnceAMinute(clock=Clock())

    once.logged("3 notices lost")

    assert not once.is_due("3 notices lost")


def test_a_forked_child_logs_for_itself():
    once = OnceAMinute(clock=Clock())
    once.is_due("the disk is full")

    once.start_over()

    assert once.is_due("the disk is full")
