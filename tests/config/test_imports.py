"""What the web process loads: pages must not wait for gigabytes of machine learning."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import ROOT

HEAVY = ("torch", "librosa", "numba", "sklearn", "matplotlib")
LATER = ("scipy.fft", "scipy.signal")  # only where a take is measured


def test_the_web_process_never_loads_torch() -> None:
    """In a process of its own: the application, every view behind an address, every socket and every form."""
    code = f"""
import sys
import config.asgi
from django.urls import get_resolver
from config import web, reconciler, preparation
from django.contrib import admin
def views(patterns):
    for pattern in patterns:
        yield from views(pattern.url_patterns) if hasattr(pattern, "url_patterns") else [pattern.callback]
assert len(list(views(get_resolver().url_patterns))) > 10
print([name for name in {HEAVY + LATER!r} if name in sys.modules])
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_pages_are_served_without_torch(tmp_path: object) -> None:
    """Also what views load only when they run: every page that an admin can open."""
    code = f"""
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.test import Client
admin = User.objects.create_superuser("admin")
client = Client(headers={{"host": "localhost"}})
client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
for page in ("/", "/record/", "/speakers/", "/prompts/", "/train/", "/speak/", "/voices/", "/healthz"):
    answer = client.get(page)
    assert answer.status_code in (200, 302, 503), (page, answer.status_code)
answer = client.post("/api/read", '{{"text": "오늘은 3시예요."}}', content_type="application/json")
assert answer.status_code == 200, answer.content
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "MOKSORI_DATA": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert answer.stdout.strip().splitlines()[-1:] == ["[]"], answer.stdout + answer.stderr
