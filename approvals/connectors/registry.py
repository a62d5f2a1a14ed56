"""Which connectors there are. A service's definition names one of them."""

from __future__ import annotations

from approvals.connectors import query, webhook
from approvals.connectors.interface import Connector, Updater

CONNECTORS: dict[str, Connector] = {"webhook": webhook.send, "query": query.send}

UPDATES: dict[str, Updater] = {"webhook": webhook.tell}
"""Those that can be told what happened afterwards; a source that answered on the spot has no case to follow."""
