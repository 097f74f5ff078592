"""Small pictures that ship in one file: a sheet of square tiles, row by row.

    tiles = pictures.tiles(path, 1200)           # list of PIL.Image, 64 x 64, RGB

`corpora.load` gives them as the column `image` of a data set. First used in chapter 9.
"""
from pathlib import Path

from utils import HandsOnError

SIDE, ACROSS = 64, 40                           # of a tile, in points; tiles in a row


def sheet(images):
    """One PIL.Image of SIDE x SIDE tiles, ACROSS in a row; the last row may end early."""
    from PIL import Image

    whole = Image.new("RGB", (ACROSS * SIDE, -(-len(images) // ACROSS) * SIDE))
    for n, image in enumerate(images):
        whole.paste(image, (n % ACROSS * SIDE, n // ACROSS * SIDE))
    return whole


def tiles(file: Path, count: int) -> list:
    """The first `count` tiles of a sheet as PIL.Image; HandsOnError if there are fewer."""
    from PIL import Image

    with Image.open(file) as opened:
        whole = opened.convert("RGB")
    if whole.width != ACROSS * SIDE or whole.height < -(-count // ACROSS) * SIDE:
        raise HandsOnError(f"{Path(file).name} holds no {count} pictures of {SIDE} x {SIDE}. "
                           f"Fix: git checkout -- data/texts/{Path(file).name}")
    corners = [(n % ACROSS * SIDE, n // ACROSS * SIDE) for n in range(count)]
    return [whole.crop((x, y, x + SIDE, y + SIDE)) for x, y in corners]
