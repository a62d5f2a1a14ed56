"""The switchboard: which doors hang, and who listens to which event. The one file that knows every room."""

from __future__ import annotations

from flask import Flask

from api import (
    answers,
    catalogue,
    departments,
    edge,
    errors,
    health,
    inbox,
    logins,
    lookups,
    me,
    offices,
    regions,
    services,
    specification,
    submissions,
    uploads,
)
from app import events, logs
from app.crypto import data_keys
from app.documents import uploads as documents
from app.events import StepTaken, SubmissionReceived, UploadReceived
from app.settings import settings
from approvals import handover
from notifications import sending

DOORS = (
    services.door,
    regions.door,
    departments.door,
    logins.door,
    logins.token_door,
    logins.session_door,
    me.door,
    submissions.door,
    uploads.door,
    inbox.door,
    offices.door,
    logins.desk_door,
    logins.desk_session_door,
    lookups.door,
    catalogue.door,
    health.door,
    health.keys_door,
)

LISTENERS: dict[type, tuple[events.Listener, ...]] = {
    SubmissionReceived: (handover.on_received,),
    StepTaken: (sending.on_step,),
    UploadReceived: (documents.on_received,),
}


def create_app() -> Flask:
    """The web application, as a WSGI server loads it. Stops with every fault of the environment at once."""
    settings()
    data_keys.ring()
    logs.configure()
    connect_rooms()
    return build()


def build() -> Flask:
    """The application with every door hung; enough to describe it, without an environment to run in."""
    app = Flask("onephone", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    answers.register(app)
    edge.register(app)
    errors.register(app)
    specification.hang(app, DOORS)
    return app


def connect_rooms() -> None:
    """Let the listeners hear; the worker needs this too, because a job may announce what it did."""
    events.listen(LISTENERS)
