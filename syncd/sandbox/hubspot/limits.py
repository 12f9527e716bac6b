"""Rate limits as HubSpot keeps and tells them (contract, section 10): 10 seconds, a day, searches per second.

Which requests exist is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from syncd.sandbox.clock import WorldClock
from syncd.sandbox.hubspot.errors import Refused
from syncd.sandbox.hubspot.options import Options
from syncd.sandbox.limits import WindowLimit

INTERVAL = 10.0


class Quota:
    """What is left. ``scale`` multiplies every count."""

    def __init__(self, clock: WorldClock, scale: float, portal_id: int, options: Options) -> None:
        self._clock = clock
        self._scale = scale
        self._portal_id = portal_id
        self.used_today = 0
        self._day = ""
        self.configure(options)

    def configure(self, options: Options) -> None:
        """Take over options; the windows begin anew."""
        self._options = options
        self._burst = WindowLimit(self._count(options.burst), INTERVAL, self._clock)
        self._search = WindowLimit(self._count(options.search_per_second), 1.0, self._clock)

    def adopt(self, options: Options) -> None:
        """Take over options that change no rate; the windows stay."""
        self._options = options

    @property
    def daily(self) -> int:
        """Requests a day."""
        return self._count(self._options.daily)

    def resets(self) -> datetime:
        """The next midnight of the account."""
        here = self._clock.now().astimezone(ZoneInfo(self._options.time_zone))
        return (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)

    def spend(self, count: int, *, daily: bool = False) -> None:
        """Use up requests, as another program on the account would."""
        if daily:
            self._today()
            self.used_today += count
        else:
            self._burst.spend(count)

    def admit(self, *, search: bool) -> Mapping[str, str]:
        """Count one request; gives the headers of its answer. Raises Refused (429)."""
        self._today()
        if self.used_today >= self.daily:
            wait = (self.resets() - self._clock.now()).total_seconds()
            raise self._refused("daily", "DAILY", wait, {} if search else self._headers())
        if search:
            taken = self._search.peek()
            if not taken.allowed:
                raise self._refused("secondly", "SECONDLY", taken.reset, {})
        if not search or self._options.search_in_burst:
            taken = self._burst.take()
            if not taken.allowed:
                headers = {} if search else self._headers()
                raise self._refused("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", taken.reset, headers)
        if search:
            self._search.take()
        self.used_today += 1
        return {} if search else self._headers()

    def _count(self, plain: int) -> int:
        return max(1, round(plain * self._scale))

    def _today(self) -> None:
        day = self._clock.now().astimezone(ZoneInfo(self._options.time_zone)).date().isoformat()
        if day != self._day:
            self._day = day
            self.used_today = 0

    def _headers(self) -> dict[str, str]:
        left = self._burst.peek().remaining
        per_second = max(1, self._burst.count // 10)
        return {
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.used_today)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(self._burst.count),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Secondly": str(per_second),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(left, per_second)),
        }

    def _refused(self, words: str, policy: str, wait: float, headers: Mapping[str, str]) -> Refused:
        policy_words = words.removesuffix("_rolling").replace("_", "-")
        group = f"publicapi:hapikey-api-calls-{policy_words}:{self._portal_id}"
        extra = {"policyName": policy, "groupName": group}
        named = self._options.rate_category
        if not named:
            extra["errorType"] = "RATE_LIMIT"
        after = {"Retry-After": str(max(1, -int(-wait // 1)))} if self._options.retry_after else {}
        return Refused(
            429,
            f"You have reached your {words} limit.",
            category="RATE_LIMITS" if named else "",
            extra=extra,
            headers={**headers, **after},
        )
