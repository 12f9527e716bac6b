"""Every kind, by the writings that meet in practice: which of them are equal, and what is written."""

from __future__ import annotations

import math

import pytest

from syncd.core import phones
from syncd.core.kinds import Odd, blank, read, text_of, write
from syncd.core.mapping import Kind
from syncd.core.model import Value
from syncd.core.numerals import as_number, plain
from syncd.core.phones import read_phone
from syncd.core.us_states import state_code, state_name

READINGS: list[tuple[Kind, tuple[Value, ...], object]] = [
    (Kind.TEXT, ("two\nlines", " two\r\nlines ", "two\rlines\n"), "two\nlines"),
    (Kind.TEXT, ("é", "e\u0301"), "é"),
    (Kind.TEXT, ("5", 5, 5.0), "5"),
    (Kind.TEXT, ("true", True), "true"),
    (Kind.TEXT, ("a;b", ("a", "b")), "a;b"),
    (Kind.EMAIL, ("Ann@Example.COM", " ann@example.com"), "ann@example.com"),
    (Kind.EMAIL, ("a.n.n+tag@example.com",), "a.n.n+tag@example.com"),
    (Kind.EMAIL, ("STRASSE@bücher.de", "strasse@bu\u0308cher.de"), "strasse@bücher.de"),
    (Kind.EMAIL, ("straße@bücher.de", "Straße@BÜCHER.de"), "straße@bücher.de"),  # another mailbox than strasse
    (Kind.EMAIL, ("\ufb01@example.com",), "\ufb01@example.com"),
    (Kind.EMAIL, ("n/a", " N/A "), Odd("n/a")),
    (Kind.EMAIL, ("a@b",), Odd("a@b")),
    (Kind.EMAIL, ("a@x.com;b@x.com",), Odd("a@x.com;b@x.com")),
    (
        Kind.PHONE,
        (
            "+13055551234",
            "(305) 555-1234",
            "305.555.1234",
            "1-305-555-1234",
            3055551234,
            3055551234.0,
            "tel:+1-305-555-1234",
            "+1 (305) 555 1234",
        ),
        "+13055551234",
    ),
    (Kind.PHONE, ("305-555-1234 x12", "+13055551234 ext. 12", "3055551234;ext=12"), "+13055551234;ext=12"),
    (
        Kind.PHONE,
        ("305 555 1234 extension 12", "305-555-1234 Extn. 12", "305 555 1234 anexo 12", "+1 305 555 1234 EXTENSIÓN 12"),
        "+13055551234;ext=12",
    ),
    (Kind.PHONE, ("1-800-FLOWERS", "800-FLOWERS", "+1 800 Flowers", "(800) FLO-WERS", 8003569377), "+18003569377"),
    (Kind.PHONE, ("+44 20 7946 0958", "+442079460958", "+44 (0)20 7946 0958"), "+442079460958"),
    *(
        (Kind.PHONE, (text,), Odd(text))
        for text in (
            "555-0100 Bob",
            "5550100 Ann",
            "305-5550 Bob",
            "(305) 555 Home",
            "800-555 Home",
            "800-5550 Bob",
            "555-1234 ext",
            "305-555-1234 cell",
            "305 555 1234 ask for x5",
            "305-555-1234 x12/x34",
            "+44 20 7946 0958 Jo",
            "+44 20 7946 0958 José",
            "+49 30 x1234567890",
        )
    ),
    (Kind.PHONE, ("555-1234",), Odd("555-1234")),
    (Kind.PHONE, ("ask for Ann 305-555-1234",), Odd("ask for Ann 305-555-1234")),
    (Kind.PHONE, ("unknown",), Odd("unknown")),
    (Kind.PHONE, (True,), Odd("true")),
    (Kind.US_STATE, ("FL", "fl", " Florida ", "FLORIDA", "US-FL", "Fl."), "FL"),
    (Kind.US_STATE, ("DC", "D.C.", "District of Columbia", "Washington, D.C."), "DC"),
    (Kind.US_STATE, ("PR", "puerto  rico"), "PR"),
    (Kind.US_STATE, ("Virgin Islands", "U.S. Virgin Islands", "VI"), "VI"),
    (Kind.US_STATE, ("Washington",), "WA"),
    (Kind.US_STATE, ("Ontario", "ontario "), Odd("ontario")),
    (Kind.NAME, ("Ann  Lee", "ANN LEE", " ann lee"), "ann lee"),
    (Kind.NAME, ("José", "JOSE\u0301"), "josé"),
    (Kind.INTEGER, ("5", 5, 5.0, "5.00", "+5", "005", "5e0"), "5"),
    (Kind.INTEGER, ("0", -0.0, "-0"), "0"),
    (Kind.INTEGER, ("5.5", 5.5), Odd("5.5")),
    (Kind.INTEGER, ("1_000",), Odd("1_000")),
    (Kind.INTEGER, ("9" * 400,), "9" * 400),
    (Kind.INTEGER, ("9" * 401,), Odd("9" * 401)),
    (Kind.DECIMAL, ("12.50", 12.5, "1.25e1", ".125e2", "1250e-2"), "12.5"),
    (Kind.DECIMAL, (1e21, "1e21", 10**21), "1" + "0" * 21),
    (Kind.DECIMAL, (1e-7, "0.0000001"), "0.0000001"),
    (Kind.DECIMAL, ("1e999999999",), Odd("1e999999999")),
    (Kind.DECIMAL, ("NaN", " NaN "), Odd("NaN")),
    (Kind.DECIMAL, (math.nan,), Odd("nan")),
    (Kind.DECIMAL, (math.inf,), Odd("inf")),
    (Kind.DECIMAL, ("1,5",), Odd("1,5")),
    (Kind.DECIMAL, ("٣",), Odd("٣")),
    (Kind.BOOLEAN, (True, "true", "Yes", "1", 1, "on", "y", 1.0), True),
    (Kind.BOOLEAN, (False, "FALSE", "no", "0", 0, "off"), False),
    (Kind.BOOLEAN, ("maybe",), Odd("maybe")),
    (Kind.BOOLEAN, (2,), Odd("2")),
    (
        Kind.DATE,
        (
            "2024-01-05",
            "20240105",
            1704412800000,
            "1704412800000",
            1704412800000.0,
            "2024-01-05T00:00:00Z",
            "2024-01-05T23:30:00-05:00",
        ),
        "2024-01-05",
    ),
    (Kind.DATE, (-100000000000, "-100000000000", "1966-10-31"), "1966-10-31"),
    (Kind.DATE, (100000000000, "100000000000", "1973-03-03"), "1973-03-03"),
    (Kind.DATE, ("1610121212345", 1610121212345), "2021-01-08"),  # not the year 1610, though it could be read so
    *(
        (Kind.DATE, (short, int(short)), Odd(short))
        for short in ("0", "1980", "198001", "-86400000", "315532800", "1706659200", "20240131103000")
    ),
    (Kind.DATE, (20240105,), Odd("20240105")),
    (Kind.DATE, ("01/05/2024",), Odd("01/05/2024")),
    (Kind.DATE, (True,), Odd("true")),
    (Kind.DATE, (10**30,), Odd("1" + "0" * 30)),
    (
        Kind.DATETIME,
        (
            "2024-01-05T10:00:00Z",
            "2024-01-05T10:00:00.000Z",
            "2024-01-05T10:00:00.000+0000",
            "2024-01-05T05:00:00-05:00",
            "2024-01-05 10:00:00",
            1704448800000,
            "1704448800000",
        ),
        1704448800000,
    ),
    (Kind.DATETIME, ("2024-01-05T10:00:00.0019Z", "2024-01-05T10:00:00.001Z"), 1704448800001),
    (Kind.DATETIME, ("0001-01-01T00:00:00+14:00",), Odd("0001-01-01T00:00:00+14:00")),
    (Kind.DATETIME, ("tomorrow",), Odd("tomorrow")),
    (Kind.DATETIME, ("20240105",), 1704412800000),
    *((Kind.DATETIME, (short, int(short)), Odd(short)) for short in ("1980", "1706659200", "20240131103000")),
    (Kind.CHOICE, ("x1", " x1"), "x1"),
]


