"""How a run ends at a signal: an exception in the program that a user starts, the end of all descendants in its workers."""

import os
import signal

import processes

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARENT = "IF4_REGRESS_PARENT"  # in the environment of a worker: the process that started it


class Stopped(BaseException):
    """A signal that ends the run."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def raise_stopped(number, _frame):
    set_signals(signal.SIG_IGN)
    raise Stopped(number)


def set_signals(handler):
    """But one that whoever started this program ignores stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN or handler == signal.SIG_DFL:
            signal.signal(number, handler)


def prepare_worker(stop):
    """`stop` handles signals from now on, and one comes where the parent ends. False where that has ended already, so that
    nobody waits for this process."""
    if os.environ.get(PARENT):
        processes.end_with_parent(signal.SIGTERM)
        if os.environ.pop(PARENT) != str(os.getppid()):
            return False
    processes.adopt()
    for number in SIGNALS:
        signal.signal(number, stop)
    return True
