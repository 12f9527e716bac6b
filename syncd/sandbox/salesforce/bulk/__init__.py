"""Bulk API 2.0: jobs that take a CSV in, or give the rows of a query as CSV (contract, section 4.5)."""

from syncd.sandbox.salesforce.bulk.jobs import Jobs

__all__ = ["Jobs"]
