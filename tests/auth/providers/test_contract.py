"""The contract of a connector: what the product relies on, whoever the provider is. One test run over each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Flask

from app import clock
from app.settings import settings
from auth.providers.crashing import CrashingProvider
from auth.providers.interface import LoginRefused, Proof, ProviderAway, Wish
from auth.providers.refusing import RefusingProvider
from auth.providers.registry import PROTOCOLS
from tests.auth.providers.drivers import DRIVERS, HARMLESS, Driver, fresh_handshake, stored

LI = ("李建国", "532399198806150316", "19900000002")


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest, outside: str, settings_environment: dict[str, str]) -> Driver:
    return DRIVERS[request.param](outside, settings_environment)


@pytest.fixture
def mode(driver: Driver) -> Iterator[Callable[[str], None]]:
    """mode("down"): how the provider behaves from now on."""

    def be(word: str) -> None:
        if driver.part is not None:
            answer = requests.put(f"{driver.outside}/{driver.part}/control", json={"mode": word}, timeout=60)
            answer.raise_for_status()

    yield be
    be("ok")


def log_in(driver: Driver, person: str = "li-jianguo", level: str = "") -> Proof:
    provider, handshake = driver.provider(), fresh_handshake()
    begun = provider.begin(handshake, driver.wish_of(person, driver.levels.get(level)))
    return provider.identify(stored(handshake), driver.prove(begun, person, level))


def test_every_connector_is_driven() -> None:
    assert set(DRIVERS) | set(HARMLESS) == set(PROTOCOLS)


def test_it_proves_a_person(driver: Driver) -> None:
    proof = log_in(driver)

    identity = proof.identity("name in the configuration")
    person = identity.person
    if driver.proves_person:
        assert person is not None
        assert (person.name, person.document_type, person.document_number) == (LI[0], "111", LI[1])
    else:
        assert person is None and identity.level <= 1, "who proves nobody reaches no further"
    assert identity.provider == "name in the configuration"
    assert identity.method == proof.method == (driver.method or driver.provider().protocol)


def test_it_says_when_in_a_time_that_knows_its_zone(driver: Driver) -> None:
    proof = log_in(driver)

    assert proof.authenticated_at.tzinfo is not None
    assert abs(clock.now() - proof.authenticated_at) < timedelta(seconds=10)


def test_its_levels_are_those_of_the_configuration(driver: Driver) -> None:
    reached = {word: log_in(driver, level=word).level for word in driver.levels}

    assert reached == driver.levels


def test_somebody_is_the_same_tomorrow_and_somebody_else_is_another(driver: Driver) -> None:
    subjects = [log_in(driver, person).subject for person in ("li-jianguo", "li-jianguo", "zhang-wei")]

    assert subjects[0] == subjects[1] != subjects[2]
    assert not any(told in subject for subject in subjects for told in LI), "a subject is a name for us alone"


def test_any_part_of_the_proof_that_is_wrong_or_missing_is_refused(driver: Driver) -> None:
    provider, handshake = driver.provider(), fresh_handshake()
    parts = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo")

    for changed in sorted(parts):
        for value in ("wrong", "", None, "错" * 50):
            provider, handshake = driver.provider(), fresh_handshake()
            answer = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo") | {changed: value}
            if (changed, value) == ("iss", None):
                # The parameter may be absent where the provider does not promise it; the sandbox's does.
                answer["iss"] = ""
            with pytest.raises(LoginRefused):
                provider.identify(stored(handshake), answer)


def test_nothing_at_all_is_refused(driver: Driver) -> None:
    provider, handshake = driver.provider(), fresh_handshake()
    provider.begin(handshake, driver.wish())

    with pytest.raises(LoginRefused):
        provider.identify(stored(handshake), {})


def test_the_proof_of_another_login_is_refused(driver: Driver) -> None:
    provider, mine, theirs = driver.provider(), fresh_handshake(1), fresh_handshake(2)
    if not driver.bound:
        # WeChat gives a client nothing to bind a code to: the login's secret and the code's single use stand alone.
        assert driver.remembers and driver.expire
        return
    answer = driver.prove(provider.begin(mine, driver.wish_of("zhang-wei")), "zhang-wei")
    provider.begin(theirs, driver.wish())

    with pytest.raises(LoginRefused):
        provider.identify(stored(theirs), answer)


def test_a_used_proof_is_refused(driver: Driver) -> None:
    provider, handshake = driver.provider(), fresh_handshake()
    answer = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo")
    provider.identify(stored(handshake), answer)

    if driver.remembers:
        with pytest.raises(LoginRefused):
            provider.identify(stored(handshake), answer)
    else:
        assert driver.part is None, "only who asks nobody may leave it to the login alone"


def test_an_expired_proof_is_refused(driver: Driver) -> None:
    provider, handshake = driver.provider(), fresh_handshake()
    answer = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo")
    driver.make_old()
    late = timedelta(0) if driver.expire else settings().login_life + timedelta(seconds=1)

    with clock.moved(late), pytest.raises(LoginRefused):
        provider.identify(stored(handshake), answer)


@pytest.mark.parametrize("word", ["down", "wrong"])
def test_a_provider_that_is_away_is_away_and_nothing_else(
    driver: Driver, mode: Callable[[str], None], word: str
) -> None:
    if driver.part is None:
        assert not hasattr(driver.provider(), "issuer"), "it asks nobody, so nobody can be away"
        return
    provider, handshake = driver.provider(), fresh_handshake()
    answer = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo")

    mode(word)
    with pytest.raises(ProviderAway):
        provider.identify(stored(handshake), answer)
    mode("ok")
    assert provider.identify(stored(handshake), answer).level > 0, "nothing was lost"


def test_nothing_personal_and_no_secret_is_logged(
    driver: Driver, mode: Callable[[str], None], log: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    provider, handshake = driver.provider(), fresh_handshake()
    answer = driver.prove(provider.begin(handshake, driver.wish()), "li-jianguo")
    proof = provider.identify(stored(handshake), answer)
    with pytest.raises(LoginRefused):
        provider.identify(stored(fresh_handshake(7)), answer)
    if driver.part is not None:
        mode("wrong")
        with pytest.raises(ProviderAway):
            provider.identify(stored(handshake), answer)

    of_config = [getattr(provider, name) for name in ("client_secret", "secret_key") if hasattr(provider, name)]
    told = [*LI, proof.subject, handshake.state, handshake.nonce, handshake.verifier, *answer.values(), *of_config]
    shown = repr(provider) + repr(proof).replace(proof.subject, "")
    written = "\n".join(log) + "".join(capfd.readouterr()) + shown
    assert [word for word in told if str(word) in written and word != getattr(provider, "issuer", "")] == []


def test_the_refusing_one_refuses(product: Flask) -> None:
    provider, handshake = RefusingProvider(), fresh_handshake()
    assert provider.begin(handshake, Wish()) == {}

    with pytest.raises(LoginRefused):
        provider.identify(handshake, {"code": "anything"})


def test_the_crashing_one_crashes(product: Flask) -> None:
    """What becomes of it is a matter of `auth/logins.py`: see test_attacks_on_logins.py."""
    provider, handshake = CrashingProvider(), fresh_handshake()
    provider.begin(handshake, Wish())

    with pytest.raises(RuntimeError):
        provider.identify(handshake, {"code": "anything"})


def reached_by(driver: Driver, level: int) -> dict[str, Any]:
    return driver.provider().begin(fresh_handshake(), driver.wish(level))


def test_a_level_that_nobody_reaches_does_not_stop_the_beginning(driver: Driver) -> None:
    """Who cannot reach it is told at the end, by what they reached."""
    assert reached_by(driver, 4) is not None
