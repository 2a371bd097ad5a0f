import os
import signal

import pytest

from cnncompare.errors import Interrupted
from cnncompare.system.signals import STOP_SIGNALS, PendingSignals, RaiseInterrupted


def test_signals_are_collected_in_order_and_taken_once() -> None:
    with PendingSignals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGTERM
        assert signals.take() == [signal.SIGTERM, signal.SIGINT]
        assert signals.take() == []
        assert signals.received == signal.SIGTERM


def test_the_earlier_handlers_are_restored_even_after_an_error() -> None:
    earlier = [signal.getsignal(number) for number in STOP_SIGNALS]

    def fail_inside() -> None:
        with PendingSignals() as signals:
            assert [signal.getsignal(number) for number in STOP_SIGNALS] == [signals.handle] * 3
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail_inside()
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == earlier


def test_handlers_that_were_replaced_are_reinstalled_inside_the_context_only() -> None:
    signals = PendingSignals()
    earlier = signal.getsignal(signal.SIGTERM)
    signals.reinstall()
    assert signal.getsignal(signal.SIGTERM) == earlier
    with signals:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signals.reinstall()
        assert signal.getsignal(signal.SIGTERM) == signals.handle
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_an_ignored_hang_up_stays_ignored_as_below_nohup() -> None:
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with PendingSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            signals.reinstall()
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.received is None
    finally:
        assert signal.signal(signal.SIGHUP, earlier) is signal.SIG_IGN


def test_a_hang_up_stops_like_the_other_signals() -> None:
    with pytest.raises(Interrupted, match="stopped by SIGHUP") as caught, RaiseInterrupted():
        os.kill(os.getpid(), signal.SIGHUP)
    assert caught.value.exit_code == 129
