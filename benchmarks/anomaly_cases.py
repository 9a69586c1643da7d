"""Labelled cases for anomaly detection: what is known to be good, and units of which some have to be found.

    foreign    logs: lines of other systems' logs, put in at random places
    altered    logs: lines of the log itself, two words of which were exchanged for words of another line, as another
               version of the program would write them
    rare       logs: events of the log itself that come ten times at most; none of them is in the context
    severe     logs: lines that the program itself called a warning or worse; that word is taken out of all lines, and
               the context is the other lines of the first half
    alerts     a log made after one of a supercomputer, in which alerts come in bursts, and some usual events are new;
               and labelled logs, as those of loghub (J. Zhu et al., "Loghub", 2023): the first word of a line is "-",
               or names an alert; the context is the other lines of the first half
    spam       messages labelled ham or spam; the context is the ham of the first half
    requests   made: requests of a shop, and such with attacks in a parameter, the path or a header
    tables     rows of CSV files, of which some have two cells exchanged, a cell of another row, or a wrong character
    records    made: binary records, of which some have two fields exchanged, or a field of another record

No label depends on a score: they are given, are made with what is put in, or are counts of events.  All draws are
seeded.  What is made is not real: requests, but for the attacks of wfuzz's word lists, if its directory is given;
binary records; one of the tables; and the log with alerts, unless labelled logs are given.
"""

from __future__ import annotations

import csv
import io
import random
import re
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Units = list[bytes]

PUT_IN = 50
"""Units of a case that were put in."""
MOST = 1_500
"""Units of a context, and of what is scored: the last and the first ones."""


@dataclass(frozen=True)
class Case:
    """What is known to be good, the units to score, and which of them (n,) have to be found."""

    kind: str
    name: str
    context: Units
    units: Units
    odd: npt.NDArray[np.bool_]


LEVEL = re.compile(rb"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL| [VDIWEF] )\b", re.IGNORECASE)
SEVERE = {b"warn", b"warning", b"error", b"severe", b"fatal", b"critical", b"w", b"e", b"f"}
LEAST_ODD, MOST_ODD = 5, 0.3
"""Units that have to be found, and their share, where they are not put in."""
RARE = 10
"""Lines of a rare event at most."""


def lines_of(path: Path) -> Units:
    """The lines of a file, each with a line feed, without the carriage returns of some."""
    return [line + b"\n" for line in path.read_bytes().splitlines()]


