#!/usr/bin/env python3
"""Trains a small network for images of 32 x 32 by cross_entropy and by the smooth top-k loss, and compares them.

    python3 examples/train_folder.py DIR [EPOCHS [IMAGES]]

DIR holds train/CLASS/*.png and valid/CLASS/*.png (or .jpg). EPOCHS: 20; IMAGES of each class to train on: 50.
Needs smooth_topk (pip install ./python) and torchvision.
"""
import sys

import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

from smooth_topk import SmoothTopKLoss


def load(directory, images_of_class=None):
    """Images as one tensor, of each class the first ones, and their labels."""
    read = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    data, counts, chosen = ImageFolder(directory, transform=read), {}, []
    for i, label in enumerate(data.targets):
        counts[label] = counts.get(label, 0) + 1
        if images_of_class is None or counts[label] <= images_of_class:
            chosen.append(i)
    return torch.stack([data[i][0] for i in chosen]) * 4 - 2, torch.tensor([data.targets[i] for i in chosen])


def make_network(classes):
    layers, channels = [], 3
    for width in (32, 64, 128):
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(128 * 16, classes))


def train(criterion, images, labels, epochs, seed):
    torch.manual_seed(seed)
    network = make_network(int(labels.max()) + 1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    steps = epochs * (len(images) // 64)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64)[:len(images) // 64]:
            picked = images[batch]
            if torch.rand(()) < 0.5:
                picked = picked.flip(3)
            loss = criterion(network(picked), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def accuracy(network, images, labels):
    """Percent of images whose class is the best guess, and among the best five."""
    with torch.no_grad():
        guesses = torch.cat([network(part).topk(5).indices for part in images.split(256)])
    right = guesses == labels[:, None]
    return 100 * right[:, 0].float().mean(), 100 * right.any(1).float().mean()


def main(directory, epochs=20, images_of_class=50):
    train_set, valid_set = load(f"{directory}/train", int(images_of_class)), load(f"{directory}/valid")
    print(f"{len(train_set[0])} images to train on, {len(valid_set[0])} to validate on")
    for name, criterion in (("cross_entropy", nn.CrossEntropyLoss()), ("k=5", SmoothTopKLoss(5)),
                            ("k=[1, 5]", SmoothTopKLoss([1, 5]))):
        for seed in (1, 2, 3):
            network = train(criterion, *train_set, int(epochs), seed)
            top1, top5 = accuracy(network, *valid_set)
            print(f"{name}, seed {seed}: top-1 {top1:.1f}, top-5 {top5:.1f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:]) if 2 <= len(sys.argv) <= 4 else sys.exit(__doc__)
