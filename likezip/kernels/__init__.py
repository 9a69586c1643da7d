"""The tools of kernels: compiled by numba, kept on disk, the same integers on every machine.

Read ``compiling`` first (how a kernel is decorated, and for which processor; ``processor`` says what that has), then
``intrinsics`` (arrays at cache lines and the few operations that numba lacks), ``table_rows`` (sums and steps of rows),
``mixing`` (the products of the mixer) and ``hashing``.  ``cache`` keeps the compiled kernels on disk, ``machine_code``
loads and calls them, and with ``calls`` they call each other; ``generating`` makes them by numba, which is imported for
that alone (``deferred``).
"""
