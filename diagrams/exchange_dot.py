"""How the charts talk to each other and to those around them, as a Graphviz source: one picture from left to right."""

from __future__ import annotations

from speech_lifecycle.fsm.compile.definition import definition

from . import palette
from .exchange import Exchange, exchanges
from .overview import EVENT_SIZE, LEFT, head

_LEFT_OF_THE_CHARTS = ("agent", "user")
_FILL = {"conversation": "floor", "speech": "speaking", "message": "streaming"}


def exchange_dot() -> str:
    """Return the Graphviz source of who says what to whom."""
    charts: list[str] = [chart.name for chart in definition().every_chart]
    said = exchanges()
    among = [each for each in said if each.sender in charts and each.receiver in charts]
    around = [each for each in said if each not in among]
    pairs = {tuple(sorted((each.sender, each.receiver), key=charts.index)) for each in among}
    between = {f"{upper}_{lower}": (upper, lower) for upper, lower in sorted(pairs, key=lambda p: charts.index(p[0]))}
    lines = [
        *head("exchange", "the definition"),
        *(
            f'  {each.name} [fillcolor="{palette.swatch(each.name, _FILL[each.name]).fill}", color="{palette.INK}", '
            "penwidth=1.3]"
            for each in definition().every_chart
        ),
        *(_others(around)),
        *(line for each in around for line in _arrow(each, charts)),
    ]
    for name, (upper, lower) in between.items():
        lists = {each.receiver: each.names for each in among if {each.sender, each.receiver} == {upper, lower}}
        cells = "".join(_cell(receiver, lists[receiver]) for receiver in (lower, upper) if receiver in lists)
        lines += [
            f'  {name} [shape=plain, style="", fontsize={EVENT_SIZE}, fontcolor="{palette.INK}", '
            f'label=<<TABLE BORDER="0" CELLPADDING="3"><TR>{cells}</TR></TABLE>>]',
            f"  {upper} -> {name} [dir={'back' if upper in lists else 'none'}]",
            f"  {name} -> {lower} [dir={'forward' if lower in lists else 'none'}]",
        ]
    ends = [charts[0], *(each for name, (_, lower) in between.items() for each in (name, lower))]
    return "\n".join([*lines, f"  {{rank=same; {'; '.join(ends)}}}", "}", ""])


def _others(around: list[Exchange]) -> list[str]:
    """Draw those around, one for each chart that they have to do with: so no arrow crosses another's words."""
    seen = {f"{peer}_{chart}": peer for each in around for chart, peer in ((each.sender, each.receiver), _turned(each))}
    names = {chart.name for chart in definition().every_chart}
    return [
        f'  {name} [label="{peer}", fillcolor="{palette.SPEECH["queued"].fill}", color="{palette.QUIET}"]'
        for name, peer in seen.items()
        if peer not in names
    ]


def _turned(each: Exchange) -> tuple[str, str]:
    return each.receiver, each.sender


def _arrow(each: Exchange, charts: list[str]) -> list[str]:
    is_in = each.receiver in charts
    chart, peer = (each.receiver, each.sender) if is_in else (each.sender, each.receiver)
    other = f"{peer}_{chart}"
    left, right = (other, chart) if peer in _LEFT_OF_THE_CHARTS else (chart, other)
    points_back = (left == chart) == is_in
    label = "".join(f"{name}{LEFT}" for name in each.names)
    return [f'  {left} -> {right} [label="{label}"{", dir=back" if points_back else ""}]']


def _cell(receiver: str, names: tuple[str, ...]) -> str:
    lines = (f"<B>to {receiver}</B>", *names)
    body = "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines)
    return f'<TD ALIGN="LEFT" VALIGN="TOP" BALIGN="LEFT">{body}</TD>'
