"""The page of a running proxy in Debian's Chromium: what it shows, and what the browser complains of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from bootstrap.packages import chromium
from tests.nodes import ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

# It looks for updates and for its makers' hosts otherwise, again and again.
_OPTIONS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PHONE: Final = (390, 844)
DESK: Final = (1600, 1000)

MILLISECONDS: Final = 20_000
"""How long the page may take for anything."""

Value = TypeVar("Value")


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(_OPTIONS))
        try:
            yield running
        finally:
            running.close()


class OpenPage:
    """A tab of its own with the page of ``proxy``.

    ``complaints`` are what the browser has said: errors and warnings of the console, among them each breach
    of the Content-Security-Policy, and exceptions that nobody caught.
    """

    def __init__(
        self,
        running: Browser,
        proxy: ProxyProcess,
        *,
        size: tuple[int, int] = DESK,
        scheme: Literal["light", "dark"] = "light",
        touch: bool = False,
    ) -> None:
        self._context = running.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            has_touch=touch,
            is_mobile=touch,
            reduced_motion="reduce",
        )
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(MILLISECONDS)
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " event => console.error('policy: ' + event.violatedDirective))"
        )
        self.requests: list[str] = []
        """The addresses of all that was asked for."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.origin = f"http://{proxy.address}:{ADMIN_PORT}"
        self.page.goto(f"{self.origin}/")

    def close(self) -> None:
        """Close the tab."""
        self._context.close()

    def watching(self) -> OpenPage:
        """Once it shows figures."""
        self.page.wait_for_selector("#connection.live")
        self.page.wait_for_selector("#main:not([hidden])")
        return self

    def text(self, selector: str) -> str:
        """What is shown there now."""
        return self.page.inner_text(selector)

    def wait_for_text(self, selector: str, text: str) -> None:
        """Until it is shown there."""
        self.page.locator(selector, has_text=text).first.wait_for()

    def tile(self, name: str) -> float:
        """A figure, without its unit."""
        figure = self.page.locator("#tiles div", has=self.page.get_by_text(name, exact=True))
        shown = figure.locator(".figure")
        # A rate needs two snapshots.
        expect(shown).to_contain_text(re.compile(r"\d"))
        return float(shown.inner_text().split()[0].replace(",", ""))

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Until `holds` is true; `what` is for the error."""
        for _ in range(MILLISECONDS // 100):
            if holds():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"not within {MILLISECONDS / 1000:g} s: {what}\n{self.text('body')}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
