from __future__ import annotations

from django.contrib import admin

from synthesis.models import ApiToken, Utterance, UtteranceSentence, Voice


@admin.register(Voice)
class VoiceAdmin(admin.ModelAdmin):
    list_display = ("label", "name", "speaker", "acoustic", "vocoder", "published_at", "retired_at")
    list_select_related = ("speaker", "acoustic__run__speaker", "vocoder__run__speaker")
    list_filter = ("retired_at",)
    search_fields = ("label", "name")
    raw_id_fields = ("acoustic", "vocoder", "speaker", "published_by")


class SentenceInline(admin.TabularInline):
    model = UtteranceSentence
    fields = readonly_fields = ("index", "text", "seconds", "compute_seconds", "reached_limit", "coverage")
    extra = 0
    can_delete = False

    def has_add_permission(self, *args: object, **kwargs: object) -> bool:
        return False


@admin.register(Utterance)
class UtteranceAdmin(admin.ModelAdmin):
    """How speaking goes; what people had spoken is not shown in the list."""

    list_display = ("id", "voice", "state", "sentence_count", "seconds", "attempt", "created_at", "ended_at")
    list_filter = ("state", "voice")
    raw_id_fields = ("requested_by",)
    inlines = (SentenceInline,)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ("label", "user", "created_at", "last_used_at", "revoked_at")
    exclude = ("token_sha256",)
    raw_id_fields = ("user",)

    def has_add_permission(self, request: object) -> bool:
        return False  # a key is shown where it is made, and kept nowhere
