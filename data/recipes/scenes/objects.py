"""Ball, umbrella, house, tree, cup, chair, kite and hat."""
import math

from data.recipes.scenes.palette import CREAM, DARK, PALE, WHITE, dark, light, mix
from data.recipes.scenes.shapes import blob, box, curve, oval, poly, tube

WOOD, SLATE, TILE, GLOW = (124, 86, 60), (96, 96, 110), (136, 88, 74), (255, 224, 130)


def trim(c) -> tuple:
    """A colour to decorate with that no other thing is called by."""
    return WHITE if min(c) < 195 else (226, 230, 240)


def ball(pen, c, rng, pose) -> None:
    """A beach ball: coloured and white wedges round a pole, or a band, or dots."""
    pen = pen.part(0, .16, .84, rng.uniform(-40, 40))
    pen.paint(c, oval(0, 0, 1), shade=.18)
    kind = rng.choice(("wedges", "wedges", "band", "dots"))
    if kind == "wedges":
        pen.paint(trim(c), blob(-.2, -.55, -.5, -.2, -.66, .3, -.5, .82, -.86, .45, -.96, -.1, -.7,
                                -.6),
                  blob(.0, -.5, .3, -.1, .4, .4, .3, .9, .0, .96, -.08, .3), line=.5)
        pen.paint(trim(c), blob(.2, -.66, .6, -.5, .93, -.1, .9, -.35, .6, -.76), line=.5)
        pen.paint(dark(c, .1), oval(.02, -.62, .16, .11), line=.5)
    elif kind == "band":
        pen.paint(trim(c), blob(-.96, -.18, 0, .04, .96, -.18, .96, .18, 0, .42, -.96, .18),
                  line=.5)
    else:
        for x, y in ((-.4, -.4), (.35, -.45), (0, .05), (-.5, .35), (.5, .3), (.05, .65)):
            pen.paint(trim(c), oval(x, y, .15), line=.4)
    pen.film((255, 255, 255, 110), oval(-.42, -.5, .2, .13, -40))


def umbrella(pen, c, rng, pose) -> None:
    """Open, with panels, a scalloped edge and a hooked handle."""
    pen.stroke(DARK, poly(0, -.9, 0, .7), 2.6)
    pen.paint(WOOD, tube(.055, .055, 0, .5, 0, .84, .12, .97, .27, .86, .27, .76), line=.8)
    arc = [(math.cos(math.pi * k / 10), math.sin(math.pi * k / 10)) for k in range(11)]
    edge = [v for x, y in arc for v in (round(-.96 * x, 3), round(.05 - .88 * y, 3))]
    low = []
    for k in range(4):
        x0 = .96 - .48 * k
        low += [x0 - .12, -.06, x0 - .24, -.1, x0 - .36, -.06, x0 - .48, .05]
    pen.paint(c, poly(*edge, *low[:-2]), shade=.12)
    other = light(c, .4) if rng.random() < .5 and min(c) < 195 else dark(c, .14)
    pen.paint(other, blob(0, -.8, .3, -.5, .48, .02, .24, -.09, .02, .02), line=.5)
    pen.paint(other, blob(-.06, -.8, -.66, -.5, -.92, .0, -.72, -.09, -.5, .0, -.4, -.4), line=.5)
    pen.paint(DARK, oval(0, -.88, .05, .09), line=0)


def house(pen, c, rng, pose) -> None:
    """Coloured walls, a dark roof with a chimney, a door and two windows."""
    roof, high = rng.choice((SLATE, TILE)), rng.uniform(-.92, -.76)
    pen.paint(mix(roof, (120, 70, 60), .5), box(.36, -.8, .56, -.3), line=.9)
    if rng.random() < .5:
        pen.film((235, 235, 240, 190), oval(.5, -.9, .09), oval(.6, -1.02, .11))
    pen.paint(c, box(-.7, -.16, .7, 1), shade=.12)
    pen.paint(roof, poly(-.94, -.08, -.02, high, .02, high, .94, -.08), shade=.1)
    glow = GLOW if rng.random() < .5 else PALE
    door = rng.choice((-.42, 0, .42))
    pen.paint(dark(WOOD, .2), box(door - .17, .42, door + .17, 1, .03), line=.9)
    pen.paint(GLOW, oval(door + .1, .72, .035), line=0)
    for x in {-.42, 0, .42} - {door}:
        pen.paint(glow, box(x - .16, .26, x + .16, .62), line=1., ink=(70, 56, 56))
        pen.stroke((250, 250, 250), poly(x, .28, x, .6), 1.2)
        pen.stroke((250, 250, 250), poly(x - .14, .44, x + .14, .44), 1.2)
    pen.paint(glow, oval(0, -.36, .13), line=.9, ink=(70, 56, 56))


def tree(pen, c, rng, pose) -> None:
    """A trunk under a cloud of leaves, lighter towards the light."""
    pen.paint(WOOD, tube(.15, .11, .02, .98, 0, .5, 0, .1), tube(.07, .05, 0, .4, .3, .1),
              tube(.06, .04, 0, .45, -.26, .14), shade=.2)
    lobes = [(-.5, -.05, .38), (.5, -.05, .38), (-.3, -.5, .4), (.32, -.5, .4), (0, -.1, .46),
             (0, -.6, .38)]
    lobes = [(x + rng.uniform(-.05, .05), y + rng.uniform(-.05, .05), r + rng.uniform(-.04, .04))
             for x, y, r in lobes]
    pen.paint(c, *(oval(*lobe) for lobe in lobes), shade=.2)
    for x, y, r in lobes[:4]:
        pen.paint(light(c, .16), oval(x - r * .2, y - r * .3, r * .5, r * .4), line=0)
    for _ in range(7):
        x, y = rng.uniform(-.6, .5), rng.uniform(-.7, .1)
        pen.stroke(dark(c, .25), curve(x - .07, y, x, y + .06, x + .07, y), 1.1)


