"""A pen that paints shapes in a frame of its own: moved, scaled, tilted, mirrored.

It paints any number of shapes as one silhouette, all outlines first, then all fills, so that
legs, body and head grow together.
"""
import numpy as np

from data.recipes.scenes.palette import INK, WHITE, dark, mix
from data.recipes.scenes.shapes import oval


class Pen:
    """Draws on a picture in a frame: `at` is where 0 lies, `turn` how 1 looks there."""

    def __init__(self, canvas, glaze, at, turn, flip=False, ink=1.):
        self.canvas, self.glaze = canvas, glaze     # opaque and see-through ImageDraw
        self.at, self.turn, self.flip, self.ink = at, turn, flip, ink

    def part(self, x, y, scale=1., turn=0.) -> "Pen":
        """A pen for a part: its 0 lies at (x, y), enlarged, turned by so many degrees."""
        q = scale * np.exp(1j * np.radians(turn))
        return Pen(self.canvas, self.glaze, self.place(x + 1j * y),
                   self.turn * (q.conjugate() if self.flip else q), self.flip, self.ink)

    def place(self, z):
        """Points of the frame as pixels."""
        return self.at + self.turn * (-np.conjugate(z) if self.flip else z)

    def paint(self, colour, *shapes, line=1., shade=0., ink=None) -> None:
        """Fill the shapes as one silhouette; `shade` leaves a darker rim away from the light."""
        placed = [self.place(z).astype(np.complex64) for z in shapes]
        if line:
            edge, width = ink or mix(colour, INK, .72), max(1, round(2 * self.ink * line))
            for z in placed:
                around = np.concatenate([z, z[:2]]).view("f4").tolist()
                self.canvas.line(around, edge, width, "curve" if len(z) < 9 else None)
        for z in placed:
            self.canvas.polygon(z.view("f4").tolist(), dark(colour, shade) if shade else colour)
        if shade:
            for z in placed:
                x, y = z.real, z.imag
                middle = (x.max() + x.min() + 1j * (y.max() + y.min())) / 2
                wide, high = float(np.ptp(x)) or 1, float(np.ptp(y)) or 1
                rim, off = min(wide, high) * .2, z - middle
                inner = z - off.real * rim / wide - 1j * off.imag * rim / high
                inner = inner - rim * .42 * (1 + 1j)
                self.canvas.polygon(inner.astype(np.complex64).view("f4").tolist(), colour)

    def stroke(self, colour, path, width=1.) -> None:
        """A line along the path; its width in outlines."""
        flat = self.place(path).astype(np.complex64).view("f4").tolist()
        self.canvas.line(flat, colour, max(1, round(self.ink * width)), "curve")

    def film(self, colour, *shapes) -> None:
        """Shapes of a colour with an alpha: shadows, light, haze."""
        for z in shapes:
            flat = self.place(z).astype(np.complex64).view("f4").tolist()
            self.glaze.polygon(flat, colour)

    def eye(self, x, y, r=.06, iris=None) -> None:
        """A dark eye with a glint; with a white and a coloured iris when `iris` is given."""
        if iris:
            self.paint(iris, oval(x, y, r * 1.5), line=.6)
        self.paint((28, 22, 30), oval(x, y, r), line=0)
        self.paint(WHITE, oval(x - r * .3, y - r * .35, r * .36), line=0)
