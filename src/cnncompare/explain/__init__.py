"""The command explain: layer table, drawing and idea of a network, and the filters of a run."""
