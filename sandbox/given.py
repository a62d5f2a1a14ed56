"""Servers that somebody else runs: named in the environment, used instead of our own."""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import configuration, objects

# Variables that may be given to `make run`; whatever else the environment holds does not change the demo.
NAMES = (
    "DATABASE_URL",
    "DATABASE_POOL",
    "PUBLIC_URL",
    "WORKER_CONCURRENCY",
    "CRYPTO_SUITE",
    "HANDOVER_RETRY_CAP_SECONDS",
    "LOOKS_PER_HOUR",
    "UNMASKING_SECONDS",
)
PREFIXES = ("S3_", "WECHAT_", "SMS_", "VOICE_", "SESSION_", "ELDER_SESSION_", "STAFF_SESSION_")


class GivenError(RuntimeError):
    """A server was given that can not be used as it is described."""


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment gives; an empty variable gives nothing."""
    return {name: value for name, value in environment.items() if value and name.startswith((*NAMES, *PREFIXES))}


def check(given: Mapping[str, str]) -> None:
    """Raise GivenError when a store is given without its keys."""
    missing = [name for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY") if name not in given]
    if missing:
        raise GivenError(f"S3_ENDPOINT_URL is given, so {' and '.join(missing)} must be given too.")


def store(given: Mapping[str, str]) -> dict[str, str]:
    """Return the S3 variables for a given store, after making sure that the bucket is there."""
    url, region = given["S3_ENDPOINT_URL"], given.get("S3_REGION", objects.REGION)
    bucket = given.get("S3_BUCKET", configuration.BUCKET)
    keys = given["S3_ACCESS_KEY_ID"], given["S3_SECRET_ACCESS_KEY"]
    try:
        objects.ensure_bucket(objects.client(url, region, *keys), bucket)
    except (BotoCoreError, ClientError) as problem:
        raise GivenError(f"The S3 store at {url} does not give us the bucket {bucket}: {problem}") from problem
    made = configuration.store_environment(url, *keys, region) | {"S3_BUCKET": bucket}
    return made | {"S3_PUBLIC_URL": given.get("S3_PUBLIC_URL", url)}
