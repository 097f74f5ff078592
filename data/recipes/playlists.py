"""Make the data set `playlists`, check `songs`; record their sha256.

    python -m data.recipes.playlists            # check the songs, make the playlists, measure
    python -m data.recipes.playlists record     # the same, then write sha256 into the catalogue

The songs were written by hand (see data/texts/songs.md) and are their own source. The lists
come from simulated listeners who choose songs; a genre steers a choice, and no list names it.
Only + - * / touch the weights, so that every machine makes the same bytes.
"""
import json
import random
import sys
from collections import Counter
from itertools import combinations, pairwise

from data.recipes import kit
from data.recipes.passages import read, repeats

SONGS, LISTS = "songs.jsonl", "playlists.jsonl"
FIELDS = {"id": str, "title": str, "artist": str, "genre": str, "year": int}
ENERGY = {"folk": .3, "film music": .35, "jazz": .4, "indie pop": .5, "country": .5,
          "electronic": .6, "hip-hop": .6, "metal": .75}  # 0: a lullaby, 1: a riot
NEIGHBOURS = {"folk": ("country", "indie pop"), "country": ("folk",), "jazz": ("hip-hop",),
              "indie pop": ("folk", "electronic"), "electronic": ("indie pop", "hip-hop"),
              "hip-hop": ("electronic", "jazz"), "metal": ("film music",),
              "film music": ("metal", "jazz")}
CROSSOVER = {  # artists at home in a second genre, chosen by ear
    "Wren & Hollis": "country", "The Prairie Widows": "folk", "Clementine Weather": "folk",
    "Marmalade Static": "electronic", "Mira Delay": "indie pop", "808 Nana": "electronic",
    "Subharmonic Larry": "hip-hop", "Kid Cadenza": "jazz", "Sister Calloway Finch": "hip-hop",
    "The Blue Quarter Trio": "film music", "Celestine Marchetti": "jazz",
    "Wyvernhall": "film music", "Marcus Thorne-Ellery": "metal"}
EACH, LISTENERS, PLAYLISTS, LEAST = 40, 300, 1500, 12
SHORT, LONG = 8, 25  # songs of a list
TWO, SECOND, ANYWHERE = .15, .25, .02  # listeners of two genres; their share of the second
GUEST = .4  # weight of a crossover artist's songs among those of the second home
FAVOURITES, LOVE, ERA, MOOD = 2, 6, 12, .06  # artists, how much more often; years; energy


def near(a: float, b: float, width: float) -> float:
    """1 where a equals b, 1/2 at a distance of `width`, with a long tail."""
    return 1 / (1 + ((a - b) / width) ** 2)


def described(songs) -> list[dict]:
    """The songs with what the listeners feel: fame (long-tailed in each genre) and energy."""
    rng, fame = random.Random("songs"), {}
    for genre in ENERGY:
        ids = [s["id"] for s in songs if s["genre"] == genre]
        rng.shuffle(ids)
        fame |= {key: 1 / (rank + 2) for rank, key in enumerate(ids)}
    temper = {a: rng.uniform(-.2, .2) for a in sorted({s["artist"] for s in songs})}
    return [s | {"fame": fame[s["id"]], "energy": ENERGY[s["genre"]] + temper[s["artist"]]
                 + rng.uniform(-.15, .15)} for s in songs]


def listener(songs, rng) -> dict:
    """A taste: a main genre, sometimes a second one beside it, an era, favourite artists."""
    main = rng.choice(list(ENERGY))
    second = rng.choice(NEIGHBOURS[main]) if rng.random() < TWO else main
    of_main = [s for s in songs if s["genre"] == main]
    known = sorted({s["artist"] for s in songs if s["genre"] in (main, second)})
    return {"genres": (main, second), "era": rng.choice(of_main)["year"],
            "favourites": set(rng.sample(known, FAVOURITES))}


def draw(songs, taste, mood, taken, rng) -> dict:
    """The next song: now and then one from anywhere, mostly one to the listener's taste."""
    anywhere = rng.random() < ANYWHERE
    genre = taste["genres"][rng.random() < SECOND]
    pool = [s for s in songs if s["id"] not in taken
            and (anywhere or genre in (s["genre"], CROSSOVER.get(s["artist"])))]
    weights = [s["fame"] * near(s["energy"], mood, MOOD) for s in pool]
    if not anywhere:
        weights = [w * near(s["year"], taste["era"], ERA)
                   * (1 if s["genre"] == genre else GUEST)
                   * (LOVE if s["artist"] in taste["favourites"] else 1)
                   for w, s in zip(weights, pool)]
    return rng.choices(pool, weights)[0]


def playlist(songs, taste, rng) -> list[str]:
    """8 to 25 ids without a repeat; the mood drifts from the first song's to another."""
    first = draw(songs, taste, ENERGY[taste["genres"][0]] + rng.uniform(-.3, .3), (), rng)
    length, taken = rng.randint(SHORT, LONG), [first["id"]]
    drift = rng.uniform(-.8, .8) / length
    for step in range(1, length):
        mood = first["energy"] + drift * step
        taken.append(draw(songs, taste, mood, taken, rng)["id"])
    return taken


