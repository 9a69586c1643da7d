"""The tools of kernels: compiled by numba, kept on disk, the same integers on every machine.

Read ``compiling`` first (how a kernel is decorated, and for which processor), then ``intrinsics`` (arrays at cache
lines and the few operations that numba lacks), ``table_rows`` (sums and steps of rows) and ``hashing``.  ``cache``
keeps the compiled kernels on disk, ``machine_code`` loads and calls them; ``generating`` makes them by numba, which is
imported for that alone (``deferred``).
"""
