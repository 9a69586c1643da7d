"""Small inputs of 1 byte to 64 KB: what people keep in small files, from Python's own and numba's files or drawn."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import marshal
import os
import plistlib
import sqlite3
import struct
import sysconfig
import tarfile
import uuid
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from benchmarks.inputs import joined, package_sources

Drawn = tuple[str, Callable[[], bytes]]
"""A name and a way to the bytes."""

MOST = 1 << 16


def small_inputs() -> Iterator[Drawn]:
    """All of them, the same on every machine with the same versions of Python and numba."""
    yield from _short()
    yield from _of_packages()
    yield from _structured()
    yield from _keys()
    yield from _pictures()
    yield from _packed()
    yield from _numbers()


def _cut(name: str, content: bytes, *sizes: int) -> Iterator[Drawn]:
    for size in sizes:
        yield f"{name}, {size:,}", lambda size=size: content[:size]


def _short() -> Iterator[Drawn]:
    for text in (
        b"x",
        b"\n",
        b"\0",
        b"no",
        b"1234",
        b"hello world",
        b"#!/bin/sh\nexit 0\n",
        b"2026-01-31 12:00:00 up\n",
    ):
        yield repr(text.decode()), lambda text=text: text
    for size in (10, 100, 1_000, MOST):
        yield f"zeros, {size:,}", lambda size=size: bytes(size)
        yield f"one letter, {size:,}", lambda size=size: b"a" * size
    yield "a line of hyphens ten times", lambda: (b"-" * 79 + b"\n") * 10


def _of_packages() -> Iterator[Drawn]:
    sources = joined(package_sources("numba"), MOST).content
    yield from _cut("Python source", sources, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, MOST)
    licence = Path(os.__file__).with_name("LICENSE.txt")
    described = distribution("numba")
    readme = (described.read_text("METADATA") or "").encode()
    yield from _cut("licence", licence.read_bytes() if licence.exists() else readme, 100, 1_000, 10_000)
    yield from _cut("metadata", readme, 100, 1_000, 5_000)
    yield from _cut("list of files with hashes", (described.read_text("RECORD") or "").encode(), 1_000, 10_000, MOST)
    headers = sorted(Path(sysconfig.get_path("include")).glob("*.h"))
    yield from _cut("C header", b"".join(file.read_bytes() for file in headers)[:MOST], 300, 3_000, 30_000)
    yield "makefile", lambda: Path(sysconfig.get_makefile_filename()).read_bytes()[:20_000]
    modules = sorted(
        Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so"), key=lambda file: file.stat().st_size
    )
    for file in modules[:3]:
        yield f"shared object {file.name.split('.')[0]}", lambda file=file: file.read_bytes()[:MOST]
    compiled = compile(sources[: sources.rindex(b"\n\n\n", 0, 12_000) + 1], "source", "exec", dont_inherit=True)
    yield "compiled Python", lambda: marshal.dumps(compiled)[:MOST]


def _people(count: int) -> list[dict[str, object]]:
    random = np.random.default_rng(4)
    names = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Margaret", "Linus"]
    towns = ["Lisbon", "Oslo", "Lagos", "Kyoto", "Quito", "Tartu", "Perth", "Lyon"]
    return [
        {
            "id": 1000 + i,
            "name": names[random.integers(len(names))],
            "town": towns[random.integers(len(towns))],
            "active": bool(random.integers(2)),
            "balance": round(float(random.exponential(500)), 2),
            "tags": [towns[k].lower() for k in random.integers(len(towns), size=random.integers(4))],
        }
        for i in range(count)
    ]


def _structured() -> Iterator[Drawn]:
    for count in (1, 3, 10, 100, 400):
        yield f"JSON of {count}", lambda count=count: json.dumps(_people(count)).encode()
    yield "JSON of 50, indented", lambda: json.dumps(_people(50), indent=2).encode()
    yield "JSON by line", lambda: b"".join(json.dumps(person).encode() + b"\n" for person in _people(200))
    for count in (3, 50, 1_000):
        yield f"CSV of {count}", lambda count=count: _csv(count)
    for count in (2, 200):
        yield f"XML of {count}", lambda count=count: _xml(count)
    yield "property list", lambda: plistlib.dumps({"people": [{**p, "active": 1} for p in _people(20)]})
    yield "property list, binary", lambda: plistlib.dumps({"people": _people(20)}, fmt=plistlib.FMT_BINARY)
    yield (
        "configuration",
        lambda: b"".join(
            b"[section %d]\npath = /srv/data/%d\nenabled = %s\n\n" % (i, i * 7, b"yes" if i % 3 else b"no")
            for i in range(20)
        ),
    )
    yield "environment", lambda: b"PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/home/me\nLANG=C.UTF-8\nTERM=xterm\n"
    yield (
        "hosts",
        lambda: b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n10.0.0.7\tprinter.example.org printer\n",
    )
    for count in (3, 30, 600):
        yield f"log of {count}", lambda count=count: _log(count)
    yield (
        "HTML",
        lambda: (
            b"<!DOCTYPE html>\n<html><head><title>People</title></head><body><table>\n"
            + b"".join(
                f"<tr><td>{p['id']}</td><td>{p['name']}</td><td>{p['town']}</td></tr>\n".encode() for p in _people(60)
            )
            + b"</table></body></html>\n"
        ),
    )
    yield (
        "SQL",
        lambda: b"".join(
            f"INSERT INTO people VALUES ({p['id']}, '{p['name']}', '{p['town']}', {p['balance']});\n".encode()
            for p in _people(300)
        ),
    )
    yield "SQLite database", _database
    yield (
        "subtitles",
        lambda: b"".join(
            b"%d\n00:%02d:%02d,%03d --> 00:%02d:%02d,%03d\nWe said so %s.\n\n"
            % (i, i // 20, i * 3 % 60, i * 37 % 1000, i // 20, i * 3 % 60 + 2, i * 91 % 1000, b"again " * (i % 4))
            for i in range(1, 150)
        ),
    )


def _csv(count: int) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "name", "town", "active", "balance", "tags"])
    writer.writeheader()
    writer.writerows(_people(count))
    return out.getvalue().encode()


def _xml(count: int) -> bytes:
    root = ElementTree.Element("people")
    for person in _people(count):
        node = ElementTree.SubElement(root, "person", id=str(person["id"]))
        for key in ("name", "town", "balance"):
            ElementTree.SubElement(node, key).text = str(person[key])
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _log(count: int) -> bytes:
    random, lines, second = np.random.default_rng(5), [], 0
    for i in range(count):
        second += int(random.integers(30))
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        address = f"10.0.{random.integers(4)}.{random.integers(255)}"
        event = f"Accepted publickey for user{random.integers(20)} from {address} port {random.integers(1024, 65536)}"
        lines.append(
            f"Jan  3 {clock} gate sshd[{3000 + i}]: {event if random.random() < 0.7 else 'Connection closed'}\n"
        )
    return "".join(lines).encode()


def _database() -> bytes:
    with sqlite3.connect(":memory:") as base:
        base.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, town TEXT, balance REAL)")
        rows = [(p["id"], p["name"], p["town"], p["balance"]) for p in _people(500)]
        base.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)
        base.commit()
        return base.serialize()[:MOST]


def _keys() -> Iterator[Drawn]:
    noise = np.random.default_rng(6).bytes(MOST)
    for size in (16, 100, 300, 1_000, 10_000):
        yield f"noise, {size:,}", lambda size=size: noise[:size]
    for size in (16, 32, 64, 300, 2_000):
        yield f"{size:,} random bytes in hexadecimals", lambda size=size: noise[:size].hex().encode()
        yield f"{size:,} random bytes in base64", lambda size=size: base64.b64encode(noise[:size])
        yield f"{size:,} random bytes in base85", lambda size=size: base64.b85encode(noise[:size])
    for size in (300, 1_200, 2_400):
        body = base64.encodebytes(noise[:size])
        yield (
            f"key of {size:,} bytes in PEM",
            lambda body=body: b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n",
        )
    yield "public key", lambda: b"ssh-rsa " + base64.b64encode(noise[:279]) + b" me@example.org\n"
    for count in (1, 10, 500):
        ids = "".join(f"{uuid.UUID(bytes=noise[16 * i : 16 * i + 16], version=4)}\n" for i in range(count)).encode()
        yield f"{count} UUIDs", lambda ids=ids: ids
    for count in (1, 20):
        sums = "".join(f"{noise[32 * i : 32 * i + 32].hex()}  file-{i}.tar.gz\n" for i in range(count)).encode()
        yield f"{count} SHA-256 sums", lambda sums=sums: sums
    yield "digits", lambda: "".join(str(byte % 10) for byte in noise[:1_000]).encode()
    yield "ones and zeros", lambda: "".join(str(byte & 1) for byte in noise[:4_000]).encode()


def _pictures() -> Iterator[Drawn]:
    places = np.mgrid[0:64, 0:64]
    ramp = (places[0] * 2 + places[1]).astype(np.uint8)
    disc = np.where((places[0] - 32) ** 2 + (places[1] - 32) ** 2 < 600, 255, 0).astype(np.uint8)
    noisy = (ramp + np.random.default_rng(7).integers(8, size=ramp.shape)).astype(np.uint8)
    for name, picture in (("ramp", ramp), ("disc", disc), ("noisy ramp", noisy)):
        yield f"{name}, PGM", lambda picture=picture: b"P5\n64 64\n255\n" + picture.tobytes()
        yield f"{name}, PNG", lambda picture=picture: _png(picture)
        yield f"{name} in colours, BMP", lambda picture=picture: _bmp(picture)
    yield "disc, bitmap", lambda: b"P4\n64 64\n" + np.packbits(disc > 0).tobytes()
    yield (
        "disc, SVG",
        lambda: (
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="24.5"/></svg>\n'
        ),
    )


def _png(picture: np.ndarray) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def _bmp(picture: np.ndarray) -> bytes:
    height, width = picture.shape
    pixels = np.repeat(picture[::-1, :, None], 3, 2).tobytes()
    head = struct.pack(
        "<2sIHHIIiiHHIIiiII",
        b"BM",
        54 + len(pixels),
        0,
        0,
        54,
        40,
        width,
        height,
        1,
        24,
        0,
        len(pixels),
        2835,
        2835,
        0,
        0,
    )
    return head + pixels


def _packed() -> Iterator[Drawn]:
    sources = joined(package_sources("numba"), MOST).content
    for size in (300, 3_000, MOST):
        yield f"source of {size:,} by gzip", lambda size=size: gzip.compress(sources[:size], mtime=0)
    yield "JSON by zlib", lambda: zlib.compress(json.dumps(_people(300)).encode(), 9)
    yield "members of an archive, zip", _zip
    yield "members of an archive, tar", _tar


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr(zipfile.ZipInfo(f"notes/{i:03}.txt"), json.dumps(_people(i + 1)))
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for i in range(20):
            content = json.dumps(_people(i + 1)).encode()
            member = tarfile.TarInfo(f"notes/{i:03}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()[:MOST]


def _numbers() -> Iterator[Drawn]:
    random = np.random.default_rng(8)
    walk = random.normal(size=4_000).cumsum()
    yield "walk, float64", lambda: walk.astype("<f8").tobytes()
    yield "walk, float32", lambda: walk.astype("<f4").tobytes()
    yield "walk, int16", lambda: (walk * 10).astype("<i2").tobytes()
    yield "walk in decimals", lambda: b"".join(b"%.3f\n" % value for value in walk)
    yield "counts, int32", lambda: random.poisson(3, 4_000).astype("<i4").tobytes()
    yield "numbers from 1", lambda: b"".join(b"%d\n" % i for i in range(1, 2_000))
    yield "array file", _array_file
    yield "sound, WAV", _sound


def _array_file() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(3_000, dtype=np.int64) ** 2 % 1_001)
    return out.getvalue()


def _sound() -> bytes:
    out, times = io.BytesIO(), np.arange(20_000) / 8_000
    tone = 9_000 * np.sin(2 * np.pi * 440 * times) * np.exp(-times) + np.random.default_rng(9).normal(size=20_000) * 40
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(tone.astype("<i2").tobytes())
    return out.getvalue()
