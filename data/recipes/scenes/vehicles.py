"""Car, bus, truck, boat, bicycle and plane, all bound for the right."""
from data.recipes.scenes.palette import CREAM, DARK, PALE, WHITE, dark, light
from data.recipes.scenes.shapes import blob, box, curve, oval, poly, tube

TYRE, HUB, LAMP, WOOD = (46, 44, 52), (206, 208, 214), (255, 226, 120), (140, 98, 64)


def wheel(pen, x, y, r) -> None:
    """A tyre and its hub cap."""
    pen.paint(TYRE, oval(x, y, r), line=.8)
    pen.paint(HUB, oval(x, y, r * .55), line=.5)
    pen.paint((120, 122, 130), oval(x, y, r * .18), line=0)


def glass(pen, *shapes) -> None:
    """Window panes with a streak of light."""
    pen.paint(PALE, *shapes, line=.8, ink=(60, 74, 96))


def car(pen, c, rng, pose) -> None:
    """A small saloon: cabin with two windows over a rounded body."""
    roof, back = rng.uniform(-.34, -.22), rng.uniform(-.1, .08)
    pen.paint(c, blob(-.72 + back, .3, -.5 + back, roof + .06, -.3, roof - .04, .1, roof - .04, .34,
                      roof + .08,
                      .64, .3), box(-.98, .2, .98, .74, .2), shade=.16)
    top = roof + .1
    glass(pen, poly(-.54 + back, .2, -.42 + back, top, -.06, top, -.06, .2),
          poly(.06, .2, .06, top, .26, top, .5, .2))
    pen.stroke(WHITE, poly(-.36, .12, -.28, top + .06), 1.2)
    pen.stroke(dark(c, .4), poly(0, .22, 0, .66), 1.)
    pen.stroke(dark(c, .4), poly(.08, .34, .2, .34), 1.8)
    pen.paint(LAMP, oval(.88, .38, .08, .09), line=.7)
    pen.paint((220, 70, 60) if c[0] < 190 or c[1] > 100 else (255, 170, 120), oval(-.91, .38, .05,
                                                                                   .08), line=.6)
    pen.paint(dark(c, .35), oval(-.52, .72, .31, .28), oval(.54, .72, .31, .28), line=0)
    pen.paint(HUB, box(.84, .6, 1.02, .7, .04), box(-1.02, .6, -.84, .7, .04), line=.7)
    wheel(pen, -.52, .74, .25)
    wheel(pen, .54, .74, .25)


def bus(pen, c, rng, pose) -> None:
    """A long box with a row of windows and a door."""
    high = rng.uniform(-.62, -.5)
    pen.paint(c, box(-1, high, 1, .76, .14), shade=.14)
    pen.paint(WHITE if min(c) < 195 else (176, 182, 192), box(-.98, .3, .98, .42), line=0)
    count = rng.choice((4, 5))
    step = 1.36 / count
    glass(pen, *(box(-.9 + k * step, high + .16, -.9 + k * step + step * .8, .18,
                     .05) for k in range(count)))
    glass(pen, box(.76, high + .16, .98, .3, .05))
    pen.paint(light(c, .45) if min(c) < 195 else PALE, box(.5, high + .16, .7, .74, .03), line=.8)
    pen.stroke(dark(c, .5), poly(.6, high + .18, .6, .72), .8)
    pen.paint(LAMP, oval(.93, .58, .06, .07), line=.6)
    wheel(pen, -.56, .78, .22)
    wheel(pen, .3, .78, .22)


def truck(pen, c, rng, pose) -> None:
    """A cab in front of a big box, on three wheels."""
    high = rng.uniform(-.62, -.46)
    pen.paint((84, 84, 94), box(-.98, .56, .98, .74, .04))
    crate = light(c, .28 if max(c) > 90 else .1) if min(c) < 195 else (228, 230, 236)
    pen.paint(crate, box(-1, high, .26, .58, .05), shade=.1)
    for k in range(1, 5):
        pen.stroke(dark(crate, .24), poly(-1 + k * .25, high + .08, -1 + k * .25, .5), 1.)
    pen.paint(c, blob(.34, .66, .34, .0, .4, -.22, .66, -.26, .78, -.16, .9, .16, .98, .26, .99,
                      .66),
              shade=.14)
    glass(pen, poly(.46, .12, .48, -.12, .68, -.14, .8, .12))
    pen.stroke(dark(c, .4), poly(.44, .22, .44, .58), 1.)
    pen.paint(LAMP, oval(.93, .42, .06, .08), line=.6)
    pen.paint(HUB, box(.86, .6, 1.04, .72, .04), line=.7)
    for x in (-.7, -.3, .62):
        wheel(pen, x, .78, .22)


