"""The stories of `make journey`, on a whole stack of their own: real server, worker, sandbox, PostgreSQL and S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ports import Ports
from sandbox.stack import Stack
from tests.journeys.services import STORIES
from tests.journeys.stories import Application, Places
from tests.journeys.trouble import PARTS

# One stack serves them all, so they run in one process of the test run, one after the other.
pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    data: Path = tmp_path_factory.mktemp("stack")
    with Stack(data, Ports.free(), fast=True) as stack:
        yield Places(stack.urls["api"], stack.urls["sandbox"].rstrip("/"), data)


def play(story: Application) -> None:
    for _, step in story.steps():
        step()


@pytest.mark.parametrize("name", STORIES)
def test_a_resident_gets_from_i_want_to_here_it_is(name: str, places: Places) -> None:
    play(STORIES[name](places))


def test_an_office_that_is_down_gets_it_once_when_it_is_back(places: Places) -> None:
    play(STORIES["permit"](places, office_down=4))


def test_every_part_may_be_killed_on_the_way_and_nothing_is_lost_or_done_twice(places: Places) -> None:
    play(STORIES["permit"](places, kills=PARTS))
