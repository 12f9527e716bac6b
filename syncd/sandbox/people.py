"""Example people: US insurance leads, the same for the same seed, written as each system would hold them.

Phone numbers are real area codes with the exchange 555; e-mail domains are those reserved for examples.
Nobody here exists. This module must not know a server.
"""

from __future__ import annotations

import enum
import itertools
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PRODUCTS = {
    "final_expense": "Final Expense",
    "term_life": "Term Life",
    "whole_life": "Whole Life",
    "mortgage_protection": "Mortgage Protection",
    "medicare_supplement": "Medicare Supplement",
    "annuity": "Annuity",
}
"""SalesPulse's value → the label that HubSpot and Salesforce hold."""

STAGES = {"New Lead": "lead", "Contacted": "lead", "Quoted": "opportunity", "Sold": "customer"}
"""SalesPulse's stage name → HubSpot's lifecycle stage."""

HOUSEHOLD_SHARE = 0.06
"""So many people share the phone of the person before them, under another first name."""
HOUSEHOLD_SIZE = 4
"""At most so many have one phone."""

# code, name, rough share of the leads, area codes
_STATES = (
    ("AL", "Alabama", 3, "205 251 256 334"),
    ("AK", "Alaska", 1, "907"),
    ("AZ", "Arizona", 4, "480 520 602 623 928"),
    ("AR", "Arkansas", 2, "479 501 870"),
    ("CA", "California", 9, "209 213 310 323 408 415 510 530 559 562 619 626 650 661"),
    ("CO", "Colorado", 3, "303 719 720 970"),
    ("CT", "Connecticut", 2, "203 860"),
    ("DE", "Delaware", 1, "302"),
    ("DC", "District of Columbia", 1, "202"),
    ("FL", "Florida", 14, "239 305 321 352 386 407 561 727 754 772 786 813 850 863 904 941 954"),
    ("GA", "Georgia", 6, "229 404 478 678 706 770 912"),
    ("HI", "Hawaii", 1, "808"),
    ("ID", "Idaho", 1, "208"),
    ("IL", "Illinois", 4, "217 309 312 618 630 708 773 815 847"),
    ("IN", "Indiana", 3, "219 260 317 574 765 812"),
    ("IA", "Iowa", 1, "319 515 563 641 712"),
    ("KS", "Kansas", 1, "316 620 785 913"),
    ("KY", "Kentucky", 2, "270 502 606 859"),
    ("LA", "Louisiana", 3, "225 318 337 504 985"),
    ("ME", "Maine", 1, "207"),
    ("MD", "Maryland", 2, "240 301 410 443"),
    ("MA", "Massachusetts", 2, "413 508 617 781 978"),
    ("MI", "Michigan", 4, "231 248 269 313 517 586 616 734 810 989"),
    ("MN", "Minnesota", 2, "218 320 507 612 651 763 952"),
    ("MS", "Mississippi", 2, "228 601 662"),
    ("MO", "Missouri", 3, "314 417 573 636 660 816"),
    ("MT", "Montana", 1, "406"),
    ("NE", "Nebraska", 1, "308 402"),
    ("NV", "Nevada", 2, "702 775"),
    ("NH", "New Hampshire", 1, "603"),
    ("NJ", "New Jersey", 3, "201 609 732 856 908 973"),
    ("NM", "New Mexico", 1, "505 575"),
    ("NY", "New York", 5, "212 315 516 518 585 607 631 646 716 718 845 914"),
    ("NC", "North Carolina", 6, "252 336 704 828 910 919"),
    ("ND", "North Dakota", 1, "701"),
    ("OH", "Ohio", 4, "216 330 419 440 513 614 740 937"),
    ("OK", "Oklahoma", 2, "405 580 918"),
    ("OR", "Oregon", 1, "503 541 971"),
    ("PA", "Pennsylvania", 5, "215 412 484 570 610 717 724 814"),
    ("RI", "Rhode Island", 1, "401"),
    ("SC", "South Carolina", 4, "803 843 864"),
    ("SD", "South Dakota", 1, "605"),
    ("TN", "Tennessee", 4, "423 615 731 865 901 931"),
    ("TX", "Texas", 13, "210 214 254 281 325 361 409 432 469 512 713 806 817 830"),
    ("UT", "Utah", 1, "435 801"),
    ("VT", "Vermont", 1, "802"),
    ("VA", "Virginia", 3, "276 434 540 703 757 804"),
    ("WA", "Washington", 2, "206 253 360 425 509"),
    ("WV", "West Virginia", 1, "304"),
    ("WI", "Wisconsin", 2, "262 414 608 715 920"),
    ("WY", "Wyoming", 1, "307"),
)
STATE_NAMES = {code: name for code, name, _, _ in _STATES}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words("""
    James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan
    Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony
    Margaret Mark Sandra Donald Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle Kenneth
    Carol Kevin Amanda Brian Dorothy George Melissa Edward Deborah Ronald Stephanie Timothy Rebecca
    Jason Sharon Jeffrey Laura Ryan Cynthia Jacob Kathleen Gary Amy Nicholas Angela Eric Shirley
    Jonathan Anna Stephen Brenda Larry Pamela Justin Emma Scott Nicole Brandon Helen Benjamin Samantha
    Samuel Katherine Gregory Christine Frank Debra Alexander Rachel Raymond Carolyn José María Luis
    Guadalupe Juan Rosa Carlos Carmen Jesús Ana Zoë André Siobhán Renée Latoya Darnell Keisha Tyrone Mei
    Wei Priya Arjun Nguyet Minh Fatima Omar Anne-Marie Jean-Paul
""")
_LAST = _words("""
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez
    Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark
    Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams
    Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker
    Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper
    Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood James
    Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jiménez
    O'Brien O'Connor D'Angelo McDonald MacLeod St.John Núñez Peña Müller Okafor Washington Smith-Jones
    Garcia-Lopez
""")
_DOMAINS = ("example.com", "mail.example.com", "example.org", "home.example.net", "example.net")
_PLAIN = str.maketrans("éáíóúüñëÉÁÍÓÚÜÑËö", "eaiouuneEAIOUUNEo")


