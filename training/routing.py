"""Sockets of this room."""

from __future__ import annotations

from typing import Any

from django.urls import path

from training.consumers import RunConsumer

websocket_urlpatterns: list[Any] = [path("ws/runs/<uuid:pk>/", RunConsumer.as_asgi())]
