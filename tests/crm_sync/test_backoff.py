import pytest

from crm_sync import backoff


def test_the_waits_grow_by_the_table_with_jitter_around_each_step() -> None:
    middle = [backoff.delay_seconds(n, lambda: 0.5) for n in range(1, 11)]
    assert middle == [5, 30, 120, 600, 1800, 7200, 18000, 36000, 50400, 72000]
    assert backoff.delay_seconds(1, lambda: 0.0) == 2.5
    assert backoff.delay_seconds(1, lambda: 0.999) == pytest.approx(7.495)


def test_after_the_last_step_it_is_given_up() -> None:
    assert backoff.delay_seconds(11, lambda: 0.5) is None
    assert backoff.delay_seconds(500, lambda: 0.5) is None


@pytest.mark.parametrize(("asked", "waits"), [(0, 1), (-5, 1), (7, 7), (10**9, 86400)])
def test_what_a_crm_asks_for_stays_between_a_second_and_a_day(asked: int, waits: int) -> None:
    assert backoff.retry_after_seconds(asked) == waits
