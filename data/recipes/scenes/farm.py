"""Cow, horse, pig, sheep and duck."""
from data.recipes.scenes.palette import WHITE, dark, light, mix
from data.recipes.scenes.shapes import blob, box, curve, oval, poly, tube

PINK, HOOF, HORN, BILL = (238, 160, 166), (66, 54, 56), (236, 222, 190), (246, 160, 50)
SADDLE = (92, 64, 52)


def legs(pen, c, near, far, r=.12, hoof=HOOF, top=.3) -> None:
    """Four legs with hooves: the far pair darker, behind; then the near pair."""
    for xs, tone in ((far, dark(c, .28)), (near, c)):
        pen.paint(tone, *(tube(r * 1.15, r * .85, x, top, x, .9) for x in xs), shade=.1)
        pen.paint(hoof, *(box(x - r, .87, x + r, 1, .04) for x in xs), line=.8)


def patches(c) -> tuple:
    """The second colour of a pied coat."""
    return WHITE if min(c) < 195 else (120, 104, 100)


def cow(pen, c, rng, young) -> None:
    """From the side with the face to us: horns, patches, udder, tufted tail."""
    pen.stroke(mix(c, (40, 30, 44), .5), curve(-.76, -.15, -.92, .1, -.9, .45), 2.4)
    pen.paint(dark(c, .4), oval(-.9, .5, .07, .12), line=.6)
    legs(pen, c, (-.6, .28), (-.4, .1), .12, top=.3)
    pen.paint(PINK, oval(-.28, .48, .2, .14), line=.8)
    pen.paint(c, blob(-.78, -.2, -.4, -.32, .1, -.28, .46, -.3, .52, .2, .3, .42, -.2, .46,
                      -.66, .4, -.8, .1), shade=.15)
    x, y = rng.uniform(-.05, .1), rng.uniform(-.05, .05)
    second = patches(c)
    pen.paint(second, blob(-.64, -.14 + y, -.42, -.2, -.3, .02, -.46, .2 + y, -.66, .1), line=0)
    pen.paint(second, blob(x - .1, .02, x + .1, -.12, x + .24, .06, x + .1, .28, x - .1, .2),
              line=0)
    head = pen.part(.56, -.34, 1., rng.uniform(-8, 8))
    for side in (-1, 1):
        head.paint(HORN, tube(.07, .03, side * .16, -.24, side * .28, -.38, side * .24, -.54))
        head.paint(c, oval(side * .36, -.1, .17, .09, side * 18), shade=.1)
    head.paint(c, blob(-.26, -.22, 0, -.3, .26, -.22, .25, .1, .18, .36, -.18, .36, -.25, .1),
               shade=.1)
    if rng.random() < .6:
        head.paint(second, blob(-.06, -.26, .06, -.26, .1, .1, -.1, .1), line=0)
    head.paint(PINK, oval(0, .28, .28, .18), line=.8)
    for side in (-1, 1):
        head.eye(side * .14, -.04, .055)
        head.paint(dark(PINK, .5), oval(side * .11, .26, .04, .05), line=0)


def horse(pen, c, rng, young) -> None:
    """From the side: long legs, arched neck, mane and a long tail."""
    hair = light(c, .5) if 90 < max(c) < 140 or rng.random() < .2 else dark(c, .55)
    hair = (92, 84, 92) if max(c) < 90 else (200, 192, 186) if min(c) > 195 else hair
    pen.paint(hair, tube(.1, .05, -.6, -.02, -.86, .1, -.9, .45, -.84, .7))
    lift = rng.uniform(0, .12)
    pen.paint(dark(c, .28), tube(.13, .07, -.4, .2, -.34, .55, -.4, .92),
              tube(.11, .07, .22, .2, .32 + lift, .5, .28 + lift, .92 - lift))
    pen.paint(c, oval(-.14, .08, .56, .3), tube(.27, .17, .24, .02, .42, -.3, .54, -.6),
              tube(.17, .08, -.54, .15, -.6, .5, -.54, .92), tube(.13, .07, .2, .2, .18, .9),
              shade=.14)
    pen.paint(HOOF, box(-.64, .89, -.44, 1, .04), box(.08, .89, .28, 1, .04), box(-.5, .89, -.3, 1,
                                                                                  .04),
              box(.19 + lift, .89 - lift, .39 + lift, 1 - lift, .04), line=.7)
    head = pen.part(.52, -.62, 1., rng.uniform(-10, 14))
    head.paint(c, poly(-.1, -.12, -.04, -.36, .08, -.14), poly(.02, -.12, .1, -.34, .18, -.1),
               line=.8)
    head.paint(c, blob(-.16, -.1, .06, -.2, .26, -.06, .5, .14, .46, .3, .32, .32, .1, .2, -.12,
                       .18),
               shade=.1)
    head.paint(mix(c, (120, 96, 100), .35), oval(.4, .22, .12, .11, 35), line=0)
    head.eye(.2, .0, .055)
    head.paint((40, 30, 40), oval(.44, .2, .03), line=0)
    pen.paint(hair, tube(.1, .09, .5, -.82, .3, -.56, .14, -.1), line=.8)
    head.paint(hair, blob(-.1, -.24, .06, -.24, .06, -.06, -.06, -.02), line=0)
    if rng.random() < .4:
        pen.paint(SADDLE, blob(-.36, -.2, 0, -.2, .02, .06, -.3, .08), line=.8)


