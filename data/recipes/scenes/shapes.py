"""Shapes as arrays of points: complex numbers, x to the right and y down.

A thing lives in the square from -1 to 1 and stands on y = 1.
"""
from functools import lru_cache

import numpy as np

STEP = np.arange(5) / 5
BASIS = np.stack([-STEP + 2 * STEP**2 - STEP**3, 2 - 5 * STEP**2 + 3 * STEP**3,
                  STEP + 4 * STEP**2 - 3 * STEP**3, STEP**3 - STEP**2], 1) / 2  # Catmull-Rom


def points(numbers) -> np.ndarray:
    """x, y, x, y ... as complex numbers."""
    flat = np.array(numbers, float)
    return flat[::2] + 1j * flat[1::2]


@lru_cache(4096)
def poly(*numbers) -> np.ndarray:
    """Straight edges."""
    return points(numbers)


@lru_cache(4096)
def box(x0, y0, x1, y1, r=0.) -> np.ndarray:
    """A rectangle, its corners rounded by r."""
    if not r:
        return poly(x0, y0, x1, y0, x1, y1, x0, y1)
    quarter = np.exp(.5j * np.pi * np.arange(5) / 4) * r
    corners = ((x1 - r, y1 - r), (x0 + r, y1 - r), (x0 + r, y0 + r), (x1 - r, y0 + r))
    return np.concatenate([x + 1j * y + quarter * 1j**k for k, (x, y) in enumerate(corners)])


@lru_cache(4096)
def oval(x, y, rx, ry=None, turn=0.) -> np.ndarray:
    """An ellipse, turned by so many degrees."""
    z = np.exp(2j * np.pi * np.arange(22) / 22)
    z = rx * z.real + 1j * (rx if ry is None else ry) * z.imag
    return x + 1j * y + z * np.exp(1j * np.radians(turn))


def smooth(z, closed: bool) -> np.ndarray:
    """A curve through the points."""
    if closed:
        around = np.stack([np.roll(z, 1), z, np.roll(z, -1), np.roll(z, -2)], 1)
        return (around @ BASIS.T).ravel()
    z = np.concatenate([z[:1], z, z[-1:]])
    around = np.stack([z[:-3], z[1:-2], z[2:-1], z[3:]], 1)
    return np.append((around @ BASIS.T).ravel(), z[-1])


@lru_cache(4096)
def blob(*numbers) -> np.ndarray:
    """A smooth closed curve through the points."""
    return smooth(points(numbers), True)


@lru_cache(4096)
def curve(*numbers) -> np.ndarray:
    """A smooth open curve, for Pen.stroke."""
    return smooth(points(numbers), False)


@lru_cache(4096)
def tube(start, end, *numbers) -> np.ndarray:
    """A limb along a smooth curve, of radius `start` at its root and `end` at its tip."""
    z = smooth(points(numbers), False) if len(numbers) > 4 else points(numbers)
    ahead = np.gradient(z)
    side = 1j * ahead / np.abs(ahead)
    r = np.linspace(start, end, len(z))
    cap = np.exp(-1j * np.pi * np.arange(1, 6) / 6)
    return np.concatenate([z + side * r, z[-1] + side[-1] * end * cap,
                           (z - side * r)[::-1], z[0] - side[0] * start * cap])
