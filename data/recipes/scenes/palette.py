"""Colours that belong to no thing, and how to shift a colour."""

INK = (40, 30, 44)
WHITE, CREAM, PALE, DARK = (252, 252, 250), (255, 244, 222), (196, 226, 244), (52, 48, 58)


def mix(colour, other, share: float) -> tuple:
    """`colour` with a share of `other` in it."""
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other))


def light(colour, share=.3) -> tuple:
    """A lighter tint."""
    return mix(colour, (255, 255, 255), share)


def dark(colour, share=.25) -> tuple:
    """A darker shade."""
    return mix(colour, (24, 18, 36), share)
