"""The training room as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    """Tells the first page about this room, hears of a consent taken back, has its part in erasures and sweeps."""

    name = "training"
    verbose_name = _("학습실")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studio import erasure as studio_erasure
        from studio import rooms, sweep
        from studio.signals import consent_withdrawn
        from training import consent, erasure, selectors

        rooms.register("training", selectors.room_state)
        part = studio_erasure.Part(erasure.items, erasure.check, erasure.erase, erasure.tell_worker)
        studio_erasure.register("training", part)
        sweep.register("training", "runs", selectors.files_known)
        consent_withdrawn.connect(consent.runs_stop, dispatch_uid="training.runs_stop")
