"""Dog, cat, rabbit and fish, each from the side or the front as a child would draw it."""
from data.recipes.scenes.palette import CREAM, DARK, WHITE, dark, light, mix
from data.recipes.scenes.shapes import blob, box, curve, oval, poly, tube

PINK, NOSE, WATER = (240, 150, 160), (44, 34, 40), (96, 170, 220)


def belly(c) -> tuple:
    """The lighter fur of chest and muzzle."""
    return light(c, .6) if min(c) < 195 else mix(c, (222, 216, 214), .5)


def dog(pen, c, rng, young) -> None:
    """From the side, tail up, a hanging ear; a puppy has a large head on short legs."""
    big, wag = (1.32, rng.uniform(-.1, .1)) if young else (1., rng.uniform(-.15, .15))
    top, far = (.1 if young else 0), dark(c, .3)
    pen.paint(far, tube(.12, .1, -.42, .4, -.4, .92), tube(.12, .1, .2, .4, .22, .92))
    pen.paint(c, tube(.1, .05, -.6, .2 + top, -.8, -.1 + top, -.86 - wag, -.42 + top),
              oval(-.16, .26 + top / 2, .58, .33), tube(.25, .2, .25, .12, .44, -.2 + top),
              tube(.16, .11, -.58, .4, -.6, .9), tube(.14, .11, .34, .38, .36, .9), shade=.18)
    pen.paint(c, box(-.72, .83, -.42, 1, .08), box(.25, .83, .55, 1, .08), shade=.1)
    pen.paint(belly(c), blob(.28, .1 + top, .5, .12 + top, .46, .4, .28, .52, .2, .3), line=0)
    if rng.random() < .4:
        pen.paint(dark(c, .28), blob(-.5, .1, -.2, -.02, 0, .1, -.1, .3, -.4, .32), line=0)
    head = pen.part(.44, -.4 + top * 1.5, big, rng.uniform(-9, 9))
    head.paint(c, oval(0, 0, .34, .32), shade=.15)
    head.paint(belly(c), blob(.1, .1, .3, -.06, .52, -.02, .56, .14, .36, .27, .14, .24), line=.7)
    if rng.random() < .6:
        head.paint((236, 100, 110), blob(.3, .2, .42, .18, .44, .36, .36, .42, .3, .34), line=.6)
    head.stroke(NOSE, curve(.52, .14, .4, .21, .26, .18), 1.)
    head.paint(NOSE, oval(.52, .0, .09, .075), line=0)
    head.eye(.16, -.08, .065)
    ear = dark(c, .35) if max(c) > 90 else light(c, .16)
    head.paint(ear, blob(-.12, -.28, -.3, -.22, -.42, .1, -.34, .34, -.16, .26, -.06, -.04))
    if not young:
        pen.paint((206, 62, 62) if c[0] < 200 or c[1] > 150 else (70, 110, 190),
                  tube(.06, .06, .2, -.14, .4, .02, .58, -.02), line=.6)


def stripes(head, trunk, c) -> None:
    """A tabby's marks, on brow and flanks."""
    tone = dark(c, .38)
    for x in (-.13, 0, .13):
        head.stroke(tone, poly(x, -.4, x * .8, -.24), 2.2)
    for y in (.22, .4, .58):
        trunk.stroke(tone, curve(-.5, y + .1, -.38, y + .04, -.3, y + .06), 2.2)
        trunk.stroke(tone, curve(.5, y + .1, .38, y + .04, .3, y + .06), 2.2)


def cat(pen, c, rng, young) -> None:
    """Sitting, seen from the front, tail to one side; a kitten is mostly head."""
    high, lean = rng.uniform(-.1, .5), rng.uniform(-8, 8)
    trunk = pen.part(0, .2, .8) if young else pen
    trunk.paint(c, tube(.12, .09, .3, .86, .68, .82, .84, .5, .78, .3 - high * .7, .9, -high),
              shade=.15)
    trunk.paint(c, blob(0, -.2, .34, .08, .52, .6, .44, .96, 0, 1, -.44, .96, -.52, .6, -.34, .08),
              shade=.18)
    if rng.random() < .6:
        trunk.paint(belly(c), blob(0, 0, .2, .14, .16, .5, 0, .62, -.16, .5, -.2, .14), line=0)
    trunk.paint(c, tube(.12, .11, -.15, .42, -.16, .9), tube(.12, .11, .15, .42, .16, .9), line=.7)
    trunk.paint(belly(c), oval(-.17, .93, .15, .08), oval(.17, .93, .15, .08), line=.7)
    head = pen.part(0, -.14 if young else -.34, 1.24 if young else 1., lean)
    head.paint(c, poly(-.47, -.04, -.46, -.62, -.08, -.32), poly(.47, -.04, .46, -.62, .08, -.32),
               oval(0, 0, .5, .4), shade=.12)
    head.paint(PINK, poly(-.4, -.2, -.4, -.48, -.2, -.32), poly(.4, -.2, .4, -.48, .2, -.32),
               line=0)
    if rng.random() < .5 and max(c) > 90:
        stripes(head, trunk, c)
    head.paint(belly(c), oval(-.1, .17, .15, .12), oval(.1, .17, .15, .12), line=0)
    iris = rng.choice(((150, 205, 90), (240, 200, 80), (110, 185, 215)))
    for x in (-.2, .2):
        head.paint(iris, oval(x, -.05, .12, .13), line=.6)
        head.paint(NOSE, oval(x, -.05, .05, .11), line=0)
        head.paint(WHITE, oval(x - .03, -.1, .025), line=0)
    head.paint(PINK, poly(-.06, .07, .06, .07, 0, .14), line=.5)
    head.stroke(NOSE, curve(-.12, .2, -.05, .22, 0, .15, .05, .22, .12, .2), .8)
    hair = (90, 84, 88) if max(c) > 150 else (226, 222, 222)
    for side, y in ((1, .08), (1, .16), (-1, .08), (-1, .16)):
        head.stroke(hair, poly(side * .24, y + .02, side * .62, y * 1.8 - .1), .7)


