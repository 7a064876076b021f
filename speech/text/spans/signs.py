"""Stretches that begin with neither a figure nor a Latin letter: signs, chat jamo, enclosed figures, emoji."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from speech.text import numbers
from speech.text.hangul import is_jamo, is_syllable, tail_of
from speech.text.lexicon import mapping, rows
from speech.text.spans.maths import said_last, vulgar_parts, with_unit_behind
from speech.text.spans.quantity import Amount, counted, counter_at, system_of
from speech.text.spans.scan import Found, particle_at

_LAUGH = re.compile(
    r"[ㅋㅎ]{2,}|(?<=[가-힣.!?~])(?<![ㄱ-ㅎ]~)[ㅋㅎ](?=[\s.,!?~]|$)|\A[ㅋㅎ](?=[.!?~]*\Z)"
    r"|(?<=[가-힣!?~.] )(?<!받침 )(?<!자음 )(?<!글자 )(?<!초성 )[ㅋㅎ](?=[.!?~]*\Z)"
)
_TEARS = re.compile(r"[ㅠㅜ]{2,}|[ㅠㅜ](?=[\s.,!?~]|$)")
_JAMO = re.compile(r"[ㄱ-ㅣ]+")
_LONGEST_CHAT = 64  # letters that are looked up as one word: each of a run would ask for all behind it
_DAYS = re.compile(
    r"(?<![가-힣])([월화수목금토일])(?:요일)?\s?~\s?([월화수목금토일])(?:요일)?(?![가-힣]|\d|\s?\d+(?!\d|:|\s?시))"
)
_DAYS_FOLLOWED = re.compile(
    r"(?<![가-힣])([월화수목금토일])(?:요일)?\s?~\s?([월화수목금토일])(?:요일)?(?=(?:은|는|에|까지|만|의|이|가)(?![가-힣]))"
)
_EMOTICON = re.compile(
    r"(?:(?<![0-9A-Za-z])[:;=][-'o^]?[)(\]\[DdPpOo3|\\*]+(?![A-Za-z0-9가-힣])|\^[_.\-ㅁo0O]?\^+;*"
    r"|[ㅜㅠTt][_.ㅡ\-][ㅜㅠTt](?![A-Za-z])|>[_.]<|-[_ㅅ]-;*|=_=|@_@|O_O|o_o|\(\^[^()]{0,3}\^\)|(?<!\b[A-Za-z])<3(?!\d)|;{2,}"
    r"|ㅡ[_.]?ㅡ;*)"
)
_UNIT_BEFORE = re.compile(r"\d\s?([A-Za-z㎀-㏟%℃]{1,5}[²³]?)\s?$")
_ROOT = re.compile(r"([√∛])\s?((?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)")


def days(text: str, position: int) -> Found | None:
    """`월~금` → 월요일에서 금요일."""
    match = _DAYS.match(text, position) or _DAYS_FOLLOWED.match(text, position)
    if not match:
        return None
    return Found(match.end(), f"{match[1]}요일에서 {match[2]}요일", "range", "range.days")


_WORDS = re.compile(
    r"([가-힣]{2,6})~([가-힣]{2,6})(?=\s|$|[),.])"
    r"|([가-힣]{2,6})~([가-힣]{2,6}?)(?=(?:까지|간|구간|노선|행)(?![가-힣]))"
)
_CALLING = tuple("요네야아어해지죠다라자까용염녕와우오유음잉넹당냥")


def words_apart(text: str, position: int) -> Found | None:
    """`서울~부산` → 서울에서 부산; a drawn-out word (안녕~반가워) is no range."""
    if position and is_syllable(text[position - 1]):
        return None
    match = _WORDS.match(text, position)
    if not match:
        return None
    left, right = match[1] or match[3], match[2] or match[4]
    if left.endswith(_CALLING):
        return None
    return Found(match.end(), f"{left}에서 {right}", "range", "range.words")


_FROM = re.compile(
    r"\s?~\s?(?=[0-9A-Za-zㄱ-ㅎ$₩]|'\d\d|[초중고][1-6](?!\d)|(?:지상|지하|영상|영하|최대|최소|약)\s?\d"
    r"|(?:서기|기원전|제|만)\s?\d|오전|오후|새벽|밤|낮|정오|자정|다음|내일|익일|현재|이듬해|당일|말일|연말|월말|마감|종료)"
)
_NUMBERED = re.compile(r"(?:[0-9][가-힣%]{0,4}(?:\([월화수목금토일]\))?|[A-Za-z℃%])\s?$")
_LETTER_TO_LETTER = re.compile(r"(?<![ㄱ-ㅎ])[ㄱ-ㅎ]\s?~\s?[ㄱ-ㅎ](?![ㄱ-ㅎ])")


def tilde(text: str, position: int) -> Found | None:
    """`10시~오후 5시`, `A~Z`: 에서 behind a figure or a letter; at the end of a word it only draws it out."""
    match = _FROM.match(text, position)
    if not match:
        return None
    letters = any(_LETTER_TO_LETTER.match(text, max(0, position - back)) for back in (1, 2))
    if not letters and not _NUMBERED.search(text[max(0, position - 8) : position]):
        return None
    return Found(match.end(), "에서 ", "range", "range.sign")


def equals(text: str, position: int) -> Found | None:
    """`=` as a topic: 은 or 는, as what stands in front ends."""
    if text[position] != "=":
        return None
    unit = _UNIT_BEFORE.search(text, max(0, position - 12), position)
    known = unit and unit[1] in mapping("units")
    spoken = mapping("units")[unit[1]].rstrip("}") if unit and known else said_last(text, position)
    return Found(position + 1, ("은 " if tail_of(spoken[-1:] or "가") else "는 "), "math", "sign.equals")


def face(text: str, position: int) -> Found | None:
    """`:)`, `^^`, `T_T`: a face, which is not spoken."""
    match = _EMOTICON.match(text, position)
    before = text[max(0, position - 1) : position]
    if not match or (text[position].isalpha() and before.isascii() and before.isalnum()):
        return None
    return Found(match.end(), "", "emoticon", "emoticon", left_out="emoji")


def jamo(text: str, position: int) -> Found | None:
    """ㅋㅋㅋ → 크크크, ㅠㅠ unspoken, ㅇㅋ → 오케이, ㄱ자 → 기역 자."""
    emoticon = face(text, position)
    if emoticon:
        return emoticon
    match = _LAUGH.match(text, position)
    if match:
        spoken = "".join("크" if letter == "ㅋ" else "흐" for letter in match.group()[:3])
        others = ("키" * len(spoken), "") if "ㅋ" in match.group() else ("하" * len(spoken), "")
        return Found(match.end(), spoken, "jamo", "jamo.laugh", others)
    match = _TEARS.match(text, position)
    if match:
        return Found(match.end(), "", "jamo", "jamo.tears", ("흑흑",), left_out="emoji")
    match = _JAMO.match(text, position)
    if not match:
        return None
    letters = match.group()
    for end in range(min(len(letters), _LONGEST_CHAT), 1, -1):
        reading = _chat(letters[:end])
        if reading and not letters[end:].strip("ㅋㅎㅠㅜ"):
            return Found(position + end, reading, "jamo", "jamo.chat")
    name = _letter_name(letters[0])
    if text.startswith("자", position + 1) and len(letters) == 1:
        name += " "
    return Found(position + 1, name, "jamo", "jamo.name")


def _chat(letters: str) -> str:
    """What a run of letters says: ㄱㅅ → 감사, ㄱㅅㄱㅅ → 감사감사; nothing where the table does not know it."""
    known = mapping("chat").get(letters, "")
    half = len(letters) // 2
    if known or len(letters) % 2 or not half or letters[:half] != letters[half:]:
        return known
    return _chat(letters[:half]) * 2


def _letter_name(letter: str) -> str:
    return mapping("letters").get(letter, "")


_WEEKDAY = re.compile(r"\(([월화수목금토일])\)")


def weekday(text: str, position: int) -> Found | None:
    """`11월 20일(금)` → 금요일."""
    match = _WEEKDAY.match(text, position)
    if not match or not position or text[position - 1] not in "일0123456789.":
        return None
    apart = "" if particle_at(text, match.end()) or text.startswith(("~", " ~"), match.end()) else " "
    return Found(match.end(), f" {match[1]}요일{apart}", "date", "date.weekday")


def root(text: str, position: int) -> Found | None:
    """`√2` → 루트 이."""
    match = _ROOT.match(text, position)
    if not match:
        return None
    whole, _, part = match[2].partition(".")
    number = numbers.decimal(whole, part) if part else numbers.integer(whole)
    return with_unit_behind(text, match.end(), f"{'루트' if match[1] == '√' else '세제곱근'} {number}", "math.root")


def vulgar(text: str, position: int) -> Found | None:
    """`½` → 이분의 일."""
    parts = vulgar_parts(text[position])
    if not parts:
        return None
    reading = f"{numbers.sino(parts[1])}분의 {numbers.sino(parts[0])}"
    return Found(position + 1, reading, "fraction", "fraction.sign")


def enclosed(text: str, position: int) -> Found | None:
    """`②번` → 이 번, `Ⅲ` → 삼, `⑴`, `❸`; with its counter."""
    character = text[position]
    value = _enclosed_value(character)
    if value is None:
        return None
    end = position + 1
    while "Ⅰ" <= character <= "ⅿ" and end < len(text) and "Ⅰ" <= text[end] <= "ⅿ":
        end += 1
    run = _roman_run(text[position:end]) if end > position + 1 else None
    end, value = (end, run) if run else (position + 1, value)
    counter = counter_at(text, end)
    if counter:
        system, _ = system_of(text, position, end + len(counter), counter, value)
        system = "sino" if counter in ("번", "장", "부", "편", "권", "기") else system
        return Found(
            end + len(counter),
            counted(Amount(end, str(value), value, False), counter, system),
            "counter",
            "sign.enclosed",
        )
    return Found(end, numbers.sino(value), "number", "sign.enclosed")


def _enclosed_value(character: str) -> int | None:
    if "Ⅰ" <= character <= "ⅿ" or "①" <= character <= "⒛" or "⓪" <= character <= "➓" or "㉈" <= character <= "㊿":
        value = unicodedata.numeric(character, None)
        return int(value) if value is not None else None
    return None


_ROMAN_RUN = re.compile("M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")


def _roman_run(signs: str) -> int | None:
    """`ⅩⅣ` is fourteen; None for what counts on, as `ⅠⅡⅢ` does."""
    letters = unicodedata.normalize("NFKC", signs).upper()
    values = [int(unicodedata.numeric(sign)) for sign in signs]
    total = _sum_of([{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in letters])
    return total if _ROMAN_RUN.fullmatch(letters) and total == _sum_of(values) else None


def _sum_of(values: list[int]) -> int:
    following = [*values[1:], 0]
    return sum(-value if value < behind else value for value, behind in zip(values, following, strict=True))


@cache
def _signs() -> dict[str, tuple[str, str]]:
    return {row[0]: (row[1], row[2] if len(row) > 2 else "") for row in rows("signs")}


def sign(text: str, position: int) -> Found | None:
    """Signs of the table `signs`: read, turned into a pause, or left out."""
    entry = _signs().get(text[position])
    if not entry:
        return None
    kind, reading = entry
    if kind == "pause":
        return Found(position + 1, ", ", "punctuation", "sign.pause")
    if kind == "silent":
        return Found(position + 1, " ", "symbol", "sign.silent", left_out="sign")
    if kind == "none":
        parts = text[position - 1 : position].isdigit() and text[position + 1 : position + 2].isdigit()  # 2024-25 예산
        return Found(position + 1, " " if parts else "", "punctuation", "sign.none")
    return Found(position + 1, f" {reading} ", "symbol", "sign.named")


def unknown(text: str, position: int) -> Found:
    """What nobody here knows how to read: a letter by its name in Unicode where that is Latin, else left out."""
    character = text[position]
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and all(is_syllable(letter) for letter in plain):
        return Found(position + 1, plain, "symbol", "sign.compatible")
    if len(plain) > 1 and any(is_syllable(letter) for letter in plain):
        reading = "".join(letter for letter in plain if is_syllable(letter))
        return Found(position + 1, reading, "symbol", "sign.compatible")
    if len(plain) == 1 and is_jamo(plain):
        return Found(position + 1, _letter_name(plain), "jamo", "jamo.name")
    category = unicodedata.category(character)
    reason = "emoji" if category in ("So", "Sk") else "sign" if category[0] in "PS" else "unknown"
    return Found(position + 1, " ", "left_out", "left_out", left_out=reason)
