"""What was found, in words: nothing is claimed that the tests do not carry."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.comparison.pareto import dominated_everywhere
from cnncompare.report.caveats import caveats
from cnncompare.report.formatting import digits_for, gap, in_metric, listed, short

MANY = 6  # names that a sentence can hold


def verdict(table: ComparedTable, options: Options) -> list[str]:
    """Return the table's findings, a sentence each, the most important first."""
    metric = options.metric
    ranked = [row for row in table.rows if row.estimates[metric.name].mean is not None]
    if not ranked:
        return [f"{scope(table)}: no run has a {metric.title}."]
    if any(row.label == options.baseline for row in ranked):
        found = _against(table, options.baseline or "", metric)
    else:
        found = [_best(table, ranked, metric), *_behind(table, ranked, metric)]
        found += _faster(table, ranked) + _unsettled(table, ranked[0], metric)
    return found + _dominated(table) + caveats(table)


def _against(table: ComparedTable, baseline: str, metric: Metric) -> list[str]:
    """Return what the pairs with the baseline show."""
    found, digits = [f"{scope(table)}, against {baseline}:"], _digits(table)
    for row in table.rows:
        pair = None if row.label == baseline else _pair(table, row.label, baseline)
        if pair is None or pair.difference is None:
            continue
        ahead = row.label if table.rows.index(row) < _index(table, baseline) else baseline
        detail = _interval(table, pair, metric, digits, ahead)
        word = "better" if ahead == row.label else "worse"
        shown = f"is {word}" if pair.significant else "cannot be told apart"
        found.append(f"{row.label} {shown} ({detail}).")
    return found


def _index(table: ComparedTable, label: str) -> int:
    return next(i for i, row in enumerate(table.rows) if row.label == label)


def scope(table: ComparedTable) -> str:
    """Return what the numbers hold for: "On cifar10, 25 epochs, 3 seeds"."""
    counts = sorted({len(row.group.results) for row in table.rows})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    first = table.rows[0].group.results[0]
    epochs = table.protocol.get("epochs")
    length = f", {epochs} epoch{'s' * (epochs != 1)}" if epochs else ""
    model = table.protocol.get("model")
    who = f", {model}" if model and len(table.rows) > 1 else ""
    return f"On {first.data_name}{who}{length}, {seeds} seed{'s' * (counts[-1] != 1)}"


def headline(table: ComparedTable) -> str:
    """Return the table's protocol in a line."""
    p, first = table.protocol, table.rows[0].group.results[0]
    parts = [first.data_name]
    for key, text in (
        ("epochs", "{} epochs"),
        ("batch_size", "batch {}"),
        ("image_size", "{} pixels"),
    ):
        parts += [text.format(p[key])] if p.get(key) else []
    parts += [f"{p['n_train']:,} training images"] if p.get("n_train") else []
    parts += [f"{first.data.n_test:,} test images"]
    parts += [str(p[key]) for key in ("precision", "hardware") if p.get(key)]
    return " · ".join(parts)


def _pair(table: ComparedTable, a: str, b: str) -> Pair | None:
    return next((p for p in table.pairs if {p.a, p.b} == {a, b}), None)


def _interval(table: ComparedTable, pair: Pair, metric: Metric, digits: int, best: str) -> str:
    """Return "difference 0.2 points, 95 % interval -0.3 to 0.7", seen from the better one."""
    assert pair.difference is not None
    sign = 1 if (pair.a == best) == metric.higher_is_better else -1
    text = f"difference {gap(sign * pair.difference, metric, digits)}"
    if _on_fewer_seeds(table, pair):
        text += f" over their {len(pair.seeds)} common seeds"
    if pair.low is None or pair.high is None:
        return text
    low, high = sorted((sign * pair.low, sign * pair.high))
    scale = 100 if metric.percent else 1
    decimals = digits if metric.percent else 4
    text += f", 95 % interval {scale * low:.{decimals}f} to {scale * high:.{decimals}f}"
    if not pair.significant and low * high > 0:
        text += f", not enough after correction for {len(table.pairs)} pairs"
    return text


def _on_fewer_seeds(table: ComparedTable, pair: Pair) -> bool:
    counts = [len(r.group.results) for r in table.rows if r.label in (pair.a, pair.b)]
    return len(pair.seeds) > 1 and max(counts) > len(pair.seeds)


def _digits(table: ComparedTable) -> int:
    return digits_for(table.rows[0].group.results[0].data.n_test)


def _split(table: ComparedTable, ranked: Sequence[GroupRow]) -> tuple[list[Pair], list[Pair]]:
    """Return the best row's pairs that are tied, and those that differ."""
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := _pair(table, best, row.label))]
    return [p for p in pairs if not p.significant], [p for p in pairs if p.significant]


def _other(pair: Pair, label: str) -> str:
    return pair.b if pair.a == label else pair.a


