"""syncd's view of a MemorySide: the port done completely and without requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.port import Account, Capabilities, Fetched, Page
from syncd.core.model import FieldSpec, Gone, Intent, Op, Outcome, Receipt, Record, Side, Stage, Value
from syncd.errors import AnswerLost, BatchRefused, ConnectionStop
from syncd.testing.memory.vendor import MemorySide, Row, Traits


class MemoryConnector:
    """The port over a MemorySide. ``requests`` counts what a vendor would have been asked, by kind."""

    def __init__(self, side: MemorySide, written_side: Side = Side.CRM, label: str = "Memory") -> None:
        self.side = side
        self.requests: Counter[str] = Counter()
        self._written_side = written_side
        self._label = label
        self._script: list[tuple[str, Exception, bool]] = []

    # ---- scripting

    def fail(self, kind: str, error: Exception, *, after_work: bool = False) -> None:
        """Let the next request of a kind ("scan", "create", …) raise ``error``, before or after its work is
        done.
        """
        self._script.append((kind, error, after_work))

    def lose_answer(self, kind: str) -> None:
        """Let the next request of a kind do its work and lose its answer."""
        self.fail(kind, AnswerLost(f"{kind}: the answer was lost"), after_work=True)

    def _request(self, kind: str) -> Exception | None:
        """Count a request; raise what was scripted, or return what is to be raised once the work is done."""
        self.requests[kind] += 1
        for place, (wanted, error, after_work) in enumerate(self._script):
            if wanted == kind:
                del self._script[place]
                if after_work:
                    return error
                raise error
        return None

    # ---- the port

    @property
    def label(self) -> str:
        return self._label

    @property
    def _traits(self) -> Traits:
        return self.side.traits

    def account(self) -> Account:
        self._request("account")
        return Account(id=self.side.account, name=self._label)

    def capabilities(self) -> Capabilities:
        traits = self._traits
        return Capabilities(
            changes=traits.changes,
            field_times=traits.field_times,
            identity=traits.identity,
            fetch_batch=traits.fetch_batch,
            page_size=traits.page_size,
            batch=dict.fromkeys(Op, traits.write_batch),
            archives=traits.archives,
            guarded=traits.guarded,
            late=traits.late,
            requests_per_create=1 / traits.write_batch,
        )

    def notices(self) -> tuple[str, ...]:
        return ()

    def recover(self) -> None:
        """Nothing is left under way: every write ends with its request."""

    def describe(self) -> tuple[FieldSpec, ...]:
        return self._traits.fields if self._traits.describes else ()

    def stages(self) -> tuple[Stage, ...]:
        return self._traits.stages

    def scan(self, cursor: str | None) -> Page:
        self._request("scan")
        looked_at, start = self.side.clock.now(), int(cursor or 0)
        with self.side.lock:
            rows = list(self.side.rows.values())
            page = [self._look(row) for row in rows[start : start + self._traits.page_size] if self._visible(row)]
        following = start + self._traits.page_size
        done = following >= len(rows)
        return Page(
            records=tuple(page),
            looked_at=looked_at,
            cursor=None if done else str(following),
            complete=done,
            total=sum(not row.proof for row in rows),
        )

    def feed_start(self) -> str:
        self._request("feed_start")
        return str(self.side.version)

    def changes(self, cursor: str) -> Page:
        self._request("changes")
        looked_at, since = self.side.clock.now(), int(cursor)
        with self.side.lock:
            newer = sorted((row for row in self.side.rows.values() if row.version > since), key=lambda row: row.version)
            rows = newer[: self._traits.page_size]
            records = tuple(self._look(row) for row in rows if self._visible(row))
            told = [row for row in rows if row.proof and not row.merged_into and self._traits.tells_gone]
            gone = tuple(Gone(id=row.id, proof=row.proof) for row in told)
        return Page(
            records=records,
            looked_at=looked_at,
            cursor=str(rows[-1].version if rows else since),
            complete=len(newer) == len(rows),
            gone=gone,
        )

    def fetch(self, ids: Sequence[str]) -> Fetched:
        looked_at = self.side.clock.now()
        records, gone = {}, {}
        distinct = list(dict.fromkeys(ids))
        for start in range(0, len(distinct), self._traits.fetch_batch):
            self._request("fetch")
            for asked in distinct[start : start + self._traits.fetch_batch]:
                with self.side.lock:
                    row, old = self.side.resolve(asked), self.side.rows.get(asked)
                    if row is not None and self._visible(row):
                        records[asked] = self._look(row)
                    elif row is None:
                        gone[asked] = Gone(id=asked, proof=old.proof if old and not old.merged_into else "404")
        return Fetched(records=records, gone=gone, looked_at=looked_at)

    def find(self, keys: Mapping[str, Sequence[str]]) -> tuple[Record, ...]:
        self._request("find")
        traits = self._traits
        names = {**traits.key_fields, **({"identity": traits.identity} if traits.identity else {})}
        wanted = {
            names[key]: {_folded(value) for value in values} - {None} for key, values in keys.items() if key in names
        }
        with self.side.lock:
            return tuple(
                self._look(row)
                for row in self.side.live()
                if self._visible(row) and any(self._shows(row, name) & values for name, values in wanted.items())
            )

    def field_times(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
        if not self._traits.field_times:
            return {}
        self._request("field_times")
        with self.side.lock:
            rows = {asked: row for asked in ids if (row := self.side.resolve(asked)) is not None}
            return {
                asked: {name: row.times[name] for name in fields if name in row.times} for asked, row in rows.items()
            }

    def create(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return self._write("create", intents, self._create)

    def update(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return self._write("update", intents, self._update)

    def remove(self, intents: Sequence[Intent]) -> tuple[Receipt, ...]:
        return self._write("remove", intents, self._remove)

    def close(self) -> None:
        """Nothing is open."""

    # ---- looks

    def _look(self, row: Row) -> Record:
        traits = self._traits
        values = {spec.name: row.values.get(spec.name) for spec in traits.fields if spec.readable}
        return Record(
            id=row.id,
            values=values,
            also=dict(row.also),
            version=row.version if traits.versions else None,
            modified_at=row.modified_at if traits.moments else None,
            created_at=row.created_at if traits.moments else None,
            in_scope=traits.scope(values),
            merged_ids=row.merged_ids,
        )

    def _visible(self, row: Row) -> bool:
        return not row.proof and row.id not in self.side.hidden

    def _shows(self, row: Row, name: str) -> set[Value]:
        return {_folded(value) for value in (row.values.get(name), *row.also.get(name, ()))} - {None}

    # ---- writes

    def _write(
        self, kind: str, intents: Sequence[Intent], carry_out: Callable[[Intent], Receipt]
    ) -> tuple[Receipt, ...]:
        if len(intents) > self._traits.write_batch:
            raise ConnectionStop(f"{kind}: {len(intents)} records at once are more than the side takes")
        late = self._request(kind)
        with self.side.lock:
            if not self._traits.names_items and len(intents) > 1:
                self._reject_unnamed(kind, intents)
            receipts = tuple(carry_out(intent) for intent in intents)
        if late is not None:
            raise late
        return receipts

    def _reject_unnamed(self, kind: str, intents: Sequence[Intent]) -> None:
        for intent in intents:
            if kind != "remove" and (self._refusals(intent) or self._holder(intent)):
                raise BatchRefused(f"{kind}: one of {len(intents)} records was refused and none is named")

    def _create(self, intent: Intent) -> Receipt:
        refused = self._refusals(intent)
        if refused and not self._traits.names_fields:
            return _refusal(intent, "; ".join(refused.values()))
        known = self._by_stamp(intent)
        holder = self._holder(intent, known.id if known else "")
        if holder:
            return replace(_refusal(intent, "a record with this value exists already"), existing_id=holder)
        row = known or self.side.rows[self.side.add({})]
        self._set(row, intent, refused)
        return self._applied(intent, row, refused, created=known is None)

    def _update(self, intent: Intent) -> Receipt:
        row = self.side.resolve(intent.target)
        if row is None or not self._visible(row):
            return Receipt(intent_id=intent.id, outcome=Outcome.GONE, id=intent.target, message="no such record")
        if self._traits.guarded and any(row.values.get(one.field) != one.before for one in intent.changes):
            return Receipt(intent_id=intent.id, outcome=Outcome.STALE, id=intent.target)
        refused = self._refusals(intent)
        if refused and (not self._traits.names_fields or set(refused) == set(intent.values)):
            named = refused if self._traits.names_fields else {}
            return replace(_refusal(intent, "; ".join(refused.values())), refused_fields=named)
        holder = self._holder(intent, row.id)
        if holder:
            return replace(_refusal(intent, "another record has this value"), existing_id=holder)
        self._set(row, intent, refused)
        return self._applied(intent, row, refused, created=False)

    def _remove(self, intent: Intent) -> Receipt:
        if intent.archive and not self._traits.archives:
            return _refusal(intent, "this side cannot archive")
        row = self.side.resolve(intent.target)
        if row is not None and not self._visible(row):
            return Receipt(intent_id=intent.id, outcome=Outcome.GONE, id=intent.target, message="no such record")
        if row is not None:
            self.side.delete(row.id, proof="archived" if intent.archive else "404")
        return Receipt(intent_id=intent.id, outcome=Outcome.APPLIED, id=intent.target)

    def _by_stamp(self, intent: Intent) -> Row | None:
        """The record that an upsert would find."""
        stamp, identity = intent.stamp or intent.origin, self._traits.identity
        if identity is None or not stamp:
            return None
        return next((row for row in self.side.live() if row.values.get(identity) == stamp), None)

    def _holder(self, intent: Intent, own_id: str = "") -> str:
        """Id of another record that has a value which must be unique."""
        sent = self._sent(intent)
        own = own_id or intent.target
        known = self._by_stamp(intent) if intent.op is Op.CREATE else None
        for spec in self._traits.fields:
            value = _folded(sent.get(spec.name))
            if not spec.unique or value is None:
                continue
            for row in self.side.live():
                same = value in self._shows(row, spec.name)
                if same and row.id != own and row is not known:
                    return row.id
        return ""

    def _refusals(self, intent: Intent) -> dict[str, str]:
        specs = {spec.name: spec for spec in self._traits.fields}
        refused = {}
        for name, value in intent.values.items():
            spec = specs.get(name)
            if spec is None:
                refused[name] = "no such field"
            elif not spec.writable:
                refused[name] = "the field is read-only"
            elif value is None:
                continue
            elif spec.options and value not in {option.value for option in spec.options}:
                refused[name] = "no such option"
            elif spec.max_length is not None and len(str(value)) > spec.max_length:
                refused[name] = f"longer than {spec.max_length} characters"
        return refused

    def _sent(self, intent: Intent) -> dict[str, Value]:
        sent = dict(intent.values)
        stamp = intent.stamp if intent.op is not Op.CREATE else intent.stamp or intent.origin or None
        if self._traits.identity and stamp is not None:
            sent[self._traits.identity] = stamp or None
        return sent

    def _set(self, row: Row, intent: Intent, refused: Mapping[str, str]) -> None:
        reshape = self._traits.reshape
        self.side.edit(
            row.id,
            {
                name: reshape[name](value) if name in reshape else value
                for name, value in self._sent(intent).items()
                if name not in refused and name not in self._traits.ignored
            },
        )

    def _applied(self, intent: Intent, row: Row, refused: Mapping[str, str], *, created: bool) -> Receipt:
        return Receipt(
            intent_id=intent.id,
            outcome=Outcome.APPLIED,
            id=row.id,
            shown=self._look(row) if self._traits.shows_writes else None,
            refused_fields=refused,
            created=created,
        )


class DictMemory:
    """What a connector learned, kept for a test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.kept.get(key)

    def set(self, key: str, value: str) -> None:
        self.kept[key] = value


def _folded(value: Value) -> Value:
    if isinstance(value, str):
        return value.strip().casefold() or None
    return value


def _refusal(intent: Intent, message: str) -> Receipt:
    return Receipt(intent_id=intent.id, outcome=Outcome.REFUSED, id=intent.target, message=message)
