"""The people of the demo, all with one password."""

import dataclasses

from tenants.models import User

PASSWORD = "switchboard-demo"  # noqa: S105  made for a development machine, refused elsewhere


@dataclasses.dataclass(frozen=True, slots=True)
class DemoPerson:
    email: str
    name: str
    does: str
    is_operator: bool = False


OLIVIA = DemoPerson("olivia@northside.example", "Olivia Grant", "owner of Northside Motors")
DANIEL = DemoPerson("daniel@brightsmile.example", "Daniel Osei", "owner of Bright Smile Dental")
MAYA = DemoPerson("maya@switchboard.example", "Maya Reyes", "agent of both companies")
TOM = DemoPerson("tom@switchboard.example", "Tom Becker", "agent of Northside Motors")
SOFIA = DemoPerson("sofia@switchboard.example", "Sofia Lind", "supervisor of both companies")
PRIYA = DemoPerson("priya@switchboard.example", "Priya Nair", "operator of the platform", True)
PEOPLE = (OLIVIA, DANIEL, MAYA, TOM, SOFIA, PRIYA)


def store(person: DemoPerson) -> User:
    """The person's account, made where it does not exist."""
    found = User.objects.filter(email__iexact=person.email).first()
    return found or User.objects.create_user(
        person.email, PASSWORD, name=person.name, is_operator=person.is_operator
    )