def pig(pen, c, rng, young) -> None:
    """From the side: round, a snout with two holes, a curly tail."""
    pen.stroke(mix(c, (40, 30, 44), .55), curve(-.72, .1, -.88, .12, -.9, -.04, -.8, -.06, -.82,
                                                .08,
                                               -.98, .02), 2.2)
    legs(pen, c, (-.5, .26), (-.3, .08), .12, dark(c, .5), .5)
    pen.paint(c, oval(-.14, .22, .64, .5), shade=.16)
    if rng.random() < .35:
        tone = dark(c, .35) if max(c) > 90 else (210, 196, 198)
        pen.paint(tone, blob(-.5, .0, -.2, -.14, -.06, .1, -.2, .3, -.44, .26), line=0)
    head = pen.part(.44, .1, 1., rng.uniform(-8, 8))
    head.paint(c, oval(0, 0, .4, .37), shade=.12)
    tone = mix(c, (226, 110, 130), .45) if max(c) > 90 else (206, 140, 150)
    head.paint(dark(c, .16), poly(-.32, -.16, -.4, -.5, -.06, -.36), poly(.06, -.36, .34, -.5, .3,
                                                                          -.16))
    head.paint(tone, oval(.18, .1, .2, .17), line=.9)
    head.paint(dark(tone, .6), oval(.12, .1, .04, .07), oval(.26, .1, .04, .07), line=0)
    head.eye(-.08, -.1, .055)
    head.eye(.24, -.14, .055)
    head.stroke((90, 50, 60), curve(.02, .26, .12, .31, .24, .28), .9)


def sheep(pen, c, rng, young) -> None:
    """A cloud of wool on thin legs, with a face of another colour."""
    face = (72, 64, 70) if max(c) > 90 else (176, 160, 152)
    face = face if rng.random() < .7 or max(c) < 90 else (226, 196, 172)
    legs(pen, face, (-.46, .24), (-.28, .06), .08, HOOF, .5)
    count, wobble = 9, rng.uniform(0, 40)
    wool = [oval(-.14 + .5 * poly(1, 0)[0].real * a.real, .16 + .3 * a.imag, .24, .22)
            for a in (oval(0, 0, 1, 1, wobble)[::2][k] for k in range(count + 2))]
    pen.paint(c, oval(-.14, .16, .6, .4), *wool, line=1.)
    pen.paint(dark(c, .1), blob(-.6, .3, -.2, .44, .3, .32, .3, .5, -.14, .6, -.6, .5), line=0)
    for _ in range(6):
        x, y = rng.uniform(-.55, .2), rng.uniform(-.1, .35)
        pen.stroke(dark(c, .2) if max(c) > 90 else light(c, .25),
                   curve(x - .08, y, x, y + .06, x + .08, y), 1.1)
    head = pen.part(.54, -.02, 1., rng.uniform(-10, 10))
    head.paint(face, oval(-.24, -.06, .17, .08, -24), oval(.3, -.06, .17, .08, 24), line=.8)
    head.paint(face, blob(-.2, -.2, .04, -.28, .27, -.2, .24, .12, .12, .36, -.04, .36, -.17, .12))
    head.paint(c, oval(-.12, -.24, .13), oval(.04, -.3, .14), oval(.2, -.24, .13), line=.8)
    for x in (-.07, .14):
        head.paint(WHITE, oval(x, -.02, .065), line=.4)
        head.paint((28, 22, 30), oval(x + .01, -.01, .036), line=0)
    head.stroke(light(face, .4) if max(face) < 90 else (90, 60, 60), curve(-.04, .22, .04, .27, .12,
                                                                           .22), 1.)


def duck(pen, c, rng, pose) -> None:
    """From the side: curved neck, flat bill; on the water or on orange feet."""
    if pose != "swimming":
        for x in (-.1, .16):
            pen.paint(BILL, tube(.045, .045, x, .6, x, .94), line=.8)
            pen.paint(BILL, poly(x - .08, .92, x + .2, 1, x - .1, 1), line=.8)
    tip = rng.uniform(-.1, .06)
    pen.paint(c, blob(-.92, .02 + tip, -.62, .12, -.2, .1, .16, .14, .5, .12, .62, .42, .3, .72,
                      -.2, .76,
                      -.6, .6), tube(.24, .16, .34, .3, .44, 0, .42, -.34), oval(.44, -.42, .31,
                                                                                 .29),
              shade=.15)
    pen.paint(BILL, blob(.68, -.52, .86, -.42, 1.02, -.38, .98, -.26, .7, -.28), line=.9)
    pen.stroke(dark(BILL, .45), curve(.7, -.37, .84, -.35, .98, -.33), .8)
    wing = dark(c, .16) if max(c) > 90 else light(c, .16)
    up = rng.uniform(-.06, .08)
    pen.paint(wing, blob(.2, .26, .1, .52, -.2, .6, -.62, .3 + up, -.4, .26, -.16, .18))
    pen.stroke(dark(wing, .3), curve(-.4, .4, -.2, .44, .0, .4), 1.)
    pen.eye(.52, -.48, .06)