@pytest.mark.parametrize(
    ("kind", "value", "key"), [(kind, value, key) for kind, values, key in READINGS for value in values]
)
def test_a_value_reads_as_its_kind_says(kind: Kind, value: Value, key: object) -> None:
    found = read(kind, value, "US")
    assert found == key
    assert type(found) is type(key)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("value", [None, "", "  \t\n", (), ("", " ")])
def test_a_blank_reads_as_none_under_every_kind(kind: Kind, value: Value) -> None:
    assert blank(value)
    assert read(kind, value, "US") is None


@pytest.mark.parametrize("value", [0, 0.0, False, "0", ("a",), ("", "a"), "\u200b", "\x00"])
def test_zero_false_and_invisible_characters_are_no_blanks(value: Value) -> None:
    assert not blank(value)


WRITINGS: list[tuple[Kind, Value, Value, Value]] = [
    (Kind.TEXT, "  as typed\r\n", None, "  as typed\r\n"),
    (Kind.TEXT, 1e21, None, "1" + "0" * 21),
    (Kind.EMAIL, " Ann@Example.COM ", None, "ann@example.com"),
    (Kind.EMAIL, "nobody", None, None),
    (Kind.PHONE, "(305) 555-1234", "(305) 555-9999", "+13055551234"),
    (Kind.PHONE, "305 555 1234 x12", None, "+13055551234 ext. 12"),
    (Kind.PHONE, "ask Ann", None, "ask Ann"),
    (Kind.PHONE, "555-0100 Bob", None, "555-0100 Bob"),
    (Kind.US_STATE, "florida", None, "FL"),
    (Kind.US_STATE, "Ontario", None, None),
    (Kind.NAME, "Ann  Lee", None, "Ann  Lee"),
    (Kind.INTEGER, "5.0", None, "5"),
    (Kind.INTEGER, "5", 7, 5),
    (Kind.INTEGER, 5, "7", "5"),
    (Kind.INTEGER, 5, None, 5),
    (Kind.INTEGER, "9" * 30, 7, "9" * 30),
    (Kind.INTEGER, "5.5", None, None),
    (Kind.DECIMAL, "12.50", 1.5, 12.5),
    (Kind.DECIMAL, "0.1000000000000000055", 1.5, "0.1000000000000000055"),
    (Kind.DECIMAL, 1e-7, None, "0.0000001"),
    (Kind.DECIMAL, 5.0, "", 5),
    (Kind.BOOLEAN, "yes", None, True),
    (Kind.BOOLEAN, True, "false", "true"),
    (Kind.BOOLEAN, True, "No", "Yes"),
    (Kind.BOOLEAN, False, "Y", "N"),
    (Kind.BOOLEAN, "1", False, True),
    (Kind.BOOLEAN, "perhaps", None, None),
    (Kind.DATE, 1704412800000, None, "2024-01-05"),
    (Kind.DATE, "5 Jan", None, None),
    (Kind.DATE, "1980", None, None),
    (Kind.DATETIME, 1704448800000, None, "2024-01-05T10:00:00Z"),
    (Kind.DATETIME, "2024-01-05T05:00:00.5-05:00", None, "2024-01-05T10:00:00.500Z"),
    (Kind.DATETIME, "soon", None, None),
]


