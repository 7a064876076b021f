"""Pin and hash what the project needs: `make requirements`. Run by hand when a library is added or brought up to date.

One resolution for every platform and Python from 3.11 on (uv's universal mode writes the markers), out of which come
requirements.txt, requirements-cuda.txt (what a CUDA build of torch asks for on Linux) and requirements-dev.txt.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = re.compile(r"^(nvidia-|cuda-|triton)")
TORCH = re.compile(r"^torch==")

# SHA-256 of the CPU builds of torch 2.13.0 as https://download.pytorch.org/whl/cpu/torch/ lists them: the package index
# has only the CUDA builds for Linux. CPython 3.11 to 3.14, x86_64 and aarch64 in turn.
TORCH_CPU = (
    "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    "84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7",
    "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",
    "6f307c2c32d764ffc6ff6893b801fad6d4752f3e67966cb8abf1843427c02604",
    "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",
    "0b8f7d0423027ae8b90c7977c627f3379f325363a08224dffad9b4b2d684a83d",
    "d20fa53ee744502fa4c69818a720b05ca0d37abd055d4f6e66cae155114bc691",
    "ca021f9eb2f8345c83fa03e3a04587308afb8df71bd472670b3ece00df58621c",
)
HEAD = "# Written by `make requirements` (tools/pin.py) from {source}: change that file, not this one.\n"


def resolve(source: str) -> list[str]:
    """The pinned and hashed requirements of one .in file: one block of lines each, without comments."""
    command = [
        "uv", "pip", "compile", "--universal", "--python-version", "3.11", "--fork-strategy", "fewest", "--no-config",
        "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--upgrade", source,
    ]  # fmt: skip
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return [block.strip() for block in re.split(r"\n(?=\S)", answer.stdout) if block.strip()]


def with_cpu_builds(block: str) -> str:
    """Accept the CPU builds of torch as well: `==2.13.0` matches 2.13.0+cpu."""
    return " \\\n    ".join([block, *(f"--hash=sha256:{digest}" for digest in TORCH_CPU)])


def write(name: str, source: str, blocks: list[str]) -> None:
    text = HEAD.format(source=source) + "\n".join(blocks) + "\n"
    (ROOT / name).write_text(text)
    sys.stdout.write(f"{name}: {len(blocks)} packages\n")


def main() -> None:
    blocks = resolve("requirements.in")
    cuda = [block for block in blocks if CUDA.match(block)]
    rest = [with_cpu_builds(block) if TORCH.match(block) else block for block in blocks if not CUDA.match(block)]
    write("requirements.txt", "requirements.in", rest)
    write("requirements-cuda.txt", "requirements.in", cuda)
    known = {block.split()[0] for block in blocks}
    write(
        "requirements-dev.txt",
        "requirements-dev.in",
        [b for b in resolve("requirements-dev.in") if b.split()[0] not in known],
    )


if __name__ == "__main__":
    main()
