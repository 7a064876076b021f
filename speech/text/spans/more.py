"""Quantities that say themselves in a way of their own: 두세 명, 구 초 구팔, 오 피트 십 인치, 한 큰술, 제곱미터당."""

from __future__ import annotations

import re
import unicodedata

from speech.text import numbers
from speech.text.hangul import is_syllable, tail_of
from speech.text.lexicon import groups
from speech.text.spans.quantity import counter_at, system_of
from speech.text.spans.scan import Found, word_may_end
from speech.text.spans.units import said_once, unit_at

_TWO = re.compile(r"(?<![\d,.])(\d)(,\s?|·)(\d)(?![\d,.·])")
_LISTED = re.compile(r"(?:[\d가-힣]\s?[,·]|각각|각)\s?$")  # 3, 5, 6명: one of a list
_ROUGHLY = {1: "한두", 2: "두세", 3: "서너", 4: "네댓", 5: "대여섯", 6: "예닐곱", 7: "일고여덟", 8: "여덟아홉"}


def roughly(text: str, position: int) -> Found | None:
    """`5, 6명` → 대여섯 명: two figures that follow one another, before a counter with native numbers."""
    match = _TWO.match(text, position)
    if not match or int(match[3]) != int(match[1]) + 1 or int(match[1]) not in _ROUGHLY:
        return None
    if _LISTED.search(text[max(0, position - 6) : position]):
        return None
    place = match.end() + text.startswith(" ", match.end())
    counter = counter_at(text, place)
    if not counter or not word_may_end(text, place + len(counter)) or counter in ("번째", "시"):
        return None
    system, guessed = system_of(text, position, place + len(counter), counter, int(match[3]))
    if system != "native" or guessed:
        return None
    first, second = numbers.native(int(match[1])), numbers.native(int(match[3]))
    reading = f"{_ROUGHLY[int(match[1])]} {counter}"
    return Found(place + len(counter), reading, "counter", "counter.roughly", (f"{first}, {second} {counter}",))


_TENS = re.compile(r"(?<![\d,.])([2-8]),\s?([3-9])0(?![\d,.])")


def tens(text: str, position: int) -> Found | None:
    """`2, 30명` → 이삼십 명: a figure and the next ten, before a counter."""
    match = _TENS.match(text, position)
    if not match or int(match[2]) != int(match[1]) + 1 or _LISTED.search(text[max(0, position - 6) : position]):
        return None
    place = match.end() + text.startswith(" ", match.end())
    counter = counter_at(text, place)
    if not counter:
        return None
    reading = f"{numbers.digits(match[1])}{numbers.digits(match[2])}십 {counter}"
    return Found(place + len(counter), reading, "counter", "counter.tens")


_GENERATION = re.compile(
    r"([1-9]0)([1-9]0)"
    r"(?=\s?(?:세대|여성|남성|여자|남자|청년|직장인|취향|가요|음악|노래|콘서트|라이브|고객|소비자|싱글|층(?![가-힣])))"
)
_HOUSING = re.compile("아파트|단지|분양|입주|주택|재건축|재개발")


def generation(text: str, position: int) -> Found | None:
    """`2030세대` → 이공삼공: two ages, one ten apart; households where a house is spoken of."""
    match = _GENERATION.match(text, position)
    if not match or int(match[2]) != int(match[1]) + 10 or (position and text[position - 1].isalnum()):
        return None
    if _HOUSING.search(text, max(0, position - _NEAR), match.end() + _NEAR):
        return None
    other = f"{numbers.sino(int(match[1]))}{numbers.sino(int(match[2]))}"
    return Found(match.end(), numbers.digits(match.group()), "number", "number.generation", (other,))


_BONUS = re.compile(r"([1-5])\+1(?![\d+])(?!\s?[=×x*/-])(?!\s?[은는의]|을|를|이\s?[\d아]|[가-힣]?\s?\d)")
_ENGLISH_FIGURES = ("", "원", "투", "쓰리", "포", "파이브")


def bonus(text: str, position: int) -> Found | None:
    """`1+1 행사` → 원 플러스 원: so many and one for nothing; a sum where an equals sign or a topic stands behind."""
    match = _BONUS.match(text, position)
    if not match or (position and (text[position - 1].isalnum() or text[position - 1] in "+-×÷*/=.,^(")):
        return None
    other = f"{numbers.sino(int(match[1]))} 더하기 일"
    return Found(match.end(), f"{_ENGLISH_FIGURES[int(match[1])]} 플러스 원", "fixed", "fixed.bonus", (other,))