def make(songs) -> list[dict]:
    """All playlists; some listeners make many, every one at least one."""
    songs, rng = described(songs), random.Random("playlists")
    tastes = [listener(songs, rng) for _ in range(LISTENERS)]
    everyone = range(LISTENERS)
    makers = [*everyone, *rng.choices(everyone, [1 / (n + 30) for n in everyone],
                                      k=PLAYLISTS - LISTENERS)]
    rng.shuffle(makers)
    return [{"id": f"p{n:04d}", "songs": playlist(songs, tastes[who], rng), "listener": who}
            for n, who in enumerate(makers, 1)]


def as_lines(rows) -> bytes:
    """JSON Lines, as they are shipped."""
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()


def bad_songs(songs) -> list[str]:
    """What breaks the rules of the songs: fields, ids, sizes, twins, artists of two genres."""
    found = [f"{s.get('id')}: fields" for s in songs if list(s) != list(FIELDS)
             or not all(isinstance(s[k], kind) for k, kind in FIELDS.items())]
    if found:
        return found
    found += ["ids"] * ([s["id"] for s in songs] != [f"s{n + 1:03d}" for n in range(len(songs))])
    found += ["genres"] * (Counter(s["genre"] for s in songs) != dict.fromkeys(ENERGY, EACH))
    found += [f"{t}: twice" for t in repeats(s["title"].lower() for s in songs)]
    homes = {(s["artist"], s["genre"]) for s in songs}
    return found + [f"{a}: two genres" for a in repeats(a for a, _ in homes)]


def measure(songs, lists) -> dict:
    """The numbers on the cards that need no model."""
    genre, felt = {s["id"]: s["genre"] for s in songs}, described(songs)
    energy = {s["id"]: s["energy"] for s in felt}
    plays = sorted(Counter(i for p in lists for i in p["songs"]).values())
    beside = [pair for p in lists for pair in pairwise(p["songs"])]
    within = [pair for p in lists for pair in combinations(p["songs"], 2)]
    makers = sorted(Counter(p["listener"] for p in lists).values())
    sizes = sorted(len(p["songs"]) for p in lists)

    def other(pairs):
        return round(sum(genre[a] != genre[b] for a, b in pairs) / len(pairs), 3)

    def step(pairs):
        return round(sum(abs(energy[a] - energy[b]) for a, b in pairs) / len(pairs), 3)

    return {
        "songs, artists": [len(songs), len({s["artist"] for s in songs})],
        "songs of an artist": sorted(Counter(Counter(s["artist"] for s in songs).values()).items()),
        "years": {g: [f([s["year"] for s in songs if s["genre"] == g]) for f in (min, max)]
                  for g in ENERGY},
        "lists, listeners": [len(lists), len(makers)],
        "lists of a listener": [makers[0], makers[len(makers) // 2], makers[-1]],
        "songs of a list": [sizes[0], sizes[len(sizes) // 2], sizes[-1], sum(sizes)],
        "lists with a song": [plays[0], plays[len(plays) // 2], plays[-1]],
        "share of plays, 32 songs": round(sum(plays[-32:]) / sum(plays), 3),
        "genres in a list": sorted(Counter(len({genre[i] for i in p["songs"]})
                                           for p in lists).items()),
        "other genre, beside": other(beside), "other genre, in a list": other(within),
        "energy step, beside": step(beside), "energy step, in a list": step(within),
    }


def learned(lists, seed: int = 7):
    """word2vec on the lists: gensim's vectors, one for each song."""
    from gensim.models import Word2Vec

    return Word2Vec([p["songs"] for p in lists], vector_size=32, window=20, negative=50,
                    min_count=1, workers=1, seed=seed, epochs=20).wv


def claims(songs, wv) -> dict:
    """What the vectors know: cosines inside and across genres, genre and artist of top 5."""
    by_id = {s["id"]: s for s in songs}
    same, cross = [], []
    for a, b in combinations(by_id, 2):
        alike = by_id[a]["genre"] == by_id[b]["genre"]
        (same if alike else cross).append(float(wv.similarity(a, b)))
    top = [(s, by_id[i]) for s in songs for i, _ in wv.most_similar(s["id"], topn=5)]
    share = {k: sum(a[k] == b[k] for a, b in top) / len(top) for k in ("genre", "artist")}
    years = sum(abs(a["year"] - b["year"]) for a, b in top) / len(top)
    return {"same genre": round(sum(same) / len(same), 3),
            "other genre": round(sum(cross) / len(cross), 3),
            "genre of top 5": round(share["genre"], 3),
            "artist of top 5": round(share["artist"], 3), "years to top 5": round(years, 1)}


def main(record: bool) -> None:
    """Check the songs, write the playlists, print what the cards state; maybe record."""
    songs = read(SONGS)
    if complaints := bad_songs(songs):
        sys.exit("\n".join(complaints))
    lists = make(songs)
    (kit.TEXTS / LISTS).write_bytes(as_lines(lists))
    print(json.dumps(measure(songs, lists), indent=1))
    for seed in (7, 1, 2, 3, 4):
        print("seed", seed, claims(songs, learned(lists, seed)))
    for file in (SONGS, LISTS) if record else ():
        table = f"{file.removesuffix('.jsonl')}.laptop"
        kit.record(kit.TEXTS / "catalogue.toml", table, kit.hashes(kit.TEXTS, [file]))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
