"""Stored vectors: float16 files that notebooks read in place of encoding a data set again.

python -m data.recipes.vectors passages     for data sets with a column `text`; the line
`vectors = "passages.vectors.safetensors"` must stand in data/texts/catalogue.toml.
"""
import sys

from data.recipes import kit
from utils import corpora, models


def ship(name: str) -> None:
    """Encode every text of a data set by the laptop profile's embedder; record the hashes."""
    from sentence_transformers import SentenceTransformer

    row, spec = corpora.entry(name, "laptop"), models.find("embedder", "laptop")
    data = corpora.load(name, "laptop")
    encode = SentenceTransformer(spec.path, **spec.options).encode
    arrays = {s: encode(list(part["text"]), batch_size=64) for s, part in data.items()}
    file = kit.TEXTS / row["vectors"]
    corpora.write_vectors(file, arrays, corpora.text_key(data, spec.digest))
    kit.record(kit.TEXTS / "catalogue.toml", f"{name}.laptop",
               kit.hashes(kit.TEXTS, [row["file"], row["vectors"]]))


if __name__ == "__main__":
    for asked in sys.argv[1:]:
        ship(asked)
