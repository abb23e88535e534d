"""What was measured, as tables and as a chart. Nothing in them is written by hand."""

import math
import statistics

WIDTH, HEIGHT, PLOT, TOP, LEFT, GAP = 1120, 560, 400, 70, 70, 150
COLOURS = ["#7f7f7f", "#1f77b4", "#17becf", "#8c564b", "#bcbd22", "#9467bd", "#e377c2", "#d62728", "#ff7f0e"]


def number(value):
    """Three figures, which is more than one run is worth."""
    if value is None:
        return "–"
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{digits}f}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def tables(figures):
    """The table of figures at each peer's largest size, the table of growth, and what was left out."""
    sizes, measured = figures["sizes"], [peer for peer in figures["peers"] if peer["at"]]
    lines = [
        row("peer", "entries", "one durable append", "one by one", "many at once", "verify, an entry", "bytes an entry"),
        "|---|---|---|---|---|---|---|",
    ]
    for peer in measured:
        size, at = max((int(size), at) for size, at in peer["at"].items())
        one = at["one"]
        lines.append(row(
            peer["name"], f"{size:,}", f"{number(one * 1e3)} ms" if one else "–", f"{number(1 / one)}/s" if one else "–",
            f"{number(at['rate'])}/s" if at["rate"] else "–", f"{number(at['verify'] * 1e6)} µs", number(at["bytes"]),
        ))  # fmt: skip
    for title, name, unit in [("one durable append, ms", "one", 1e3), ("verify an entry, µs", "verify", 1e6), ("bytes an entry", "bytes", 1)]:
        lines += ["", row(title, *(f"{size:,}" for size in sizes)), "|---" * (len(sizes) + 1) + "|"]
        for peer in measured:
            at = [peer["at"].get(str(size), {}).get(name) for size in sizes]
            if any(at):
                lines.append(row(peer["name"], *(number(value and value * unit) for value in at)))
    lines += ["", row("peer", "what is checked", "what is not"), "|---|---|---|"]
    lines += [row(peer["name"], peer["checks"], peer["misses"]) for peer in measured]
    left_out = [f"{peer['name']}: {peer['missing']}" for peer in figures["peers"] if peer["missing"]]
    return "\n".join(lines + ["", "Left out: " + "; ".join(left_out) + "."] if left_out else lines)


def panel(title, left, name, unit, figures):
    """Lines over the number of entries, both axes by powers of ten, each line named at its end."""
    series = []
    for colour, peer in zip(COLOURS, figures["peers"]):
        at = sorted((int(size), values[name] * unit) for size, values in peer["at"].items() if values[name])
        if at:
            series.append((peer["name"].replace("`", ""), colour, at))
    values = [value for _, _, at in series for _, value in at]
    if not values:
        return []
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = (math.log10(size) for size in (min(figures["sizes"]), max(figures["sizes"])))

    def x(size):
        return left + (WIDTH / 2 - GAP - LEFT) * (math.log10(size) - first) / max(last - first, 1)

    def y(value):
        return TOP + PLOT * (high - math.log10(value)) / max(high - low, 1)

    drawn = [f'<text x="{left}" y="{TOP - 20}" font-weight="bold">{title}</text>']
    for power in range(low, high + 1):
        at = y(10**power)
        drawn.append(f'<path d="M{left} {at:.0f}H{x(max(figures["sizes"])):.0f}" stroke="#ddd"/>')
        drawn.append(f'<text x="{left - 8}" y="{at + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    for size in figures["sizes"]:
        drawn.append(f'<text x="{x(size):.0f}" y="{TOP + PLOT + 22}" text-anchor="middle">{size:,}</text>')
    taken = -math.inf
    for peer, colour, at in sorted(series, key=lambda line: y(line[2][-1][1])):
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in at)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{4 if peer.startswith("ours") else 2}"/>')
        drawn += [f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for size, value in at]
        # Names that would lie on each other are moved down.
        taken = max(y(at[-1][1]) + 4, taken + 14)
        drawn.append(f'<text x="{x(max(figures["sizes"])) + 10:.0f}" y="{taken:.0f}" fill="{colour}">{peer}</text>')
    return drawn


def chart(figures):
    drawn = panel("one durable append, ms", LEFT, "one", 1e3, figures)
    drawn += panel("verify an entry, µs", LEFT + WIDTH // 2, "verify", 1e6, figures)
    under = f'<text x="{LEFT}" y="{HEIGHT - 20}" fill="#666">over the number of entries; medians; {figures["machine"]}</text>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *drawn, under, "</svg>", ""])


def text(figures):
    lines = [
        f"Measured on {figures['machine']}; {figures['load']}; {figures['versions']}.",
        f"Medians of {figures['rounds']} rounds in turns; above 100,000 entries each is verified once. What would have taken longer than {figures['budget']} s to fill is left out.",
        "",
        "![One durable append, and verifying an entry, over the number of entries](peers.svg)",
        "",
        tables(figures),
    ]
    return "\n".join(lines)


def between(document, first, last, inside):
    """The document with what stands between two of its lines replaced."""
    before, rest = document.split(first + "\n", 1)
    return f"{before}{first}\n{inside}\n{last}\n" + rest.split(last + "\n", 1)[1]


def median(values):
    return statistics.median(values) if values else None
