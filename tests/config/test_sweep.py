"""The reconciler's daily sweep."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from config.reconciler import sweep_all


def test_sessions_that_are_over_go_and_others_stay(transactional_db: None) -> None:
    for key, days in (("over", -1), ("open", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(days=days))
    sweep_all()
    assert [session.session_key for session in Session.objects.all()] == ["open"]
