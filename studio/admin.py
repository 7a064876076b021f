"""The studio's rows in Django's admin: for looking, and for what no page does."""

from django.contrib import admin

from studio.models import Clip, Consent, Erasure, Prompt, PromptSkip, RecordingSession, Speaker


@admin.register(Speaker)
class SpeakerAdmin(admin.ModelAdmin):
    list_display = ("label", "name", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("label", "name")
    raw_id_fields = ("user", "position")

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False  # erasing takes the files as well: see the speaker's page


@admin.register(Erasure)
class ErasureAdmin(admin.ModelAdmin):
    """Who was erased, and when: only read."""

    list_display = ("name", "started_at", "finished_at", "by", "counts")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Consent)
class ConsentAdmin(admin.ModelAdmin):
    """Consent is given and withdrawn by the speaker: here it is only read."""

    list_display = ("speaker", "kind", "text_version", "given_at", "withdrawn_at")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False  # it says until when it held, and who takes it back is heard by the rooms above


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin):
    list_display = ("text", "kind", "corpus", "order", "active")
    list_filter = ("corpus", "kind", "active")
    search_fields = ("text",)


@admin.register(RecordingSession)
class RecordingSessionAdmin(admin.ModelAdmin):
    list_display = ("speaker", "started_at", "device", "sample_rate")
    raw_id_fields = ("speaker",)


@admin.register(Clip)
class ClipAdmin(admin.ModelAdmin):
    list_display = ("text", "speaker", "verdict", "kept", "seconds", "created_at")
    list_filter = ("verdict", "kept", "source")
    search_fields = ("text", "source_id")
    raw_id_fields = ("speaker", "prompt", "session")


@admin.register(PromptSkip)
class PromptSkipAdmin(admin.ModelAdmin):
    list_display = ("speaker", "prompt", "reason", "created_at")
    raw_id_fields = ("speaker", "prompt")