def cup(pen, c, rng, pose) -> None:
    """A mug with a handle, steam above it and a little decoration."""
    for x in (-.3, -.04, .22):
        s = rng.uniform(-.06, .06)
        pen.stroke((250, 250, 250), curve(x, -.46, x + .1 + s, -.6, x - .06, -.76, x + .05 + s,
                                          -.94), 2.6)
    pen.paint(c, tube(.09, .08, .4, -.06, .8, -.04, .9, .26, .72, .54, .34, .62))
    pen.paint(c, poly(-.64, -.28, .5, -.28, .44, .84, .34, .96, -.48, .96, -.58, .84), shade=.16)
    pen.paint(light(c, .25) if min(c) < 195 else (236, 236, 240), oval(-.07, -.28, .57, .14))
    pen.paint((92, 58, 40), oval(-.07, -.26, .46, .09), line=.4)
    kind = rng.choice(("heart", "dots", "stripe", "plain"))
    if kind == "heart":
        pen.paint(trim(c), blob(-.08, .3, .04, .16, .2, .24, .14, .44, -.08, .64, -.3, .44, -.36,
                                .24, -.2, .16),
                  line=.5)
    elif kind == "dots":
        pen.paint(trim(c), *(oval(x, y, .08) for x, y in
                             ((-.36, .1), (.2, .1), (-.08, .36), (-.36, .62), (.2, .62))), line=.4)
    elif kind == "stripe":
        pen.paint(trim(c), poly(-.6, .3, .46, .3, .45, .46, -.59, .46), line=0)


def chair(pen, c, rng, pose) -> None:
    """A kitchen chair: a slatted back, a seat, four legs."""
    back, tone = rng.uniform(-.08, .04), dark(c, .22)
    pen.paint(tone, tube(.07, .06, -.42, .3, -.42, .78), tube(.07, .06, .46, .3, .46, .78), line=.9)
    for y in ((-.8, -.5, -.2) if rng.random() < .6 else (-.72, -.3)):
        pen.paint(c, tube(.1, .1, -.42 + back, y, .46 + back, y), line=.9)
    pen.paint(c, tube(.08, .07, -.46, .3, -.44 + back, -.94), tube(.08, .07, .48, .3, .48 + back,
                                                                   -.94), line=.9,
              shade=.1)
    pen.paint(c, tube(.09, .07, -.62, .4, -.64, .94), tube(.09, .07, .6, .4, .62, .94), line=.9)
    pen.paint(light(c, .18) if min(c) < 195 else c, poly(-.5, .14, .54, .14, .74, .4, -.74, .4))
    pen.paint(tone, box(-.74, .38, .74, .52, .03), line=.9)


def kite(pen, c, rng, pose) -> None:
    """A diamond on a string with bows along its tail."""
    s = rng.uniform(-.1, .1)
    pen.stroke((110, 106, 112), curve(0, .1, .3, .4, .2 + s, .7, .5, 1.1), .9)
    tail = curve(0, .3, -.14 + s, .5, .08 + s, .7, -.1, 1.)
    pen.stroke(dark(c, .3), tail, 1.6)
    pen.paint(c, poly(0, -.98, .62, -.36, 0, .36, -.62, -.36), shade=.06)
    other = light(c, .42) if min(c) < 195 else (234, 237, 244)
    pen.paint(other, poly(0, -.94, .58, -.36, 0, -.36), poly(0, .3, -.58, -.36, 0, -.36), line=0)
    pen.stroke(dark(c, .45), poly(0, -.96, 0, .34), 1.1)
    pen.stroke(dark(c, .45), poly(-.6, -.36, .6, -.36), 1.1)
    for k in (5, 9, 13):
        z = tail[min(k, len(tail) - 1)]
        x, y = float(z.real), float(z.imag)
        pen.paint(c, poly(x, y, x - .13, y - .08, x - .13, y + .08), poly(x, y, x + .13, y - .08,
                                                                          x + .13, y + .08),
                  line=.7)


def hat(pen, c, rng, pose) -> None:
    """A brimmed hat with a band, its crown low or high."""
    high, wide = rng.uniform(-.62, -.2), rng.uniform(.86, .98)
    pen.paint(dark(c, .12), oval(0, .68, wide, .27), shade=.2)
    pen.paint(c, blob(-.52, .66, -.5, .1, -.4, high + .06, 0, high, .4, high + .06, .5, .1, .52,
                      .66, 0, .78),
              shade=.16)
    band = CREAM if max(c) < 160 or c[1] < 120 else DARK
    pen.paint(band, blob(-.52, .42, 0, .54, .52, .42, .53, .62, 0, .76, -.53, .62), line=.6)
    if rng.random() < .4:
        pen.paint(band, poly(.4, .52, .66, .36, .7, .7), poly(.4, .52, .2, .4, .2, .66), line=.6)
    pen.film((255, 255, 255, 60), blob(-.36, .1, -.3, high + .2, -.1, high + .1, -.2, .3))
