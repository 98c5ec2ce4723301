"""What `bench/run.py report` makes of results: runs put together, aims judged, plots drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import aims, gate, page, plots, report
from bench.aims import AIMS, Results
from bench.report import Row, Run, Table

RATE = "deliveries/CPU s"
NAMES = {aim.what: aim for aim in AIMS}


def fan_out(began: str, **rates: float) -> Run:
    """Return a run of `fanout` in which each target had this rate."""
    rows = [Row(name, {RATE: rate, "lost": 0}, run=began) for name, rate in rates.items()]
    return Run(began, "bench/run.py fanout", {"processor": "one", "load before the run": began}, [table_of(rows)])


def table_of(rows: list[Row]) -> Table:
    """Return a table of `fanout`."""
    return Table("fanout", "One change", "2000 streams", options={"listeners": 2000}, rows=rows)


@pytest.mark.parametrize(
    ("new", "old", "moved"),
    [
        ([1.1, 1.2, 1.1], [1.0, 1.0, 1.0], True),
        ([0.8, 0.9, 0.8], [1.0, 1.0, 1.0], True),
        ([1.1, 0.99, 1.2], [1.0, 1.0, 1.0], False),  # one round says otherwise
        ([1.01, 1.01, 1.01], [1.0, 1.0, 1.0], False),  # all say so, and it is not worth a word
        ([2.2, 1.1, 3.3], [2.0, 1.0, 3.0], True),  # the machine slowed down, for both
    ],
)
def test_a_figure_has_moved_when_all_rounds_say_so(new: list[float], old: list[float], moved: bool) -> None:
    """Rounds are compared in pairs, for the machine is another one in the next round."""
    assert gate.has_moved(new, old) is moved


def test_the_gate_says_what_moved() -> None:
    """A line for each figure that moved, with its interval; otherwise that none did; a single side has nothing to say."""
    figures = {name: [1.0, 2.0] for name in gate.NAMES}
    old = gate.Side("main~1", Path(), figures)
    new = gate.Side(gate.HERE, Path(), figures | {"KiB/stream": [1.5, 2.8], "bulk : COPY": [0.5, 1.2]})
    assert gate.verdicts([new]) == []
    assert gate.verdicts([gate.Side(gate.HERE, Path(), figures), old]) == ["Nothing moved beyond noise against main~1."]
    slower, faster = gate.verdicts([new, old])
    assert slower.startswith("SLOWER: memory of an idle stream: 45 % (40 to 50)")
    assert faster.startswith("faster: CPU of a row of notify_many()")


def test_the_sides_of_a_round_take_turns() -> None:
    """Who was first is last in the next round, so that a drift meets both."""
    sides = [gate.Side("new", Path()), gate.Side("old", Path())]
    assert [[side.name for side in gate.turns(sides, number)] for number in (0, 1)] == [["new", "old"], ["old", "new"]]


def test_a_run_is_read_as_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is lost, and a file of another make is refused by name."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    run = fan_out("1", uvicorn=90, nchan=100)
    assert report.load(report.save(run)) == run
    (other := tmp_path / "other.json").write_text(json.dumps({"tables": [{"name": "old"}]}))
    with pytest.raises(ValueError, match=r"other\.json"):
        report.load(other)


def test_runs_are_put_together() -> None:
    """Rows of the same scenario go into one table; of what was measured twice the later one counts."""
    (table,) = report.merged([fan_out("1", uvicorn=1, nchan=2), fan_out("2", uvicorn=3, tornado=4)])
    assert {row.target: row.figures[RATE] for row in table.rows} == {"uvicorn": 3, "nchan": 2, "tornado": 4}


def test_other_options_make_another_table() -> None:
    """A quick run and a long one are not mixed."""
    quick = fan_out("1", uvicorn=1)
    quick.tables[0].what = "100 streams"
    assert len(report.merged([quick, fan_out("2", uvicorn=3)])) == 2


@pytest.mark.parametrize(("ours", "said"), [(80, "met"), (60, "missed by 25 %"), (None, "not measured")])
def test_the_verdict_comes_from_the_figures(ours: float | None, said: str) -> None:
    """Met, or missed by so much of the limit, or not measured."""
    aim = NAMES["Fan-out under uvicorn, single events, × nchan"]
    run = fan_out("1", nchan=100) if ours is None else fan_out("1", uvicorn=ours, nchan=100)
    assert aim.verdict(aim.measure(Results(run.tables))) == said


def test_what_was_measured_together_is_compared() -> None:
    """A ratio is of one run where there is one with both, also when a later run measured one of them again."""
    rows = [Row("nchan", {RATE: 100}, run="1"), Row("uvicorn", {RATE: 90}, run="1"), Row("uvicorn", {RATE: 5}, run="2")]
    assert Results([table_of(rows)]).beside("fanout", "uvicorn", "nchan", RATE) == 0.9


def test_a_latency_under_less_load_is_no_answer() -> None:
    """The aim is for 1,000 streams and 200 a second; a run with fewer does not count."""
    row = Row("uvicorn, sqlite, inside", {"call p99 ms": 1.0})
    for streams, found in ((500, None), (1000, 1.0)):
        table = Table("live", "Live", "so", options={"streams": streams, "rate": 200}, rows=[row])
        measure = aims.of("live", row.target, "call p99 ms", streams=1000, rate=200)
        assert measure(Results([table])) == found


def test_the_page_says_what_is_missed_and_who_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, the command of each run, and the plots beside it."""
    monkeypatch.setattr(page, "DOCS", tmp_path)
    monkeypatch.setattr(page, "PLOTS", tmp_path / "plots")
    run = fan_out("2026-01-01", uvicorn=60, nchan=100)
    run.tables[0].failures.append("tornado failed: no port")
    growth = [Row("uvicorn", {"KiB/idle stream": size / 100, RATE: size}, size) for size in (1000, 5000)]
    run.tables.append(Table("growth", "Growth", "so", grows="streams", rows=growth))
    text = page.write([run]).read_text()
    assert "missed by 25 %" in text
    assert f"(0.6 instead of at least 0.8)**: {NAMES['Fan-out under uvicorn, single events, × nchan'].reason}" in text
    assert "- tornado failed: no port" in text
    assert "uvicorn, 5,000 streams" in text
    assert "2026-01-01, load 2026-01-01: `bench/run.py fanout`" in text
    drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert drawn == ["fanout.svg", "growth-fanout.svg", "growth-memory.svg"]
    assert all(f"plots/{name}" in text for name in drawn)


def test_plots_are_svg_and_stay_inside() -> None:
    """Names are escaped, every point lies within the picture, zero included."""
    svg = plots.line_plot("a < b", "x", "y", {"one & two": [(100, 0), (9000, 7.3)], "flat": [(100, 3), (9000, 3)]})
    root = ET.fromstring(svg)  # noqa: S314 - our own
    points = [node for node in root.iter("{http://www.w3.org/2000/svg}circle") if node.get("r") == "3.5"]
    assert len(points) == 4
    assert all(plots.TOP <= float(node.get("cy", "-1")) <= plots.HEIGHT - plots.BOTTOM for node in points)
    assert "one & two" in "".join(root.itertext())
    ET.fromstring(plots.bar_plot("bars", {"nchan": 2.0, "none": 0.0}))  # noqa: S314 - our own


def test_each_aim_has_a_name_of_its_own() -> None:
    """Two lines of the same name could not be told apart in the table."""
    assert len(NAMES) == len(AIMS)
