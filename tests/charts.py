"""The charts, for tests that are about each of them."""

from __future__ import annotations

import pytest

from speech_lifecycle.fsm.compile.definition import definition

CHARTS = definition().every_chart

charts = pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
