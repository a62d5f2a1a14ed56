"""The file store: any S3, by boto3. Bytes of residents never pass through the API.

They rest encrypted by the store: its bucket has default encryption (SSE-S3 or SSE-KMS), which also covers what
phones post by themselves. Encrypting here would mean that every file passes through the API twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.settings import settings

_CHUNK = 256 * 1024


class StorageAway(Exception):
    """The store cannot be reached, or failed to do what it was asked; trying again may help."""


def _client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings().s3_region,
        aws_access_key_id=settings().s3_access_key_id,
        aws_secret_access_key=settings().s3_secret_access_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=3,
            read_timeout=30,
            retries={"max_attempts": 2},
        ),
    )


@cache
def _inside() -> Any:
    """The store as our own processes reach it."""
    return _client(settings().s3_endpoint_url)


@cache
def _outside() -> Any:
    """The store as phones and offices reach it: only used to sign addresses."""
    return _client(settings().s3_public_url)


def presigned_post(key: str, content_type: str, size: int, seconds: int) -> dict[str, Any]:
    """`{"url", "fields"}` of a form that stores exactly `size` bytes of this type under this key."""
    post: dict[str, Any] = _outside().generate_presigned_post(
        settings().s3_bucket,
        key,
        Fields={"Content-Type": content_type},
        Conditions=[{"Content-Type": content_type}, ["content-length-range", size, size]],
        ExpiresIn=seconds,
    )
    return post


def presigned_get(key: str, filename: str, seconds: int) -> str:
    """An address from which the file can be fetched for so many seconds, by whoever holds it."""
    disposition = f"attachment; filename*=UTF-8''{_percent(filename)}"
    url: str = _outside().generate_presigned_url(
        "get_object",
        {"Bucket": settings().s3_bucket, "Key": key, "ResponseContentDisposition": disposition},
        ExpiresIn=seconds,
    )
    return url


def size_of(key: str) -> int | None:
    """How many bytes are stored under the key; None when nothing is."""
    try:
        return int(_inside().head_object(Bucket=settings().s3_bucket, Key=key)["ContentLength"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise StorageAway from error
    except BotoCoreError as error:
        raise StorageAway from error


def chunks(key: str) -> Iterator[bytes]:
    """The bytes under a key, piece by piece."""
    try:
        body = _inside().get_object(Bucket=settings().s3_bucket, Key=key)["Body"]
        yield from body.iter_chunks(_CHUNK)
    except (BotoCoreError, ClientError) as error:
        raise StorageAway from error


def put(key: str, content: bytes, content_type: str) -> None:
    """Store bytes of our own, such as an office's result. Storing the same again changes nothing."""
    try:
        _inside().put_object(Bucket=settings().s3_bucket, Key=key, Body=content, ContentType=content_type)
    except (BotoCoreError, ClientError) as error:
        raise StorageAway from error


def copy(source: str, target: str) -> None:
    """Store an object a second time, under another key, as it is at this instant."""
    bucket = settings().s3_bucket
    try:
        _inside().copy_object(Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": source})
    except (BotoCoreError, ClientError) as error:
        raise StorageAway from error


def remove(key: str) -> None:
    try:
        _inside().delete_object(Bucket=settings().s3_bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise StorageAway from error


def is_ready() -> bool:
    try:
        _inside().head_bucket(Bucket=settings().s3_bucket)
    except (BotoCoreError, ClientError):
        return False
    return True


def _percent(filename: str) -> str:
    return quote(filename, safe="")
