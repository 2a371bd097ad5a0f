"""The pictures, as Vega-Lite charts: one function each, from a compared table to a Picture."""
