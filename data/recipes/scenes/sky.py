"""The sky with its weather, and what falls from it."""
import numpy as np
from PIL import Image

from data.recipes.scenes.palette import light, mix
from data.recipes.scenes.shapes import oval, poly

WEATHER = {"snow": ("sun", "snowfall", "clouds"), "beach": ("sun", "sun", "clouds", "rain"),
           "night": ("moon", "stars"), "forest": ("shade", "shade", "rain"),
           "street": ("sun", "clouds", "rain"), "field": ("sun", "sun", "clouds", "rain")}
SKY = {"sun": ((116, 186, 240), (212, 236, 250)), "clouds": ((164, 182, 202), (214, 222, 230)),
       "shade": ((150, 196, 220), (206, 226, 220)), "rain": ((128, 144, 164), (184, 194, 204)),
       "snowfall": ((172, 186, 208), (222, 230, 240)),
       "moon": ((26, 32, 78), (82, 92, 150)), "stars": ((18, 22, 62), (66, 70, 128))}
HORIZON = .6


def jitter(colour, rng, width=10) -> tuple:
    """The colour, a little off, as light and paper vary."""
    step = rng.uniform(-width, width)
    return tuple(min(255, max(0, round(v + step + rng.uniform(-width, width) / 2))) for v in colour)


def ramp(picture, top, bottom, y0, y1) -> None:
    """A vertical change of colour between two heights of the picture."""
    size = picture.width
    a, b = round(y0 * size), round(y1 * size)
    share = np.linspace(0, 1, max(2, b - a))[:, None]
    column = np.round(np.array(top) * (1 - share) + np.array(bottom) * share).astype(np.uint8)
    picture.paste(Image.fromarray(column[:, None]).resize((size, len(column)), 0), (0, a))


def cloud(pen, x, y, s, colour) -> None:
    """A heap of ovals."""
    pen.paint(colour, oval(x, y, s, s * .42), oval(x - s * .55, y + s * .1, s * .5, s * .3),
              oval(x + s * .55, y + s * .1, s * .55, s * .3), oval(x + s * .1, y - s * .25, s * .5,
                                                                   s * .38),
              line=0)


def heavens(pen, picture, rng, weather) -> None:
    """Sky with sun, clouds, moon or stars."""
    top, bottom = (jitter(c, rng, 8) for c in SKY[weather])
    ramp(picture, top, bottom, 0, HORIZON + .06)
    x, y = rng.choice((rng.uniform(.08, .3), rng.uniform(.7, .92))), rng.uniform(.08, .2)
    if weather == "sun":
        pen.film((255, 244, 190, 90), oval(x, y, .12))
        pen.paint((255, 232, 130), oval(x, y, .075), line=0)
    if weather in ("moon", "stars"):
        for _ in range(rng.randint(14, 26)):
            r = rng.choice((.004, .006, .009))
            pen.paint((240, 240, 215), oval(rng.random(), rng.uniform(0, .5), r), line=0)
    if weather == "moon":
        pen.film((240, 240, 200, 50), oval(x, y, .13))
        pen.paint((246, 240, 206), oval(x, y, .08), line=0)
        if rng.random() < .6:
            pen.paint(mix(top, bottom, .25), oval(x + .035, y - .015, .068), line=0)
        else:
            pen.paint((226, 218, 182), oval(x - .02, y + .02, .018), oval(x + .03, y - .02, .012),
                      line=0)
    many = {"sun": rng.randint(0, 2), "clouds": rng.randint(3, 4), "rain": 4}.get(weather, 0)
    for _ in range(many):
        tone = (255, 255, 255) if weather == "sun" else light(top, .35)
        cloud(pen, rng.random(), rng.uniform(.05, .34), rng.uniform(.08, .17), tone)


def fall(pen, rng, weather) -> None:
    """Snowflakes or rain before everything."""
    if weather == "snowfall":
        for _ in range(rng.randint(35, 60)):
            pen.paint((255, 255, 255), oval(rng.random(), rng.random(), rng.choice((.006, .008,
                                                                                    .011))), line=0)
    elif weather == "rain":
        for _ in range(rng.randint(30, 45)):
            x, y = rng.random(), rng.random()
            pen.stroke((196, 212, 230), poly(x, y, x - .012, y + .045), .8)
