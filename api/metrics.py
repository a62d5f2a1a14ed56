"""Metrics: what was refused and noticed at the entrances, for whoever watches the service."""

from __future__ import annotations

from flask import Response

from api.doors import Door, Visit
from auth import guards, refusals

door = Door("metrics", guards.watchers, "/metrics", "Counts for Prometheus.")

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@door.reads("", produces="text/plain")
def show_metrics(visit: Visit) -> Response:
    """Counts of all processes together, in Prometheus' text format: ask one address, not each process."""
    return Response(refusals.as_prometheus(visit.connection), content_type=_TEXT)
