"""ImageData: attributes, normalisation, fingerprint, and use with a Lightning trainer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnncompare.config.data import AugmentConfig, DataConfig
from cnncompare.data.module import ImageData
from cnncompare.data.source import fingerprint, full_split
from cnncompare.errors import DataError


def digits(**changes: Any) -> ImageData:
    data = ImageData(DataConfig(**({"name": "digits", "source": "digits"} | changes)), seed=0)
    data.prepare()
    return data


def test_digits_are_described() -> None:
    data = digits(image_size=32, val_fraction=0.15)
    assert data.classes == [str(digit) for digit in range(10)]
    assert data.image_shape == (1, 32, 32)
    assert (data.n_train, data.n_val, data.n_test) == (1221, 216, 360)
    assert data.test_labels.dtype == torch.int64
    assert len(data.test_labels) == 360
    assert len(data.fingerprint) == 64


def test_mean_and_sd_of_the_training_split_equal_numpys() -> None:
    data = digits(limit_train=500)
    split = data._splits.train
    pixels = split.images[split.rows].numpy() / 255
    assert len(pixels) == 500
    assert data.mean == pytest.approx([pixels.mean()])
    assert data.std == pytest.approx([pixels.std()])


def test_the_fingerprint_is_of_the_test_set_alone() -> None:
    first = digits().fingerprint
    same = digits(image_size=16, channels=3, limit_train=100, split_seed=5, normalize="half")
    assert same.fingerprint == first
    assert digits(limit_test=100).fingerprint != first


def test_fingerprints_differ_by_images_order_labels_and_names() -> None:
    images = torch.zeros(2, 1, 2, 2, dtype=torch.uint8)
    images[1] = 9
    labels = torch.tensor([0, 0])
    shape = (1, 2, 2)
    prints = {
        fingerprint(full_split(images, labels), shape, ["a", "b"]),
        fingerprint(full_split(images + 1, labels), shape, ["a", "b"]),
        fingerprint(full_split(images, labels).select(torch.tensor([1, 0])), shape, ["a", "b"]),
        fingerprint(full_split(images, labels + 1), shape, ["a", "b"]),
        fingerprint(full_split(images, labels), shape, ["a", "c"]),
        fingerprint(full_split(images.view(2, 1, 1, 4), labels), (1, 1, 4), ["a", "b"]),
    }
    assert len(prints) == 6


def test_prepare_a_second_time_does_nothing() -> None:
    data = digits()
    splits = data._splits
    data.prepare()
    assert data._splits is splits


def test_test_images_are_the_requested_ones() -> None:
    data = digits(channels=3)
    split = data._splits.test
    images = data.test_images([7, 0])
    assert (images.shape, images.dtype) == ((2, 3, 8, 8), torch.uint8)
    for image, position in zip(images, (7, 0), strict=True):
        assert torch.equal(image[2], split.images[split.rows[position]][0])


def test_test_batches_are_normalised_and_in_the_order_of_the_split() -> None:
    data = digits(normalize="half", batch_size=100)
    images, labels, positions = next(iter(data.test_dataloader()))
    split = data._splits.test
    assert positions.tolist() == list(range(len(images)))
    expected = (split.images[split.rows[positions]].numpy() / 255 - 0.5) / 0.5
    np.testing.assert_allclose(images.numpy(), expected, atol=1e-6)
    assert torch.equal(labels, split.labels[positions])


@pytest.mark.parametrize(
    ("name", "mean", "sd"),
    [
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("cifar10", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        ("half", (0.5,) * 3, (0.5,) * 3),
        ("none", (0.0,) * 3, (1.0,) * 3),
    ],
)
def test_normalisation_by_name(name: str, mean: tuple[float, ...], sd: tuple[float, ...]) -> None:
    data = digits(normalize=name, channels=3)
    assert (data.mean, data.std) == (mean, sd)


def test_three_channel_normalisation_of_grey_images_is_rejected() -> None:
    with pytest.raises(DataError, match=r"data.normalize=imagenet is for 3 channels.*have 1"):
        digits(normalize="imagenet")


# Lightning 2.6 subclasses a type that torch 2.14 deprecates
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_a_lightning_trainer_trains_and_evaluates_on_it(tmp_path: Path) -> None:
    import pytorch_lightning as pl

    settings: dict[str, Any] = {"batch_size": 64, "augment": AugmentConfig(crop_padding=1)}
    data = ImageData(DataConfig(name="digits", source="digits", **settings), seed=0)
    seen: dict[str, list[Any]] = {"train": [], "test": []}

    class Net(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(64, 10)

        def training_step(self, batch: tuple[torch.Tensor, ...], batch_idx: int) -> torch.Tensor:
            images, labels = batch
            seen["train"].append((self.current_epoch, images))
            return torch.nn.functional.cross_entropy(self.layer(images.flatten(1)), labels)

        def validation_step(self, batch: tuple[torch.Tensor, ...], batch_idx: int) -> None:
            pass

        def test_step(self, batch: tuple[torch.Tensor, ...], batch_idx: int) -> None:
            seen["test"] += batch[2].tolist()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def trainer_for(epochs_per_loader: int) -> pl.Trainer:
        return pl.Trainer(
            max_epochs=2,
            accelerator="cpu",
            use_distributed_sampler=False,
            reload_dataloaders_every_n_epochs=epochs_per_loader,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )

    net = Net()
    with pytest.raises(RuntimeError, match="reload_dataloaders_every_n_epochs=1"):
        trainer_for(0).fit(net, datamodule=data)
    trainer = trainer_for(1)
    trainer.fit(net, datamodule=data)
    trainer.test(net, datamodule=data, verbose=False)
    assert [epoch for epoch, _ in seen["train"]] == [0] * 20 + [1] * 20
    assert not torch.equal(seen["train"][0][1], seen["train"][20][1])
    assert sorted(seen["test"]) == list(range(360))


def test_data_without_images_leaves_the_original_as_it_is() -> None:
    data = digits()
    labels, fingerprint = data.test_labels, data.fingerprint
    fewer = data.without(torch.tensor([0, 5]))
    kept = [i for i in range(360) if i not in (0, 5)]
    assert torch.equal(fewer.test_labels, labels[kept])
    assert torch.equal(fewer.test_images([0, 4]), data.test_images([1, 6]))
    assert fewer.fingerprint != fingerprint
    remaining = fewer.without_tested(range(300))
    tested = torch.cat([positions for *_, positions in remaining.test_dataloader()])
    assert set(range(300, 358)) <= set(tested.tolist())
    assert len(tested) < 358
    assert (data.n_test, fewer.n_test, remaining.n_test) == (360, 358, 358)
    assert data.fingerprint == fingerprint
    assert data.test_labels is labels
    assert len(torch.cat([positions for *_, positions in data.test_dataloader()])) == 360
