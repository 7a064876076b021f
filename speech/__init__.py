"""The voice itself: text, sound, networks, training and synthesis. Knows nothing of the web.

Axes, written the same in every docstring:

    B  batch          T  mel frames      N  symbols (tokens)
    M  mel bands      C  channels        S  samples

Importing `speech` or `speech.text`, `speech.errors`, `speech.config`, `speech.quality` never imports torch.
"""

import os

# How long OpenMP's threads turn round before they sleep; read when torch is loaded. With its default a training and
# a speaking worker on the same two cores each waited for threads that the other's kept from running: a step took 15 s
# instead of 0.6, two sentences 9 s instead of 0.3 (docs/performance.md, "A training beside a voice").
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
