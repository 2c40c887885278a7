"""Tasks that fail in ways that Celery cannot hand on as they are, or ends by force."""

import contextlib
import os
import signal
import sys
import threading

from celery import shared_task

import hoptoad


class TwoArguments(Exception):
    """Cannot be made again from its `args`."""

    def __init__(self, message, order):
        super().__init__(message)
        self.order = order


class KeywordOnly(LookupError):
    def __init__(self, *, code):
        super().__init__(f"code {code}")


class HoldsALock(RuntimeError):
    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


class Expected(TwoArguments):
    """Named by `throws`."""


class Ignored(TwoArguments):
    hoptoad_ignore = True


class Plain(Exception):
    pass


def _local():
    class OfAFunction(ValueError):
        pass

    return OfAFunction("local")


MADE = {
    "two": lambda: TwoArguments("two", 7),
    "keyword": lambda: KeywordOnly(code=3),
    "lock": lambda: HoldsALock("lock"),
    "local": _local,
    "expected": lambda: Expected("expected", 7),
    "ignored": lambda: Ignored("ignored", 7),
    "plain": lambda: Plain("plain"),
}


@shared_task(throws=(Expected,))
def failing(what, by_hand=False):
    try:
        {}["the cause"]
    except KeyError as cause:
        error = MADE[what]()
        try:
            raise error from cause
        except Exception:
            if by_hand:
                hoptoad.notify(error)
            raise


@shared_task(time_limit=1)
def endless():
    threading.Event().wait()


def _is_first(marker):
    with contextlib.suppress(FileExistsError):
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        return True
    return False


@shared_task(time_limit=1, acks_late=True, acks_on_failure_or_timeout=False)
def endless_again(marker):
    """Endless the first time; then its message comes again."""
    if _is_first(marker):
        threading.Event().wait()
    raise Plain("again")


@shared_task(acks_late=True, reject_on_worker_lost=True)
def killed_again(marker):
    if _is_first(marker):
        os.kill(os.getpid(), signal.SIGKILL)
    raise Plain("again")


@shared_task
def killed():
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def left():
    sys.exit(3)
