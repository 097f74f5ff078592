"""What lies behind the things in each of the six settings."""
from data.recipes.scenes.palette import dark, mix
from data.recipes.scenes.shapes import blob, box, curve, oval, poly
from data.recipes.scenes.sky import HORIZON, SKY, jitter, ramp


def hills(pen, rng, colour, low=HORIZON, height=.1) -> None:
    """A wavy line of hills before the horizon."""
    ys = [low - rng.uniform(.1, 1) * height for _ in range(5)]
    pen.paint(colour, blob(-.3, 1.1, -.15, ys[0], .2, ys[1], .5, ys[2], .8, ys[3], 1.15, ys[4], 1.3,
                           1.1),
              line=0)


def pine(pen, x, y, s, colour, snowy=False) -> None:
    """Three tiers of a fir."""
    pen.paint((96, 72, 58), box(x - s * .08, y - s * .2, x + s * .08, y), line=0)
    for k, (w, h) in enumerate(((.42, .1), (.34, .45), (.24, .8))):
        pen.paint(dark(colour, .05 * k), poly(x - s * w, y - s * h, x + s * w, y - s * h, x,
                                              y - s * (h + .6)),
                  line=0)
        if snowy:
            pen.paint((246, 249, 252), poly(x - s * w * .5, y - s * (h + .3), x + s * w * .5,
                                            y - s * (h + .3),
                                            x, y - s * (h + .6)), line=0)


def snow(pen, picture, rng, weather) -> None:
    """White hills, firs with snow on them, blue drifts."""
    hills(pen, rng, (206, 220, 238), HORIZON, .14)
    for _ in range(rng.randint(2, 5)):
        pine(pen, rng.random(), rng.uniform(.58, .66), rng.uniform(.16, .3), jitter((92, 132, 124),
                                                                                    rng), True)
    ramp(picture, jitter((222, 232, 244), rng, 5), (240, 245, 251), HORIZON + .03, 1)
    for _ in range(4):
        x, y = rng.random(), rng.uniform(.7, .98)
        pen.paint((206, 218, 236), blob(x - .16, y, x, y - .018, x + .16, y, x, y + .012), line=0)


def beach(pen, picture, rng, weather) -> None:
    """The sea with waves, then sand with shells and pebbles."""
    shore = rng.uniform(.68, .74)
    ramp(picture, jitter((44, 122, 178), rng), jitter((96, 188, 208), rng), HORIZON - .08,
         shore + .04)
    for _ in range(8):
        x, y = rng.random(), rng.uniform(HORIZON - .05, shore - .03)
        pen.paint((206, 234, 242), blob(x - .06, y, x, y - .008, x + .06, y, x, y + .004), line=0)
    edge = [shore + rng.uniform(-.015, .015) for _ in range(5)]
    for lift, tone in ((-.018, (240, 250, 252)), (0, jitter((238, 214, 160), rng, 7))):
        pen.paint(tone, blob(-.3, 1.2, -.15, edge[0] + lift, .2, edge[1] + lift, .5, edge[2] + lift,
                             .8, edge[3] + lift, 1.15, edge[4] + lift, 1.3, 1.2), line=0)
    for _ in range(14):
        x, y = rng.random(), rng.uniform(shore + .05, .99)
        pen.paint(rng.choice(((214, 186, 132), (248, 232, 200), (226, 196, 170))),
                  oval(x, y, rng.uniform(.005, .013), .006), line=0)


def night(pen, picture, rng, weather) -> None:
    """Dark hills, perhaps a lit window far away."""
    hills(pen, rng, (40, 50, 96), HORIZON, .14)
    if rng.random() < .5:
        x = rng.uniform(.1, .9)
        pen.paint((255, 214, 120), box(x, .57, x + .014, .588), box(x + .03, .58, x + .042, .597),
                  line=0)
    ramp(picture, jitter((62, 76, 118), rng, 6), (84, 98, 138), HORIZON + .01, 1)
    for _ in range(16):
        x, y = rng.random(), rng.uniform(.66, .98)
        pen.stroke((58, 72, 112), curve(x, y, x + .006, y - .02, x + .014, y - .026), .8)


