"""`manage.py up`: everything on one machine. Redis, a training worker, a speaking worker and the web server."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from config import env, health, preparation
from config.children import Child, Children, web_command
from config.port import listen
from config.problems import StartError, explained
from config.reconciler import reconcile_until
from config.redis_server import RedisServer
from config.worker import worker_command

FIRST_PAGE_SECONDS = 60.0
LOOK_SECONDS = 0.5
SAVE_SECONDS = 90.0  # a full-size model on a CPU: the step at hand, then its checkpoint


class Command(BaseCommand):
    help = "한 컴퓨터에서 모두 켜요: 웹, Redis, 학습 작업자, 말하기 작업자. · Run everything on this machine."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="웹 포트, 0이면 빈 포트 · port, 0 for a free one (8000)"
        )
        parser.add_argument("--host", default="127.0.0.1", help="여는 주소 · address to listen on (127.0.0.1)")

    def handle(self, *args: object, **options: object) -> None:
        try:
            self.run(str(options["host"]), int(str(options["port"])))
        except StartError as problem:
            sys.stderr.write(f"{problem}\n")
            sys.exit(1)
        except KeyboardInterrupt:  # before there was anything to end
            sys.exit(130)

    def run(self, host: str, port: int) -> None:
        """Prepare, start, watch until a signal comes, end all."""
        preparation.environment_check()
        self.folder = Path(settings.DATA_DIR)
        self.logs = self.folder / "logs"
        self.stop = threading.Event()
        with ExitStack() as stack:
            with explained(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                mark = stack.enter_context(preparation.only_one(self.folder))
            listener = stack.enter_context(listen(host, port))
            address = f"http://{host}:{listener.getsockname()[1]}"
            with explained(self.folder):
                mark.write_text(f"{address} (pid {os.getpid()})")
                preparation.prepare()
                self.children = stack.enter_context(self.family())
                server = self.start_redis()
                self.start_web(listener.fileno(), address)
                self.start_workers()
                self.welcome(address, server)
            self.watch()

    @contextmanager
    def family(self) -> Iterator[Children]:
        """The children, who all end with this block; from here on signals ask for that end."""
        children = Children(self.tell)

        def on_signal(number: int, frame: FrameType | None) -> None:
            if self.stop.is_set():
                children.hurry()
            self.stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_signal)
        try:
            yield children
        finally:
            self.stop.set()
            children.stop()

    def start_redis(self) -> str:
        """Start a Redis of our own, or reach the one that REDIS_URL names; returns what to call it."""
        if url := env.text("REDIS_URL"):
            try:
                health.ask_redis()
            except (redis.RedisError, OSError, ValueError) as error:
                raise StartError(
                    f"REDIS_URL={url}의 Redis가 답하지 않아요({error}). 켜거나, REDIS_URL을 지우면 알아서 켜요.",
                    "The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL and one is started for you.",
                ) from error
            return url
        server = RedisServer(self.folder / "redis", env.own_redis_socket())
        child = Child("redis", "Redis", "Redis", server.command(), server.log, last=True)
        server.wait(self.children.start(child), stopped=self.stop.is_set)
        return str(server.socket)

    def start_web(self, descriptor: int, address: str) -> None:
        """Start the web server and return when it serves; StartError when it ends instead."""
        log = self.logs / "web.log"
        child = Child("web", "웹 서버", "web server", web_command(descriptor), log, 5.0, descriptors=(descriptor,))
        process = self.children.start(child)
        end = time.monotonic() + FIRST_PAGE_SECONDS
        while not self.stop.is_set() and not serves(address):
            if process.poll() is not None or time.monotonic() > end:
                raise StartError(
                    f"웹 서버가 켜지지 않아요. 까닭은 {log}의 끝에 있어요. `manage.py doctor`가 도와줘요.",
                    "The web server does not start: the reason stands at the end of that log.",
                )
            time.sleep(0.05)

    def start_workers(self) -> None:
        """The training worker gets the time to save a run that it has to leave."""
        train = Child(
            "train", "학습 작업자", "training worker", worker_command("train"), self.logs / "train.log", SAVE_SECONDS
        )
        speak = Child("speak", "말하기 작업자", "speaking worker", worker_command("speak"), self.logs / "speak.log")
        for child in (train, speak):
            if not self.stop.is_set():
                self.children.start(child)

    def welcome(self, address: str, server: str) -> None:
        """Say where it is, and how the first admin comes in."""
        link = preparation.first_admin_link(next(iter(settings.CSRF_TRUSTED_ORIGINS), address))
        connections.close_all()
        if link:
            self.say(f"첫 관리자 로그인 링크 (한 번만 쓸 수 있어요) · one-time link for the first admin:\n  {link}")
        self.say(f"데이터 · data {self.folder}   기록 · logs {self.logs}   Redis {server}")
        self.say(f"목소리가 켜졌어요 · Moksori is on: {address}   (끝내기 · stop: Ctrl-C)")

    def watch(self) -> None:
        """Start again what dies, send again what was lost, until a signal comes."""
        reconciler = threading.Thread(target=reconcile_until, args=(self.stop,), name="reconciler", daemon=True)
        reconciler.start()
        while not self.stop.wait(LOOK_SECONDS):
            self.children.watch()
        self.say("끄고 있어요. 학습 중이면 저장하고 꺼요 · Stopping; a training run is saved first …")

    def tell(self, korean: str, english: str) -> None:
        self.say(f"{korean} · {english}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def serves(address: str) -> bool:
    """Whether the web server answers its health check."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", health.PATH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
