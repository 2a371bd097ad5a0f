"""``python -m cnncompare.bench.worker``: one variant, in a process of its own.

The first line of standard input says what to be, each further one is a command; every line is
answered by one line of JSON on standard output. Standard output of everything else goes to a
terminal of its own, so that what draws a bar draws it.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cnncompare.bench.rounds import one_line
from cnncompare.config.validation import validate
from cnncompare.system.signals import die_with_parent

Reply = Callable[[dict[str, Any]], None]


def main() -> int:
    """Be what the first line says, until no command is left; return the exit code."""
    die_with_parent()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    own_terminal()

    def reply(answer: dict[str, Any]) -> None:
        replies.write(json.dumps(answer) + "\n")
        replies.flush()

    asked = json.loads(sys.stdin.readline())
    commands = (line.strip() for line in iter(sys.stdin.readline, ""))
    try:
        {"ours": _ours, "usual": _usual, "prepare": _prepare}[asked["be"]](asked, commands, reply)
    except Exception as error:
        reply({"error": one_line(error)})
        return 1
    return 0


def _ours(asked: dict[str, Any], commands: Iterator[str], reply: Reply) -> None:
    from cnncompare.bench.turns import take_turns

    take_turns(validate(asked["config"]), commands, reply)


def _usual(asked: dict[str, Any], commands: Iterator[str], reply: Reply) -> None:
    """Answer "epoch" by training and validation, "warm" by a short one, "pipeline" by batches."""
    import torch

    from cnncompare.bench.suite import baseline_script as usual

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder, size = Path(asked["folder"]), asked["batch_size"]
    whole = asked["n_train"], asked["n_val"]
    short = min(whole[0], 8 * size), min(whole[1], size)
    network = usual.make_network(asked["model"], asked["classes"]).to(device)
    optimizer = usual.make_optimizer(network, asked["lr"])
    loaders = {n: usual.make_loaders(folder, size, *n) for n in (whole, short)}
    for command in commands:
        n_train, n_val = short if command == "warm" else whole
        train, val = loaders[n_train, n_val]
        started = time.perf_counter()
        if command == "pipeline":
            n_val = 0
            for images, labels in train:
                images.to(device), labels.to(device)
        else:
            usual.train_epoch(network, train, optimizer, device)
            usual.validate(network, val, device)
        reply({"seconds": time.perf_counter() - started, "images": n_train + n_val})


def _prepare(asked: dict[str, Any], commands: Iterator[str], reply: Reply) -> None:
    """Write the images as the usual script reads them; answer what they were measured on."""
    import numpy as np

    from cnncompare.data.module import ImageData
    from cnncompare.data.source import read_images
    from cnncompare.system.environment import describe_environment
    from cnncompare.training.train import set_up_torch

    config, folder = validate(asked["config"]), Path(asked["folder"])
    set_up_torch(config)
    data = ImageData(config.data, seed=config.seed)
    data.prepare()
    for name, loader in (("train", data.train_dataloader()), ("val", data.val_dataloader())):
        (images,) = read_images(loader.split.images, [loader.split.rows], workers=0)
        np.save(folder / f"{name}.npy", np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1)))
        np.save(folder / f"{name}_labels.npy", loader.split.labels.numpy())
    reply(
        {
            "n_train": data.n_train,
            "n_val": data.n_val,
            "classes": len(data.classes),
            "environment": describe_environment([]),
        }
    )


def own_terminal() -> None:
    """Give standard output a terminal that is read to its end by a thread, where there are any."""
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
