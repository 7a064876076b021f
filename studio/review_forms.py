"""What people type where takes are reviewed."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from studio.models import Clip
from studio.review import LONGEST_REASON, ORDERS, STATES, Sieve


class SieveForm(forms.Form):
    """What of a speaker's takes an admin wants to see. A value that is none lets everything through."""

    q = forms.CharField(label=_("찾을 말"), max_length=100, required=False)
    verdict = forms.ChoiceField(label=_("판정"), choices=[("", _("모두")), *Clip.Verdict.choices], required=False)
    state = forms.ChoiceField(label=_("상태"), choices=list(STATES.items()), required=False)
    since = forms.DateField(label=_("언제부터"), required=False)
    until = forms.DateField(label=_("언제까지"), required=False)
    order = forms.ChoiceField(label=_("차례"), choices=list(ORDERS.items()), required=False)

    def sieve(self) -> Sieve:
        self.is_valid()
        good = self.cleaned_data
        kept = "kept" if "kept" in self.data else ""
        return Sieve(
            verdict=good.get("verdict", ""), state=good.get("state") or kept, text=good.get("q", ""),
            since=good.get("since"), until=good.get("until"), order=good.get("order") or "worst",
        )  # fmt: skip


class ReviewForm(forms.Form):
    """An admin's decision on a take."""

    decision = forms.ChoiceField(choices=[(each, each) for each in ("accept", "return", "clear")])
    reason = forms.CharField(max_length=LONGEST_REASON, required=False)
