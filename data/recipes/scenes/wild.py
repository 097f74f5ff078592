"""Bird, fox and owl."""
from data.recipes.scenes.palette import WHITE, dark, light, mix
from data.recipes.scenes.shapes import blob, curve, oval, poly, tube

BEAK, BARK, LEAF = (246, 170, 50), (124, 84, 56), (96, 156, 72)


def front(c) -> tuple:
    """The lighter breast."""
    return light(c, .62) if min(c) < 195 else (228, 222, 220)


def bird(pen, c, rng, pose) -> None:
    """A song bird from the side: perched with its wing closed, or flying with both up."""
    flying, wing = pose == "flying", dark(c, .24) if max(c) > 90 else light(c, .18)
    if flying:
        spread = rng.uniform(-.1, .12)
        pen.paint(dark(wing, .12), blob(.16, -.02, .3, -.5, .52, -.86 - spread, .2, -.8, -.08, -.1))
    else:
        for x in (-.06, .14):
            pen.stroke((190, 110, 50), poly(x, .6, x + .02, .97), 2.4)
            pen.stroke((190, 110, 50), poly(x - .1, 1, x + .02, .95, x + .14, 1), 2.2)
    pen.paint(wing, blob(-.42, .16, -.98, .0, -1, .18, -.8, .3, -.42, .38))
    pen.paint(c, oval(.0, .22, .54, .42, -14), oval(.38, -.16, .33, .31), shade=.15)
    pen.paint(front(c), blob(.5, .1, .46, .4, .12, .6, -.16, .56, .1, .4, .3, .12), line=0)
    pen.paint(BEAK, poly(.66, -.26, 1., -.1, .64, -.02), line=.9)
    pen.stroke(dark(BEAK, .5), poly(.66, -.12, .96, -.1), .7)
    pen.eye(.46, -.22, .07)
    if flying:
        pen.paint(wing, blob(.14, .14, -.02, -.3, -.24, -.92 - spread, -.5, -.7, -.56, -.3, -.34,
                             .1),
                  shade=.12)
        for x in (-.1, -.24):
            pen.stroke(dark(wing, .3), curve(x, .0, x - .12, -.3, x - .16, -.56), 1.)
    else:
        pen.paint(wing, blob(.2, .14, .06, .42, -.3, .52, -.72, .4, -.4, .16, -.1, .02), shade=.12)
        pen.stroke(dark(wing, .3), curve(-.44, .36, -.2, .38, .0, .28), 1.)
    if rng.random() < .3:
        pen.paint(c, blob(.3, -.42, .16, -.66, .4, -.6, .52, -.42), line=.8)


def fox(pen, c, rng, young) -> None:
    """Sitting, its face to us: pointed ears and muzzle, white cheeks, a bushy tail."""
    sway, sock = rng.uniform(-.1, .1), (74, 52, 50) if min(c) < 195 else (190, 186, 192)
    pen.paint(c, blob(-.2, .98, -.62, .98, -.96, .7, -.98 + sway, .2, -.78 + sway, -.16,
                      -.6, .1, -.58, .5, -.3, .72), shade=.12)
    pen.paint(WHITE if min(c) < 195 else (222, 220, 226),
              blob(-.98 + sway, .26, -.95 + sway, .04, -.78 + sway, -.16, -.64 + sway, .04, -.64,
                   .24,
                   -.72, .16, -.82, .28, -.9, .2), line=.5)
    pen.paint(c, blob(.06, -.1, .34, .1, .5, .6, .44, .97, .06, 1, -.34, .97, -.4, .6, -.22, .1),
              shade=.15)
    pen.paint(WHITE if min(c) < 195 else (226, 224, 230),
              blob(.06, .1, .26, .2, .2, .54, .06, .68, -.08, .54, -.14, .2), line=0)
    pen.paint(sock, tube(.1, .1, -.08, .6, -.1, .92), tube(.1, .1, .2, .6, .22, .92), line=.8)
    head = pen.part(.06, -.3, 1., rng.uniform(-9, 9))
    for s in (-1, 1):
        head.paint(c, poly(s * .5, -.02, s * .44, -.66, s * .06, -.3))
        head.paint(sock, poly(s * .44, -.4, s * .44, -.66, s * .26, -.5), line=0)
    head.paint(c, blob(0, -.36, .36, -.26, .58, .06, .3, .28, .0, .48, -.3, .28, -.58, .06, -.36,
                       -.26))
    for s in (-1, 1):
        head.paint(WHITE if min(c) < 195 else (232, 230, 234),
                   blob(s * .55, .07, s * .28, .02, s * .08, .2, s * .02, .44, s * .26, .29),
                   line=0)
        head.eye(s * .22, -.06, .065)
    head.paint((36, 28, 34), oval(0, .42, .09, .075), line=0)


def owl(pen, c, rng, young) -> None:
    """From the front on a branch: two huge eyes, ear tufts, a speckled breast."""
    pen.paint(BARK, tube(.1, .07, -.95, .92, 0, .88, .95, .84), shade=.2)
    pen.paint(LEAF, oval(.8, .74, .16, .08, -30), line=.8)
    plume = dark(c, .22) if max(c) > 90 else light(c, .14)
    pen.paint(c, poly(-.5, -.5, -.54, -.98, -.1, -.74), poly(.5, -.5, .54, -.98, .1, -.74),
              oval(0, .14, .58, .7), oval(0, -.36, .54, .42), shade=.15)
    pen.paint(plume, blob(-.5, -.1, -.36, .2, -.4, .6, -.56, .78, -.66, .4, -.62, .06),
              blob(.5, -.1, .36, .2, .4, .6, .56, .78, .66, .4, .62, .06))
    pen.paint(front(c), oval(0, .36, .34, .42), line=0)
    for k, y in enumerate((.16, .34, .52)):
        for x in ((-.16, 0, .16) if k % 2 else (-.08, .08)):
            pen.stroke(plume, curve(x - .06, y, x, y + .06, x + .06, y), 1.4)
    face = front(c)
    pen.paint(face, oval(-.23, -.34, .27), oval(.23, -.34, .27), line=.6)
    iris = rng.choice(((250, 200, 60), (246, 150, 50), (250, 226, 120)))
    look = rng.uniform(-.04, .04)
    for x in (-.22, .22):
        pen.paint(iris, oval(x, -.34, .18), line=.7)
        pen.eye(x + look, -.34, .105)
    pen.paint(BEAK, poly(-.08, -.24, .08, -.24, 0, -.04), line=.8)
    for x in (-.2, .2):
        pen.paint(mix(BEAK, BARK, .3), oval(x - .06, .84, .06, .09), oval(x + .06, .84, .06, .09),
                  line=.7)
