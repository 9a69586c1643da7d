"""The command line: arguments, messages, exit codes.

Read ``main`` first, then ``transfer_commands`` (compress and decompress), ``check_commands`` (test and list),
``likelihood_commands`` (score, heatmap and sample) and ``train_command``; ``options`` and ``names`` (what a command
line means), ``console`` and ``printable`` (what is said), ``removal`` and ``sparse_file`` (what becomes of inputs and
outputs).
"""
