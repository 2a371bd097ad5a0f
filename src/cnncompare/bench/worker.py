"""``python -m cnncompare.bench.worker``: one variant of a benchmark in its own process.

The first line of standard input is a task in JSON, each further line a command; a line of JSON on
standard output answers each. All other output goes to a pseudo-terminal, so that progress bars are
drawn as for a user.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cnncompare.bench.rounds import error_line
from cnncompare.config.validation import validate
from cnncompare.system.signals import die_with_parent

Task = dict[str, Any]
Respond = Callable[[dict[str, Any]], None]


def main() -> int:
    """Execute the task of the first line until no command is left; return the exit code."""
    die_with_parent()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    redirect_to_terminal()

    def respond(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    task = json.loads(sys.stdin.readline())
    commands = (line.strip() for line in iter(sys.stdin.readline, ""))
    roles = {"ours": _run_ours, "baseline": _run_baseline, "prepare": _prepare}
    try:
        roles[task["role"]](task, commands, respond)
    except Exception as error:
        respond({"error": error_line(error)})
        return 1
    return 0


def _run_ours(task: Task, commands: Iterator[str], respond: Respond) -> None:
    from cnncompare.bench.turns import train_on_command

    train_on_command(validate(task["config"]), commands, respond)


def _run_baseline(task: Task, commands: Iterator[str], respond: Respond) -> None:
    """Execute "epoch" (training and validation), "warm" (a short one) and "pipeline" (batches)."""
    import torch

    from cnncompare.bench.suite import baseline_script as baseline

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder, size = Path(task["folder"]), task["batch_size"]
    whole = task["n_train"], task["n_val"]
    short = min(whole[0], 8 * size), min(whole[1], size)
    network = baseline.make_network(task["model"], task["classes"]).to(device)
    optimizer = baseline.make_optimizer(network, task["lr"])
    loaders = {n: baseline.make_loaders(folder, size, *n) for n in (whole, short)}
    for command in commands:
        n_train, n_val = short if command == "warm" else whole
        train, val = loaders[n_train, n_val]
        started = time.perf_counter()
        if command == "pipeline":
            n_val = 0
            for images, labels in train:
                images.to(device), labels.to(device)
        else:
            baseline.train_epoch(network, train, optimizer, device)
            baseline.validate_epoch(network, val, device)
        respond({"seconds": time.perf_counter() - started, "images": n_train + n_val})


def _prepare(task: Task, commands: Iterator[str], respond: Respond) -> None:
    """Write the images in the format of the baseline script; reply with their numbers."""
    import numpy as np

    from cnncompare.data.module import ImageData
    from cnncompare.data.source import read_images
    from cnncompare.system.environment import describe_environment
    from cnncompare.training.build import set_up_torch

    config, folder = validate(task["config"]), Path(task["folder"])
    set_up_torch(config)
    data = ImageData(config.data, seed=config.seed)
    data.prepare()
    for name, loader in (("train", data.train_dataloader()), ("val", data.val_dataloader())):
        (images,) = read_images(loader.split.images, [loader.split.rows], workers=0)
        np.save(folder / f"{name}.npy", np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1)))
        np.save(folder / f"{name}_labels.npy", loader.split.labels.numpy())
    respond(
        {
            "n_train": data.n_train,
            "n_val": data.n_val,
            "classes": len(data.classes),
            "environment": describe_environment([]),
        }
    )


def redirect_to_terminal() -> None:
    """Redirect standard output to a pseudo-terminal that a thread drains, where there are any."""
    try:
        import pty

        reader, writer = pty.openpty()
    except (ImportError, OSError):
        reader, writer = -1, os.open(os.devnull, os.O_WRONLY)
    os.environ["TERM"] = "xterm-256color"
    os.dup2(writer, sys.stdout.fileno())
    if reader >= 0:
        threading.Thread(target=_drain, args=(reader,), daemon=True).start()


def _drain(reader: int) -> None:
    while True:
        try:
            if not os.read(reader, 65536):
                return
        except OSError:
            return


if __name__ == "__main__":
    sys.exit(main())
