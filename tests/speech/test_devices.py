from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: what it sets holds for the whole process. The second product is shared among threads.
PROGRAM = """
import sys
import torch

torch.set_num_threads(2)
way, folder = sys.argv[1:]
if way == "flush":
    from speech import devices
    devices.flush_denormals()
elif way == "train":
    from speech import finetune
    from speech.job import Job
    job = Job.from_json({"model": "tacotron2", "clips": folder + "/none", "out": folder + "/run"})
    assert finetune.run(job, lambda event: None) == finetune.EXIT_FAILED
small, many = torch.tensor([1e-39]), torch.full((1 << 22,), 1e-39)
print(int(bool((small * 0.5).any())), int((many * 0.5).count_nonzero()))
"""


def told(way: str, folder: Path) -> tuple[int, int]:
    """How many of one and of 4 million numbers of 1e-39 are left when halved."""
    command = [sys.executable, "-c", PROGRAM, way, str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    alone, among_threads = map(int, found.split())
    return alone, among_threads


def test_numbers_too_small_to_be_quick_become_zero_in_every_thread_of_a_training(tmp_path: Path) -> None:
    if told("flush", tmp_path) != (0, 0):
        pytest.skip("this processor has no such switch")
    assert told("leave", tmp_path) == (1, 1 << 22)
    assert told("train", tmp_path) == (0, 0)


@pytest.mark.parametrize(
    ("given", "turns"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_openmps_threads_sleep_soon_unless_the_user_says_otherwise(given: dict[str, str], turns: str | None) -> None:
    own = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    program = "import os, speech; print(os.environ.get('GOMP_SPINCOUNT'))"
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**own, **given}).stdout
    assert found.strip() == str(turns)
