"""Publishing: what two administrators do at once is done one after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from app import database
from app.catalogue import publishing
from tests.clocks import publish_service
from tests.product import wait_until_somebody_waits


def test_the_oldest_clients_of_two_platforms_may_be_set_at_once(product: Flask, sql: Callable[..., list[Any]]) -> None:
    code = publish_service().code

    def demand(platform: str) -> None:
        with database.work() as work:
            publishing.set_minimum_client(work, "staff:second", code, platform, "2.0.0")

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            publishing.set_minimum_client(work, "staff:first", code, "ios", "3.1.0")
            second = pool.submit(demand, "android")
            wait_until_somebody_waits(sql, second)
        second.result(30)

    [row] = sql("SELECT minimum_clients FROM service_switches WHERE service_code = %s", code)
    assert row["minimum_clients"] == {"ios": "3.1.0", "android": "2.0.0"}