def _best(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> str:
    best, digits = ranked[0], _digits(table)
    value = in_metric(best.estimates[metric.name].mean, metric, digits)
    if len(ranked) == 1:
        only = f"{scope(table)}: {best.label} has {metric.title} {value}"
        return f"{only}; there is nothing to compare it with."
    ties, apart = _split(table, ranked)
    if not ties and apart and len(apart) == len(ranked) - 1:
        return f"{scope(table)}: {best.label} is the best, with {metric.title} {value}."
    start = f"{scope(table)}: {best.label} has the best {metric.title}, {value}"
    if not ties:
        return f"{start}."
    names = [_other(pair, best.label) for pair in ties]
    shown = listed(names) if len(names) <= MANY else f"{listed(names[:MANY])} and others"
    if any(pair.difference is None or pair.p is None for pair in ties):
        return f"{start}; whether that differs from {shown} cannot be tested with these runs."
    largest = max(ties, key=lambda p: abs(p.difference or 0.0))
    detail = _interval(table, largest, metric, digits, best.label)
    if len(ties) > 1:
        detail = f"at most, to {_other(largest, best.label)}: {detail}"
    return f"{start}, and cannot be told apart from {shown} ({detail})."


def _behind(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> list[str]:
    best, digits = ranked[0].label, _digits(table)
    _, apart = _split(table, ranked)
    texts = [
        f"{_other(pair, best)} ({_interval(table, pair, metric, digits, best)})"
        for pair in apart[:MANY]
    ]
    more = f", and {len(apart) - MANY} more" if len(apart) > MANY else ""
    return [f"Behind {best}: {listed(texts)}{more}."] if texts else []


def _faster(table: ComparedTable, ranked: Sequence[GroupRow]) -> list[str]:
    """Name the fastest of those tied with the best, when it is at least a tenth faster."""
    ties, _ = _split(table, ranked)
    names = {_other(pair, ranked[0].label) for pair in ties if pair.p is not None}
    timed = [(r.timing["epoch_s"], r.label) for r in ranked if r.label in names]
    known = [(s, label) for s, label in timed if s]
    own = ranked[0].timing["epoch_s"]
    if not known or not own:
        return []
    fastest, label = min(known)
    if own / fastest >= 1.1:
        times = f"{own / fastest:.1f} times as fast per epoch as {ranked[0].label}"
        return [f"Of these, {label} is {times}."]
    if fastest / own >= 1.1:
        return [f"Of these, {ranked[0].label} is also the fastest per epoch."]
    return []


def _unsettled(table: ComparedTable, best: GroupRow, metric: Metric) -> list[str]:
    """Say what would settle the tie of the best with its runner-up, and what could be seen."""
    ties = [p for p in table.pairs if best.label in (p.a, p.b) and not p.significant and p.plan]
    if not ties:
        return []
    pair = min(ties, key=lambda p: abs(p.difference or 0.0))
    other = _other(pair, best.label)
    needs = settles(pair)
    text = f"{best.label} against {other}: {needs}" if needs else ""
    if pair.plan and pair.plan.detectable is not None:
        found = gap(pair.plan.detectable, metric, _digits(table))
        text += (
            f"{'; r' if text else 'R'}uns like these find a difference of {found} in 4 of 5 cases"
        )
    return [text + "."] if text else []


def settles(pair: Pair) -> str:
    """Return what would settle a tied pair at 80 % power, "" when it cannot be said."""
    plan = pair.plan
    if plan is None or not pair.difference:
        return ""
    ways = [f"about {plan.seeds} seeds each"] if plan.seeds else []
    ways += [f"about {short(plan.images)} test images"] if plan.images else []
    if ways:
        return f"{' or '.join(ways)} would settle it, were the observed difference the true one"
    if len(pair.seeds) > 1:
        return "not even 100 seeds would settle it, were the observed difference the true one"
    return ""


def _dominated(table: ComparedTable) -> list[str]:
    by = dominated_everywhere(table.fronts)
    if not by:
        return []
    texts = [f"{label} (by {listed(rivals[:3])})" for label, rivals in list(by.items())[:MANY]]
    costs = listed([front.title.split(" (")[0] for front in table.fronts])
    return [f"No better in these runs and no cheaper in {costs}: {listed(texts)}."]


def tie_groups(table: ComparedTable) -> list[tuple[str, list[str]]]:
    """Return each letter with its labels, best first; none for a baseline's table."""
    separated = any("," in row.letters for row in table.rows)
    letters = [row.letters.split(",") if separated else list(row.letters) for row in table.rows]
    names = dict.fromkeys(name for found in letters for name in found)
    rows = list(zip(table.rows, letters, strict=True))
    return [(name, [row.label for row, found in rows if name in found]) for name in names]


def why_split(comparison: Comparison) -> str:
    """Return why there are several tables, "" for one."""
    if len(comparison.tables) < 2:
        return ""
    keys = [key for key in comparison.differing if key != "fingerprint"] or ["fingerprint"]
    if comparison.options.group_by:
        but = f"{comparison.options.group_by} and the seed"
        return f"A table holds runs that are equal in everything but {but}."
    values = [
        f"{key} ({', '.join(dict.fromkeys(map(_shown, comparison.differing[key])))})"
        for key in keys
    ]
    return (
        f"{len(comparison.tables)} tables, since runs that differ in protocol cannot be compared: "
        f"they differ in {listed(values)}."
    )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def across(comparison: Comparison) -> str:
    """Return what Friedman's test says over several data sets, "" for fewer than two."""
    ranks = comparison.ranks
    if ranks is None:
        return ""
    order = ", ".join(f"{a} {r:.2f}" for a, r in zip(ranks.labels, ranks.mean_ranks, strict=True))
    differ = "differ" if ranks.p < 0.05 else "do not show a difference"
    return (
        f"Over {len(ranks.data)} data sets the mean ranks {differ} (Friedman, p = {ranks.p:.2g}): "
        f"{order}; critical difference {ranks.critical_difference:.2f} (Nemenyi)."
    )
