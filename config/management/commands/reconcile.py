"""`manage.py reconcile`: send lost work again, for ever; one on many machines (`up` does it by itself)."""

from __future__ import annotations

import signal
import threading

from django.core.management.base import BaseCommand

from config.reconciler import mark, reconcile, reconcile_until


class Command(BaseCommand):
    help = "잃어버린 일을 다시 보내요(계속). · Send again what was lost, for ever."

    def handle(self, *args: object, **options: object) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("잃어버린 일을 찾아 다시 보내요 · Looking for lost work")
        self.stdout.flush()
        reconcile()
        mark()
        reconcile_until(stop, mark)
