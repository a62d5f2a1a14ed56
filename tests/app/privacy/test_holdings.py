"""Holdings: nothing that we hold about a person is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

from app import database
from app.crypto import sealed
from app.crypto.sealed import Sealed, personal
from app.privacy import held_rows, holdings
from app.privacy.holdings import HOLDINGS
from tests.planted import PLANTED
from tests.product import Phone


def about_persons(metadata: MetaData) -> set[str]:
    """The tables that hold something personal: marked columns, or a way of foreign keys that ends at a resident."""
    found = {column.table.name for column, _ in sealed.personal_columns(metadata)} | {"residents"}
    while True:
        more = {
            table.name
            for table in metadata.sorted_tables
            for key in table.foreign_keys
            if key.column.table.name in found - {"looks"}
        }
        if more <= found:
            return found
        found |= more


def test_every_table_about_persons_is_among_the_holdings(product: Flask) -> None:
    assert about_persons(database.metadata) == {holding.table for holding in HOLDINGS}
    assert len(HOLDINGS) == len({holding.table for holding in HOLDINGS})


def test_a_table_that_somebody_forgets_would_be_noticed(product: Flask) -> None:
    metadata = MetaData()
    Table("residents", metadata, Column("id", Integer, primary_key=True))
    Table("pets", metadata, Column("keeper", Integer, ForeignKey("residents.id"), primary_key=True))
    Table("vets", metadata, Column("pet", Integer, ForeignKey("pets.keeper")))
    Table("notes", metadata, Column("words", Sealed, info=personal(purpose="to remember")))
    Table("weather", metadata, Column("day", Integer))

    assert about_persons(metadata) == {"residents", "pets", "vets", "notes"}


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_a_holding_is_said_completely(product: Flask, holding: holdings.Holding) -> None:
    columns = set(holding.of.columns.keys())
    assert set(holding.shown) <= columns and set(holding.blanked) <= columns
    assert holding.is_told or holding.left_out, "a copy tells it, or says why not"
    words = [holding.title, *holding.shown.values(), *(label for _, label in holding.computed.values())]
    assert all(word["zh"] and word["en"] for word in words)
    assert holding.ends in holdings.ENDINGS
    opens = [name for name in holding.shown if isinstance(holding.of.columns[name].type, Sealed)]
    assert holding.key_of or not opens, "a sealed column that is shown needs its owner's key"
    if holding.ends == holdings.WITH_SUBMISSION:
        assert holding.of_submissions


def test_what_refers_to_another_table_is_deleted_before_it(product: Flask) -> None:
    places = {holding.table: place for place, holding in enumerate(holdings.children_first())}
    for holding in HOLDINGS:
        for key in holding.of.foreign_keys:
            parent = key.column.table.name
            assert parent not in places or places[holding.table] < places[parent]


def test_the_rows_of_a_person_are_opened_and_nobody_elses_are_among_them(
    ouyang: Phone, permit: dict[str, Any], make_phone: Callable[..., Phone]
) -> None:
    other = make_phone()
    other.start("residence-permit", {"employer_name": "别人的公司"})

    told = {holding.table: list(held_rows.all_rows(holding, ouyang.resident_id, 2)) for holding in holdings.told()}

    assert [row["name"] for row in told["residents"]] == [PLANTED["name"]]
    assert told["submissions"][0]["answers"]["address_detail"] == PLANTED["address"]
    assert PLANTED["filename"] in {row["filename"] for row in told["uploads"]}
    assert [row["device"] for row in told["sessions"]] == ["test phone"]
    assert len(told["uploads"]) == 2 and len(told["identities"]) == 1
    assert "别人的公司" not in str(told) and "李建国" not in str(told)
