"""Everything that SalesPulse's page leaves open, as switches, and presets that each answer it in another way.

A client has to work with all of them. What the page does say is not switchable and stands in ``model``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class ListEnvelope(enum.StrEnum):
    """Where a list's rows are. OWN is the plural name of what is listed (``contacts``, ``calls`` …)."""

    BARE = "bare"
    DATA = "data"
    OWN = "own"
    ITEMS = "items"
    RESULTS = "results"


class EndHint(enum.StrEnum):
    """What a list says about its end."""

    NONE = "none"
    HAS_MORE = "has_more"
    NEXT_PAGE = "next_page"
    TOTAL = "total"
    """``total`` and ``total_pages``."""


class HintPlace(enum.StrEnum):
    """Where the hint is."""

    TOP = "top"
    META = "meta"
    PAGINATION = "pagination"


class PastEnd(enum.StrEnum):
    """What a page after the last shows."""

    EMPTY = "empty"
    REPEATS = "repeats"
    """The last page once more."""


class SingleEnvelope(enum.StrEnum):
    """Where a single object is. OWN is its singular name (``contact``, ``call``)."""

    BARE = "bare"
    DATA = "data"
    OWN = "own"


class Order(enum.StrEnum):
    """The order of ``GET /contacts``. Newest first makes every insert shift all pages."""

    OLDEST_FIRST = "oldest_first"
    NEWEST_FIRST = "newest_first"


class StageShown(enum.StrEnum):
    """Where a contact shows its stage."""

    STAGE_ID = "stage_id"
    ID = "id"
    """``stage`` holds the id."""
    NAME = "name"
    """``stage`` holds the name."""
    OBJECT = "object"
    """``stage`` holds ``{id, name}``."""
    PIPELINE_STAGE = "pipeline_stage"
    """``pipeline_stage`` holds the name."""
    DEALS_ONLY = "deals_only"


class Answer(enum.StrEnum):
    """What a write answers."""

    FULL = "full"
    PARTIAL = "partial"
    """The id and the fields that were sent."""
    MINIMAL = "minimal"
    """The id alone."""
    EMPTY = "empty"
    """204 and no body."""


class BulkAnswer(enum.StrEnum):
    """What ``POST /contacts/bulk`` answers."""

    ARRAY = "array"
    """An array in request order; a refused one is ``{"error": {"message"}}`` in its place."""
    CREATED = "created"
    """``{"created": [...], "errors": [{"index", "message"}]}``."""
    DATA = "data"
    """``{"data": [...], "errors": [{"index", "error": {"message"}}]}``."""
    COUNT = "count"
    """``{"created": 998, "errors": [...]}``: who was created is for the client to find out."""


class Blank(enum.StrEnum):
    """How a field without a value is shown."""

    NULL = "null"
    EMPTY = "empty"
    OMITTED = "omitted"


class Unknown(enum.StrEnum):
    """What happens to a key that is neither standard nor in ``custom_fields``."""

    KEEP = "keep"
    IGNORE = "ignore"
    REFUSE = "refuse"


class UntakenStage(enum.StrEnum):
    """What happens to a stage in a create or update that does not take it."""

    IGNORE = "ignore"
    REFUSE = "refuse"
    """A 422, as for any field that is not one of a contact."""
    KEEP = "keep"
    """It is stored and shown as any unknown key, beside the true stage."""


class ErrorDetail(enum.StrEnum):
    """Whether a 422 names the fields."""

    NONE = "none"
    FIELDS = "fields"
    """``error.fields`` is ``{field: message}``."""
    DETAILS = "details"
    """``error.details`` is ``[{"field", "message"}]``."""


class ResetHeader(enum.StrEnum):
    """X-RateLimit-Reset."""

    NONE = "none"
    SECONDS = "seconds"
    EPOCH = "epoch"