_HUNDREDTHS = re.compile(r"(\d{1,2})초\s?(\d{2,3})(?![\d.,:년월일시분초개명번%])")


def hundredths(text: str, position: int) -> Found | None:
    """`9초 98` → 구 초 구팔: parts of a second figure by figure."""
    match = _HUNDREDTHS.match(text, position)
    if not match or (position and text[position - 1] in ".,"):
        return None
    reading = f"{numbers.sino(int(match[1]))} 초 {numbers.digits(match[2], zero='영')}"
    return Found(match.end(), reading, "time", "time.hundredths")


_FEET = re.compile(r"(\d{1,2})'\s?(\d{1,2})(?:\"|'')")


def feet(text: str, position: int) -> Found | None:
    """`5'10"` → 오 피트 십 인치."""
    match = _FEET.match(text, position)
    if not match:
        return None
    reading = f"{numbers.sino(int(match[1]))} 피트 {numbers.sino(int(match[2]))} 인치"
    return Found(match.end(), reading, "unit", "unit.feet")


_SPOONFULS = re.compile(
    r"(?:(\d{1,2})/(\d{1,2})|(?:(\d{1,2})~)?(\d{1,2}(?:\.\d+)?))\s?(T|Ts|Tbsp|tbsp|TS|t|ts|tsp)(?![A-Za-z0-9])"
)
_NEAR = 40  # characters around that may speak of cooking


def spoonfuls(text: str, position: int) -> Found | None:
    """`간장 1T` → 한 큰술, `소금 1/2ts` → 이분의 일 작은술: in recipes."""
    match = _SPOONFULS.match(text, position)
    if not match:
        return None
    around = text[max(0, position - _NEAR) : match.end() + _NEAR]
    if not any(word in around for word in groups("recipes")["seasoning"]):
        return None
    spoon = "큰술" if match[5][0] == "T" or match[5] == "tbsp" else "작은술"
    whole, _, part = (match[4] or "").partition(".")
    if match[1]:
        number = f"{numbers.sino(int(match[2]))}분의 {numbers.sino(int(match[1]))}"
    else:
        number = numbers.decimal(whole, part) if part else numbers.native(int(whole))
    low = f"{numbers.native(int(match[3]))} {spoon}에서 " if match[3] else ""
    return Found(match.end(), f"{low}{number} {spoon}", "unit", "unit.spoon")


_SQUARED = re.compile(r"[\u3371-\u337a\u3380-\u33df]")  # units that are one sign: ㎡ ㎞ ㎎


def per_unit(text: str, position: int) -> Found | None:
    """`㎡당`, `kg당` → 제곱미터당, 킬로그램당: a unit without a number in front."""
    unit = unit_at(text, position)
    if not unit or "{}" in unit[1] or (position and text[position - 1].isalnum()):
        return None
    if text.startswith("당", unit[0]) or _SQUARED.match(text, position):
        return Found(unit[0], unit[1], "unit", "unit.alone")
    return None


_CODE_BEFORE = re.compile(
    r"(?:(?:인증|비밀|승인|예약|예매|주문|접수|송장|운송장|등록|회원|고객|여권|수험|사원|확인|보안|관리|일련|계좌)\s?번호"
    r"|(?:인증|보안|초대|추천|할인|쿠폰|오류|에러)\s?코드|비번|패스워드|핀번호|학번|사번|군번|내선(?:번호)?|생년월일(?:\s?(?:앞\s?)?\d자리)?)"
    r"(?:는|은|가|이)?\s?:?\s?[\[(\"'*]?(?:예\s?[:)]\s?)?(?:[A-Za-z]{1,10})?$"
)
_CODE = re.compile(r"(?:\d{3,16}(?:[ -]\d{3,6}){0,3}|\d\d-\d{3,8})(?![\d.,]*\d)")


def code(text: str, position: int) -> Found | None:
    """`인증번호 482913` → 사팔이구일삼: figure by figure behind the name of such a number."""
    match = _CODE.match(text, position)
    if not match or not _CODE_BEFORE.search(text[max(0, position - 28) : position]) or counter_at(text, match.end()):
        return None
    groups_of = re.split(r"[ -]", match.group())
    return Found(match.end(), " ".join(map(numbers.digits, groups_of)), "number", "number.code")


_INDEX_POINTS = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)\.(\d{1,3})(?:p|pt)(?![A-Za-z0-9])")


def index_points(text: str, position: int) -> Found | None:
    """`5.31p` → 오 점 삼일 포인트: of an index; 1080p has no decimal point."""
    match = _INDEX_POINTS.match(text, position)
    if not match:
        return None
    return Found(match.end(), f"{numbers.decimal(match[1], match[2])} 포인트", "unit", "unit.points")


