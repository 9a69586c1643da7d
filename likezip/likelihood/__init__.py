"""What the model says of data beside compressing them.

Read ``density`` first (what each byte costs; samples), then ``score`` (how surprising lines and records are),
``lookahead`` (which bytes were expected) and ``heatmap`` (a page that shows both).
"""