class Style(enum.StrEnum):
    """Whose way of writing."""

    SALESPULSE = "salespulse"
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    """A Contact; ``as_lead`` makes it a Lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One example person. ``household`` is the number of the first one with this phone."""

    number: int
    household: int
    first: str
    last: str
    phone: str
    """E.164, or "" (2 %)."""
    email: str
    """In lower case, or "" (7 %); nobody has neither."""
    state: str
    product_interest: str
    stage: str


def people(count: int, seed: int) -> Iterator[Person]:
    """The first ``count`` people of a seed. A larger count begins with the same people."""
    chance = random.Random(f"people {seed}")
    limits = list(itertools.accumulate(weight for _, _, weight, _ in _STATES))
    area_codes = [codes.split() for _, _, _, codes in _STATES]
    lines: Counter[str] = Counter()
    products, stages = list(PRODUCTS), list(STAGES)
    stage_limits = (45, 75, 92, 100)
    before: Person | None = None
    family: set[str] = set()
    for number in range(count):
        first, last = _pick(_FIRST, chance), _pick(_LAST, chance)
        draw = chance.random()
        # Both of a household keep their e-mail: a shared phone alone proves nobody.
        shares = before is not None and before.email and before.phone and draw < HOUSEHOLD_SHARE
        shares = shares and len(family) < HOUSEHOLD_SIZE and first not in family
        at = bisect(limits, chance.random() * limits[-1])
        area = _pick(area_codes[at], chance)
        phone, state, household = "", _STATES[at][0], number
        if shares and before is not None:
            last = before.last if chance.random() < 0.8 else last
            family.add(first)
            phone, state, household = before.phone, before.state, before.household
        else:
            family = {first}
            if draw < 0.98:
                phone = _phone(area, lines[area])
                lines[area] += 1
        blank_email = 0.1 < draw < 0.17
        before = Person(
            number=number,
            household=household,
            first=first,
            last=last,
            phone=phone,
            email="" if blank_email else _email(first, last, number, chance),
            state=state,
            product_interest=_pick(products, chance),
            stage=stages[bisect(stage_limits, chance.random() * 100)],
        )
        yield before


