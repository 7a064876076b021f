"""From request to verdict: what a take costs at a real web server, alone and with twenty speakers at once.

    python bench/record.py [--takes 30] [--speakers 20] [--in-browser 6]

Starts uvicorn with SQLite and a folder of files, both in a temporary folder, and sends takes of 10 s at 48 kHz (960
KB) as the recording page does: a POST whose answer is the verdict. Beside it stands what measuring alone takes
(`speech.quality.inspect`, without a server). Then Chromium records at the page itself, at 44.1 kHz: from the last
sample of the take (400 ms after the key, which belong to it) to the server's verdict on the page, so that WAV,
SHA-256 and IndexedDB are in it. Take the browser out with `--in-browser 0`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from speech.quality import inspect
from tests.e2e import record_room as room
from tests.recorders import Recorder
from tests.studio.sounds import take, upload

SECONDS, RATE = 10.0, 48_000
LIMIT_MS = 300.0  # what is asked for: within so long at the median, on two cores
WARM_UP = 3
TAKES_AT_ONCE = 3  # of each speaker
# Looks on at the page: milliseconds from each end of a take to its verdict go into `judged`.
WATCH = """() => {
  const room = document.querySelector("clip-recorder");
  const { prototype } = customElements.get("clip-recorder");
  const { finish } = prototype;
  let ended = 0;
  window.judged = [];
  prototype.finish = function (...values) {
    ended = performance.now();
    return finish.apply(this, values);
  };
  new MutationObserver(() => {
    if (ended && room.dataset.state === "review") window.judged.push(performance.now() - ended);
    if (["review", "ready"].includes(room.dataset.state)) ended = 0;
  }).observe(room, { attributeFilter: ["data-state"] });
}"""


def milliseconds(recorder: Recorder, fields: dict) -> float:
    """Of one take, from its request to its verdict."""
    begun = time.perf_counter()
    status, answer = recorder.send(fields)
    taken = 1000 * (time.perf_counter() - begun)
    if status != 201 or answer["sha256"] != fields["sha256"]:
        raise SystemExit(f"The take was not taken: {status} {answer}")
    return taken


def alone(web: room.WebServer, name: str, prompt: int, takes: int) -> list[float]:
    samples = [take(SECONDS, RATE, seed=seed) for seed in range(4)]
    with Recorder(web.link(name)) as recorder:
        every = [milliseconds(recorder, upload(prompt, samples[n % 4])) for n in range(WARM_UP + takes)]
    return every[WARM_UP:]


def at_once(web: room.WebServer, names: list[str], prompt: int) -> tuple[list[float], float]:
    """Milliseconds of every take, and the seconds that all of them took together."""
    start = Barrier(len(names) + 1)
    fields = {name: [upload(prompt, take(SECONDS, RATE, seed=n)) for n in range(TAKES_AT_ONCE)] for name in names}

    def record(name: str) -> list[float]:
        with Recorder(web.link(name)) as recorder:
            start.wait(120)
            return [milliseconds(recorder, each) for each in fields[name]]

    with ThreadPoolExecutor(len(names)) as pool:
        waiting = [pool.submit(record, name) for name in names]
        start.wait(120)
        begun = time.perf_counter()
        taken = [value for each in waiting for value in each.result()]
        return taken, time.perf_counter() - begun


def in_browser(web: room.WebServer, name: str, takes: int, folder: Path) -> list[float]:
    """Milliseconds from the last sample to the verdict on the page; takes that the page voids do not count."""
    microphone = room.microphone(folder / "voice.wav", take(12.0, 44_100))
    with sync_playwright() as playwright:
        browser = room.chromium(playwright, *microphone)
        page = room.enter(browser.new_context(locale="ko-KR"), web.link(name))
        room.open_microphone(page)
        page.evaluate(WATCH)
        for _attempt in range(3 * (takes + 1)):
            room.record(page, round(1000 * SECONDS) - 900)  # 0.5 s before the key and 0.4 s after it belong to it
            if len(every := judged(page)) > takes:
                break
        browser.close()
    if len(web.clips(name)) < len(every):
        raise SystemExit(f"{len(every)} takes were judged, and {len(web.clips(name))} are there.")
    return every[1:]  # the first warms up


def judged(page: Page) -> list[float]:
    found: list[float] = page.evaluate("window.judged")
    return found


def measuring(rounds: int = 10) -> float:
    """Median milliseconds of `speech.quality.inspect` alone, on the same sound."""
    samples, every = take(SECONDS, RATE), []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        inspect(samples, RATE)
        every.append(1000 * (time.perf_counter() - begun))
    return statistics.median(every[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=30)
    parser.add_argument("--speakers", type=int, default=20)
    parser.add_argument("--in-browser", type=int, default=6)
    options = parser.parse_args()
    names = [f"speaker-{number:02}" for number in range(options.speakers)]
    with (
        tempfile.TemporaryDirectory(prefix="moksori-bench-") as folder,
        room.web_server(Path(folder) / "data", ["오늘은 바람이 참 시원하네요."], ["alone", "browser", *names]) as web,
    ):
        prompt = int(web.python("from studio.models import Prompt; print(Prompt.objects.get().pk)"))
        single = alone(web, "alone", prompt, options.takes)
        shown = in_browser(web, "browser", options.in_browser, Path(folder)) if options.in_browser else []
        crowd, seconds = at_once(web, names, prompt)
        kept = sum(len(web.clips(name)) for name in names)
    middle, most = statistics.median(single), statistics.quantiles(single, n=10)[-1]
    sound = measuring()
    lost = len(names) * TAKES_AT_ONCE - kept
    out = sys.stdout.write
    out(f"one take of {SECONDS:.0f} s at {RATE // 1000} kHz, request to verdict, {options.takes} takes\n")
    out(f"  median {middle:.0f} ms ({middle / LIMIT_MS:.2f} of {LIMIT_MS:.0f} ms), nine in ten within {most:.0f} ms\n")
    out(f"  measuring alone {sound:.0f} ms: {sound / middle:.2f} of it\n")
    if shown:
        out(f"  in Chromium, last sample to verdict on the page, {len(shown)} takes: ")
        out(f"median {statistics.median(shown):.0f} ms, most {max(shown):.0f} ms\n")
    out(f"{len(names)} speakers at once, {TAKES_AT_ONCE} takes each: {lost} lost\n")
    out(f"  median {statistics.median(crowd):.0f} ms, most {max(crowd):.0f} ms, ")
    out(f"{len(crowd) * SECONDS / seconds:.0f} s of sound a second\n")


if __name__ == "__main__":
    main()
