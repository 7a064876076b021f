"""People at their browsers: a window each, and a note of everything that goes wrong in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    WebSocket,
    expect,
    sync_playwright,
)

from tests import pace

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}
NARROWEST = {"width": 320, "height": 568}  # also a window of 1280 px at 400 %
PATIENCE_MS = pace.patient(30_000)  # how long a page may take to come to what is expected of it, on a busy machine

# For each window a renderer of two pages under an address bar that nobody sees: half of what a window costs. Chromium
# heeds the last such list alone, so what Playwright asks for stands in it again.
FEATURES = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
WITHOUT = f"--disable-features={','.join((*FEATURES, 'WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'))}"

# Whatever the page plays through Web Audio also runs through an analyser of ours: `moksoriHeard` is the loudest sample
# that reached the loudspeaker so far.
LISTEN = """
(() => {
  window.moksoriHeard = 0;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination && this.context instanceof AudioContext) {
      const ear = this.context.createAnalyser();
      ear.fftSize = 8192;
      const wave = new Float32Array(ear.fftSize);
      connect.call(this, ear);
      setInterval(() => {
        ear.getFloatTimeDomainData(wave);
        if (this.context.state !== "running") return;
        for (const value of wave) window.moksoriHeard = Math.max(window.moksoriHeard, Math.abs(value));
      }, 50);
    }
    return connect.call(this, target, ...rest);
  };
})();
"""


def chromium() -> str:
    """The path of Chromium."""
    for name in CHROMIUM:
        if found := shutil.which(name):
            return found
    raise AssertionError("Chromium is not installed: apt-get install chromium")


@contextmanager
def browsers() -> Iterator[Browsers]:
    """Playwright for as long as the block lasts; every browser that was started ends with it."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        own = Browsers(playwright)
        try:
            yield own
        finally:
            own.close()


@contextmanager
def leaving(started: Callable[[], list[Browser]]) -> Iterator[None]:
    """Afterwards the pages that were opened meanwhile are closed: a live meter costs a tenth of a core."""

    def contexts() -> list[BrowserContext]:
        return [context for browser in started() for context in browser.contexts]

    before = contexts()
    yield
    for context in contexts():
        if context not in before:
            context.close()


class Browsers:
    """Starts browsers: one for all who only look and listen, one for each microphone."""

    def __init__(self, playwright: Any) -> None:
        self._playwright = playwright
        self._started: list[Browser] = []
        self._shared: Browser | None = None

    def shared(self) -> Browser:
        """The browser of those without a microphone; each `Visitor` has a context (cookies, storage) of their own."""
        if self._shared is None:
            self._shared = self._start(["--autoplay-policy=user-gesture-required"])
        return self._shared

    def with_microphone(self, file: Path) -> Browser:
        """A browser whose microphone plays `file` (44.1 kHz mono WAV) from its beginning each time it is opened."""
        return self._start(
            [
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={file}%noloop",
            ]
        )

    def started(self) -> list[Browser]:
        """All that run."""
        return self._started

    def _start(self, arguments: list[str]) -> Browser:
        # Chromium as root wants no sandbox, and a container's /dev/shm may be tiny.
        always = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none", WITHOUT]
        browser: Browser = self._playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=[*always, *arguments]
        )
        self._started.append(browser)
        return browser

    def close(self) -> None:
        for browser in self._started:
            browser.close()


class Visitor:
    """One person: a browser context, its page, what went wrong there and what its sockets brought."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        options = {"viewport": WIDE, "locale": "ko-KR", "timezone_id": "Asia/Seoul", **options}
        self.context: BrowserContext = browser.new_context(base_url=address, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(LISTEN)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []  # console errors (a breach of the CSP is one), exceptions, answers of 5xx
        self.events: list[dict[str, Any]] = []  # numbered events that came over WebSockets since the last `forget`
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("response", self._on_response)
        self.page.on("websocket", self._on_socket)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status} {response.url}")

    def _on_socket(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._on_frame)

    def _on_frame(self, frame: str | bytes) -> None:
        message = json.loads(frame)
        if message.get("type") == "events":
            self.events += message["events"]

    def forget(self) -> None:
        """Begin a new list of events."""
        self.events = []

    def steps(self) -> list[int]:
        """Training steps that sockets brought since the last `forget`."""
        return [event["data"]["step"] for event in self.events if event["kind"] == "step_done"]

    def enter(self, link: str) -> None:
        """Come in by a one-time link."""
        self.page.goto(link)
        self.page.locator("main form button").click()
        self.page.wait_for_url(lambda url: "/enter/" not in url)

    def close(self) -> None:
        self.context.close()
