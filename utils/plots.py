"""One look for every figure, and the few kinds of figure the chapters share.

Each function draws on one matplotlib Axes and returns it. `show(figure, alt)` displays a
figure with alternative text for readers who cannot see it. First used in chapter 4.
"""
import textwrap

GOOD, BAD, QUIET = "#2a7f62", "#c8553d", "#8d99ae"  # told apart by the colour-blind too
PALE = "#c4d4e3"  # for bars that carry an interval
PALETTE = ["#33658a", "#f26419", "#2a7f62", "#86517d", "#c8553d", "#8d99ae", "#55505c"]


def style() -> None:
    """Set matplotlib's defaults: small, quiet axes, one palette, no top or right spine."""
    import matplotlib as mpl

    mpl.rcParams.update({
        "figure.figsize": (6.4, 3.2), "figure.dpi": 100, "savefig.dpi": 100,
        "figure.constrained_layout.use": True, "font.size": 9, "axes.titlesize": 10,
        "axes.titlelocation": "left", "axes.spines.top": False,
        "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
        "axes.axisbelow": True, "legend.frameon": False, "image.cmap": "Blues",
        "axes.prop_cycle": mpl.cycler(color=PALETTE),
    })


def show(figure, alt: str) -> None:
    """Display a figure as a PNG whose metadata carries `alt`, one or two sentences."""
    import io

    import matplotlib.pyplot as plt
    from IPython.display import display
    from PIL import Image

    drawn, buffer = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    few = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(buffer, "png", optimize=True)  # a third of the bytes, and it looks the same
    plt.close(figure)  # or Jupyter would show it a second time, without its alt text
    display(
        {"image/png": buffer.getvalue(), "text/plain": f"Figure: {alt}"},
        metadata={"image/png": {"alt": alt}}, raw=True,
    )


def heat(ax, matrix, rows, columns, fmt="{:.2f}", title="", top=None, low=0):
    """Heat map of a matrix, shape (rows, columns), each cell with its value.

    Values of `low` and less are white, those of `top` (else the largest) are darkest.
    """
    ax.imshow(matrix, vmin=low, vmax=top if top is not None else matrix.max(), aspect="auto")
    ax.set_xticks(range(len(columns)), [textwrap.fill(c, 14) for c in columns])
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.grid(False)
    middle = (low + (top if top is not None else matrix.max())) / 2
    for i in range(len(rows)):
        for j in range(len(columns)):
            ink = "white" if matrix[i][j] > middle else "black"
            ax.text(j, i, fmt.format(matrix[i][j]), ha="center", va="center", color=ink)
    ax.set_title(title)
    return ax


def bars(ax, names, values, low=None, high=None, colors=None, title="", mark=None):
    """Horizontal bars, first name on top, with intervals [low, high] if given.

    `mark` is (position, text): a dashed line for a level to compare with.
    """
    at = list(range(len(names)))[::-1]
    ax.barh(at, values, color=colors or PALE, height=0.62)
    if low is not None:
        reach = [[v - a for v, a in zip(values, low)], [b - v for v, b in zip(values, high)]]
        ax.errorbar(values, at, xerr=reach, fmt="o", ms=4, color="black", lw=1.3, capsize=3)
    for y, end, value in zip(at, values if high is None else high, values):
        ax.annotate(f"{value:.3f}", (end, y), xytext=(6, 0), textcoords="offset points",
                    va="center", bbox={"color": "white", "pad": 0.5})
    if mark:
        ax.axvline(mark[0], ls="--", lw=1, color=QUIET, zorder=0.5)
        ax.text(mark[0], len(names) - 0.45, f" {mark[1]}", color="dimgray", va="center")
    ax.set_yticks(at, names)
    ax.set_ylim(-0.6, len(names) - 0.1 if mark else len(names) - 0.4)
    ax.grid(False, axis="y")
    ax.set_title(title)
    return ax


