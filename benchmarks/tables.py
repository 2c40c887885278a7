"""Figures as reStructuredText."""

import statistics

NONE = "\N{EN DASH}"


def table(headings, rows):
    """A simple table: texts to the left, figures to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    places = [">" if all(map(_is_figure, column)) else "<" for column in columns]
    rule = "  ".join("=" * width for width in widths)

    def line(cells):
        parts = zip(cells, places, widths, strict=True)
        return "  ".join(f"{cell:{place}{width}}" for cell, place, width in parts).rstrip()

    return "\n".join([rule, line(headings), rule, *map(line, rows), rule])


def _is_figure(cell):
    return cell[0].isdigit() or cell[0] in f"{NONE}\N{MINUS SIGN}" or cell.startswith("not valid")


def number(value):
    """About three significant digits, for people."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{size:,.{digits}f}"
    return f"\N{MINUS SIGN}{text}" if value < 0 and text.strip("0.") else text


def whole(value):
    """A number of things."""
    return f"{value:,.0f}"


def spread(values, form=number):
    """The median, and in brackets the lowest and the highest."""
    if not values:
        return NONE
    lowest, highest = form(min(values)), form(max(values))
    middle = form(statistics.median(values))
    return middle if lowest == highest else f"{middle} ({lowest} to {highest})"


def ratio(values, others):
    """How many times the others' median; none where either is not clearly above zero."""
    if not values or not others or min(*values, *others) <= 0:
        return NONE
    return number(statistics.median(values) / statistics.median(others))
