"""Tables have every transition, event and effect, and a page is renewed in its generated parts only."""

from __future__ import annotations

import pytest
from charts import CHARTS, charts

from speech_lifecycle.diagrams.generated import MarkerError, is_stale, refresh, refresh_text
from speech_lifecycle.diagrams.tables import tables


@charts
def test_the_tables_have_every_transition_and_answer(chart):
    text = tables()[f"{chart.name}.transitions"]
    for transition in chart.transitions:
        assert text.count(f"`{transition.id}`") == 1


def test_the_tables_have_every_event_effect_guard_and_action():
    texts = tables()
    for chart in CHARTS:
        assert all(f"`{name}`" in texts[f"{chart.name}.guards"] for name in chart.guards)
        assert all(f"`{name}`" in texts[f"{chart.name}.actions"] for name in chart.actions)
    assert "`output_playback_finished`" in texts["events"]
    assert "`replace_message`" in texts["effects"]


def test_generated_parts_are_renewed_and_nothing_else():
    text = "before\n<!-- generated: x -->\nold\n<!-- end generated -->\nafter\n"
    renewed = refresh_text(text, {"x": "new"})
    assert "new" in renewed
    assert "old" not in renewed
    assert renewed.startswith("before\n")
    assert renewed.endswith("after\n")
    assert refresh_text(renewed, {"x": "new"}) == renewed


@pytest.mark.parametrize(
    "text",
    [
        "<!-- generated: nope -->\n<!-- end generated -->\n",
        "<!-- generated: x -->\n",
        "<!-- end generated -->\n",
        "<!-- generated: x -->\n<!-- generated: x -->\n<!-- end generated -->\n",
    ],
)
def test_a_wrong_marker_is_refused_by_line(text):
    with pytest.raises(MarkerError, match="line"):
        refresh_text(text, {"x": "new"})


def test_a_stale_file_is_noticed_and_renewed(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Page\n\n<!-- generated: events -->\n<!-- end generated -->\n", encoding="utf-8")
    assert is_stale(path)
    assert refresh(path)
    assert tables()["events"] in path.read_text(encoding="utf-8")
    assert not is_stale(path)
    assert not refresh(path)
    path.write_text(path.read_text(encoding="utf-8").replace("`authorize`", "`allow`"), encoding="utf-8")
    assert is_stale(path)


def test_a_file_with_a_wrong_marker_stays_as_it_is(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("<!-- generated: nothing -->\nkept\n<!-- end generated -->\n", encoding="utf-8")
    with pytest.raises(MarkerError, match="nothing"):
        refresh(path)
    assert "kept" in path.read_text(encoding="utf-8")
