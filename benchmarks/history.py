"""python -m benchmarks.history: draw how each figure has moved, in docs/speed-history.md and the picture beside it.

Every benchmark adds its figures to results/history.csv, a line each: when, at which commit, on which machine.
"""

import csv
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HISTORY = Path(__file__).parent / "results" / "history.csv"
PAGE = Path(__file__).parent.parent / "docs" / "speed-history.md"
PICTURE = PAGE.with_suffix(".svg")
COLUMNS = ("date", "commit", "processor", "torch", "benchmark", "figure", "value", "unit", "goal", "at_most")
ABOUT = """# How each figure has moved

Every `python -m benchmarks` adds its figures to `benchmarks/results/history.csv`, a line each, with the day, the commit
and the machine; `python -m benchmarks.history` draws them here. Machines differ, and so do days on one: a line joins
what one kind of processor measured, and a step in it is a question, not an answer. Dashed is the goal. How things are
measured, and why some fall short, stands in [speed.md](speed.md).

![Each figure by day, a line a processor](speed-history.svg)

| benchmark | figure | measured | last | goal |
| --- | --- | --- | --- | --- |
"""


def add(benchmark: str, machine: Mapping[str, Any], figures: Sequence[Any], commit: str = "", date: str = "") -> None:
    """Append the figures of one benchmark; by default of today and of the commit that is checked out."""
    told = {
        "date": date or datetime.now(UTC).date().isoformat(),
        "commit": commit or _commit(),
        "processor": machine["processor"],
        "torch": machine["torch"],
        "benchmark": benchmark,
    }
    is_new = not HISTORY.exists()
    with HISTORY.open("a", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            table.writeheader()
        for one in figures:
            goal = "" if one["goal"] is None else f"{one['goal']:g}"
            known = {"figure": one["what"], "value": f"{one['value']:.6g}", "unit": one["unit"], "goal": goal}
            table.writerow(told | known | {"at_most": int(one["at_most"])})


def rows() -> list[dict[str, str]]:
    """All that was measured, in its order."""
    with HISTORY.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page(measured: Sequence[Mapping[str, str]]) -> str:
    """The page that lists every figure once, with its last value."""
    latest = {(row["benchmark"], row["figure"]): row for row in measured}
    counts: dict[tuple[str, str], int] = {}
    for row in measured:
        counts[row["benchmark"], row["figure"]] = counts.get((row["benchmark"], row["figure"]), 0) + 1
    lines = [
        f"| {benchmark} | {figure} | {counts[benchmark, figure]} times | {row['value']} {row['unit']}".rstrip()
        + f" | {_goal(row)} |"
        for (benchmark, figure), row in sorted(latest.items())
    ]
    return ABOUT + "\n".join(lines) + "\n"


def draw(measured: Sequence[Mapping[str, str]]) -> str:
    """A small chart for each figure that was measured more than once, as one SVG."""
    import altair as alt
    import pandas as pd
    import vl_convert

    table = pd.DataFrame(measured)
    for column in ("value", "goal"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    near, charts = alt.Scale(zero=False), []
    for (benchmark, figure), part in table.groupby(["benchmark", "figure"], sort=True):
        if len(part) < 2:
            continue
        named = alt.Title(str(figure), subtitle=str(benchmark), anchor="start", fontSize=11, limit=300)
        base = alt.Chart(part, title=named, width=250, height=90)
        line = base.mark_line(point=True).encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%d %b", tickCount=4)),
            y=alt.Y("value:Q", title=part["unit"].iloc[-1] or None, axis=alt.Axis(tickCount=3), scale=near),
            color=alt.Color("processor:N", title=None, legend=alt.Legend(orient="bottom", labelLimit=400)),
        )
        rule = base.mark_rule(strokeDash=[4, 3]).encode(y="goal:Q").transform_filter("isValid(datum.goal)")
        charts.append(alt.layer(line, rule))
    return str(vl_convert.vegalite_to_svg(alt.concat(*charts, columns=4).to_json()))


def _goal(row: Mapping[str, str]) -> str:
    return f"{row['goal']} at {'most' if row['at_most'] == '1' else 'least'}" if row["goal"] else ""


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def main() -> None:
    """Write the page and its picture."""
    measured = rows()
    PAGE.write_text(page(measured), encoding="utf-8")
    PICTURE.write_text(draw(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
