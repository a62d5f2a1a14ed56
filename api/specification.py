"""The specification: OpenAPI 3.1 made from the doors, and a page to read it on."""

from __future__ import annotations

from typing import Any

import yaml
from flask import Flask, Response, jsonify
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint

from api.doors import Door

_DESCRIPTION = """\
One phone handles it all (一部手机办事通): find a government service, apply, and always know where it stands.

Every error is `application/problem+json` (RFC 9457) with a stable `code`. POSTs that create or act take an
`Idempotency-Key`. Lists are paged by `cursor`. Words follow `Accept-Language` (zh-CN, en)."""

_SCHEMES = {
    "resident": ("http", "Access token of a resident, from /v1/logins."),
    "staff": ("http", "Access token of a member of staff, from /v1/desk/logins."),
    "watcher": ("http", "METRICS_TOKEN; not needed from the same machine where none is set."),
}

_CONFIG = {
    "API_TITLE": "OnePhone",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": _DESCRIPTION,
            "contact": {"name": "OnePhone"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
    },
}


class _Api(Api):
    """flask-smorest without its own error handlers and error body: `api/errors.py` is the only one."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Errors are handled for the whole application, doors or not."""


def hang(app: Flask, doors: tuple[Door, ...]) -> None:
    """Hang every door, and publish what they say about themselves."""
    app.config.update(_CONFIG)
    api = _Api(app)
    for name, (kind, words) in _SCHEMES.items():
        form = {} if name == "watcher" else {"bearerFormat": "JWT"}
        scheme = {"type": kind, "scheme": "bearer", **form, "description": words}
        api.spec.components.security_scheme(name, scheme)
    api.spec.components.security_scheme("office", _OFFICE_SCHEME)
    api.spec.components.security_scheme("office_token", _OFFICE_TOKEN_SCHEME)
    api.spec.components.security_scheme("wechat", _WECHAT_SCHEME)
    for door in doors:
        api.register_blueprint(door)
    app.extensions["onephone_specification"] = api.spec
    app.add_url_rule("/openapi.json", "openapi", lambda: _published(app))
    app.register_blueprint(_page())


_OFFICE_SCHEME = {
    "type": "apiKey",
    "in": "header",
    "name": "webhook-signature",
    "description": "Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `webhook-id.webhook-timestamp.body`.",
}


_OFFICE_TOKEN_SCHEME = {
    "type": "oauth2",
    "description": "Access token of an office, by private_key_jwt (RFC 7523) or client_secret_basic.",
    "flows": {"clientCredentials": {"tokenUrl": "/v1/offices/%7Boffice_code%7D/token", "scopes": {}}},
}
_WECHAT_SCHEME = {
    "type": "apiKey",
    "in": "query",
    "name": "msg_signature",
    "description": "WeChat message push: SHA-1 over token, timestamp, nonce and `Encrypt` in sorted order; `signature` "
    "without `Encrypt` for a check of the address and in plain mode.",
}


def document(app: Flask) -> dict[str, Any]:
    """The specification as data."""
    spec: dict[str, Any] = app.extensions["onephone_specification"].to_dict()
    for unused in ("Error", "PaginationMetadata"):
        # flask-smorest's own shapes; our errors and pages have others.
        spec["components"]["schemas"].pop(unused, None)
    return spec


def as_yaml(app: Flask) -> str:
    """The specification as `openapi.yaml` holds it."""
    return yaml.safe_dump(document(app), allow_unicode=True, sort_keys=False, width=110)


def _published(app: Flask) -> Response:
    response: Response = jsonify(document(app))
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


def _page() -> Any:
    """Swagger UI, served from our own files."""
    page = get_swaggerui_blueprint("/docs", "/openapi.json", config={"app_name": "OnePhone API"})
    page.after_request(_allow_page)
    return page


def _allow_page(response: Response) -> Response:
    # The page runs its own scripts and asks only this server.
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline';"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return response
