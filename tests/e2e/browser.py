"""Debian's Chromium, headless, and a centre whose loop really turns behind a real port."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from served import Served

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, POCKET = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="chromium is not installed"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser for many pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """Somebody at a browser. Whatever the page complains about is kept."""

    def __init__(
        self,
        browser: Browser,
        one: Served,
        token: str,
        language: str = "en",
        url: str = "",
        **taste: object,
    ) -> None:
        self.context = browser.new_context(locale="zh-CN" if language == "zh" else "en-GB", **taste)
        self.context.set_default_timeout(20_000)
        cookies = {"penstock_language": language, "penstock_zone": "Asia/Shanghai"}
        self.context.add_cookies([{"name": n, "value": v, "url": url or one.url} for n, v in cookies.items()])
        self.url = url or one.url
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(f"{self.url}/sign-in")
        self.page.fill("#secret", token)
        self.page.click("button.main")
        self.page.wait_for_url("**/overview")

    def _heard(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def go(self, path: str) -> Page:
        """Open a page and wait until it stands."""
        self.page.goto(self.url + path, wait_until="load")
        return self.page

    def close(self) -> None:
        """Leave."""
        self.context.close()


@contextmanager
def turning(one: Served) -> Iterator[None]:
    """The loop turns by itself, ten simulated seconds in each twentieth of a real one."""
    stopping = threading.Event()

    def turn() -> None:
        while not stopping.wait(0.05):
            one.turn(1 / 6)

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
