"""Common English words in Hangul by their sound: `speech/text/lexicon/english_sounds.tsv`.

    python tools/english_sounds.py WORDS         a file of words, one a line, the most common first
    python tools/english_sounds.py --check       how often the rule finds what the table `english` has by hand

espeak-ng tells how a word sounds in British English, which 외래어 표기법 follows: no r behind a vowel, 오 in box. The
sounds are written by the rules of `speech.text.transliterate`; where Korean writes by the letters (final -a, -le,
-ful, -ore), the spelling decides. What the table `english` has stays out, and so do words without a vowel or of less
than four letters, which may be abbreviations.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from speech.text.lexicon import mapping  # noqa: E402
from speech.text.transliterate import by_rule, written  # noqa: E402

TABLE = ROOT / "speech/text/lexicon/english_sounds.tsv"
HEAD = """\
# Common English words by their sound: word in small letters <TAB> reading. Made by tools/english_sounds.py.
# source: words by their rank in English (wordfreq 3.1.1), sounds of espeak-ng 1.51, written for this project; CC0-1.0
"""
_PLAIN = re.compile(r"[a-z]{4,24}")
_VOWEL = re.compile(r"[aeiouy]")

# IPA as espeak-ng writes it → sounds of `written`, longest first.
_TABLE = """
iəʊ ㅣ ㅗ:; ɪəʊ ㅣ ㅗ:; aɪə ㅏ ㅣ ㅓ:; aʊə ㅏ w ㅓ:; tʃ ch; dʒ j; eɪ ㅔ ㅣ:; aɪ ㅏ ㅣ:; ɔɪ ㅗ ㅣ:; aʊ ㅏ ㅜ:;
əʊ ㅗ:; oʊ ㅗ:; iə ㅣ ㅓ:; ɪə ㅣ ㅓ:; eə ㅔ ㅓ:; ɛə ㅔ ㅓ:; ʊə ㅜ ㅓ:; juː ㅠ:; jʊ ㅠ; ju ㅠ; jə ㅕ; jɔː ㅛ:;
iː ㅣ:; uː ㅜ:; ɑː ㅏ:; ɔː ㅗ:; ɜː ㅓ:; ŋɡ ng g; ŋk ng k; ŋ ng; ɪ ㅣ; i ㅣ; e ㅔ; ɛ ㅔ; æ ㅐ; a ㅐ; ʌ ㅓ; ɒ ㅗ;
ɔ ㅗ; ʊ ㅜ; u ㅜ; ə ㅓ; ɐ ㅓ; ɜ ㅓ; o ㅗ; ɡ g; θ th; ð d; ʃ sh; ʒ j; ɹ r; j y; x h; p p; b b; t t; d d; k k;
f f; v v; s s; z z; h h; m m; n n; l l; r r; w w; A ㅏ; E ㅔ; L ㅡl; N ㅡ n; M z ㅡ m; T ch ㅡ; D j ㅡ
"""  # in capitals what the spelling decides
_SOUNDS = dict(pair.strip().split(" ", 1) for pair in _TABLE.split(";"))
_SOUND = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))

# Where the word ends (or begins) so, the sound of its end is written so.
_SPELLED = tuple(
    (re.compile(letters), re.compile(sound), instead)
    for letters, sound, instead in (
        (r"les?$", r"(?<![ɹl])əl(?=[sz]?$)", "L"),
        (r"(?<![lr])(?:en|on)s?$", r"(?<=[bdfɡkmpstvzθð])ən(?=[sz]?$)", "N"),
        (r"(?:ore|oor|our)s?$", r"ɔː(?=[sz]?$)", "ɔːə"),
        (r"ah?s?$", r"[əɐ](?=[sz]?$)", "A"),
        (r"full?$", r"f[əʊ]?l$", "fʊl"),
        (r"lands?$", r"lənd(?=[sz]?$)", "land"),
        (r"^pro", r"^pɹə(?!ʊ)", "pɹəʊ"),
        (r"^super", r"^suː", "ʃuː"),
        (r"^(?:in|con|un|en|syn)[ck]", r"^(.{1,3}?)ŋ(?=k)", r"\1n"),
        (r"(?:n|l)ess$", r"əs$", "ɪs"),
        (r"ically$", r"ɪkli$", "ɪkəli"),
        (r"fully$", r"fəli$", "fʊli"),
        (r"[cs]hed$", r"(?<=ʃ)t$", "ɪd"),
        (r"shment$", r"ʃmənt$", "ʃɪmənt"),
        (r"sms?$", r"zəm(?=[sz]?$)", "M"),
        (r"[^sd]s$", r"(?<!d)z$", "s"),
        (r"olog(?:y|ies|ist)", r"(?<=ɒl)ə(?=dʒ)", "əʊ"),
        (r"graphy$", r"ɡɹəfi$", "ɡɹafi"),
        (r"els?$", r"əl(?=[sz]?$)", "El"),
        (r"", r"ts$", "T"),
        (r"", r"dz$", "D"),
    )
)


def sounds(word: str, ipa: str) -> list[str]:
    """The sounds of a word in small letters that espeak-ng says as `ipa`."""
    if word.startswith("ex") and ipa[0] == "ɛ":  # unstressed
        ipa = f"ɪ{ipa[1:]}"
    ipa = re.sub("[ˈˌ͡ -]", "", ipa)
    for letters, sound, instead in _SPELLED:
        if letters.search(word):
            ipa = sound.sub(instead, ipa)
    return [sound for found in _SOUND.findall(ipa) for sound in _SOUNDS[found].split()]


def spoken(words: list[str]) -> list[str]:
    """The IPA of each word. Raises CalledProcessError, FileNotFoundError without espeak-ng."""
    command = ["espeak-ng", "-q", "-v", "en-gb", "--ipa"]
    done = subprocess.run(command, input="\n".join(words) + "\n", text=True, capture_output=True, check=True)
    lines = done.stdout.strip("\n").split("\n")
    if len(lines) != len(words):
        raise RuntimeError(f"{len(words)} words, and espeak-ng said {len(lines)}.")
    return [line.strip() for line in lines]


def make(words: list[str]) -> str:
    """The table of those of `words` that belong there."""
    known = mapping("english")
    wanted = sorted({word for word in words if _PLAIN.fullmatch(word) and _VOWEL.search(word) and word not in known})
    readings = (written(sounds(word, ipa)) for word, ipa in zip(wanted, spoken(wanted), strict=True))
    return HEAD + "".join(f"{word}\t{reading}\n" for word, reading in zip(wanted, readings, strict=True) if reading)


def check() -> str:
    """Shares of the words of the table `english` that sound and spelling alone find."""
    table = {
        word: reading for word, reading in mapping("english").items() if _PLAIN.fullmatch(word) and " " not in reading
    }
    said = zip(table.items(), spoken(list(table)), strict=True)
    heard = sum(written(sounds(word, ipa)) == reading for (word, reading), ipa in said)
    spelled = sum(by_rule(word) == reading for word, reading in table.items())
    return f"{len(table)} words: by sound {heard / len(table):.1%}, by spelling {spelled / len(table):.1%}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.stdout.write(f"{check()}\n")
    elif len(sys.argv) == 2:
        TABLE.write_text(make(Path(sys.argv[1]).read_text("utf-8").split()), "utf-8")
    else:
        sys.exit(__doc__)
