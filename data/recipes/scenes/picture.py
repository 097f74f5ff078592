"""From a scene to a picture: the setting, shadows and pools, the things, then rain or snow."""
import random

import numpy as np
from PIL import Image, ImageDraw

from data.recipes.scenes import farm, objects, pets, settings, sky, vehicles, wild
from data.recipes.scenes.palette import light, mix
from data.recipes.scenes.pen import Pen
from data.recipes.scenes.plan import CLASSES, COLOURS, NATURAL, POOLS, Scene, Thing, scene
from data.recipes.scenes.shapes import oval

DRAW = {kind: next(getattr(m, kind) for m in (pets, farm, wild, vehicles, objects)
                   if hasattr(m, kind)) for kinds in CLASSES.values() for kind in kinds}
WATER, NIGHT_WATER = (96, 170, 220), (70, 104, 176)
OVER = 4        # points drawn for each pixel of a side


def shade_of(thing: Thing, rng, dim: bool) -> tuple:
    """The thing's colour, a little off; at night a little bluer."""
    colour = NATURAL.get((thing.kind, thing.colour), COLOURS[thing.colour])
    colour = sky.jitter(colour, rng, 9)
    return mix(colour, (70, 84, 150), .12) if dim else colour


def pool(pen, rng, dim) -> None:
    """Water under what swims or leaps, with ripples."""
    tone = NIGHT_WATER if dim else WATER
    pen.paint(tone, oval(0, .84, 1.12, .2), line=.8, ink=mix(tone, (255, 255, 255), .45))
    for _ in range(4):
        x, y = rng.uniform(-.75, .75), rng.uniform(.74, .95)
        pen.paint(light(tone, .5), oval(x, y, .14, .018), line=0)


def put(canvas, glaze, size, thing: Thing, dim: bool) -> None:
    """Draw a thing with its shadow or pool."""
    rng = random.Random(thing.seed)
    scale, foot = thing.half * size, complex(thing.x, thing.y) * size
    ink = max(1., size * .0052 * (.55 + 1.2 * thing.half))
    flat = Pen(canvas, glaze, foot - 1j * scale, scale, False, ink)
    wet = thing.kind in POOLS and thing.pose != "standing"
    if wet:
        pool(flat, rng, dim)
    elif not thing.flying:
        flat.film((20, 20, 50, 70), oval(.03, .97, .92, .11))
    turn = scale * np.exp(1j * np.radians(thing.tilt))
    at = foot if thing.flying else foot - 1j * turn
    pen = Pen(canvas, glaze, at, turn, thing.flip, ink)
    pose = thing.pose == "young" if thing.pose in ("young", "adult") else thing.pose
    DRAW[thing.kind](pen, shade_of(thing, rng, dim), rng, pose)
    if wet and thing.kind != "fish":
        tone = NIGHT_WATER if dim else WATER
        flat.paint(tone, oval(0, .93, .95, .13), line=0)
        flat.paint(light(tone, .5), oval(-.3, .86, .22, .02), oval(.4, .9, .18, .02), line=0)


def draw(scene: Scene, size: int = 64, over: int = OVER) -> Image.Image:
    """The picture of a scene, size x size; drawn `over` times as large and reduced."""
    large = size * over
    picture = Image.new("RGB", (large, large))
    canvas, glaze = ImageDraw.Draw(picture), ImageDraw.Draw(picture, "RGBA")
    pen = Pen(canvas, glaze, 0j, float(large), False, large * .005)
    rng = random.Random(f"setting {scene.split} {scene.seed}")
    sky.heavens(pen, picture, rng, scene.weather)
    settings.BEHIND[scene.setting](pen, picture, rng, scene.weather)
    for thing in sorted(scene.things, key=lambda t: t.y):
        put(canvas, glaze, large, thing, scene.setting == "night")
    sky.fall(pen, rng, scene.weather)
    return picture.reduce(over) if over > 1 else picture


def gallery(seeds, split="test", size=128, columns=6, over=OVER) -> Image.Image:
    """Many scenes side by side."""
    rows, gap = -(-len(seeds) // columns), max(2, size // 32)
    sheet = Image.new("RGB", (columns * (size + gap) + gap, rows * (size + gap) + gap), "white")
    for n, seed in enumerate(seeds):
        row, column = divmod(n, columns)
        sheet.paste(draw(scene(seed, split), size, over),
                    (gap + column * (size + gap), gap + row * (size + gap)))
    return sheet
