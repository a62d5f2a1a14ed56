"""The commands `onephone calendar …`: load a year from a file, and show what counts."""

from __future__ import annotations

import argparse
from pathlib import Path

from app import database
from app.catalogue import calendars, publishing
from app.people.staff import active_by_number
from app.refusals import InvalidContent, Refusal


class CalendarRefused(SystemExit):
    """Nothing was loaded; the text says why."""


def load(arguments: argparse.Namespace) -> None:
    """Load a year, or its correction, from a file like app/catalogue/calendar/2026.yaml."""
    try:
        with database.work() as work:
            person = active_by_number(work, arguments.as_)
            if person is None or person.role != "administrator":
                raise publishing.NotAnAdministrator
            year = calendars.read_file(arguments.file)
            version = calendars.load(work, year, f"staff:{person.id}")
    except InvalidContent as error:
        raise CalendarRefused("\n".join(f"{at}: {' '.join(words)}" for at, words in error.errors.items())) from None
    except Refusal as error:
        raise CalendarRefused(f"{error.code()} {error.facts or ''}".rstrip()) from None
    print(f"{year.year} version {version}: workers count open submissions anew · 在办件的期限将重新计算")


def show(arguments: argparse.Namespace) -> None:
    """Show the version of each year that counts."""
    with database.reading() as connection:
        rows = calendars.counting(connection)
    for row in rows:
        recount = "recounted" if row.recount_ended_at else "being recounted"
        print(f"{row.year} version {row.version}  {row.number}  {recount}: {row.recounted}, moved: {row.moved}")


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options of both."""
    commands = parser.add_subparsers(required=True, metavar="command")
    for act in (load, show):
        commands.add_parser(act.__name__, help=act.__doc__, description=act.__doc__).set_defaults(run=act)
    options = commands.choices["load"]
    options.add_argument("file", type=Path)
    options.add_argument("--as", dest="as_", required=True, metavar="NUMBER", help="your staff number")
