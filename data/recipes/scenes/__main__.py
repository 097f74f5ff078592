"""Write a gallery of test scenes to the file named: python -m data.recipes.scenes FILE.png"""
import sys

from data.recipes import scenes

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    scenes.gallery(range(24), "test", 192).save(sys.argv[1])