def rabbit(pen, c, rng, young) -> None:
    """Crouching, from the side: two long ears, a white tail, a big haunch."""
    lay, nod = rng.uniform(-.18, .16), rng.uniform(-8, 8)
    pen.paint(WHITE if min(c) < 195 else (226, 222, 224), oval(-.72, .56, .19), shade=.1)
    pen.paint(c, blob(-.7, .56, -.5, .14, -.05, .0, .34, .2, .42, .7, .3, .97, -.5, .97), shade=.15)
    pen.paint(belly(c), blob(.3, .2, .46, .4, .4, .7, .24, .7, .2, .4), line=0)
    pen.paint(c, tube(.11, .1, .3, .55, .36, .92), line=.8)
    pen.paint(c, oval(-.32, .64, .36, .33), oval(-.12, .92, .34, .09), shade=.12, line=.8)
    head = pen.part(.4, -.04, 1., nod)
    for x, tone in ((.08, dark(c, .14)), (-.1, c)):
        ear = (x, -.2, x - .02 - lay, -.55, x - .12 - lay * 2, -.94)
        head.paint(tone, tube(.1, .1, *ear), shade=.1)
        head.paint(PINK, tube(.05, .04, ear[0], -.3, *ear[2:4], ear[4] + .01, -.9), line=0)
    head.paint(c, oval(0, 0, .36, .3), shade=.12)
    head.paint(belly(c), oval(.2, .1, .18, .14), line=0)
    head.paint(PINK, oval(.36, .02, .06, .05), line=.5)
    head.eye(.13, -.07, .075)
    head.stroke(NOSE, curve(.34, .08, .3, .15, .2, .16), .8)
    for y in (.02, .14):
        head.stroke((120, 112, 116), poly(.2, .1, -.06, .1 + y), .6)


def splash(pen, rng) -> None:
    """Drops round the place where a fish left the water."""
    for _ in range(7):
        x, y = rng.uniform(-.6, .6), rng.uniform(.4, .78)
        pen.paint(light(WATER, .45), oval(x, y, .045, .065), line=.5, ink=(70, 130, 190))


def fish(pen, c, rng, young) -> None:
    """Leaping out of a pool: fan tail, fins, scales, one round eye."""
    splash(pen, rng)
    body = pen.part(.02, -.08, rng.uniform(.92, 1.02), rng.uniform(-38, -14))
    fin = dark(c, .2) if rng.random() < .6 else light(c, .3)
    wide = rng.uniform(.36, .46)
    body.paint(fin, blob(-.5, 0, -.95, -.44, -1.02, -.3, -.84, 0, -1.02, .3, -.95, .44))
    body.paint(fin, blob(-.3, -wide * .8, -.1, -wide - .24, .2, -wide - .2, .3, -wide * .7),
               blob(-.1, wide * .8, -.22, wide + .2, .0, wide + .16, .16, wide * .8))
    body.paint(c, blob(-.62, .02, -.3, -wide * .8, .2, -wide, .62, -wide * .55, .84, 0,
                       .62, wide * .55, .2, wide, -.3, wide * .8), shade=.18)
    if rng.random() < .35:
        for x in (-.28, .05):
            body.paint(WHITE if min(c) < 195 else DARK, tube(.06, .06, x, -wide * .72, x + .06, 0,
                                                           x, wide * .72), line=0)
    else:
        for x, y in ((-.3, -.1), (-.3, .12), (-.08, 0), (-.08, -.2), (-.08, .2), (.14, -.1), (.14,
                                                                                              .12)):
            body.stroke(dark(c, .22), curve(x - .06, y - .09, x + .03, y, x - .06, y + .09), 1.)
    body.stroke(dark(c, .4), curve(.36, -.24, .46, 0, .36, .24), 1.2)
    body.paint(fin, blob(.08, .06, -.2, .2, -.22, .34, .02, .26), line=.7)
    body.eye(.6, -.1, .085, CREAM)
    body.stroke(NOSE, curve(.82, .08, .74, .12, .68, .1), 1.)
