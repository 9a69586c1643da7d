"""Fuzzing of frames, model files and round trips; run from the directory tests:

    python -m fuzz frames --minutes 20        (or model, or roundtrips)

Each target takes bytes and reads them as choices: which sound frame or model to begin with, what to change in it, and
whether to repair the checksums, behind which nothing would be reached otherwise.  It raises for whatever likezip should
not have done.  Two drivers make the bytes: atheris, which is guided by coverage (``pip install atheris``), or where
that is not installed hypothesis, which is not.
"""