def write_as(person: Person, style: Style) -> dict[str, str]:
    """The person's values under a system's field names, as its users write. Blank values are left out.

    All ways mean the same: they differ in the phone's format, the e-mail's case and the name of the state.
    """
    match style:
        case Style.SALESPULSE:
            email = person.email
            if person.number % 5 == 0:  # typed on a phone keyboard: Jane.Smith7@Example.com
                email = email.title()
            values = {
                "first_name": person.first,
                "last_name": person.last,
                "phone": person.phone,
                "email": email,
                "state": person.state,
                "product_interest": person.product_interest,
                "stage": person.stage,
            }
        case Style.HUBSPOT:
            values = {
                "firstname": person.first,
                "lastname": person.last,
                "phone": format_phone(person.phone, person.number),
                "email": person.email,
                "state": STATE_NAMES[person.state] if person.number % 3 else person.state,
                "product_interest": PRODUCTS[person.product_interest],
                "lifecyclestage": STAGES[person.stage],
            }
        case Style.SALESFORCE:
            values = {
                "FirstName": person.first,
                "LastName": person.last,
                "Phone": format_phone(person.phone, person.number + 3),
                "Email": person.email,
                "MailingState": STATE_NAMES[person.state] if person.number % 2 else person.state,
                "Product_Interest__c": PRODUCTS[person.product_interest],
                "SalesPulse_Stage__c": person.stage,
            }
    return {name: value for name, value in values.items() if value}


def as_lead(contact: Mapping[str, str]) -> dict[str, str]:
    """The same Salesforce values for a Lead: its address fields have no prefix, and it needs a company."""
    values = {name.removeprefix("Mailing"): value for name, value in contact.items()}
    return {**values, "Company": f"{contact['LastName']} household"}


def overlap(count_each: int, shared: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """``count_each`` for SalesPulse and for HubSpot, ``shared`` people in both; each list is shuffled."""
    if not 0 <= shared <= count_each:
        raise ValueError(f"shared must be between 0 and {count_each}")
    everybody = list(people(2 * count_each - shared, seed))
    salespulse = [write_as(person, Style.SALESPULSE) for person in everybody[:count_each]]
    hubspot = [write_as(person, Style.HUBSPOT) for person in everybody[count_each - shared :]]
    chance = random.Random(f"overlap {seed}")
    chance.shuffle(salespulse)
    chance.shuffle(hubspot)
    return salespulse, hubspot


def triple(
    count_each: int, shared_pairwise: int, seed: int
) -> tuple[list[dict[str, str]], list[dict[str, str]], list[dict[str, str]]]:
    """``count_each`` for SalesPulse, HubSpot and Salesforce; each two of them share ``shared_pairwise`` people.

    Whoever is in all three counts for every two: that is half of the shared people, and more where ``count_each`` is
    too small for so many who are in two only. Each list is shuffled.
    """
    if not 0 <= shared_pairwise <= count_each:
        raise ValueError(f"shared_pairwise must be between 0 and {count_each}")
    everywhere = max(shared_pairwise // 2, 2 * shared_pairwise - count_each)
    in_two = shared_pairwise - everywhere
    alone = count_each - everywhere - 2 * in_two
    everybody = people(everywhere + 3 * in_two + 3 * alone, seed)
    groups: tuple[tuple[int, tuple[Style, ...]], ...] = (
        (everywhere, tuple(Style)),
        *((in_two, pair) for pair in itertools.combinations(Style, 2)),
        *((alone, (one,)) for one in Style),
    )
    chosen: dict[Style, list[dict[str, str]]] = {style: [] for style in Style}
    for count, members in groups:
        for person in itertools.islice(everybody, count):
            for member in members:
                chosen[member].append(write_as(person, member))
    chance = random.Random(f"triple {seed}")
    for rows in chosen.values():
        chance.shuffle(rows)
    return chosen[Style.SALESPULSE], chosen[Style.HUBSPOT], chosen[Style.SALESFORCE]


def format_phone(phone: str, way: int) -> str:
    """A US E.164 number in one of the ways people type it; ``way`` chooses."""
    if not phone:
        return ""
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    ways = (
        f"({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line}",
        phone,
        f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}",
        f"1-{area}-{exchange}-{line}",
        f"{area}{exchange}{line}",
    )
    return ways[way % len(ways)]


def _pick(values: tuple[str, ...] | list[str], chance: random.Random) -> str:
    return values[int(chance.random() * len(values))]


def _phone(area: str, used: int) -> str:
    # 7919 is prime to 10,000, so the lines of an exchange come in a mixed order and never twice.
    line = (used * 7919 + 100 + int(area)) % 10_000
    return f"+1{area}{555 + used // 10_000}{line:04d}"


def _email(first: str, last: str, number: int, chance: random.Random) -> str:
    """Unique by its number; plain ASCII."""
    name = f"{first}.{last}" if chance.random() < 0.6 else f"{first[0]}{last}"
    plain = "".join(c for c in name.translate(_PLAIN) if c.isalnum() or c == ".")
    return f"{plain}{number}@{_pick(list(_DOMAINS), chance)}".lower()
