"""The switchboard: which doors hang, and who listens to which event. The one file that knows every room."""

from __future__ import annotations

from flask import Flask

from api import (
    acknowledgements,
    activities,
    alarms,
    answers,
    catalogue,
    consents,
    copies,
    corrections,
    departments,
    desk_calendars,
    desk_logins,
    desk_queues,
    desk_steps,
    desk_submissions,
    edge,
    erasures,
    errors,
    health,
    identities,
    inbox,
    issued_notices,
    logins,
    looks,
    lookups,
    me,
    metrics,
    notices,
    offices,
    open_proofs,
    open_queues,
    organisations,
    out_of_turn,
    places,
    regions,
    services,
    sessions,
    specification,
    staff,
    submissions,
    uploads,
    wechat_events,
)
from app import events, logs
from app.crypto import data_keys
from app.documents import uploads as documents
from app.events import (
    ConsentWithdrawn,
    IdentityAdded,
    IdentityRemoved,
    SessionStolen,
    StepTaken,
    SubmissionReceived,
    UploadReceived,
)
from app.privacy import purges
from app.settings import settings
from app.submissions import recounts
from app.supervision import time_stamps, tree_heads, waiting
from approvals import handover, updates
from auth.providers import configured
from notifications import account_notices, sending, subscriptions
from notifications.channels import sms

DOORS = (
    services.door,
    regions.door,
    departments.door,
    logins.door,
    sessions.token_door,
    sessions.door,
    sessions.sign_in_door,
    identities.door,
    organisations.door,
    me.door,
    submissions.door,
    uploads.door,
    inbox.door,
    notices.door,
    acknowledgements.door,
    consents.door,
    activities.door,
    copies.door,
    corrections.door,
    erasures.door,
    erasures.open_door,
    open_proofs.door,
    open_proofs.own_door,
    offices.door,
    wechat_events.door,
    offices.token_door,
    desk_logins.door,
    staff.door,
    sessions.desk_door,
    lookups.door,
    desk_submissions.door,
    desk_calendars.door,
    alarms.door,
    alarms.digest_door,
    desk_queues.door,
    desk_queues.take_door,
    out_of_turn.door,
    open_queues.door,
    places.door,
    looks.door,
    looks.own_door,
    corrections.desk_door,
    desk_steps.door,
    issued_notices.door,
    catalogue.door,
    health.door,
    health.keys_door,
    metrics.door,
)

LISTENERS: dict[type, tuple[events.Listener, ...]] = {
    SubmissionReceived: (handover.on_received,),
    StepTaken: (sending.on_step, updates.on_step),
    UploadReceived: (documents.on_received,),
    ConsentWithdrawn: (subscriptions.on_withdrawn,),
    SessionStolen: (account_notices.on_stolen,),
    IdentityAdded: (account_notices.on_added,),
    IdentityRemoved: (account_notices.on_removed,),
}


# Rooms that only a worker calls, by its clock or by a job's name: named here, so that their jobs and tables are known.
KEEPERS = (purges, recounts, waiting, tree_heads, time_stamps, sms)


def create_app() -> Flask:
    """The web application, as a WSGI server loads it. Stops with every fault of the environment at once."""
    settings()
    configured.check()
    data_keys.ring()
    logs.configure()
    connect_rooms()
    return build()


def serve() -> Flask:
    """The same for a server process that is all ours: what Python would print itself is logged too."""
    logs.take_over()
    return create_app()


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
