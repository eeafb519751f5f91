"""One house and one browser for all browser tests, gone after them; each has an organization of its own."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.house import House, Office, launch, listen, open_house
from tests.services import Services

_numbers = count(1)


@pytest.fixture(scope="package")
def house(
    services: Services, template_database: Any, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    database = services.create_database("browser", template_database)
    with open_house(database, redis_url, tmp_path_factory.mktemp("house")) as house:
        yield house
    services.drop_database(database)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def office(house: House) -> Office:
    number = next(_numbers)
    return house.found(f"Pi Chi {number}", f"office{number}@example.org")


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Gives each person a browser of their own. Nothing may complain on the way."""
    heard: list[str] = []
    opened: list[BrowserContext] = []

    def come(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        context.on("page", lambda page: listen(page, heard))
        opened.append(context)
        return context

    yield come
    for context in opened:
        context.close()
    assert heard == []


@pytest.fixture(params=["with script", "without script"])
def surfing(visitors: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> BrowserContext:
    """A visitor, with JavaScript and again without."""
    return visitors(java_script_enabled=request.param == "with script")


@pytest.fixture
def scripted(visitors: Callable[..., BrowserContext]) -> BrowserContext:
    return visitors()
