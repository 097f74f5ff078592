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
    "Wren & Hollis": "country", "The Prairie Widows": "folk", "Paper Umbrella Club": "folk",
    "Marmalade Static": "electronic", "Mira Delay": "indie pop", "808 Nana": "electronic",
    "Subharmonic Larry": "hip-hop", "Kid Cadenza": "jazz", "Sister Calloway Finch": "hip-hop",
    "The Blue Quarter Trio": "film music", "Celestine Marchetti": "jazz",
    "Wyvernhall": "film music", "Marcus Thorne-Ellery": "metal"}
EACH, LISTENERS, PLAYLISTS, LEAST = 40, 300, 1500, 12
MIXED = .12, .2  # neighbours in a list that are of two genres
SHORT, LONG = 8, 25  # songs of a list
TWO, SECOND, ANYWHERE = .12, .25, .02  # listeners of two genres; their share of the second
GUEST = .3  # weight of a crossover artist's songs among those of the second home
FAVOURITES, LOVE, ERA, MOOD = 2, 6, 20, .08  # artists, how much more often; years; energy


def near(a: float, b: float, width: float) -> float:
    """1 where a equals b, 1/4 at a distance of `width`."""
    gap = (a - b) / width
    return 1 / (1 + gap * gap) / (1 + gap * gap)


def described(songs) -> list[dict]:
    """The songs with what the listeners feel: fame (long-tailed in each genre) and energy."""
    rng, fame = random.Random("songs"), {}
    for genre in ENERGY:
        ids = [s["id"] for s in songs if s["genre"] == genre]
        rng.shuffle(ids)
        fame |= {key: 1 / (rank + 1) for rank, key in enumerate(ids)}
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
        weights = [w * near(s["year"], taste["era"], ERA) * (GUEST if s["genre"] != genre else 1)
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
    makers, zeal = list(range(LISTENERS)), [1 / (n + 30) for n in range(LISTENERS)]
    makers += rng.choices(makers, zeal, k=PLAYLISTS - LISTENERS)
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
    homes = repeats(artist for artist, _ in {(s["artist"], s["genre"]) for s in songs})
    return found + [f"{artist}: two genres" for artist in homes]


def bad_lists(songs, lists) -> list[str]:
    """What breaks the rules of the lists: rare songs, repeats, too pure or too mixed."""
    genre = {s["id"]: s["genre"] for s in songs}
    plays = Counter(i for p in lists for i in p["songs"])
    found = [f"{i}: in {plays[i]} lists" for i in genre if plays[i] < LEAST]
    found += [f"{p['id']}: a song twice" for p in lists if repeats(p["songs"])]
    mixed = differ(genre, [pair for p in lists for pair in pairwise(p["songs"])])
    return found + [f"{mixed:.3f} of neighbours mixed"] * (not MIXED[0] <= mixed <= MIXED[1])


def differ(value: dict, pairs) -> float:
    """Mean difference of two songs: of numbers the distance, of names 0 or 1."""
    return sum(abs(value[a] - value[b]) if isinstance(value[a], float)
               else value[a] != value[b] for a, b in pairs) / len(pairs)


def measure(songs, lists) -> dict:
    """The numbers on the cards that need no model."""
    genre, energy = ({s["id"]: s[k] for s in described(songs)} for k in ("genre", "energy"))
    plays = sorted(Counter(i for p in lists for i in p["songs"]).values())
    places = {where: [pair for p in lists for pair in pairs(p["songs"])] for where, pairs in
              (("beside", pairwise), ("in a list", lambda ids: combinations(ids, 2)))}
    makers = sorted(Counter(p["listener"] for p in lists).values())
    sizes = sorted(len(p["songs"]) for p in lists)
    return {
        "songs, artists": [len(songs), len({s["artist"] for s in songs})],
        "lists, listeners": [len(lists), len(makers)],
        "lists of a listener": [makers[0], makers[len(makers) // 2], makers[-1]],
        "songs of a list": [sizes[0], sizes[len(sizes) // 2], sizes[-1], sum(sizes)],
        "lists with a song": [plays[0], plays[len(plays) // 2], plays[-1]],
        "share of plays, 32 songs": round(sum(plays[-32:]) / sum(plays), 3),
        "lists of one genre": sum(len({genre[i] for i in p["songs"]}) == 1 for p in lists),
        **{f"other genre, {where}": round(differ(genre, p), 3) for where, p in places.items()},
        **{f"energy step, {where}": round(differ(energy, p), 3) for where, p in places.items()},
    }


def learned(lists, seed: int = 7):
    """word2vec on the lists: gensim's vectors, one for each song."""
    from gensim.models import Word2Vec

    return Word2Vec([p["songs"] for p in lists], vector_size=32, window=20, negative=50,
                    min_count=1, workers=1, seed=seed, epochs=20).wv


def claims(songs, wv) -> dict:
    """What the vectors know: cosines, and what the five nearest songs share with a song."""
    artist, genre = ({s["id"]: s[k] for s in songs} for k in ("artist", "genre"))
    same, cross = [], []
    for a, b in combinations(genre, 2):
        (same if genre[a] == genre[b] else cross).append((a, b))
    top = [(s["id"], i) for s in songs for i, _ in wv.most_similar(s["id"], topn=5)]
    year = {s["id"]: float(s["year"]) for s in songs}
    found = {f"cosine, {where}": sum(float(wv.similarity(*p)) for p in pairs) / len(pairs)
             for where, pairs in (("same genre", same), ("other genre", cross))}
    found["genre of top 5"] = 1 - differ(genre, top)
    for where, pairs in (("top 5", top), ("the genre", same)):
        found |= {f"artist of {where}": 1 - differ(artist, pairs),
                  f"years to {where}": differ(year, pairs)}
    return {k: round(v, 3) for k, v in found.items()}


def main(record: bool) -> None:
    """Check the songs, write the playlists, print what the cards state; maybe record."""
    songs = read(SONGS)
    if complaints := bad_songs(songs) or bad_lists(songs, lists := make(songs)):
        sys.exit("\n".join(complaints))
    (kit.TEXTS / LISTS).write_bytes(as_lines(lists))
    print(json.dumps(measure(songs, lists), indent=1))
    for seed in (7, 1, 2, 3, 4):
        print("seed", seed, claims(songs, learned(lists, seed)))
    for file in (SONGS, LISTS) if record else ():
        table = f"{file.removesuffix('.jsonl')}.laptop"
        kit.record(kit.TEXTS / "catalogue.toml", table, kit.hashes(kit.TEXTS, [file]))


if __name__ == "__main__":
    main(sys.argv[1:] == ["record"])
