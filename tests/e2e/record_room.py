"""A recording room for browser tests: a web server that can go away and come back, browsers with fake microphones."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from speech.wav import wav_bytes
from tests.e2e.browser import WITHOUT
from tests.e2e.browser import chromium as chromium_path
from tests.servers import BOUND, ROOT, wait_until
from tests.studio_server import environment

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", WITHOUT,
)  # fmt: skip
BUSY = "[data-part=verdict]:not([hidden]) :is([data-code=late], [data-code=gap])"
FAKE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


class Clip(NamedTuple):
    """A row of a take."""

    id: str
    sha256: str
    file: str
    prompt: int  # its place in the corpus


@dataclass
class WebServer:
    """The web process alone, on a port and in a data folder of its own."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    env: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def python(self, code: str) -> str:
        """Runs code with Django set up, beside the server; what it printed."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, check=True
        )

    def start(self) -> None:
        bound = [sys.executable, "-I", "-S", str(BOUND), str(os.getpid())]  # ends with the tests
        command = [*bound, sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(self.port)]
        command += ["--timeout-graceful-shutdown", "1"]
        with (self.data / "web.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        wait_until(self._answers, "web server", process=self.process)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def invite(self, names: Sequence[str]) -> None:
        """One-time links, in `links`, for a speaker of each name, who has agreed."""
        code = (
            "from django.urls import reverse; from studio import services\n"
            f"for name in {list(names)!r}:\n"
            "    speaker = services.speaker_create(label=name, name=name)\n"
            "    services.consent_give(speaker=speaker, text='동의합니다.')\n"
            "    print(reverse('studio:enter', args=[services.speaker_invite(speaker=speaker)]))"
        )
        self.links.update(zip(names, self.python(code).splitlines(), strict=True))

    def invite_again(self, name: str) -> None:
        """Another one-time link for a speaker who is there already."""
        code = (
            "from django.urls import reverse; from studio import services; from studio.models import Speaker\n"
            f"speaker = Speaker.objects.get(name={name!r})\n"
            "print(reverse('studio:enter', args=[services.speaker_invite(speaker=speaker)]))"
        )
        self.links[name] = self.python(code)

    def record(self, name: str, prompt: int, takes: int = 1, prompts: int = 1, **sound: float) -> list[str]:
        """Puts takes of so many prompts from this place of the corpus on in, as a browser sends them; their ids.

        `sound`: as `tests.studio.sounds.take` has it.
        """
        code = (
            "from studio.models import Prompt, Speaker; from studio.takes import clip_create\n"
            "from tests.studio.sounds import take, upload\n"
            f"speaker = Speaker.objects.get(name={name!r})\n"
            f"for prompt in Prompt.objects.filter(order__gte={prompt}).order_by('order')[:{prompts}]:\n"
            f"    for seed in range({takes}):\n"
            f"        sent = upload(prompt.pk, take(seed=seed, **{sound!r}))\n"
            "        print(sent['id'])\n"
            "        made = {each: sent[each] for each in ('data', 'sha256')}\n"
            "        clip_create(speaker=speaker, clip_id=sent['id'], prompt=prompt, **made)"
        )
        return self.python(code).splitlines()

    def link(self, name: str) -> str:
        return self.address + self.links[name]

    def clips(self, name: str) -> list[Clip]:
        """The takes of a speaker, in the order in which they arrived."""
        rows = (
            "SELECT clip.id, clip.sha256, clip.file, prompt.'order' FROM studio_clip clip "
            "JOIN studio_speaker speaker ON speaker.id = clip.speaker_id "
            "JOIN studio_prompt prompt ON prompt.id = clip.prompt_id "
            "WHERE speaker.name = ? ORDER BY clip.created_at"
        )
        with closing(sqlite3.connect(self.data / "moksori.sqlite3")) as database:
            return [Clip(str(UUID(row[0])), *row[1:]) for row in database.execute(rows, [name])]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def web_server(data: Path, sentences: Sequence[str], speakers: Sequence[str]) -> Iterator[WebServer]:
    """A migrated, served studio with `sentences` as its prompts, and a link for each of `speakers`."""
    data.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    hosts = "127.0.0.1,localhost,studio.test"
    server = WebServer(data, port, env=environment(data, {"MOKSORI_HOSTS": hosts, "OMP_NUM_THREADS": "1"}))
    (data / "sentences.tsv").write_text("\n".join(sentences))
    server.manage("migrate", "--verbosity", "0")
    server.manage("load_prompts", str(data / "sentences.tsv"), "--keep-order")
    server.manage("collectstatic", "--no-input", "--verbosity", "0")
    server.invite(speakers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def chromium(playwright: Playwright, *flags: str) -> Browser:
    return playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *flags])


def microphone(path: Path, samples: npt.NDArray[np.int16], *, once: bool = False) -> tuple[str, ...]:
    """Chromium's flags for a microphone that hears `samples` (44.1 kHz) over and over, or `once` when it is opened."""
    path.write_bytes(wav_bytes(samples, 44_100))
    return (*FAKE, f"--use-file-for-fake-audio-capture={path}{'%noloop' if once else ''}")


