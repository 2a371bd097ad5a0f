"""The results of one call: the tables of each set of images and of each protocol."""

from dataclasses import dataclass, field

from cnncompare.comparison.grouping import Group, Table, split_into_tables
from cnncompare.comparison.load import Result, Skipped
from cnncompare.comparison.robustness import RobustnessTable, robustness_table
from cnncompare.comparison.untrained import separate_untrained, set_aside_untrained
from cnncompare.errors import DataError
from cnncompare.robustness.plan import Evaluation, PlannedRun, plan_evaluation
from cnncompare.robustness.suites import Suite


@dataclass(eq=False)
class RobustnessResults:
    """The runs and sets of a call and, after `compare`, their tables.

    Runs are grouped as in the report: by protocol into tables, by all but the seed into rows.
    `broken` are finished runs whose weights are missing or changed.
    """

    planned: list[PlannedRun]
    suites: list[Suite]
    limit: int | None
    results: list[Result]
    skipped: list[Skipped]
    broken: list[Skipped] = field(default_factory=list)
    tables: list[RobustnessTable] = field(default_factory=list)

    def evaluations(self, suite: Suite) -> list[Evaluation]:
        """Return the evaluation of each run on a set; raises DataError if it fits none.

        Runs with other classes than CIFAR-10 are left out, and `skipped` names them.
        """
        found, problems = [], []
        for planned in self.planned:
            try:
                found.append(plan_evaluation(planned, suite, self.limit))
            except DataError as error:
                problems.append(Skipped(str(planned.result.run.folder), str(error)))
        if not found:
            raise DataError(problems[0].reason)
        self.skipped += [skip for skip in problems if skip not in self.skipped]
        return found

    def compare(self, margin: float | None) -> None:
        """Compare the runs on each set."""
        evaluated = {planned.result.run.folder for planned in self.planned}
        results = [result for result in self.results if result.run.folder in evaluated]
        tables, not_grouped = split_into_tables(results)
        tables, untrained = set_aside_untrained(tables)
        self.skipped += [*not_grouped, *untrained]
        for suite in self.suites:
            limits = {e.planned.result.run.folder: e.limit for e in self.evaluations(suite)}
            for table in tables:
                groups = self._trained(table)
                folders = [result.run.folder for group in groups for result in group.results]
                limit = next((limits[folder] for folder in folders if folder in limits), None)
                found = robustness_table(groups, suite.name, limit, suite.cells, margin)
                if found is not None:
                    self.tables.append(found)

    def _trained(self, table: Table) -> list[Group]:
        """Return the groups without the runs that did not train, which `skipped` names."""
        groups = []
        for group in table.groups:
            kept, untrained, evidence = separate_untrained(group)
            groups += [kept] if kept is not None else []
            named = [Skipped(str(r.run.folder), f"did not train: {evidence}") for r in untrained]
            self.skipped += [skip for skip in named if skip not in self.skipped]
        return groups
