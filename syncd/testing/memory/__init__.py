"""A connector whose vendor is a dictionary, for tests and simulations: ``MemorySide`` is the vendor,
``MemoryConnector`` syncd's view of it.
"""

from syncd.testing.memory.connector import DictMemory, MemoryConnector
from syncd.testing.memory.vendor import FIELDS, MemorySide, Row, Traits

__all__ = ["FIELDS", "DictMemory", "MemoryConnector", "MemorySide", "Row", "Traits"]
