"""What the twelve notebooks share: a small package, imported in under 0.2 seconds.

Nothing heavy (torch, transformers, matplotlib ...) is imported at module level here.
"""


class HandsOnError(RuntimeError):
    """Something a reader can mend; the message says what is wrong and names the fix."""