def forest(pen, picture, rng, weather) -> None:
    """Trunks behind trunks, paler the farther; ferns and mushrooms."""
    ramp(picture, jitter((128, 172, 120), rng), jitter((176, 204, 150), rng), 0, HORIZON + .06)
    for depth in (0, 1):
        bark = mix((104, 82, 64), (150, 180, 132), .55 - .4 * depth)
        for _ in range(5):
            x, w = rng.random(), rng.uniform(.02, .03) * (1 + depth)
            pen.paint(bark, poly(x - w * .7, 0, x + w * .7, 0, x + w, .68, x - w, .68), line=0)
        for _ in range(8 - depth):
            x, s = rng.random(), rng.uniform(.1, .2)
            tone = mix(jitter((64, 122, 66), rng, 14), (150, 190, 130), .4 - .3 * depth)
            pen.paint(tone, oval(x, rng.uniform(-.06, .1), s, s * .7), line=0)
    for _ in range(rng.randint(3, 6)):
        x, s = rng.random(), rng.uniform(.06, .12)
        pen.paint(jitter((88, 138, 84), rng, 14), oval(x, .67, s, s * .6),
                  oval(x + s * .8, .67, s * .7, s * .45), line=0)
    ramp(picture, jitter((104, 136, 76), rng, 7), jitter((132, 158, 92), rng, 7), .66, 1)
    for _ in range(8):
        x, y = rng.random(), rng.uniform(.68, .97)
        for lean in (-.03, 0, .03):
            pen.stroke((74, 116, 60), curve(x, y, x + lean * .6, y - .03, x + lean, y - .045), 1.)
    if rng.random() < .6:
        x, y = rng.uniform(.04, .96), rng.uniform(.72, .95)
        pen.paint((244, 236, 220), box(x - .007, y - .01, x + .007, y + .015), line=0)
        pen.paint((190, 92, 78), blob(x - .022, y - .008, x, y - .03, x + .022, y - .008), line=0)


def street(pen, picture, rng, weather) -> None:
    """A row of pale houses, a pavement, a road with a dashed line, a lamp."""
    x = -.05
    while x < 1:
        w, top = rng.uniform(.14, .24), rng.uniform(.14, .34)
        wall = mix(rng.choice(((206, 180, 160), (190, 196, 206), (214, 204, 176), (186, 172, 176))),
                   SKY[weather][1], .3)
        pen.paint(jitter(wall, rng, 6), box(x, top, x + w, .7), line=0)
        pen.paint(dark(wall, .25), box(x - .006, top - .02, x + w + .006, top + .005), line=0)
        panes = [box(x + w * a, y, x + w * (a + .2), y + .06) for a in (.14, .6)
                 for y in (top + .05, top + .16, top + .27) if y < .58]
        pen.paint(rng.choice(((136, 154, 176), (166, 184, 204))), *panes, line=0)
        x += w + .006
    ramp(picture, (190, 188, 186), jitter((200, 198, 194), rng, 5), .66, .76)
    pen.paint((146, 146, 150), box(-.01, .755, 1.01, .77), line=0)
    ramp(picture, jitter((122, 124, 132), rng, 6), (132, 134, 142), .77, 1)
    shift = rng.uniform(-.1, .1)
    pen.paint((226, 224, 214), *(poly(k + shift, .93, k + .12 + shift, .93, k + .11 + shift, .95,
                                      k - .01 + shift, .95)
                                 for k in (-.1, .15, .4, .65, .9)), line=0)
    if rng.random() < .6:
        x = rng.choice((.06, .94))
        pen.paint((84, 88, 98), box(x - .008, .26, x + .008, .72), box(x - .03, .24, x + .03, .26),
                  line=0)
        pen.paint((255, 240, 190), oval(x, .28, .022, .026), line=0)


def field(pen, picture, rng, weather) -> None:
    """Green hills and a meadow with flowers."""
    hills(pen, rng, jitter((146, 190, 130), rng), HORIZON, .14)
    for _ in range(rng.randint(0, 3)):
        pen.paint((112, 164, 108), oval(rng.random(), HORIZON, .045, .03), line=0)
    ramp(picture, jitter((136, 196, 96), rng, 8), jitter((112, 178, 84), rng, 8), HORIZON + .02, 1)
    for _ in range(14):
        x, y = rng.random(), rng.uniform(.66, .99)
        pen.stroke((92, 156, 74), curve(x, y, x + .006, y - .02, x + .014, y - .026), .9)
    for _ in range(rng.randint(5, 12)):
        x, y, r = rng.random(), rng.uniform(.68, .98), rng.uniform(.006, .01)
        pen.paint(rng.choice(((250, 246, 236), (246, 206, 214), (250, 232, 150))), oval(x, y, r),
                  line=0)


BEHIND = {"snow": snow, "beach": beach, "night": night, "forest": forest, "street": street,
          "field": field}
