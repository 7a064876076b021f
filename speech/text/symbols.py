"""The 80 symbols that a voice is trained on, in the order that the public Korean checkpoints share.

0 `_` pads, 1 `~` ends a sentence, 2-20 leads, 21-41 vowels, 42-68 tails, 69-78 punctuation, 79 the space. New symbols
may only be added behind them, so that rows of an embedding keep their meaning.
"""

from __future__ import annotations

from speech.errors import BadText
from speech.text.hangul import h2j

PAD = "_"
END = "~"
PUNCTUATION = "!'(),-.:;?"

SYMBOLS: tuple[str, ...] = (
    PAD,
    END,
    *(chr(code) for code in range(0x1100, 0x1113)),
    *(chr(code) for code in range(0x1161, 0x1176)),
    *(chr(code) for code in range(0x11A8, 0x11C3)),
    *PUNCTUATION,
    " ",
)

INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}
PAD_ID = INDEX[PAD]
END_ID = INDEX[END]


def to_ids(hangul: str) -> list[int]:
    """The symbol numbers of Hangul syllables, punctuation and spaces, without the end symbol.

    Raises BadText (`unknown_symbol`) that names every character that no symbol stands for. The two control symbols
    `_` and `~` are no text, so they count as unknown here.
    """
    jamo = h2j(hangul)
    try:
        ids = [INDEX[symbol] for symbol in jamo]
    except KeyError:
        ids = []
    if len(ids) != len(jamo) or PAD_ID in ids or END_ID in ids:
        unknown = sorted({symbol for symbol in jamo if symbol not in INDEX or symbol in (PAD, END)})
        names = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in unknown)
        raise BadText(
            f"No symbol stands for {names}; write it in Hangul or add it to the dictionary.",
            code="unknown_symbol",
            symbols=unknown,
        )
    return ids
