"""Values of the trainer's options in every spelling of PyTorch Lightning, in one form each.

The form is the only one that the identity of a run contains, so that the spelling does not change
its hash.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from cnncompare.config.section import Count, NotNegativeCount

PRECISIONS = {"32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}  # Lightning's other names
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d):(\d\d)")


def _one_precision(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return PRECISIONS.get(str(value), value) if is_number or isinstance(value, str) else value


def _unchanged(value: Any) -> Any:
    return value


def _one_duration(value: Any) -> Any:
    """Return a duration as DD:HH:MM:SS."""
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None or seconds < 1 or seconds % 1:
        raise ValueError(
            f"trainer.max_time={_written(value)}: give days, hours, minutes and seconds as "
            "DD:HH:MM:SS, such as 00:01:30:00, or {hours: 1, minutes: 30}"
        )
    days, rest = divmod(int(seconds), 86400)
    return f"{days:02}:{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def _seconds(value: Any) -> float | None:
    """Return the number of seconds, None unless it is one of the forms of a duration."""
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value.strip())):
        days, hours, minutes, seconds = map(int, match.groups())
        return timedelta(days, seconds, minutes=minutes, hours=hours).total_seconds()
    if not isinstance(value, Mapping) or not value or not set(value) <= set(_UNITS):
        return None
    numbers = [n for n in value.values() if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < len(value) or not all(0 <= number < 1e6 for number in numbers):
        return None
    return timedelta(**dict(value)).total_seconds()


def _one_limit(value: Any, info: ValidationInfo) -> Any:
    """Return a number of batches, a share between 0 and 1, or None for all of them."""
    if value is None or (isinstance(value, float) and value == 1.0):
        return None
    return _batches_or_share(value, info)


def _one_overfit(value: Any, info: ValidationInfo) -> Any:
    """Return a number of batches, a share up to 1, or None for Lightning's 0."""
    if value is None or (_is_number(value) and value == 0):
        return None
    return value if isinstance(value, float) and value == 1.0 else _batches_or_share(value, info)


def _batches_or_share(value: Any, info: ValidationInfo) -> Any:
    if _is_number(value) and (0 < value < 1 or (value >= 1 and value % 1 == 0)):
        return value if value < 1 else int(value)
    raise ValueError(
        f"trainer.{info.field_name}={_written(value)}: give a number of batches, such as 10, or a "
        "share of them between 0 and 1, such as 0.1"
    )


def _one_fast_dev_run(value: Any) -> Any:
    """Return the number of batches; 0 is Lightning's False."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int) or value < 0:
        raise ValueError(
            f"trainer.fast_dev_run={_written(value)}: give true for one batch of each split, a "
            "number of batches, or false"
        )
    return value


def _one_step_limit(value: Any) -> Any:
    return None if _is_number(value) and value == -1 else value  # Lightning's default


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Precision = Annotated[
    Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true"],
    BeforeValidator(
        _one_precision,
        json_schema_input_type=Literal[
            "auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", 32, 16, "32", "16", "bf16"
        ],
    ),
]
# auto is replaced before these types are checked, by config.fast_settings
Switch = Annotated[bool, BeforeValidator(_unchanged, json_schema_input_type=bool | Literal["auto"])]
MatmulPrecision = Annotated[
    Literal["highest", "high", "medium"],
    BeforeValidator(
        _unchanged, json_schema_input_type=Literal["auto", "highest", "high", "medium"]
    ),
]
Steps = Annotated[
    Count | None,
    BeforeValidator(_one_step_limit, json_schema_input_type=Count | Literal[-1] | None),
]
Duration = Annotated[
    str | None, BeforeValidator(_one_duration, json_schema_input_type=str | dict[str, float] | None)
]
_Share = Annotated[float, Field(gt=0, le=1)]
BatchLimit = Annotated[
    Count | _Share | None,
    BeforeValidator(_one_limit, json_schema_input_type=Count | _Share | None),
]
OverfitBatches = Annotated[
    Count | _Share | None,
    BeforeValidator(_one_overfit, json_schema_input_type=NotNegativeCount | _Share | None),
]
FastDevRun = Annotated[
    int, BeforeValidator(_one_fast_dev_run, json_schema_input_type=bool | NotNegativeCount)
]
