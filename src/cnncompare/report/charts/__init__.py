"""Figures as Vega-Lite charts, one function each."""