_VERSE = re.compile(r"(\d{1,3}):(\d{1,3})(?:\s?[-–~]\s?(\d{1,3}))?(?![\d:])")


def verse(text: str, position: int) -> Found | None:
    """`요한복음 3:16-18` → 삼 장 십육 절에서 십팔 절, `시편 23:1` → 이십삼 편 일 절."""
    match = _VERSE.match(text, position)
    if not match:
        return None
    book = text[max(0, position - 12) : position].rstrip()
    books = groups("words")["book"]
    if not any(book.endswith(name) and not is_syllable(book[-len(name) - 1 : -len(name)]) for name in books):
        return None
    chapter = "편" if book.endswith("시편") else "장"
    reading = f"{numbers.sino(int(match[1]))} {chapter} {numbers.sino(int(match[2]))} 절"
    if match[3]:
        reading += f"에서 {numbers.sino(int(match[3]))} 절"
    return Found(match.end(), reading, "number", "number.verse")


_POINT_FIRST = re.compile(r"\.(\d{2,3})(?![\d.])")


def point_first(text: str, position: int) -> Found | None:
    """`타율 .325` → 영 점 삼이오: nothing in front of the decimal point."""
    match = _POINT_FIRST.match(text, position)
    if not match or (position and text[position - 1] not in " ("):
        return None
    return Found(match.end(), f"영 점 {numbers.digits(match[1], zero='영')}", "number", "number")


_SERIES = re.compile(r"(시즌|파트|플립|폴드|아이오닉|에피소드)\s?([1-9])(?![\d.,~-])")
_ENGLISH_SMALL = ("", "원", "투", "쓰리", "포", "파이브", "식스", "세븐", "에잇", "나인")


def series(text: str, position: int) -> Found | None:
    """`시즌2` → 시즌 투, `아이오닉5` → 아이오닉 파이브: parts of a series that are counted in English."""
    match = _SERIES.match(text, position)
    if not match or counter_at(text, match.end()):
        return None
    other = f"{match[1]} {numbers.sino(int(match[2]))}"
    return Found(match.end(), f"{match[1]} {_ENGLISH_SMALL[int(match[2])]}", "number", "number.series", (other,))


_ADDED_TIME = re.compile(r"(45|90|105|120)\s?\+\s?(\d{1,2})분")


def added_time(text: str, position: int) -> Found | None:
    """`90+3분` → 구십 플러스 삼 분: the minute of a football match behind its end."""
    match = _ADDED_TIME.match(text, position)
    if not match or (position and text[position - 1] in "+.,"):
        return None
    reading = f"{numbers.sino(int(match[1]))} 플러스 {numbers.sino(int(match[2]))} 분"
    return Found(match.end(), reading, "time", "time.added")


_POWER_OF_TEN = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s?[×xX*·]\s?10(?:\^(-?\d{1,3})|(⁻?[⁰¹²³⁴-⁹]{1,3}))")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def power_of_ten(text: str, position: int) -> Found | None:
    """`3×10^8m/s` → 초속 삼 곱하기 십의 팔 제곱 미터."""
    match = _POWER_OF_TEN.match(text, position)
    if not match:
        return None
    whole, _, part = match[1].partition(".")
    first = numbers.decimal(whole, part) if part else numbers.integer(whole)
    power = (match[2] or match[3]).translate(_RAISED)
    below = "마이너스 " if power.startswith("-") else ""
    spoken = f"{first} 곱하기 십의 {below}{numbers.whole(power.lstrip('-'))} 제곱"
    unit = unit_at(text, match.end()) or unit_at(text, match.end() + text.startswith(" ", match.end()))
    if not unit:
        return Found(match.end(), spoken, "math", "math.power")
    name = said_once(text, position, unit[1])
    return Found(unit[0], name.format(spoken) if "{}" in name else f"{spoken} {name}", "unit", "unit.sign")


_WHOLE = re.compile(r"(\d{1,4})\s?([¼-¾⅐-⅞])")


def whole_and_part(text: str, position: int) -> Found | None:
    """`2½` → 이와 이분의 일."""
    match = _WHOLE.match(text, position)
    if not match:
        return None
    above, _, below = unicodedata.normalize("NFKC", match[2]).partition("\u2044")
    whole = numbers.sino(int(match[1]))
    joint = "과" if tail_of(whole[-1]) else "와"
    reading = f"{whole}{joint} {numbers.sino(int(below))}분의 {numbers.sino(int(above))} "
    return Found(match.end(), reading, "fraction", "fraction.mixed")
