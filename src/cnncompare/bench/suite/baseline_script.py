"""Baseline script: image classification in plain PyTorch, as in tutorials.

``python -m cnncompare.bench.suite.baseline_script --data DIR --model resnet20 --epochs 10``
trains on its own; the suite calls its functions. It uses PIL images, torchvision's transforms for
each image, a DataLoader with 2 workers, reads the loss at each step and validates after each epoch.
The images are held in memory, as in torchvision.datasets.CIFAR10, so that reading files is not part
of the comparison.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10

train_transform = transforms.Compose(
    [
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, STD),
    ]
)
val_transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

Sample = tuple[Any, int]


class MemoryImages(Dataset[Sample]):
    """Images in memory, like a loaded torchvision.datasets.CIFAR10: uint8 [N, H, W, C] and labels.

    Reads SPLIT.npy and SPLIT_labels.npy in `folder`; with `n`, that many evenly spaced images.
    """

    def __init__(self, folder: Path, split: str, transform: Any, n: int | None = None) -> None:
        self.data = np.load(folder / f"{split}.npy")
        self.targets = np.load(folder / f"{split}_labels.npy").tolist()
        if n is not None and n < len(self.data):
            chosen = np.linspace(0, len(self.data) - 1, n).round().astype(int)
            self.data, self.targets = self.data[chosen], [self.targets[i] for i in chosen]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Sample:
        image, target = Image.fromarray(self.data[index]), self.targets[index]
        return self.transform(image), target


def make_loaders(
    folder: Path, batch_size: int, n_train: int | None = None, n_val: int | None = None
) -> tuple[DataLoader[Sample], DataLoader[Sample]]:
    """Return the loaders of the training and the validation images."""
    train_set = MemoryImages(folder, "train", train_transform, n_train)
    val_set = MemoryImages(folder, "val", val_transform, n_val)
    return (
        DataLoader(train_set, batch_size=batch_size, shuffle=True, num_workers=2),
        DataLoader(val_set, batch_size=batch_size, num_workers=2),
    )


def make_network(name: str, classes: int) -> nn.Module:
    """Return the network that cnncompare trains under the corresponding name."""
    if name == "lenet5":
        from cnncompare.models.zoo.lenet5 import LeNet5

        return LeNet5(classes, 3, 32)
    if name == "resnet20":
        from cnncompare.models.zoo.resnet_cifar import CifarResNet

        return CifarResNet(3, classes, 3)
    network: nn.Module = torchvision.models.resnet18(num_classes=classes)
    if name == "resnet18_cifar":  # for small images: no downsampling before the first stage
        network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    return network


def make_optimizer(network: nn.Module, lr: float) -> SGD:
    """Return SGD with momentum and weight decay."""
    return SGD(network.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)


def train_epoch(
    network: nn.Module, loader: DataLoader[Sample], optimizer: Optimizer, device: torch.device
) -> float:
    """Return the mean training loss."""
    network.train()
    criterion = nn.CrossEntropyLoss()
    running_loss = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(network(images), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss / len(loader)


def validate_epoch(
    network: nn.Module, loader: DataLoader[Sample], device: torch.device
) -> tuple[float, float]:
    """Return the mean loss and the accuracy in [0, 1]."""
    network.eval()
    criterion = nn.CrossEntropyLoss()
    running_loss, correct, total = 0.0, 0, 0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            outputs = network(images)
            running_loss += criterion(outputs, labels).item()
            correct += (outputs.argmax(dim=1) == labels).sum().item()
            total += len(labels)
    return running_loss / len(loader), correct / total


def main() -> None:
    """Train the network of the command line and print a line per epoch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)  # train.npy, train_labels.npy, val...
    parser.add_argument("--model", default="resnet18_cifar")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--until", type=float, help="stop at this validation accuracy")
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader, val_loader = make_loaders(args.data, args.batch_size)
    network = make_network(args.model, classes=10).to(device)
    optimizer = make_optimizer(network, args.lr)
    scheduler = CosineAnnealingLR(optimizer, T_max=args.epochs)

    start = time.time()
    for epoch in range(args.epochs):
        train_loss = train_epoch(network, train_loader, optimizer, device)
        val_loss, val_acc = validate_epoch(network, val_loader, device)
        scheduler.step()
        print(
            f"epoch {epoch + 1}: train loss {train_loss:.3f}, val loss {val_loss:.3f}, "
            f"val acc {val_acc:.4f}, {time.time() - start:.0f} s",
            flush=True,
        )
        if args.until is not None and val_acc >= args.until:
            break


if __name__ == "__main__":
    main()
