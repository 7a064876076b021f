"""What the recording room tells the rooms above it, which it does not know."""

from __future__ import annotations

from django.dispatch import Signal

# A speaker has taken the consent back: sent with `speaker`, in the transaction that says so. What a receiver raises
# undoes the withdrawal, and what it writes is committed with it; so a receiver writes rows, and sends on commit.
consent_withdrawn = Signal()