class HookData(enum.StrEnum):
    """The ``data`` of contact events."""

    CONTACT = "contact"
    """The contact itself, its id as ``id``."""
    NESTED = "nested"
    """``{"contact": {...}}``."""
    ID_ONLY = "id_only"
    """``{"contact_id"}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way of answering what the page leaves open. Raises ValueError if switches contradict each other."""

    list_envelope: ListEnvelope = ListEnvelope.DATA
    end_hint: EndHint = EndHint.NONE
    hint_place: HintPlace = HintPlace.TOP
    past_end: PastEnd = PastEnd.EMPTY
    single_envelope: SingleEnvelope = SingleEnvelope.BARE
    default_limit: int = 50
    max_limit: int = 1_000
    refuse_larger_limit: bool = False
    """A larger limit is answered 400; otherwise it is silently capped."""
    order: Order = Order.OLDEST_FIRST
    stage_shown: StageShown = StageShown.STAGE_ID
    stage_on_create: bool = True
    stage_on_update: bool = True
    untaken_stage: UntakenStage = UntakenStage.IGNORE
    stage_method: str = "PATCH"
    first_stage_by_default: bool = True
    flat_deals: bool = False
    """Deals hold ``contact_id`` and ``stage_id`` instead of objects."""
    create_answer: Answer = Answer.FULL
    update_answer: Answer = Answer.FULL
    delete_answer: Answer = Answer.MINIMAL
    bulk_answer: BulkAnswer = BulkAnswer.CREATED
    bulk_all_or_nothing: bool = False
    """One invalid contact refuses the whole bulk request with a 422 that names none."""
    bulk_shuffled: bool = False
    """Created contacts are answered in another order than they were sent in."""
    unique: frozenset[str] = field(default_factory=frozenset)
    """Fields that no two contacts may share, whatever their case: a 422 for the second."""
    numeric_ids: bool = False
    """Ids of new contacts are JSON numbers, also in deals and webhooks; the call log holds them as text."""
    numeric_phones: bool = False
    """Phones are shown as JSON numbers, without the plus."""
    blank: Blank = Blank.NULL
    unknown: Unknown = Unknown.KEEP
    custom_fields: frozenset[str] = field(default_factory=frozenset)
    folds_email: bool = False
    """E-mail addresses are stored in lower case."""
    times: bool = True
    """``created_at`` and ``updated_at`` are shown."""
    milliseconds: bool = False
    error_detail: ErrorDetail = ErrorDetail.NONE
    retry_after: bool = False
    reset_header: ResetHeader = ResetHeader.NONE
    hook_data: HookData = HookData.CONTACT

    def __post_init__(self) -> None:
        if self.list_envelope is ListEnvelope.BARE and self.end_hint is not EndHint.NONE:
            raise ValueError("a bare array has no place for an end hint")
        if self.create_answer is Answer.EMPTY:
            raise ValueError("a create always answers at least the id")
        if self.bulk_shuffled and self.bulk_answer is BulkAnswer.ARRAY:
            raise ValueError("an array in request order cannot be shuffled")
        if self.untaken_stage is UntakenStage.KEEP and self.stage_shown is StageShown.STAGE_ID:
            raise ValueError("a stage that is kept as an unknown key needs the true one to be shown under another")


DIALECTS: dict[str, Dialect] = {
    "plain": Dialect(),
    "wrapped": Dialect(
        end_hint=EndHint.TOTAL,
        hint_place=HintPlace.META,
        single_envelope=SingleEnvelope.DATA,
        max_limit=100,
        order=Order.NEWEST_FIRST,
        stage_shown=StageShown.OBJECT,
        bulk_answer=BulkAnswer.DATA,
        milliseconds=True,
        error_detail=ErrorDetail.DETAILS,
        retry_after=True,
        reset_header=ResetHeader.EPOCH,
        hook_data=HookData.NESTED,
    ),
    "terse": Dialect(
        list_envelope=ListEnvelope.BARE,
        max_limit=250,
        refuse_larger_limit=True,
        stage_shown=StageShown.DEALS_ONLY,
        stage_on_create=False,
        stage_on_update=False,
        stage_method="PUT",
        flat_deals=True,
        create_answer=Answer.MINIMAL,
        update_answer=Answer.EMPTY,
        delete_answer=Answer.EMPTY,
        bulk_answer=BulkAnswer.ARRAY,
        blank=Blank.OMITTED,
        times=False,
        hook_data=HookData.ID_ONLY,
    ),
    "legacy": Dialect(
        list_envelope=ListEnvelope.OWN,
        past_end=PastEnd.REPEATS,
        single_envelope=SingleEnvelope.OWN,
        default_limit=25,
        max_limit=200,
        stage_shown=StageShown.NAME,
        stage_on_create=True,
        stage_on_update=False,
        stage_method="POST",
        update_answer=Answer.PARTIAL,
        bulk_answer=BulkAnswer.CREATED,
        bulk_all_or_nothing=True,
        blank=Blank.EMPTY,
        folds_email=True,
        error_detail=ErrorDetail.FIELDS,
        reset_header=ResetHeader.SECONDS,
    ),
    "cursorless": Dialect(
        list_envelope=ListEnvelope.RESULTS,
        end_hint=EndHint.NEXT_PAGE,
        hint_place=HintPlace.PAGINATION,
        max_limit=500,
        order=Order.NEWEST_FIRST,
        stage_shown=StageShown.PIPELINE_STAGE,
        stage_on_create=False,
        first_stage_by_default=False,
        update_answer=Answer.MINIMAL,
        times=False,
        retry_after=True,
    ),
    "itemized": Dialect(
        list_envelope=ListEnvelope.ITEMS,
        end_hint=EndHint.HAS_MORE,
        stage_shown=StageShown.ID,
        stage_on_update=False,
        flat_deals=True,
        bulk_answer=BulkAnswer.ARRAY,
        unknown=Unknown.IGNORE,
        custom_fields=frozenset({"crm_id", "notes", "date_of_birth"}),
    ),
    "strict": Dialect(
        end_hint=EndHint.TOTAL,
        stage_shown=StageShown.OBJECT,
        stage_on_create=False,
        stage_on_update=False,
        untaken_stage=UntakenStage.REFUSE,
        bulk_answer=BulkAnswer.DATA,
        bulk_shuffled=True,
        unique=frozenset({"phone"}),
        numeric_ids=True,
    ),
}
"""The presets by name."""