def log_cases(logs: dict[str, Units], seed: int) -> Iterator[Case]:
    """The cases of logs, whose lines are given by name."""
    for name, lines in logs.items():
        choose = random.Random(f"{seed} {name}")
        first, second = lines[: len(lines) // 2][-MOST:], lines[len(lines) // 2 :][:MOST]
        others = [line for other, theirs in logs.items() if other != name for line in theirs]
        if others:
            yield _put_in("foreign", name, first, second, choose.sample(others, PUT_IN), choose)
        altered = [_altered(choose.choice(second), choose.choice(second), choose) for _ in range(PUT_IN)]
        yield _put_in("altered", name, first, second, altered, choose)
        yield from _with_enough(_rare(name, lines))
        yield from _with_enough(_severe(name, first, second))


def _with_enough(case: Case) -> Iterator[Case]:
    if LEAST_ODD <= case.odd.sum() <= MOST_ODD * len(case.units):
        yield case


def _put_in(kind: str, name: str, context: Units, usual: Units, odd: Units, choose: random.Random) -> Case:
    places = set(choose.sample(range(len(usual) + len(odd)), len(odd)))
    rest, given = iter(usual), iter(odd)
    units = [next(given if place in places else rest) for place in range(len(usual) + len(odd))]
    return Case(kind, name, context, units, np.array([place in places for place in range(len(units))]))


def _altered(line: bytes, other: bytes, choose: random.Random) -> bytes:
    """A line with two of its words, not the first, exchanged for words of another."""
    words, theirs = line[:-1].split(b" "), other[:-1].split(b" ")
    for _ in range(2):
        words[choose.randrange(min(1, len(words) - 1), len(words))] = choose.choice(theirs)
    return b" ".join(words) + b"\n"


def _rare(name: str, lines: Units) -> Case:
    """Events of a log are told apart by the words of letters in a line, but for names of users and hosts."""
    named = [re.sub(rb"\b(user|for|from|rhost)[ =]+\S+", rb"\\1", line) for line in lines]
    events = [b" ".join(re.findall(rb"(?<![\w.:/-])[A-Za-z]{2,}(?![\w./-])", line)) for line in named]
    counts = Counter(events)
    rare = np.array([counts[event] <= RARE for event in events])
    half = len(lines) // 2
    context = [line for line, odd in zip(lines[:half], rare[:half], strict=True) if not odd][-MOST:]
    kept = [i for i in range(len(lines)) if rare[i] or i >= half][-MOST:]
    return Case("rare", name, context, [lines[i] for i in kept], rare[kept])


def _severe(name: str, first: Units, second: Units) -> Case:
    context = [line for line in first if not _is_severe(line)]
    odd = np.array([_is_severe(line) for line in second])
    masked = [[LEVEL.sub(b"-", line, count=1) for line in part] for part in (context, second)]
    return Case("severe", name, masked[0], masked[1], odd)


def _is_severe(line: bytes) -> bool:
    found = LEVEL.search(line)
    return found is not None and found[1].strip().lower() in SEVERE


def alert_case(name: str, lines: Units) -> Case:
    """The case of a labelled log."""
    alerts = np.array([not line.startswith(b"- ") for line in lines])
    bare = [line.split(b" ", 1)[-1] for line in lines]
    half = len(lines) // 2
    context = [line for line, alert in zip(bare[:half], alerts[:half], strict=True) if not alert]
    return Case("alerts", name, context[-MOST:], bare[half:][:MOST], alerts[half:][:MOST])


USUAL = {
    b"KERNEL INFO iar 0010%(h)s dear 02%(h)s%(d)sc": 10,
    b"KERNEL INFO %(n)s floating point alignment exceptions": 8,
    b"KERNEL INFO generating core.%(n)s": 20,
    b"KERNEL INFO CE sym %(d)s, at 0x11%(h)s%(d)s0, mask 0x%(d)s0": 4,
    b"KERNEL INFO instruction cache parity error corrected": 4,
    b"KERNEL INFO %(d)s ddr errors(s) detected and corrected on rank 0, symbol %(d)s, bit %(d)s": 4,
    b"KERNEL INFO total of %(d)s ddr error(s) detected and corrected": 3,
    b"KERNEL INFO core files of job %(n)s: %(d)s%(d)s, checksum %(h)s%(h)s": 2,
    b"APP FATAL ciod: Error loading /apps/run%(d)s/%(h)s.rts: invalid or missing program image, Permission denied": 3,
    b"KERNEL FATAL external input interrupt (unit=0x0%(d)s bit=0x0%(d)s): tree header with no target waiting": 2,
}
"""Usual events of a supercomputer's log by weight; %(n)s is a number, %(d)s a digit, %(h)s four hexadecimal ones."""
NEW = {
    b"KERNEL INFO ciod: generated %(d)s%(d)s core files for program /home/u%(d)s/job.%(h)s/mpi": 3,
    b"MMCS INFO ido chip status changed: FF:F2:9F:16:%(h)s ip=10.0.%(d)s.1%(d)s v=13 t=4 status=M": 3,
}
"""Usual events that are not in the context, as programs are changed."""
ALERTS = [
    b"KERNEL FATAL data TLB error interrupt",
    b"KERNEL FATAL data storage interrupt",
    b"KERNEL FATAL rts: kernel terminated for reason %(n)s",
    b"KERNEL FATAL Lustre mount FAILED : bglio%(d)s%(d)s : block_id : location",
    b"APP FATAL ciod: failed to read message prefix on control stream (CioStream socket to 10.0.%(d)s.1%(d)s:%(n)s",
    b"KERNEL FATAL machine check: i-fetch......................%(d)s",
    b"KERNEL FATAL instruction address: 0x0000%(h)s",
    b"KERNEL FATAL rts panic! - stopping execution",
]


def made_alert_case(seed: int) -> Case:
    """A made log after loghub's BGL: usual lines are full of numbers and some of their events are new, times go on,
    and alerts come in bursts."""
    choose = random.Random(f"{seed} alerts")
    known, later = choose.choices([*USUAL], [*USUAL.values()], k=1_200), {**USUAL, **NEW}
    events = [(event, False) for event in choose.choices([*later], [*later.values()], k=1_200)]
    for alert in ALERTS * 2:
        at = choose.randrange(len(events))
        events[at:at] = [(alert, True)] * choose.choice([1, 2, 12])
    clock, lines = 1_131_061_828, []
    for event, _ in [*((event, False) for event in known), *events]:
        clock += int(choose.expovariate(1 / 300))
        lines.append(_alert_line(event, clock, choose))
    return Case("alerts", "made", lines[:1_200], lines[1_200:], np.array([odd for _, odd in events]))


def _alert_line(event: bytes, clock: int, choose: random.Random) -> bytes:
    ranges = {b"h": 16**4, b"d": 10, b"n": 10 ** choose.randint(1, 7)}
    text = re.sub(rb"%\((.)\)s", lambda m: (b"%04x" if m[1] == b"h" else b"%d") % choose.randrange(ranges[m[1]]), event)
    place = b"R%02d-M%d-N%X-C:J%02d-U%d1" % tuple(choose.randrange(n) for n in (75, 2, 16, 18, 2))
    day, second = time.strftime("%Y.%m.%d", time.gmtime(clock)), time.strftime("%Y-%m-%d-%H.%M.%S", time.gmtime(clock))
    fraction = choose.randrange(10**6)
    return b"%d %s %s %s.%06d %s RAS %s\n" % (clock, day.encode(), place, second.encode(), fraction, place, text)


def spam_case(text: bytes) -> Case:
    """The case of messages: lines of "ham" or "spam", a tab, and the message, as in the SMS Spam Collection (T. A.
    Almeida et al., 2011)."""
    rows = [line.split(b"\t", 1) for line in text.splitlines() if line.startswith((b"ham\t", b"spam\t"))]
    half = len(rows) // 2
    context = [message + b"\n" for label, message in rows[:half] if label == b"ham"][-MOST:]
    later = rows[half:][:MOST]
    return Case(
        "spam", "SMS", context, [row[1] + b"\n" for row in later], np.array([row[0] == b"spam" for row in later])
    )


ATTACKS = {
    "SQL.txt": [b"' or 1=1--", b"1' union select 1,version()--", b"admin'--", b"1; drop table users", b"') or ('a'='a"],
    "XSS.txt": [b"<script>alert(1)</script>", b'"><img src=x onerror=alert(1)>', b"javascript:alert(document.cookie)"],
    "Traversal.txt": [b"../../../../etc/passwd", b"..%2f..%2f..%2fetc%2fshadow", b"..\\..\\boot.ini", b"/etc/hosts%00"],
    "commands": [b";id;", b"|cat /etc/passwd", b"`sleep 10`", b"$(whoami)", b"; ping -c 5 127.0.0.1", b"&& uname -a"],
}
"""Attacks by class, in words of our own; the first three are replaced by the files of these names in ``Injections`` of
the word lists of wfuzz (Debian's package wfuzz, GPL-2), if there is one."""
AGENTS = [
    b"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1",
    b"curl/7.88.1",
    b"shop-app/3.2.1 (Android 14)",
]
WORDS = b"lamp table chair red blue oak desk shelf large small sofa bed rug mirror clock vase garden kitchen".split()


def request_case(attacks: Path | None, seed: int) -> Case:
    """Requests of a shop, each in one line, of which some carry an attack; attacks: wfuzz's directory of word lists."""
    choose = random.Random(f"{seed} requests")
    payloads = _payloads(attacks)
    context, usual = ([_request(choose) for _ in range(1_200)] for _ in range(2))
    odd = [_request(choose, choose.choice(payloads[choose.choice(sorted(payloads))])) for _ in range(2 * PUT_IN)]
    return _put_in("requests", "shop", context, usual, odd, choose)


def _payloads(directory: Path | None) -> dict[str, Units]:
    payloads = dict(ATTACKS)
    for name in ATTACKS:
        if directory is not None and (directory / name).exists():
            lines = (directory / name).read_bytes().splitlines()
            payloads[name] = [line for line in lines if len(line) > 3 and line.isascii()]
    return payloads


def _request(choose: random.Random, attack: bytes | None = None) -> bytes:
    """A request, with an attack in place of one of its values, as it is or in percent-encoding."""
    session = b"%032x" % choose.getrandbits(128)
    search = b"+".join(choose.sample(WORDS, choose.randint(1, 3)))
    values = {
        b"item": b"%d" % choose.randint(1, 4000),
        b"q": search,
        b"page": b"%d" % choose.randint(1, 20),
        b"sort": choose.choice([b"price", b"name", b"date"]),
        b"name": choose.choice(WORDS).capitalize() + b"%27s+" + choose.choice(WORDS),
        b"agent": choose.choice(AGENTS),
    }
    kind = choose.choices([b"item", b"search", b"cart", b"review", b"image"], [4, 3, 2, 1, 4])[0]
    fields = {
        b"item": [b"item"],
        b"search": [b"q", b"page", b"sort"],
        b"cart": [b"item"],
        b"review": [b"item", b"name"],
        b"image": [b"item"],
    }[kind]
    if attack is not None:
        encoded = b"".join(
            b"%%%02X" % c if choose.random() < 0.6 and c in b" '\"<>;()|&=" else bytes([c]) for c in attack
        )
        values[choose.choice([*fields, *fields, b"agent"])] = choose.choice([encoded, attack.replace(b" ", b"+")])
    line = {
        b"item": b"GET /item/%(item)s HTTP/1.1",
        b"search": b"GET /search?q=%(q)s&page=%(page)s&sort=%(sort)s HTTP/1.1",
        b"cart": b"POST /cart?item=%(item)s&count=1 HTTP/1.1",
        b"review": b"POST /review?item=%(item)s&author=%(name)s HTTP/1.1",
        b"image": b"GET /static/img/%(item)s.webp HTTP/1.1",
    }[kind] % values
    return b"%s Host: shop.example User-Agent: %s Cookie: session=%s\n" % (line, values[b"agent"], session)


def table_cases(tables: dict[str, Units], seed: int) -> Iterator[Case]:
    """The cases of CSV files, whose rows are given by name, and of a made one."""
    for name, rows in {"orders (made)": made_orders(seed), **tables}.items():
        choose = random.Random(f"{seed} {name}")
        body = rows[1:]
        choose.shuffle(body)
        half = len(body) // 2
        count = min(PUT_IN, half // 5)
        odd = [_corrupted(choose.choice(body[half:]), choose.choice(body[half:]), choose) for _ in range(count)]
        yield _put_in("tables", name, body[:half][-MOST:], body[half:][:MOST], odd, choose)


def _cells(row: bytes) -> list[str]:
    return next(csv.reader([row.decode("utf-8", "surrogateescape").rstrip("\r\n")]))


def _corrupted(row: bytes, other: bytes, choose: random.Random) -> bytes:
    """A row with two cells exchanged, a cell of another column of another row, or a character changed."""
    cells, theirs = _cells(row), _cells(other)
    way = choose.randrange(3)
    first, second = choose.sample(range(len(cells)), 2)
    if way == 0:
        different = [pair for pair in _pairs(len(cells)) if cells[pair[0]] != cells[pair[1]]]
        first, second = choose.choice(different)
        cells[first], cells[second] = cells[second], cells[first]
    elif way == 1:
        cells[first] = theirs[second % len(theirs)] + "0"
    else:
        place = choose.choice([k for k, cell in enumerate(cells) if cell])
        at = choose.randrange(len(cells[place]))
        cells[place] = cells[place][:at] + choose.choice("#?xq~") + cells[place][at + 1 :]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i)]


