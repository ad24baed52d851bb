"""ADF 1.0 as tables: which elements, in which order, how often, with which attributes.

Written from the format's description; the DTD in circulation does not parse.
"""

import dataclasses
from collections.abc import Mapping

MANY = 1_000_000
Values = frozenset[str] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Child:
    name: str
    least: int
    most: int


@dataclasses.dataclass(frozen=True, slots=True)
class Element:
    """`children` in their order; none means text. An attribute's values: None is any text."""

    children: tuple[Child, ...] = ()
    attributes: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    required: frozenset[str] = frozenset()


def _children(spec: str) -> tuple[Child, ...]:
    """`id* year make? vehicle+` in the notation of a DTD."""
    limits = {"?": (0, 1), "*": (0, MANY), "+": (1, MANY)}
    found = []
    for word in spec.split():
        least, most = limits.get(word[-1], (1, 1))
        found.append(Child(word.rstrip("?*+"), least, most))
    return tuple(found)


def _one_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FLAG = _one_of("0 1")
_PRICE = {
    "type": _one_of("quote offer msrp invoice call appraisal asking"),
    "currency": None,
    "delta": _one_of("absolute relative percentage"),
    "relativeto": _one_of("msrp invoice"),
    "source": None,
}
_NAME = {
    "part": _one_of("surname first middle suffix last full"),
    "type": _one_of("individual business"),
}
_EMAIL = {"preferredcontact": _FLAG}
_PHONE = {
    "type": _one_of("voice fax cellphone pager phone"),
    "time": _one_of("morning afternoon evening nopreference day"),
    "preferredcontact": _FLAG,
}

ELEMENTS: dict[str, Element] = {
    "adf": Element(_children("prospect")),
    "prospect": Element(
        _children("id* requestdate vehicle+ customer vendor provider?"),
        {"status": _one_of("new resend")},
    ),
    "id": Element((), {"sequence": None, "source": None}, frozenset({"source"})),
    "vehicle": Element(
        _children(
            "id* year make model vin? stock? trim? doors? bodystyle? transmission? odometer? "
            "condition? colorcombination* imagetag? price? pricecomments? option* finance? "
            "comments?"
        ),
        {
            "interest": _one_of("buy lease sell trade-in test-drive"),
            "status": _one_of("new used"),
        },
    ),
    "odometer": Element(
        (),
        {
            "status": _one_of("unknown rolledover replaced original"),
            "units": _one_of("km mi"),
        },
    ),
    "colorcombination": Element(_children("interiorcolor? exteriorcolor? preference")),
    "imagetag": Element((), {"width": None, "height": None, "alttext": None}),
    "price": Element((), _PRICE),
    "option": Element(_children("optionname manufacturercode? stock? weighting? price?")),
    "finance": Element(_children("method amount+ balance?")),
    "amount": Element(
        (),
        {
            "type": _one_of("downpayment monthly total"),
            "limit": _one_of("maximum minimum exact"),
            "currency": None,
        },
    ),
    "balance": Element((), {"type": _one_of("finance residual"), "currency": None}),
    "customer": Element(_children("contact id* timeframe? comments?")),
    "timeframe": Element(_children("description? earliestdate? latestdate?")),
    "vendor": Element(_children("id* vendorname url? contact")),
    "provider": Element(_children("id* name service? url? email? phone? contact?")),
    "contact": Element(_children("name+ email? phone* address?"), {"primarycontact": _FLAG}),
    "name": Element((), _NAME),
    "email": Element((), _EMAIL),
    "phone": Element((), _PHONE),
    "address": Element(
        _children("street+ apartment? city? regioncode? postalcode? country?"),
        {"type": _one_of("work home delivery")},
    ),
    "street": Element((), {"line": _one_of("1 2 3 4 5")}),
}
# Everything else is plain text without attributes.
TEXT_ELEMENTS = _one_of(
    "requestdate year make model vin stock trim doors bodystyle transmission condition "
    "interiorcolor exteriorcolor preference pricecomments optionname manufacturercode weighting "
    "method comments description earliestdate latestdate vendorname url service apartment city "
    "regioncode postalcode country"
)


def element(name: str) -> Element | None:
    """The rules of an element, None where ADF has none of that name."""
    return ELEMENTS.get(name) or (Element() if name in TEXT_ELEMENTS else None)
