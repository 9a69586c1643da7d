"""Times in lines are found in the forms of logs, and nothing else is; lines of other days are no surprise."""

from random import Random

import pytest

import likezip
from likezip.likelihood.times import without_times

TIMES = [
    (b"Jul 27 14:41:57 combo kernel: up", b"Jan 00 00:00:00 combo kernel: up"),
    (b"Jul  7 04:01:07 combo kernel: up", b"Jan 00 00:00:00 combo kernel: up"),
    (b"2015-07-29 17:41:41,536 - INFO", b"0000-00-00 00:00:00,000 - INFO"),
    (b"<13>1 2026-01-31T12:00:00.123Z host app", b"<13>1 0000-00-00T00:00:00.000Z host app"),
    (b"at 2026-01-31T12:00:00+02:00, again", b"at 0000-00-00T00:00:00+00:00, again"),
    (b"[Sun Dec 04 04:47:44 2005] [notice] ok", b"[Jan Jan 00 00:00:00 0000] [notice] ok"),
    (b'::1 - - [10/Oct/2000:13:55:36 -0700] "GET /"', b'::1 - - [00/Jan/0000:00:00:00 -0000] "GET /"'),
    (b"081109 203615 148 INFO dfs", b"000000 000000 148 INFO dfs"),
    (b"17/06/09 20:10:40 INFO", b"00/00/00 00:00:00 INFO"),
    (b"03-17 16:13:38.811  1702 D", b"00-00 00:00:00.000  1702 D"),
    (b"1117838570 2005.06.03 R02", b"0000000000 0000.00.00 R02"),
    (b"R02 2005-06-03-15.42.50.363779 R02", b"R02 0000-00-00-00.00.00.000000 R02"),
    (b"1700000000.25 up", b"0000000000.00 up"),
    (b"Sat, 13 Mar 2010 11:30:00 GMT", b"Jan, 00 Jan 0000 00:00:00 GMT"),
    (b"since Monday, March 5, 2018 we", b"since Januar, Janua 0, 0000 we"),
    (b"after 12:00:07.", b"after 00:00:00."),
]


@pytest.mark.parametrize(("line", "expected"), TIMES)
def test_times_are_all_the_same(line: bytes, expected: bytes) -> None:
    assert without_times(line) == expected
    assert without_times(expected) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"10.0.0.12 1.2.30 sent 14 of 2026",
        b"mac 00:11:22:33:44:55, ratio 3:20, 12:30",
        b"blk_38865049064139660 of 1700000000",
        b"Maybe 12 of us, Mayor 3, Decide 4",
        b"2026-01 or 01-31 or a2026-01-31",
        b"http://host/2026/13x/1",
        b"",
        b"\xff\x00 12\n",
    ],
)
def test_what_is_no_time_stays(line: bytes) -> None:
    assert without_times(line) == line


def _log(day: int, count: int, seed: int = 0) -> list[bytes]:
    random = Random(seed)
    return [
        b"Nov %2d %02d:%02d:%02d gate sshd[%d]: Accepted publickey for user%d\n"
        % (day, n // 60 % 24, n % 60, n * 7 % 60, 1000 + random.randrange(800), random.randrange(7))
        for n in range(count)
    ]


def test_the_lines_of_another_day_are_no_more_than_expected() -> None:
    context, other = _log(1, 400), _log(12, 100, 3)
    odd = b"Nov 12 10:00:00 gate sshd[1222]: Failed password for root from 10.1.2.3\n"
    shares = {}
    for times in (False, True):
        scorer = likezip.AnomalyScorer(context, prior="off", times=times)
        threshold = scorer.usual.threshold(0.05)
        assert scorer.scores([odd])[0] > threshold
        shares[times] = (scorer.scores(other) > threshold).mean()
    assert shares[False] < 0.3 < 0.9 < shares[True]


def test_what_costs_belong_to_stays() -> None:
    """A unit is as long as it was, and records of other times cost the same."""
    scorer = likezip.AnomalyScorer(_log(1, 60), prior="off")
    first, second = scorer.byte_costs([_log(1, 5)[4], _log(2, 5)[4]])
    assert first.bits.tolist() == second.bits.tolist()
    assert first.bits.size == len(_log(1, 5)[4])
