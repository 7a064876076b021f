"""Install what is pinned into this Python's virtual environment: `python tools/install.py`, then `… --dev`.

Everything is checked against its hash, and nothing is installed that is not pinned. Linux has two builds of torch: the
CPU build (190 MB, from PyTorch's own index or a folder that pip is told to look into) and the CUDA build (from the
package index, and some 3 GB of NVIDIA's libraries with it). TORCH=cpu or TORCH=cuda decides; without it, CUDA is for
machines with an NVIDIA driver, and for those where no CPU build can be had. macOS has one build.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CPU_BUILDS = 8  # hashes of tools/pin.py's TORCH_CPU
TORCH = re.compile(r"^torch==.*?(?=^\S)", re.MULTILINE | re.DOTALL)


def pip(*arguments: str | Path, quiet: bool = False) -> bool:
    """Run pip; whether it came to a good end. `quiet` keeps its words to itself."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=quiet).returncode == 0


def install(file: str | Path) -> None:
    """Install the pinned and hashed requirements of `file`, and nothing that they ask for themselves."""
    if not pip("install", "--quiet", "--no-deps", "--require-hashes", "-r", file):
        sys.exit(
            "설치하지 못했어요. 까닭은 위에 있어요. 인터넷 연결과 남은 디스크를 확인하고 다시 해 주세요. · "
            "Installing failed, for the reason above: look at the network and the disk, then try again."
        )


def has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def wanted_build() -> str:
    """cpu or cuda."""
    build = os.environ.get("TORCH", "") or ("cuda" if has_nvidia_driver() else "cpu")
    if build not in {"cpu", "cuda"}:
        sys.exit(f"TORCH={build!r}: write TORCH=cpu or TORCH=cuda.")
    return build if sys.platform == "linux" else "cpu"


def install_torch(lines: list[str], build: str) -> None:
    """Install torch from its lines of requirements.txt; the last eight hashes are those of the CPU builds for Linux.

    A CPU build is asked for by its full version: with `==2.13.0` pip would rather take a file whose hash the index
    tells (the CUDA build) than one that lies in a folder. Where no CPU build can be had, any build will do.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "torch.txt"
        if sys.platform == "linux" and build == "cpu":
            cpu = re.sub(r"==(\S+)", r"==\1+cpu", lines[0], count=1)
            file.write_text(" \\\n".join([cpu, *lines[-CPU_BUILDS:]]))
            options = ["--no-deps", "--require-hashes", "--retries", "1", "--extra-index-url", TORCH_CPU_INDEX]
            if pip("install", *options, "-r", file, quiet=True):
                return
        file.write_text(" \\\n".join(lines[:-CPU_BUILDS]) + "\n")
        install(file)


def torch_asks_for_cuda() -> bool:
    requires = importlib.metadata.requires("torch") or []
    return sys.platform == "linux" and any(line.startswith(("nvidia-", "cuda-")) for line in requires)


def install_all() -> None:
    """What the program needs to run."""
    requirements = (ROOT / "requirements.txt").read_text()
    torch = TORCH.search(requirements)
    if torch is None:
        sys.exit("requirements.txt has no torch: run `make requirements`.")
    install_torch(torch[0].strip().split(" \\\n"), wanted_build())
    if torch_asks_for_cuda():
        install("requirements-cuda.txt")
    install("requirements.txt")


def main() -> None:
    if "--dev" in sys.argv[1:]:
        install("requirements-dev.txt")
    else:
        install_all()
    if not pip("check"):
        sys.exit("requirements.txt 가 맞지 않아요 · requirements.txt lacks something: run `make requirements`.")


if __name__ == "__main__":
    main()