def boat(pen, c, rng, pose) -> None:
    """A sailing boat: coloured hull, a white sail with a stripe, a jib."""
    swell = rng.uniform(-.08, .08)
    pen.paint(WOOD, tube(.035, .03, -.02, .4, -.02, -.96), line=.8)
    sail = CREAM if rng.random() < .5 else WHITE
    pen.paint(sail, blob(.04, -.88, .04, -.88, .44 + swell, -.4, .66 + swell, .14, .66, .16, .3, .2,
                         .04, .18,
                         .04, -.3), shade=.06)
    pen.paint(c, poly(.04, -.26, .5 + swell, -.28, .6 + swell, -.04, .04, -.02), line=.5)
    pen.paint(sail, poly(-.08, -.78, -.08, .18, -.66, .18), shade=.06)
    pen.paint(c, poly(-.02, -.98, .26, -.9, -.02, -.8), line=.7)
    pen.paint(c, poly(-.96, .3, .96, .28, .72, .72, .5, .84, -.6, .84, -.8, .62), shade=.2)
    pen.paint(WHITE if min(c) < 195 else (120, 150, 190), poly(-.9, .4, .9, .38, .86, .47, -.86,
                                                               .49), line=0)


def bicycle(pen, c, rng, pose) -> None:
    """Two spoked wheels, a coloured frame, saddle, handlebars, perhaps a basket."""
    for x in (-.54, .54):
        for k in range(6):
            a = oval(0, 0, .38, None, 30.)[[k * 2, k * 2 + 11]]
            pen.stroke((150, 152, 160), x + .54j + a, .6)
        ring = oval(x, .54, .41)
        pen.stroke(TYRE, ring[[*range(22), 0, 1]], 4.2)
        pen.stroke((170, 172, 180), oval(x, .54, .36)[[*range(22), 0, 1]], 1.)
    frame = ((-.54, .54, -.04, .56), (-.54, .54, -.24, -.06), (-.26, -.16, -.04, .56),
             (-.04, .56, .38, -.04), (-.24, -.06, .38, -.1), (.34, -.3, .54, .54))
    pen.paint(c, *(tube(.058, .058, *f) for f in frame), line=.9)
    pen.paint(c, tube(.04, .04, -.98, .4, -.84, .16, -.56, .06, -.28, .18), line=.7)
    pen.paint(c, tube(.04, .04, .3, .2, .5, .06, .76, .12, .94, .3), line=.7)
    pen.paint(DARK, blob(-.46, -.26, -.2, -.24, -.06, -.18, -.2, -.12, -.44, -.14), line=.5)
    pen.stroke(TYRE, curve(.34, -.3, .36, -.46, .52, -.5, .58, -.4), 3.)
    pen.paint(TYRE, oval(-.04, .56, .1), line=0)
    pen.stroke(TYRE, poly(-.04, .56, .06, .74, .16, .74), 2.)
    if rng.random() < .4:
        pen.paint((196, 150, 96), poly(.48, -.42, .86, -.42, .8, -.12, .54, -.12), line=.8)
        pen.stroke((150, 106, 66), poly(.5, -.32, .84, -.32), 1.)


def plane(pen, c, rng, pose) -> None:
    """An airliner from the side: wings swept back, a tail fin, a row of windows."""
    slim = rng.uniform(-.03, .04)
    pen.paint(dark(c, .3), poly(.14, -.1, -.16, -.5, -.34, -.5, -.16, -.08))
    pen.paint(c, poly(-.46, -.1, -.8, -.66, -.98, -.66, -.84, .02))
    pen.paint(c, blob(-.94, -.08, -.5, -.2 - slim, .4, -.24 - slim, .78, -.16, .98, .04, .8, .18,
                      .3, .24 + slim,
                      -.4, .2, -.84, .06), shade=.16)
    pen.paint(light(c, .55) if min(c) < 195 else (206, 210, 218),
              blob(-.6, .1, 0, .12, .6, .12, .86, .1, .7, .19, .3, .23, -.4, .19), line=0)
    glass(pen, *(oval(x, -.06, .052) for x in (-.4, -.22, -.04, .14, .32)))
    glass(pen, blob(.6, -.12, .74, -.1, .86, .0, .64, .0))
    pen.paint(dark(c, .12), poly(.26, .08, -.06, .62, -.28, .62, -.1, .08), shade=.1)
    pen.paint(dark(c, .12), poly(-.62, -.04, -.86, .2, -.98, .2, -.86, -.04))
    pen.paint(HUB, box(-.02, .3, .26, .44, .06), line=.8)