@pytest.mark.parametrize(("kind", "value", "present", "written"), WRITINGS)
def test_a_value_is_written_as_its_kind_says(kind: Kind, value: Value, present: Value, written: Value) -> None:
    made = write(kind, value, "US", present)
    assert made == written
    assert type(made) is type(written)


def test_a_phone_without_country_code_belongs_to_the_region() -> None:
    assert read(Kind.PHONE, "020 7946 0958", "GB") == "+442079460958"
    assert read(Kind.PHONE, "020 7946 0958", "XX") == Odd("020 7946 0958")


@pytest.mark.parametrize("digits", ["3055551234", "2125550100", "9998887777", "8005550199"])
@pytest.mark.parametrize("shape", ["{a}{b}{c}", "({a}) {b}-{c}", "+1{a}{b}{c}", "1 {a} {b} {c}", "{a}.{b}-{c}"])
def test_the_short_way_for_north_american_numbers_tells_what_the_full_parse_tells(digits: str, shape: str) -> None:
    text = shape.format(a=digits[:3], b=digits[3:6], c=digits[6:])
    assert read_phone(text, "US") == phones._parse(text, "US")
    assert read_phone(text, "US") == (f"+1{digits}", "")


def test_a_number_that_would_not_read_back_as_itself_stays_text() -> None:
    # The E.164 form of this one loses its leading 0 when it is parsed again.
    assert read(Kind.PHONE, "00045167484", "DE") == Odd("00045167484")


def test_a_number_of_ten_digits_is_not_american_in_another_region() -> None:
    assert read_phone("3055551234", "DE") != ("+13055551234", "")


def test_every_state_name_and_code_finds_its_code() -> None:
    codes = [code for code in (a + b for a in _LETTERS for b in _LETTERS) if state_code(code)]
    assert len(codes) == 50 + 1 + 5 + 3 + 3
    assert all(state_code(state_name(code)) == code for code in codes)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_a_number_is_given_as_json_only_where_it_stays_exact() -> None:
    assert as_number("9007199254740993") is None
    assert as_number("0.00000001") is None
    assert as_number("0.1") == 0.1
    assert as_number("9" * 399 + ".5") is None


def test_a_number_beyond_what_python_prints_has_a_text_nevertheless() -> None:
    giant = 10**6000
    assert plain(giant) is None
    assert text_of(giant).startswith("0x")


def test_text_of_ten_megabytes_is_read_under_every_kind() -> None:
    text = "a1;@." * 2_000_000
    for kind in Kind:
        assert read(kind, text, "US") is not None
