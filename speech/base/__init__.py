"""The base voice that ships: its corpus, how it is trained, and how it is packed."""
