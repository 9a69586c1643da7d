"""The command line: arguments, messages, exit codes.

Read ``main`` first, then ``transfer_commands`` (compress and decompress), ``check_commands`` (test and list) with
``listing`` (the table of list), ``likelihood_commands`` (score, heatmap and sample) and ``train_command``; ``options``
and ``names`` (the meaning of a command line), ``console`` and ``printable`` (messages), ``removal`` (inputs that are
deleted) and ``sparse_file`` (outputs).
"""
