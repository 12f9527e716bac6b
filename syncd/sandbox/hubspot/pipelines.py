"""Pipelines and stages, the contacts' lifecycle among them, and the paths to them (contract, section 6).

Whether a record may move to a stage is ``writer``'s."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from syncd.sandbox.hubspot.calls import Answer, Call
from syncd.sandbox.hubspot.errors import not_found, unknown_type, validation
from syncd.sandbox.hubspot.schema import LIFECYCLE, Schema
from syncd.sandbox.hubspot.values import iso

LIFECYCLE_PIPELINE = "contacts-lifecycle-pipeline"

_DEALS = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage; metadata values are texts."""

    id: str
    label: str
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        return self.metadata.get("isClosed") == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One pipeline with its stages in order."""

    id: str
    label: str
    stages: tuple[Stage, ...]

    def stage(self, stage_id: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    def shown(self, order: int) -> dict[str, Any]:
        """As the API gives it."""
        born = {"createdAt": iso(0), "updatedAt": iso(0), "archived": False}
        stages = [
            {"id": stage.id, "label": stage.label, "displayOrder": place, "metadata": stage.metadata,
             "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT", **born}
            for place, stage in enumerate(self.stages)
        ]  # fmt: skip
        return {"id": self.id, "label": self.label, "displayOrder": order, "stages": stages, **born}


class Pipelines:
    """All pipelines, by object type."""

    def __init__(self) -> None:
        deals = tuple(
            Stage(
                id=stage,
                label=label,
                metadata={"isClosed": str(stage.startswith("closed")).lower(), "probability": probability},
            )
            for stage, label, probability in _DEALS
        )
        lifecycle = tuple(Stage(id=stage, label=label) for stage, label in LIFECYCLE)
        self._by_type: dict[str, list[Pipeline]] = {
            "deals": [Pipeline(id="default", label="Sales Pipeline", stages=deals)],
            "contacts": [Pipeline(id=LIFECYCLE_PIPELINE, label="Lifecycle Stage Pipeline", stages=lifecycle)],
        }
        self._next_stage = 148_309_301

    def of(self, object_type: str) -> list[Pipeline]:
        """In display order; empty for a type without pipelines."""
        return self._by_type.get(object_type, [])

    def find(self, object_type: str, pipeline: str) -> Pipeline | None:
        return next((one for one in self.of(object_type) if one.id == pipeline), None)

    def lifecycle_order(self, stage: str) -> int:
        """Place of a lifecycle stage; one that was removed counts as the first."""
        stages = self._by_type["contacts"][0].stages
        return next((place for place, one in enumerate(stages) if one.id == stage), 0)

    def add_stage(self, object_type: str, pipeline: str, label: str, metadata: dict[str, str]) -> Stage | None:
        """A stage at the end, with a numeric id. None when there is no such pipeline."""
        found = self.find(object_type, pipeline)
        if found is None:
            return None
        stage = Stage(id=str(self._next_stage), label=label, metadata=metadata)
        self._next_stage += 1
        stages = (*found.stages, stage)
        self._by_type[object_type] = [
            replace(one, stages=stages) if one.id == pipeline else one for one in self.of(object_type)
        ]
        return stage

    def export(self) -> dict[str, Any]:
        """JSON-able."""
        kept = {
            kind: [[p.id, p.label, [[s.id, s.label, s.metadata] for s in p.stages]] for p in pipelines]
            for kind, pipelines in self._by_type.items()
        }
        return {"next": self._next_stage, "pipelines": kept}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what ``export`` gave."""
        self._next_stage = data["next"]
        self._by_type = {
            kind: [
                Pipeline(id=p, label=label, stages=tuple(Stage(id=s, label=t, metadata=m) for s, t, m in stages))
                for p, label, stages in pipelines
            ]
            for kind, pipelines in data["pipelines"].items()
        }


def handle(pipelines: Pipelines, schema: Schema | None, call: Call) -> Answer:
    """``/crm/v3/pipelines/{type}…`` and its dated twin."""
    if schema is None:
        raise unknown_type(call.parts[0] if call.parts else "")
    call.need(f"crm.objects.{schema.scope}.read" if call.method == "GET" else f"crm.schemas.{schema.scope}.write")
    of = pipelines.of(schema.name)
    match call.method, call.parts[1:]:
        case "GET", ():
            return Answer(200, {"results": [one.shown(place) for place, one in enumerate(of)]})
        case "GET", (pipeline,):
            for place, one in enumerate(of):
                if one.id == pipeline:
                    return Answer(200, one.shown(place))
        case "GET", (pipeline, "stages"):
            for one in of:
                if one.id == pipeline:
                    return Answer(200, {"results": one.shown(0)["stages"]})
        case "POST", (pipeline, "stages"):
            body = call.body()
            label, metadata = body.get("label"), body.get("metadata")
            if not isinstance(label, str) or not isinstance(metadata, dict) or "displayOrder" not in body:
                raise validation("Invalid input JSON: label, displayOrder and metadata are required")
            stage = pipelines.add_stage(schema.name, pipeline, label, {k: str(v) for k, v in metadata.items()})
            if stage is not None:
                return Answer(201, pipelines.of(schema.name)[0].shown(0)["stages"][-1])
    raise not_found()