def made_orders(seed: int) -> Units:
    """A table of orders, in which totals are products and cities have their code and country."""
    choose = random.Random(f"{seed} orders")
    cities = [
        (b"Lyon", b"69000", b"FR"),
        (b"Bern", b"3000", b"CH"),
        (b"Graz", b"8010", b"AT"),
        (b"Ulm", b"89073", b"DE"),
    ]
    rows = [b"order,date,city,code,country,item,count,price,total,state\n"]
    for number in range(2_400):
        city, count, price = choose.choice(cities), choose.randint(1, 9), choose.randint(200, 9_999)
        day = b"2024-%02d-%02d" % (1 + number // 200, choose.randint(1, 28))
        item, state = choose.choice(WORDS), choose.choice([b"paid", b"sent", b"open", b"back"])
        money = b"%d,%d.%02d,%d.%02d" % (count, *divmod(price, 100), *divmod(count * price, 100))
        rows.append(b",".join([b"%d" % (70_000 + number), day, *city, item, money, state]) + b"\n")
    return rows


def record_cases(seed: int) -> Iterator[Case]:
    """Made binary records: measurements of sensors, and flows in a network."""
    for name, make, layout in (("sensors", _sensor, "<IHhhfBB"), ("flows", _flow, "<IIHHBBHIIQ")):
        choose = random.Random(f"{seed} {name}")
        made = [make(choose, number) for number in range(2_400)]
        context, usual = ([struct.pack(layout, *fields) for fields in half] for half in (made[:1_200], made[1_200:]))
        odd = [_misplaced(layout, choose.choice(made[1_200:]), choose) for _ in range(PUT_IN)]
        yield _put_in("records", name, context, usual, odd, choose)


def _sensor(choose: random.Random, number: int) -> tuple[float, ...]:
    sensor = choose.randrange(12)
    temperature, humidity = int(choose.gauss(200 + 20 * sensor, 15)), int(choose.gauss(450, 60))
    return 1_700_000_000 + 5 * number, sensor, temperature, humidity, 3.3 + choose.randrange(16) / 64, 1, 100 - sensor


def _flow(choose: random.Random, number: int) -> tuple[int, ...]:
    port, protocol = choose.choice([(443, 6), (80, 6), (53, 17), (22, 6), (123, 17)])
    packets = choose.randint(1, 40)
    source, target = 0x0A000000 + choose.randrange(200), 0xC0A80000 + choose.randrange(20)
    size = packets * choose.randint(60, 1400)
    return source, target, choose.randint(32_768, 60_999), port, protocol, 24, 0, packets, size, 10**12 + 400 * number


def _misplaced(layout: str, fields: tuple[float, ...], choose: random.Random) -> bytes:
    """A record with the bytes of two fields of one width exchanged, or in the other byte order, or a field of noise."""
    places = [0]
    for letter in layout[1:]:
        places.append(places[-1] + struct.calcsize("<" + letter))
    raw = bytearray(struct.pack(layout, *fields))
    parts = [bytes(raw[a:b]) for a, b in pairwise(places)]
    wide = [i for i, part in enumerate(parts) if len(part) > 1]
    pairs = [(i, j) for i, j in _pairs(len(parts)) if len(parts[i]) == len(parts[j]) and parts[i] != parts[j]]
    way = choose.randrange(3)
    if way == 0 and pairs:
        i, j = choose.choice(pairs)
        parts[i], parts[j] = parts[j], parts[i]
    elif way == 1:
        i = choose.choice([i for i in wide if parts[i] != parts[i][::-1]])
        parts[i] = parts[i][::-1]
    else:
        i = choose.choice(wide)
        parts[i] = choose.randbytes(len(parts[i]))
    return b"".join(parts)
