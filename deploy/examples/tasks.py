"""Two models of one's own, and data for them: what init-model and client.yaml are given. See docs/models_and_data.md."""

import csv
import math
import random

import torch
from torch import nn


class Tabular(nn.Module):
    """A number from six features. Batch normalisation keeps running statistics: the observer measures them."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(self, x):
        return self.layers(x)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        future = torch.ones(t, t, device=x.device).triu(1) > 0
        scores = (q @ k.transpose(2, 3)) / math.sqrt(c // self.heads)
        seen = scores.masked_fill(future, float("-inf")).softmax(-1)
        return self.out((seen @ v).transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """The next byte of a text: tokens (n, t) to logits (n, t, 256)."""

    def __init__(self, length: int = 32, width: int = 48, heads: int = 4, depth: int = 2):
        super().__init__()
        self.token = nn.Embedding(256, width)
        self.place = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 256)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.token(tokens) + self.place(places))))


def write_table(path, rows, rng):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", "e", "f", "y"])
        for _ in range(rows):
            x = [rng.uniform(-2, 2) for _ in range(5)] + [rng.uniform(0, 100)]
            y = x[0] * x[1] + math.sin(2 * x[2]) + abs(x[3]) + 0.02 * x[5] + rng.gauss(0, 0.1)
            writer.writerow([f"{value:.5g}" for value in x + [y]])


NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " \
    "seventeen eighteen".split()


def write_text(path, sentences, rng):
    with open(path, "w") as file:
        for _ in range(sentences):
            a, b = rng.randrange(10), rng.randrange(10)
            file.write(f"{NUMBERS[a]} and {NUMBERS[b]} are {NUMBERS[a + b]}.\n")


def read_table(path):
    with open(path) as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    table = torch.tensor(rows)
    mean = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 50.0])  # as data.mean and data.deviation say
    deviation = torch.tensor([1.15, 1.15, 1.15, 1.15, 1.15, 28.9])
    return (table[:, :6] - mean) / deviation, table[:, 6]


def read_text(path, length=32):
    with open(path, "rb") as file:
        tokens = torch.tensor(list(file.read()), dtype=torch.int64)
    count = (len(tokens) - 1) // length
    return tokens[: count * length].view(count, length), tokens[1 : count * length + 1].view(count, length)


def mse(outputs, targets):
    return nn.functional.mse_loss(outputs[:, 0], targets)


def cross_entropy(outputs, targets):
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


TASKS = {
    "tabular": (Tabular, write_table, read_table, mse, ("train.csv", 4000), ("test.csv", 1000)),
    "transformer": (Transformer, write_text, read_text, cross_entropy, ("train.txt", 8000), ("test.txt", 400)),
}


def prepare(name, directory):
    """Writes user.pt and the data into the directory."""
    model, write, _, _, train, test = TASKS[name]
    torch.manual_seed(0)
    torch.jit.script(model()).save(f"{directory}/user.pt")
    rng = random.Random(0)
    for file, size in (train, test):
        write(f"{directory}/{file}", size, rng)
