"""The budget of a table, and what its rows made of it."""

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.language.catalogue import tr
from cnncompare.runs.budget import TOLERANCE, BudgetSection, budget_text
from cnncompare.terminal.formatting import enumeration


def table_budget(table: ComparedTable) -> str | None:
    """Return "10 minutes of this machine" or "1e+15 MACs"; None without a budget."""
    budget = table.protocol.get("budget")
    if budget is None:
        return None
    text = budget_text(budget["seconds"], budget["macs"])
    return text if budget["seconds"] is None else tr("{budget} of this machine", budget=text)


def chosen_epochs(row: GroupRow) -> str:
    """Return the number of epochs of the row's runs: "57", or "56 to 58"."""
    epochs = {r.training.max_epochs for r in row.group.results if r.training is not None}
    low, high = min(epochs, default=0), max(epochs, default=0)
    return str(low) if low == high else tr("{low} to {high}", low=low, high=high)


def budget_caveats(table: ComparedTable) -> list[str]:
    """Return a sentence on the rows that used clearly more or less than the table's budget."""
    if table_budget(table) is None:
        return []
    rows = [(row.label, _furthest(row)) for row in table.rows]
    off = [f"{label} {100 * share:.0f} %" for label, share in rows if abs(share - 1) > TOLERANCE]
    if not off:
        return []
    return [tr("Not used to within 5 %: of the budget, {models}.", models=enumeration(off))]


def _furthest(row: GroupRow) -> float:
    """Return the used share of the run that is furthest from its budget; 1 if none is known."""
    shares = [share for b in _budgets(row) if (share := b.used_share) is not None]
    return max(shares, key=lambda share: abs(share - 1), default=1.0)


def _budgets(row: GroupRow) -> list[BudgetSection]:
    training = [result.training for result in row.group.results]
    return [section.budget for section in training if section and section.budget]
