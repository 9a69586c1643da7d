"""The bytes of files: frames of blocks, written, read, searched and repaired.

Read ``container`` first (headers and index), then ``writer``, ``reader`` and ``stream`` (whole files), ``index`` and
``file_object`` (random access), ``incremental`` (data in pieces), ``recovery`` and ``header_search`` (damaged files),
and ``workers``. All of them rely on ``raw_io``, ``outputs``, ``rights``, ``signals`` and ``locking``; ``through`` reads
compressed inputs, ``sizes`` reads numbers of bytes such as 64K.
"""
