"""A whole studio and browsers in front of it, once for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import Browsers, browsers, leaving
from tests.studio_server import Studio, studio


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """`manage.py up` with its own Redis and workers, on a data folder of its own."""
    with studio(tmp_path_factory.mktemp("house") / "var", more={"OMP_NUM_THREADS": "1"}) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browsers]:
    """Browsers; a module's, since Playwright's event loop must not be there while other tests use the database."""
    with browsers() as own:
        yield own


@pytest.fixture(autouse=True)
def pages_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pages that a test opened end with it; those of its file's fixtures stay."""
    if "chromium" in request.fixturenames:  # a file's browsers
        with leaving(request.getfixturevalue("chromium").started):
            yield
    elif "chrome" in request.fixturenames:  # the one browser of a file
        browser: Browser = request.getfixturevalue("chrome")
        with leaving(lambda: [browser]):
            yield
    else:
        yield
