"""What encryption costs: a field, a page of rows, a change of keys."""

import time
import uuid
from collections.abc import Callable

import django

TEXT = "Do you have this in blue, and could I come by on Saturday morning to have a look? " * 2
FIELDS = 20_000
ROWS = 5_000


def main() -> None:
    django.setup()
    from chat.models import Visitor
    from tenants import crypto, rotation
    from tenants.actions.provisioning import provision_company
    from tenants.actor import SYSTEM
    from tenants.context import in_company
    from tenants.models import User
    from tenants.resolution import CompanyRef
    from tests.benchmarks.result import publish

    owner = User.objects.create(email="owner@crypt.example")
    company = CompanyRef.of(
        provision_company(
            actor=SYSTEM,
            name="Crypt",
            slug="crypt",
            website="",
            time_zone="UTC",
            vertical="general",
            owner=owner,
        )
    )
    schema, label = company.schema_name, "chat.event.body"
    token = crypto.encrypt(schema, label, TEXT)
    encrypt = _each(lambda: crypto.encrypt(schema, label, TEXT))
    decrypt = _each(lambda: crypto.decrypt(schema, label, token))
    index = _each(lambda: crypto.blind_index(schema, label, "vera@home.example"))
    with in_company(company):
        Visitor.objects.bulk_create(
            Visitor(secret_digest=uuid.uuid4().hex, name="Vera Visitor", phone="+4930123456")
            for _ in range(ROWS)
        )
        bare = _once(lambda: len(Visitor.objects.values_list("pk", "secret_digest")))
        read = _once(lambda: len(Visitor.objects.values_list("pk", "name", "phone")))
    rotate = _once(
        lambda: rotation.rotate_data_keys(
            companies=[company], actor=SYSTEM, say=lambda line: None, wait=0
        )
    )
    publish(
        "encryption",
        figures={
            "encrypt us": encrypt * 1e6,
            "decrypt us": decrypt * 1e6,
            "blind index us": index * 1e6,
            "token bytes per text byte": len(token) / len(TEXT.encode()),
            f"reading {ROWS} rows of 2 fields ms": read * 1000,
            f"reading {ROWS} rows without ms": bare * 1000,
            "rows encrypted anew a second": ROWS / rotate,
        },
        targets={"encrypt us": ("<=", 40), "decrypt us": ("<=", 40)},
        context={"text bytes": len(TEXT.encode()), "rows": ROWS},
    )


def _each(call: Callable[[], object]) -> float:
    """Seconds of processor time a call takes on average, in the best of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(FIELDS // 5):
            call()
        rounds.append((time.process_time() - began) / (FIELDS // 5))
    return min(rounds)


def _once(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