@contextmanager
def halted(browser: Browser) -> Iterator[None]:
    """The processes of the browser's pages get no processor time for as long as the block lasts."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [process["id"] for process in processes if process["type"] == "renderer"]
    assert pages
    for pid in pages:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pages:
            os.kill(pid, signal.SIGCONT)


def enter(context: BrowserContext, link: str) -> Page:
    """Goes through a one-time link into the recording room."""
    page = context.new_page()
    page.goto(link)
    page.click("main button")
    page.wait_for_selector("clip-recorder[data-prepared]")
    return page


def open_microphone(page: Page) -> None:
    page.keyboard.press("Space")
    page.wait_for_selector("clip-recorder:is([data-state=ready], [data-state=review])", timeout=20_000)


def begin(page: Page, press: Callable[[], None] | None = None) -> bool:
    """Presses for a take; whether it is being recorded, or void at once because this computer was too busy."""
    (press or partial(page.keyboard.press, "Space"))()
    page.wait_for_selector(f"clip-recorder[data-state=recording], {BUSY}")
    return not too_busy(page)


def begin_surely(page: Page) -> None:
    """Presses for a take until one is being recorded."""
    for _attempt in range(4):
        if begin(page):
            return
        page.wait_for_timeout(1000)
    raise AssertionError("the computer was too busy each time")


def too_busy(page: Page) -> bool:
    """Whether the room says that this computer was too busy for the last take."""
    return page.locator(BUSY).count() > 0


def record(
    page: Page,
    during: Callable[[], None] | int = 1500,
    press: Callable[[], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """One take by keyboard, or `press`, of so many milliseconds or for as long as `during` takes, begun when `ready`.

    Ends when it is judged, kept here, or void. Where this computer was too busy it is recorded again, as people do.
    """
    press = press or partial(page.keyboard.press, "Space")
    for _attempt in range(4):
        ready()
        if begin(page, press):
            page.wait_for_timeout(during) if isinstance(during, int) else during()
            if page.get_attribute("clip-recorder", "data-state") == "recording":
                press()
            page.wait_for_selector("clip-recorder:is([data-state=review], [data-state=ready])", timeout=20_000)
            if not too_busy(page):
                return
        page.wait_for_timeout(1000)
    raise AssertionError("the computer was too busy each time")


def wait_for_speech(page: Page) -> None:
    """Until the microphone has heard speech and it is quiet again for more than a second."""
    page.wait_for_selector("[data-part=meter][data-zone=good]", timeout=20_000)
    page.wait_for_selector("[data-part=meter][data-zone=silent]", timeout=20_000)


def prompt_of(page: Page) -> str:
    return page.inner_text("[data-part=prompt]")


def signal_to_error(take: npt.NDArray[np.int16], source: npt.NDArray[np.int16]) -> float:
    """How well `take` is a piece of the endlessly repeated `source`, in dB."""
    loop = np.tile(source.astype(np.float64), len(take) // len(source) + 2)
    piece = take.astype(np.float64)
    size = 1 << (len(loop) + len(piece)).bit_length()
    found = np.fft.irfft(np.fft.rfft(loop, size) * np.conj(np.fft.rfft(piece, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(loop**2)])
    places = len(loop) - len(piece)
    errors = energy[len(piece) : len(piece) + places] - energy[:places] - 2 * found[:places]  # but for piece**2
    at = int(np.argmin(errors))
    error = float(np.sum((loop[at : at + len(piece)] - piece) ** 2))
    return 10 * np.log10(float(np.sum(piece**2)) / max(error, 1e-9))
