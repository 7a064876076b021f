"""Runs and checkpoints in Django's admin: for looking. What changes a run goes through the room's own buttons."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from training.models import Checkpoint, TrainingRun


class LookOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TrainingRun)
class TrainingRunAdmin(LookOnly):
    list_display = ("speaker", "state", "part", "step", "attempt", "worker", "created_at")
    list_filter = ("state",)


@admin.register(Checkpoint)
class CheckpointAdmin(LookOnly):
    list_display = ("__str__", "kind", "model", "size_name", "step", "best", "created_at")
    list_select_related = ("run__speaker",)
    list_filter = ("kind", "model")
