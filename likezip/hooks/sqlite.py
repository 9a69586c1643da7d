"""SQL functions for SQLite: small values of a column, each coded by itself.

    codec = likezip.RecordCodec(context=messages)
    likezip.hooks.sqlite.register(connection, codec)
    connection.execute("INSERT INTO log VALUES (?, likezip_encode(?))", (1, message))
    connection.execute("SELECT likezip_decode(line) FROM log")

Text comes back as text and a BLOB as a BLOB; NULL stays NULL.
"""

from __future__ import annotations

import sqlite3

from likezip import RecordCodec

TEXT, BLOB = b"t", b"b"
"""The first byte of what ``likezip_encode`` gives: what the value was."""


def register(connection: sqlite3.Connection, codec: RecordCodec) -> None:
    """Give a connection the functions ``likezip_encode`` and ``likezip_decode``, which code with ``codec``.

    A value that can't be coded is an ``sqlite3.OperationalError``: numbers, values that are too long, damaged codes.
    """

    def encode(value: str | bytes | None) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, str | bytes):
            raise TypeError("only text and BLOBs can be encoded")
        return TEXT + codec.encode(value.encode()) if isinstance(value, str) else BLOB + codec.encode(value)

    def decode(value: bytes | None) -> str | bytes | None:
        if value is None:
            return None
        record = codec.decode(value[1:])
        return record.decode() if value[:1] == TEXT else record

    connection.create_function("likezip_encode", 1, encode, deterministic=True)
    connection.create_function("likezip_decode", 1, decode, deterministic=True)
