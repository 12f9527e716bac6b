"""A model of SalesPulse v1, written to the vendor's page and to nothing of ours."""

from syncd.sandbox.salespulse.dialect import DIALECTS, Dialect
from syncd.sandbox.salespulse.model import SalesPulse

__all__ = ["DIALECTS", "Dialect", "SalesPulse"]
