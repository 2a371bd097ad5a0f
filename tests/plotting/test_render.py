"""Rows that the layers of a chart share."""

import altair as alt

from cnncompare.plotting.render import Chart, InlineRows, vega_lite


def test_layers_share_their_rows_and_the_chart_is_that_of_copied_rows() -> None:
    rows = [{"x": i, "y": i * i} for i in range(3)]

    def layered(data: alt.InlineData) -> Chart:
        base = alt.Chart(data).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
        return alt.layer(base.mark_line(), base.mark_point()).copy()

    shared, copied = layered(InlineRows(values=rows)), layered(alt.InlineData(values=rows))
    assert shared.data.values is rows
    assert copied.data.values is not rows
    assert vega_lite(shared) == vega_lite(copied)
