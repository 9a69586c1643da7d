"""Times in lines: they go on, so every line of today's log would be odd behind yesterday's.

Dates and times of day are found by the forms that logs write them in (RFC 3164 and 5424 of syslog, RFC 5322, ISO 8601,
``%c`` and Apache's of strftime, and those of loghub's collection), and replaced by one of the same form, so that a line
keeps its length, and a time that is missing or of another form still counts.
"""

from __future__ import annotations

import re

_DAY = rb"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? +)?"
_MONTH = (
    rb"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|"
    rb"Nov(?:ember)?|Dec(?:ember)?)"
)
_CLOCK = rb"\d{1,2}:\d\d(?::\d\d(?:[.,:]\d+)?)?"
_ZONE = rb"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"

FORMS = (
    rb"\d{4}[-/.]\d\d?[-/.]\d\d?(?:[T _-]+\d\d?[:.]\d\d(?:[:.]\d\d(?:[.,]\d+)?)?)?" + _ZONE,
    _DAY + _MONTH + rb"\.? +\d\d?(?:,? \d{4})?(?: +" + _CLOCK + rb")?(?: \d{4})?" + _ZONE,
    _DAY + rb"\d\d?[-/. ]" + _MONTH + rb"[-/. ](?:\d{4}|\d\d)(?:[: ]+" + _CLOCK + rb")?" + _ZONE,
    rb"\d\d?/\d\d?/(?:\d{4}|\d\d)(?:[ T,]+" + _CLOCK + rb")?" + _ZONE,
    rb"\d\d-\d\d " + _CLOCK,
    rb"\d\d?:\d\d:\d\d(?:[.,]\d+)?" + _ZONE,
)
_AT_THE_BEGINNING = rb"\A\[?(?:\d{6} \d{6}|1\d{9}(?:\.\d+|\d{3}|\d{6}|\d{9})?)(?![\w.])"
"""Two numbers of six digits, as Hadoop's date and time; seconds, milliseconds and so on since 1970."""

TIME = re.compile(_AT_THE_BEGINNING + rb"|(?<![\w:.-])(?:" + rb"|".join(FORMS) + rb")(?![\w:])")
_NAME = re.compile(rb"[A-Z][a-z]{2,8}")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")


def without_times(line: bytes) -> bytes:
    """The line with all times the same: digits are 0, so is the space before a day of one digit, and names are letters
    of January."""
    return TIME.sub(_alike, line)


def _alike(found: re.Match[bytes]) -> bytes:
    zeros = found[0].translate(_ZEROS).replace(b"  0", b" 00")
    return _NAME.sub(lambda name: b"JanuaryJan"[: len(name[0])], zeros)
