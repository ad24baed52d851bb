"""What a lead may say: one table of fields for the desk's form, the offline form and the checks."""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from chat.errors import FieldsInvalid
from chat.lead_payload import PreferredContact, VehicleInterest, VehicleStatus
from tenants import crypto
from tenants.models import Company
from tenants.unseen import is_blank

Kind = Literal["text", "lines", "email", "phone", "choice", "year", "flag"]
CONTACTS: tuple[str, ...] = get_args(PreferredContact)
VEHICLE_INTERESTS: tuple[str, ...] = get_args(VehicleInterest)
VEHICLE_STATUSES: tuple[str, ...] = get_args(VehicleStatus)
# Vehicle fields are asked where cars are sold.
_CARS = (Company.Vertical.CAR_DEALERSHIP.value,)


class LeadInvalid(FieldsInvalid):
    """A lead was refused by its fields."""


@dataclasses.dataclass(frozen=True, slots=True)
class LeadField:
    """One field: its key in frames and forms, its label, how it is checked, who is asked."""

    key: str
    label: str
    kind: Kind = "text"
    max_length: int = 120
    choices: tuple[str, ...] = ()
    verticals: tuple[str, ...] = ()


FIELDS: tuple[LeadField, ...] = (
    LeadField("name", "Name"),
    LeadField("email", "E-mail", kind="email", max_length=254),
    LeadField("phone", "Phone", kind="phone", max_length=40),
    LeadField("preferred_contact", "Prefers", kind="choice", choices=CONTACTS),
    LeadField("interest", "Interested in", max_length=200),
    LeadField("timeframe", "When", max_length=120),
    LeadField("vehicle_interest", "Wants to", "choice", 12, VEHICLE_INTERESTS, _CARS),
    LeadField("vehicle_status", "New or used", "choice", 4, VEHICLE_STATUSES, _CARS),
    LeadField("vehicle_year", "Year", "year", 4, verticals=_CARS),
    LeadField("vehicle_make", "Make", max_length=60, verticals=_CARS),
    LeadField("vehicle_model", "Model", max_length=60, verticals=_CARS),
    LeadField("vehicle_trim", "Trim", max_length=60, verticals=_CARS),
    LeadField("vehicle_stock", "Stock number", max_length=40, verticals=_CARS),
    LeadField("trade_in_year", "Trade-in: year", "year", 4, verticals=_CARS),
    LeadField("trade_in_make", "Trade-in: make", max_length=60, verticals=_CARS),
    LeadField("trade_in_model", "Trade-in: model", max_length=60, verticals=_CARS),
    LeadField("trade_in_vin", "Trade-in: VIN", max_length=17, verticals=_CARS),
    LeadField("notes", "Notes", kind="lines", max_length=4000),
    LeadField("consent_marketing", "May be contacted with offers", kind="flag"),
)
_BY_KEY = {field.key: field for field in FIELDS}


class LeadValues(Struct, frozen=True, kw_only=True):
    """What FIELDS hold once they are checked: trimmed texts, '' for what was left out."""

    name: str = ""
    email: str = ""
    phone: str = ""
    preferred_contact: Literal[""] | PreferredContact = ""
    interest: str = ""
    timeframe: str = ""
    vehicle_interest: Literal[""] | VehicleInterest = ""
    vehicle_status: Literal[""] | VehicleStatus = ""
    vehicle_year: str = ""
    vehicle_make: str = ""
    vehicle_model: str = ""
    vehicle_trim: str = ""
    vehicle_stock: str = ""
    trade_in_year: str = ""
    trade_in_make: str = ""
    trade_in_model: str = ""
    trade_in_vin: str = ""
    notes: str = ""
    consent_marketing: bool = False


def fields_for(vertical: str) -> list[LeadField]:
    """The fields that the forms of a company of this vertical show, in their order."""
    return [field for field in FIELDS if not field.verticals or vertical in field.verticals]


def clean(fields: Mapping[str, object]) -> LeadValues:
    """Check what a form says.

    A lead needs a name and a way to answer. Raises LeadInvalid with every wrong field at once.
    """
    errors: dict[str, str] = {}
    values: dict[str, str | bool] = {}
    for key, given in fields.items():
        field = _BY_KEY.get(key)
        if field is None:
            errors[str(key)[:60]] = "There is no such field."
            continue
        try:
            values[key] = _clean_one(field, given)
        except ValueError as error:
            errors[key] = str(error)
    if not values.get("name") and "name" not in errors:
        errors["name"] = "Write a name."
    if not (values.get("email") or values.get("phone") or {"email", "phone"} & errors.keys()):
        errors["email"] = "Give an e-mail address or a phone number."
    if errors:
        raise LeadInvalid(errors)
    return msgspec.convert(values, LeadValues)


def _clean_one(field: LeadField, given: object) -> str | bool:
    if field.kind == "flag":
        if given in (True, "yes", "on", "true"):
            return True
        if given in (False, None, "", "no", "off", "false"):
            return False
        raise ValueError("Answer yes or no.")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ValueError("Write text.")
    text = _tidy(given, keep_lines=field.kind == "lines")
    if len(text) > field.max_length:
        raise ValueError(f"Write at most {field.max_length} characters.")
    if is_blank(text):
        return ""
    if field.kind == "email" and not _looks_like_email(text):
        raise ValueError("This is not an e-mail address. Write it like name@example.com.")
    if field.kind == "phone" and sum(character.isdecimal() for character in text) < 5:
        raise ValueError("This is not a phone number. Write it with its area code.")
    if field.kind == "year" and not re.fullmatch(r"(19|20)[0-9]{2}", text):
        raise ValueError("Write the year with four digits.")
    if field.kind == "choice" and text not in field.choices:
        raise ValueError(f"Choose one of: {', '.join(field.choices)}.")
    return text


def _tidy(text: str, *, keep_lines: bool) -> str:
    """Without control characters, trimmed; runs of white space are one space unless lines stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return kept.strip() if keep_lines else " ".join(kept.split())


def _looks_like_email(text: str) -> bool:
    return " " not in text and "." in text.rpartition("@")[2] and bool(crypto.normalise_email(text))
