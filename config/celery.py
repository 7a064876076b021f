"""The Celery application: queues `train` (one worker a GPU) and `speak`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("moksori")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["training", "synthesis"])
