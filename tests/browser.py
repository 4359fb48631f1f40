"""A headless Chromium for tests that look at a page as a reader would.

Playwright drives the Chromium of the system and downloads none of its own. Where either is
missing, tests are skipped; where AUTOMIX_REQUIRE_BROWSER is set, as in `.ci/run`, they fail.
"""

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(what):
    """Fail where a browser is required, and skip elsewhere."""
    if os.environ.get("AUTOMIX_REQUIRE_BROWSER"):
        pytest.fail(f"AUTOMIX_REQUIRE_BROWSER is set, and there is no {what}")
    pytest.skip(f"needs {what}")


@contextmanager
def chromium():
    """A running browser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing(f"browser on the PATH (any of {', '.join(NAMES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright: pip install --group browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page, with everything it asked for and complained of."""

    page: object
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)


@contextmanager
def visit(browser, path, *, width=1100, height=900, scheme="light"):
    """Open a file and give the page, once it has come to rest."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    try:
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        seen.page.goto(path.as_uri(), wait_until="networkidle")
        yield seen
    finally:
        context.close()
