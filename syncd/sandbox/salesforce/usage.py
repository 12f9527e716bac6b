"""API requests in any 24 hours, counted over the whole org (contract, sections 6 and 7)."""

from __future__ import annotations

from typing import Any

from syncd.sandbox.limits import WindowLimit
from syncd.sandbox.salesforce.errors import ApiError
from syncd.sandbox.salesforce.org import Org

DAY = 86_400.0


class Usage:
    """The count. ``org.options.daily_limit`` may change at any time; what was used stays used."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._window = WindowLimit(1, DAY, org.clock)

    @property
    def limit(self) -> int:
        """Requests that fit into 24 hours."""
        return self._org.options.daily_limit

    @property
    def used(self) -> int:
        """Requests of the last 24 hours."""
        return self._set().count - self._window.peek().remaining

    def admit(self) -> None:
        """Count one request. Raises ApiError (403) when none is left."""
        if not self.limit or not self._set().take().allowed:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def spend(self, count: int) -> None:
        """Use up so many at once, as another program of the org would."""
        self._set().spend(count)

    def header(self) -> dict[str, str]:
        """``Sforce-Limit-Info``."""
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.limit}"}

    def limits(self) -> dict[str, Any]:
        """The body of ``/limits/``."""
        return {
            "DailyApiRequests": {"Max": self.limit, "Remaining": max(0, self.limit - self.used)},
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
        }

    def _set(self) -> WindowLimit:
        self._window.count = max(1, self.limit)
        return self._window
