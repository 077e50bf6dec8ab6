"""Draws the states of a player from the table in the code: `python docs/state_diagram.py`.

It writes `state-machine.svg` beside itself and prints the same as a Markdown table, which is in
`state-machine.md`. A test says when either is out of date.
"""

from itertools import groupby
from pathlib import Path

from milestone_progress import Event, Phase
from milestone_progress._states import TRANSITIONS

# Where each phase is drawn, pixels; complex numbers further down, whose i is a turn to the right.
PLACES = {
    Phase.IDLE: (80, 200),
    Phase.PLAYING: (340, 60),
    Phase.PAUSED: (600, 200),
    Phase.ENDED: (340, 340),
}
SIZE = (680, 450)
RADIUS = 48
# How far the middle of an arrow is to the side, so that two between the same phases are apart.
BEND = 22

HEAD = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE[0]} {SIZE[1]}" role="img"
  width="{SIZE[0]}" font-family="sans-serif" text-anchor="middle">
<title>The phases of a player, and the events that lead from one to another</title>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"
  orient="auto"><path d="M0 0 10 5 0 10z" fill="#456"/></marker></defs>
<rect width="{SIZE[0]}" height="{SIZE[1]}" rx="8" fill="#fff"/>
"""


def transitions() -> list[tuple[Phase, type[Event], Phase]]:
    """Return all arrows there are: from, event, to."""
    return [
        (phase, event, TRANSITIONS[phase][event]) for phase in Phase for event in TRANSITIONS[phase]
    ]


def table() -> str:
    """Return the transitions as a Markdown table, a row for each phase."""
    rows = ["| phase | event → next phase |", "|---|---|"]
    for phase, arrows in groupby(transitions(), key=lambda arrow: arrow[0]):
        leads = ", ".join(f"`{event.__name__}` → {to.name}" for _, event, to in arrows)
        rows.append(f"| {phase.name} | {leads} |")
    return "\n".join(rows) + "\n"


def _point(place: complex) -> str:
    return f"{place.real:.1f} {place.imag:.1f}"


def _arrow(start: Phase, event: type[Event], end: Phase) -> str:
    first, last = complex(*PLACES[start]), complex(*PLACES[end])
    if first == last:
        left, right = (first + RADIUS * 0.7 * way for way in (-1 + 1j, 1 + 1j))
        far, middle = 56 - 56j, first + 85j
        path = f"M{_point(right)}C{_point(right + far.conjugate())}"
        path += f" {_point(left - far)} {_point(left)}"
    else:
        along = (last - first) / abs(last - first)
        right = along * 1j
        middle = (first + last) / 2 + 2 * BEND * right
        first += RADIUS * (0.95 * along + 0.3 * right)
        last += RADIUS * (-0.95 * along + 0.3 * right)
        path = f"M{_point(first)}Q{_point(middle)} {_point(last)}"
        # A third of the way, as others cross in the middle.
        middle = 0.36 * first + 0.48 * middle + 0.16 * last
    return (
        f'<path d="{path}" fill="none" stroke="#456" stroke-width="1.5" marker-end="url(#head)"/>\n'
        f'<text x="{middle.real:.0f}" y="{middle.imag + 5:.0f}" font-size="15" fill="#246" '
        f'stroke="#fff" stroke-width="5" paint-order="stroke">{event.__name__}</text>\n'
    )


def drawing() -> str:
    """Return the diagram as SVG."""
    circles = "".join(
        f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="#eef4fa" stroke="#246" stroke-width="2"/>\n'
        f'<text x="{x}" y="{y + 6}" font-size="16" font-weight="bold" fill="#123">{phase.name}'
        "</text>\n"
        for phase, (x, y) in PLACES.items()
    )
    return HEAD + circles + "".join(_arrow(*arrow) for arrow in transitions()) + "</svg>\n"


if __name__ == "__main__":
    Path(__file__).with_name("state-machine.svg").write_text(drawing(), encoding="utf-8")
    print(table(), end="")
