"""US states, the capital, territories and military mail regions (USPS Publication 28, appendix B).

It knows names and letters only; which of them a field wants is the lens's business.
"""

from __future__ import annotations

_NAMES = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "AS": "American Samoa",
    "GU": "Guam",
    "MP": "Northern Mariana Islands",
    "PR": "Puerto Rico",
    "VI": "U.S. Virgin Islands",
    "FM": "Federated States of Micronesia",
    "MH": "Marshall Islands",
    "PW": "Palau",
    "AA": "Armed Forces Americas",
    "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}

_ALIASES = {
    "Washington DC": "DC",
    "Washington, DC": "DC",
    "Washington D C": "DC",
    "Virgin Islands": "VI",
    "US Virgin Islands": "VI",
    "United States Virgin Islands": "VI",
    "Commonwealth of the Northern Mariana Islands": "MP",
    "Micronesia": "FM",
}

#: Longer text is no state; keeps folding cheap.
_LONGEST = 64


def _fold(text: str) -> str:
    return " ".join(text.replace(".", "").casefold().split())


_CODES = {_fold(name): code for code, name in _NAMES.items()}
_CODES |= {_fold(code): code for code in _NAMES}
_CODES |= {f"us-{code.casefold()}": code for code in _NAMES}
_CODES |= {_fold(alias): code for alias, code in _ALIASES.items()}


def state_code(text: str) -> str | None:
    """Two capital letters for a state's name, letters ("fl", "N.Y.") or ISO code ("US-FL"), else None."""
    if len(text) > _LONGEST:
        return None
    return _CODES.get(text) or _CODES.get(_fold(text))


def state_name(code: str) -> str:
    """The English name of a code that ``state_code`` gave."""
    return _NAMES[code]
