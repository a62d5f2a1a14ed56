"""Which connectors there are. A service's definition names one of them."""

from __future__ import annotations

from approvals.connectors import query, webhook
from approvals.connectors.interface import Connector

CONNECTORS: dict[str, Connector] = {"webhook": webhook.send, "query": query.send}
