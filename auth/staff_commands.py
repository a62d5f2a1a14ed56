"""The commands `onephone staff …`: the first administrator, and help where no administrator can log in any more.

Whoever runs them has the machine; what they do is recorded without an actor.
"""

from __future__ import annotations

import argparse

from app import database
from app.people.staff import ROLES
from app.refusals import Refusal
from auth import staff_accounts
from auth.staff_accounts import ACTS


class CommandRefused(SystemExit):
    """Nothing was done; the text says why."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands to the parser of `onephone staff`."""
    commands = parser.add_subparsers(required=True, metavar="command")
    taking = commands.add_parser("hire", help="take somebody on; prints a first password")
    taking.add_argument("staff_number")
    taking.add_argument("--name", required=True)
    taking.add_argument("--role", required=True, choices=ROLES)
    taking.add_argument("--department", required=True)
    taking.set_defaults(run=hire)
    for act in ("left", "password_reset", "factors_reset", "unlocked"):
        doing = commands.add_parser(act.replace("_", "-"), help=(ACTS[act].__doc__ or act.replace("_", " ")))
        doing.add_argument("staff_number")
        doing.set_defaults(run=change, act=act)


def hire(arguments: argparse.Namespace) -> None:
    """Take somebody on, and print the password for their first login."""
    names = ("staff_number", "name", "role", "department")
    wish = {name: getattr(arguments, name) for name in names}
    try:
        with database.work() as work:
            done = staff_accounts.hire(work, None, wish)
    except Refusal as refusal:
        raise CommandRefused(_told(refusal)) from None
    print(f"first password, to be handed over in person: {done['first_password']}")


def change(arguments: argparse.Namespace) -> None:
    """Do one act on an account."""
    try:
        with database.work() as work:
            done = staff_accounts.change(work, None, arguments.staff_number, arguments.act, {})
    except Refusal as refusal:
        raise CommandRefused(_told(refusal)) from None
    first = done.get("first_password")
    print(f"first password, to be handed over in person: {first}" if first else "done")


def _told(refusal: Refusal) -> str:
    faults = "; ".join(f"{place}: {' '.join(words)}" for place, words in refusal.errors.items())
    return f"{refusal.code()} {faults}".strip()
