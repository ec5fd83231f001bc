"""A scatter plot as SVG, drawn by hand: measured against predicted."""

from html import escape

WIDTH, HEIGHT = 720, 520
LEFT, RIGHT, TOP, BOTTOM = 76, 28, 72, 68
COLOURS = {"4": "#0f766e", "6": "#b45309", "8": "#be123c"}
FONT = 'font-family="Inter, Helvetica, Arial, sans-serif"'


def scatter(points, title, subtitle, labels):
    """`points`: (measured, predicted, group, name); `labels`: the two axes' names."""
    values = [value for point in points for value in point[:2]]
    low, high = 5 * int(min(values) // 5), 5 * int(max(values) // 5 + 1)

    def x(value):
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(LEFT, 32, title, size=19, weight=600),
        text(LEFT, 54, subtitle, colour="#475569"),
    ]
    for tick in range(low, high + 1, 5):
        parts += [
            line(x(tick), y(low), x(tick), y(high), "#e2e8f0"),
            line(x(low), y(tick), x(high), y(tick), "#e2e8f0"),
            text(x(tick), y(low) + 22, tick, anchor="middle", colour="#475569"),
            text(x(low) - 12, y(tick) + 5, tick, anchor="end", colour="#475569"),
        ]
    parts += [
        line(x(low), y(low), x(high), y(high), "#64748b", "6 5"),
        text((x(low) + x(high)) / 2, HEIGHT - 18, labels[0], anchor="middle"),
        f'<g transform="rotate(-90 22 {(y(low) + y(high)) / 2})">'
        + text(22, (y(low) + y(high)) / 2, labels[1], anchor="middle")
        + "</g>",
    ]
    for measured, predicted, group, name in points:
        parts.append(
            f'<circle cx="{x(measured):.1f}" cy="{y(predicted):.1f}" r="6" fill="{COLOURS[group]}"'
            f' fill-opacity="0.75" stroke="#ffffff"><title>{escape(name)}</title></circle>'
        )
    return "\n".join([*parts, *legend(x(low) + 20, y(high) + 22), "</svg>", ""])


def legend(left, top):
    for place, (group, colour) in enumerate(COLOURS.items()):
        y = top + place * 24
        yield f'<circle cx="{left}" cy="{y}" r="6" fill="{colour}" fill-opacity="0.75"/>'
        yield text(left + 14, y + 5, f"{group} cylinders")


def line(x1, y1, x2, y2, colour, dashes=""):
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def text(x, y, words, size=14, anchor="start", colour="#0f172a", weight=400):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="{colour}">{escape(str(words))}</text>'
    )
