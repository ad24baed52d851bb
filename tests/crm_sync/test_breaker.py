import datetime

from crm_sync.breaker import CLOSED, Breaker

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


def _after(failures: int) -> Breaker:
    breaker = CLOSED
    for _ in range(failures):
        breaker = breaker.after_failure(NOW)
    return breaker


def test_four_failures_leave_it_closed() -> None:
    assert not _after(4).is_open(NOW)


def test_the_fifth_failure_opens_it_for_a_minute() -> None:
    breaker = _after(5)
    assert breaker.open_until == NOW + datetime.timedelta(seconds=60)
    assert breaker.is_open(NOW + datetime.timedelta(seconds=59))
    assert breaker.is_probing(NOW + datetime.timedelta(seconds=60))


def test_each_failed_probe_waits_twice_as_long_up_to_half_an_hour() -> None:
    waits = [_after(n).probe_seconds for n in range(5, 12)]
    assert waits == [60, 120, 240, 480, 960, 1800, 1800]


def test_five_days_of_failures_are_hopeless() -> None:
    breaker = _after(3)
    assert not breaker.is_hopeless(NOW + datetime.timedelta(days=4, hours=23))
    assert breaker.is_hopeless(NOW + datetime.timedelta(days=5))
    assert not CLOSED.is_hopeless(NOW)
