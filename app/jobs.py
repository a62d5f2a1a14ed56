"""Jobs: what is done after the answer was given. procrastinate on our own PostgreSQL.

A job is written in the same transaction as the rows that call for it (`Work.defer`), so neither exists without
the other. Every job may run twice: a worker can be killed between doing and saying so.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import procrastinate
import structlog
from procrastinate.jobs import Job as QueuedJob

from app.settings import settings

log = structlog.get_logger()

OFFICES = "offices"
QUEUES = ("default", OFFICES)
"""Hand-overs have a queue and slots of their own: a slow office must not hold up everybody's uploads and messages."""

STALLED_AFTER_SECONDS = 10
_POLL_SECONDS = 0.2
_PAUSE_SECONDS = 1.0

# The registry of tasks. Rooms register their tasks here; only a worker ever opens a connection through it.
tasks = procrastinate.App(connector=procrastinate.PsycopgConnector())


class KeepTrying(procrastinate.BaseRetryStrategy):
    """Try again without end, at growing distances up to `cap`: nothing that was accepted is ever given up.

    The distance doubles from one second and is spread by ±20 %, so that a thousand jobs waiting for one office
    don't knock at the same moment when it wakes.
    """

    def __init__(self, cap: Callable[[], timedelta]) -> None:
        self._cap = cap

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> procrastinate.RetryDecision:
        seconds = min(2.0 ** min(job.attempts, 16), self._cap().total_seconds())
        return procrastinate.RetryDecision(retry_in={"milliseconds": int(1000 * seconds * random.uniform(0.8, 1.2))})


def task(name: str, cap: Callable[[], timedelta] = lambda: timedelta(minutes=1), **options: Any) -> Callable[..., Any]:
    """Register a function as a task that is tried until it succeeds, and logged without its arguments."""

    def register(run: Callable[..., None]) -> Any:
        registered: Callable[..., Any] = tasks.task(name=name, retry=KeepTrying(cap), **options)
        return registered(_logged(name, run))

    return register


def _logged(name: str, run: Callable[..., None]) -> Callable[..., None]:
    @wraps(run)
    def logged(*positional: Any, **named: Any) -> None:
        started = time.perf_counter()
        try:
            run(*positional, **named)
        except Exception as error:
            log.warning("job_failed", task=name, exc_info=error, ms=_ms_since(started))
            raise
        log.info("job_done", task=name, ms=_ms_since(started))

    return logged


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


@tasks.periodic(cron="* * * * * */5")
@tasks.task(name="rescue", queueing_lock="rescue", pass_context=True)
async def rescue(context: procrastinate.JobContext, timestamp: int) -> None:
    """Give back the jobs of a worker whose heart stopped, so that another runs them."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        log.warning("job_rescued", task=job.task_name)
        await manager.retry_job(job)


def work_forever() -> None:
    """Run jobs until the process is told to stop; the running ones are finished first.

    A database that goes away is waited for: the worker of procrastinate ends then, and a new one begins.
    """
    asyncio.run(_work_forever())


async def _work_forever() -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    while not told_to_stop.is_set():
        try:
            await _work_until(told_to_stop)
        except (procrastinate.exceptions.ConnectorException, OSError) as error:
            log.warning("worker_lost_database", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told_to_stop.wait(), _PAUSE_SECONDS)


async def _work_until(told_to_stop: asyncio.Event) -> None:
    """One life of procrastinate's worker: ends when told, or when it lost the database."""
    connector = procrastinate.PsycopgConnector(conninfo=settings().database_url, min_size=1, max_size=10)
    with tasks.replace_connector(connector) as app:
        async with app.open_async():
            log.info("worker_started", concurrency=settings().worker_concurrency)
            working = [
                asyncio.create_task(app.run_worker_async(queues=[queue], **_worker_options())) for queue in QUEUES
            ]
            telling = asyncio.create_task(told_to_stop.wait())
            await asyncio.wait({*working, telling}, return_when=asyncio.FIRST_COMPLETED)
            # Being cancelled means to a worker: finish what is running, take nothing new.
            for ending in (telling, *working):
                ending.cancel()
            for ended in await asyncio.gather(*working, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended


def _worker_options() -> dict[str, Any]:
    return {
        "concurrency": settings().worker_concurrency,
        "fetch_job_polling_interval": _POLL_SECONDS,
        "update_heartbeat_interval": 2,
        "stalled_worker_timeout": STALLED_AFTER_SECONDS,
        "delete_jobs": "successful",
        "shutdown_graceful_timeout": 20,
        "install_signal_handlers": False,
    }
