"""Protocol of a run: what the runs of a table share, from the data to the budget."""

from typing import Any

from cnncompare.comparison.load import Result
from cnncompare.comparison.machine import clock_of
from cnncompare.config.schema_options import protocol_settings
from cnncompare.runs.resampling import ResamplingSection


def protocol_of(result: Result) -> dict[str, Any]:
    """Return the protocol of a run, which comparable runs share.

    It includes the kind of device, which decides numbers, but no machine: see `clocks`.
    """
    return {
        **_data_protocol(result),
        **_shared_settings(result),
    }


def _data_protocol(result: Result) -> dict[str, Any]:
    data = result.data
    if data.resampling is not None:
        return _resampling_protocol(data.name, data.classes, data.resampling)
    return {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "classes": data.classes,
        "n_train": data.n_train,
        "n_val": data.n_val,
        "n_test": data.n_test,
    }


def _resampling_protocol(name: str, classes: int, drawn: ResamplingSection) -> dict[str, Any]:
    """Return what all folds or hold-outs share; their own images differ."""
    method = f"{drawn.count} folds"
    if drawn.method == "holdouts":
        method = f"hold-outs of {drawn.test_fraction:g}"
    return {
        "data": name,
        "fingerprint": drawn.fingerprint,
        "classes": classes,
        "n_images": drawn.n,
        "resampling": method,
        **{f"limit_{split}": limit for split, limit in drawn.limits.items()},
    }


def _shared_settings(result: Result) -> dict[str, Any]:
    """Return the settings whose fields are declared as protocol in the schema.

    A record that is older than a setting has its default. A test of pretrained weights has 0 epochs
    and no shared image size or normalisation, because each network uses the transform of its
    weights.
    """
    trains = result.training is not None
    recorded = result.run_settings.model_dump()
    shared: dict[str, Any] = {} if trains else {"epochs": 0}
    for setting in protocol_settings(trains=trains):
        value = _completed(recorded.get(setting.key), setting.value)
        if not (setting.option.omitted and value == setting.value):
            shared[setting.table_key] = value
    if trains:
        shared = _with_tuning(_with_budget(shared, result), result)
    callbacks = {k: v for k, v in shared.pop("callbacks").items() if v is not None}
    return shared | ({"callbacks": callbacks} if callbacks else {})


def _with_budget(shared: dict[str, Any], result: Result) -> dict[str, Any]:
    """Replace the epochs by the budget that chose them; seconds are those of a machine."""
    asked, budget = shared.pop("budget"), result.training.budget if result.training else None
    if budget is None:
        return shared
    del shared["epochs"]
    machine = {} if budget.seconds is None else {"machine": clock_of(result)}
    return shared | {"budget": {key: asked[key] for key in ("seconds", "macs")}} | machine


def _with_tuning(shared: dict[str, Any], result: Result) -> dict[str, Any]:
    """Keep of the tuning what its rows share: the number of trials and their space."""
    del shared["tuning"]
    tuning = result.training.tuning if result.training else None
    if tuning is None:
        return shared
    return shared | {"tuning": {"trials": tuning.trials, "space": tuning.space}}


def _completed(recorded: Any, default: Any) -> Any:
    if isinstance(recorded, dict) and isinstance(default, dict):
        return default | recorded
    return default if recorded is None else recorded
