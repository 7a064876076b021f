"""The voice itself: text, sound, networks, training and synthesis. Knows nothing of the web.

Axes, written the same in every docstring:

    B  batch          T  mel frames      N  symbols (tokens)
    M  mel bands      C  channels        S  samples

Importing `speech` or `speech.text`, `speech.errors`, `speech.config`, `speech.quality` never imports torch.
"""
