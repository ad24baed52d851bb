"""Who wakes which task, who does it, and for how long it is worth doing."""

from config.celery import app
from config.run.__main__ import _WORKERS


def test_what_the_clock_wakes_is_void_once_it_woke_it_again() -> None:
    for name, line in app.conf.beat_schedule.items():
        assert line["options"] == {"expires": max(line["schedule"], 10.0)}, name


def test_what_waits_for_other_people_s_servers_and_nothing_else_has_workers_of_its_own() -> None:
    def queue_of(task: str) -> str:
        queue: str = app.amqp.router.route({}, task)["queue"].name
        return queue

    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert {name for name in ours if queue_of(name) == "delivery"} == {
        "crm_sync.tasks.send_due",
        "tenants.tasks.send_due_invitations",
        "tenants.tasks.send_invitation",
    }
    assert {queue_of(name) for name in ours} == {"interactive", "delivery", "default"}
    assert _WORKERS["worker"][:2] == ["--queues", "interactive,default"]
    assert _WORKERS["deliveries"][:2] == ["--queues", "delivery"]
