"""What every connector promises, as pytest classes: inherit them and give them a ``side`` to work on.

    class TestMine(ConnectorContract, FeedContract, IdentityContract):
        @pytest.fixture
        def side(self) -> Iterator[SideUnderTest]: ...

A fixture gives each test a fresh and empty side. ConnectorContract holds for all, however differently the vendors
behave; the others are for what only some sides can do. Which of them a test class inherits has to match what its side
says of itself; a test of ConnectorContract sees to it, so that none is left out unnoticed. A vendor whose accounts
differ in this has a test class for each kind.
"""
# a test suite, kept here for connectors of others

from syncd.testing.contract.every import ConnectorContract
from syncd.testing.contract.parts import (
    ArchiveContract,
    FeedContract,
    FieldTimesContract,
    IdentityContract,
    UniqueEmailContract,
    parts_for,
)
from syncd.testing.contract.side import (
    Names,
    RestorableSide,
    SideUnderTest,
    deliver,
    drain,
    intent_for,
    person,
    scan_all,
    seen,
)

__all__ = [
    "ArchiveContract",
    "ConnectorContract",
    "FeedContract",
    "FieldTimesContract",
    "IdentityContract",
    "Names",
    "RestorableSide",
    "SideUnderTest",
    "UniqueEmailContract",
    "deliver",
    "drain",
    "intent_for",
    "parts_for",
    "person",
    "scan_all",
    "seen",
]
