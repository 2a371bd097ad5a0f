"""Latency and throughput of a configuration's network, as a table and as JSON."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cnncompare.bench.machine import machine_and_versions
from cnncompare.config.callbacks import InferenceCostConfig
from cnncompare.config.schema import Config
from cnncompare.models import registry
from cnncompare.models.operations import trace_operations
from cnncompare.models.speed.measure import InferencePlan, measure_inference
from cnncompare.models.speed.runtimes import Variant
from cnncompare.models.trim import trim_kernels
from cnncompare.runs.inference_section import InferenceSection
from cnncompare.runs.storage import write_atomically
from cnncompare.system import strict_json
from cnncompare.system.environment import describe_environment
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import UNKNOWN, gmacs, integer, millions, significant
from cnncompare.training.build import (
    build_data,
    build_model,
    find_pretrained_reference,
    set_up_torch,
)
from cnncompare.training.callbacks.inference_cost import inference_section


def bench_inference(config: Config, file: Path | None) -> None:
    """Measure a valid configuration's network, print the table, and write JSON into `file`."""
    set_up_torch(config)
    data = build_data(config, find_pretrained_reference(config))
    data.prepare()
    model = build_model(config, data)
    if config.trainer.trim_kernels:
        trim_kernels(model.network)
    section = _measure(config, model, data.image_shape, data.rank_info().device)
    size = {
        "name": model.name,
        "depth": trace_operations(model.network, data.image_shape).depth,
        "params": registry.count_params(model.network),
        "macs": registry.count_macs(model.network, data.image_shape),
    }
    machine, versions = machine_and_versions(describe_environment(None))
    if file is not None:
        content = {"machine": machine, "versions": versions, "model": size}
        content["inference"] = section.model_dump()
        write_atomically(file, (strict_json.dumps(content, indent=1) + "\n").encode())
    _print(section, size, machine)


def _measure(
    config: Config,
    model: registry.BuiltModel,
    image_shape: tuple[int, int, int],
    device: Any,
) -> InferenceSection:
    options = config.callbacks.inference_cost or InferenceCostConfig()
    started = time.perf_counter()
    timings = measure_inference(
        model.network,
        model.name,
        image_shape,
        InferencePlan(options.runtimes, options.precisions, options.seconds),
        device=device,
        channels_last=config.trainer.channels_last,
        announce=_announce,
    )
    return inference_section(timings, device, image_shape, time.perf_counter() - started)


def _announce(variant: Variant) -> None:
    print(f"measuring {_name(variant)}", file=sys.stderr, flush=True)


def _name(row: Any) -> str:
    return f"{row.runtime}, {row.precision}, {_threads(row.threads)}"


def _threads(number: int) -> str:
    return f"{number} thread{'' if number == 1 else 's'}"


def _print(section: InferenceSection, size: dict[str, Any], machine: dict[str, Any]) -> None:
    console = make_console()
    console.print(timing_table(section.rows))
    channels, height, width = section.input_size
    lines = [
        f"{size['name']}: depth {size['depth']}, {millions(size['params'])} M parameters, "
        f"{gmacs(size['macs'])} GMACs at {channels}x{height}x{width}",
        f"machine: {machine['gpu'] or machine['cpu']}",
        "the network alone: without decoding, normalisation and copies to the device",
        *(f"{_name(row)}: not measured: {row.reason}" for row in section.rows if row.reason),
    ]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def timing_table(rows: Sequence[Any]) -> Table:
    """Return a table of the timings that fits 80 columns."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in ("runtime", "precision"):
        table.add_column(heading)
    for heading in ("threads", "ms/image", "p95", "images/s", "batch"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = (_milliseconds(row.latency_s), _milliseconds(row.latency_p95_s))
        rate = UNKNOWN if row.images_per_s is None else significant(row.images_per_s)
        table.add_row(
            row.runtime, row.precision, str(row.threads), *cells, rate, integer(row.batch_size)
        )
    return table


def _milliseconds(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else significant(1000 * seconds)
