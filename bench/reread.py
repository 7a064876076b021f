"""Whether a voice learned to read its own sentences as they are read now.

    python bench/reread.py DATA/manifest.json

The manifest of prepared clips holds the symbols that the voice learned from. Each of its texts is read anew by the
front end as it stands here, without an own dictionary; the sentences whose symbols differ are printed, old and new.
Exit status 1 where any differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from speech.config import TextConfig
from speech.text import FRONT_END_VERSION, encode, read
from speech.text.symbols import END_ID, PAD_ID, SYMBOLS


def spelled(symbols: Sequence[int]) -> str:
    """Symbol numbers as Hangul again, without the control symbols."""
    jamo = "".join(SYMBOLS[number] for number in symbols if number not in (PAD_ID, END_ID))
    return unicodedata.normalize("NFC", jamo)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    manifest = json.loads(parser.parse_args().manifest.read_text(encoding="utf-8"))
    config = TextConfig(**manifest["text"])
    clips, differing = manifest["clips"], 0
    for clip in clips:
        now = encode(read(clip["reading"] or clip["text"], mode=config.mode), config)
        if now != clip["symbols"]:
            differing += 1
            print(f"{clip['id']}  {clip['text']}\n    {spelled(clip['symbols'])}\n    {spelled(now)}")
    print(
        f"{differing} of {len(clips)} sentences that were learned by front end {manifest['front_end']} "
        f"read otherwise by {FRONT_END_VERSION}."
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