def lines(ax, x, curves, bands=None, title="", xlabel="", ylabel=""):
    """One line per entry of `curves` {name: values}; `bands` {name: (low, high)}."""
    for name, values in curves.items():
        drawn, = ax.plot(x, values, marker="o", ms=4, label=name)
        if bands:
            ax.fill_between(x, *bands[name], alpha=0.18, color=drawn.get_color(), lw=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title)
    ax.legend()
    return ax


def verdicts(ax, texts, truth, answers, width=58):
    """Who got which text right: one row per text, one column per system in `answers`.

    The first column is the truth. `truth` and each answer are lists of label names.
    """
    columns = {"truth": truth, **answers}
    for j, (name, labels) in enumerate(columns.items()):
        for i, label in enumerate(labels):
            right = label == truth[i]
            color = QUIET if name == "truth" else GOOD if right else BAD
            mark = "" if name == "truth" else "+ " if right else "x "
            ax.add_patch(_box(j, i, color))
            ax.text(j, i, mark + label, ha="center", va="center", color="white", fontsize=8)
    ax.set_yticks(range(len(texts)), [textwrap.fill(t, width) for t in texts], fontsize=8)
    ax.set_xticks(range(len(columns)), [textwrap.fill(n, 14) for n in columns], fontsize=8)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(texts) - 0.5, -0.5))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def _box(x, y, color):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.47, y - 0.44), 0.94, 0.88, color=color, lw=0)


def tokens(pieces, values=None):
    """Text pieces side by side, coloured by position or by `values` in [0, 1] (HTML)."""
    from html import escape

    from IPython.display import HTML

    spans = []
    for i, piece in enumerate(pieces):
        color = PALETTE[i % 5] if values is None else PALETTE[0]
        alpha = 0.25 if values is None else 0.05 + 0.75 * float(values[i])
        shade = f"{color}{round(alpha * 255):02x}"
        spans.append(
            f'<span style="background:{shade};padding:1px 2px;margin:1px">'
            f"{escape(str(piece))}</span>"
        )
    return HTML("".join(spans))


def pieces(ax, rows, width=118):
    """Texts cut into pieces: one line per entry of `rows` {label: pieces}, wrapped.

    A space is drawn as ·, a line break as ↵, a tab as ⇥, a lone byte as its number in hex.
    """
    from itertools import cycle

    from matplotlib.patches import Rectangle

    y, ticks = 0, []
    for label, parts in rows.items():
        x, color = 0, cycle(PALETTE[:5])
        ticks.append((y, label))
        for piece in parts:
            text = visible(piece)
            if x + len(text) > width:
                x, y = 0, y + 1
            lost = piece in ("[UNK]", "<unk>")
            ink, shade = (BAD, 1) if lost else (next(color), 0.25)
            ax.add_patch(Rectangle((x, y - 0.4), len(text) + 0.5, 0.8, fc=ink, alpha=shade, lw=0))
            ax.text(x + 0.25, y, text, va="center_baseline", family="monospace", fontsize=7,
                    color="white" if lost else "black")
            x += len(text) + 0.8
        y += 1.35
    ax.set(xlim=(-0.5, width + 2), ylim=(y - 0.7, -0.7), xticks=[])
    ax.set_yticks([at for at, _ in ticks], [label for _, label in ticks], fontsize=8)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def visible(piece: str) -> str:
    """A piece in signs that every font has; byte-level pieces as the text or bytes they are."""
    signs = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2 writes these as they are
    byte = {chr(b): b for b in signs}
    byte |= {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in byte.values())}
    if piece.startswith("<0x"):
        raw = bytes([int(piece[3:5], 16)])
    elif "▁" not in piece and all(c in byte for c in piece):
        raw = bytes(byte[c] for c in piece)
    else:
        raw = piece.encode()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        lead = len(raw) - len(raw.lstrip(b" "))
        return "·" * lead + " ".join(f"{b:02X}" for b in raw[lead:])
    for old, new in ((" ", "·"), ("▁", "·"), ("\n", "↵"), ("\t", "⇥")):
        text = text.replace(old, new)
    return "".join(c if ord(c) < 0x2E80 else f"U+{ord(c):X}" for c in text)  # what fonts lack
