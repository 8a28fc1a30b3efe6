#!/usr/bin/env python3
"""What float32 values buy for their bytes: a network on MNIST with 15 clients of 64 samples a round.

  adam     every client sends its gradient, the server takes an Adam step on their mean and sends the parameters
  fedavg   every client takes 5 SGD steps of its own and sends its parameters, the server sends their mean

Prints round,accuracy,bytes_up,bytes_down: bytes sent and received by one client until then, 4 a parameter and round each way.
Needs Debian's python3-torch and python3-numpy.
"""
import argparse
import gzip
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLIENTS, BATCH, LOCAL_STEPS = 15, 64, 5


def mnist(folder, name):
    def read(kind, skip):
        path = os.path.join(folder, f"{name}-{kind}-ubyte")
        with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz") as file:
            return np.frombuffer(file.read(), np.uint8)[skip:].copy()

    x = torch.from_numpy(read("images-idx3", 16)).view(-1, 1, 28, 28).float() / 255
    return (x - 0.1307) / 0.3081, torch.from_numpy(read("labels-idx1", 8)).long()


class MnistCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 5), nn.Conv2d(32, 64, 5)
        self.fc1, self.fc2 = nn.Linear(1024, 512), nn.Linear(512, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


MODELS = {"mnist_cnn": MnistCnn, "mlp": mlp}  # as signvote-client init-model builds them


def accuracy(net, x, y):
    with torch.no_grad():
        return sum((net(a).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500))) / len(y)


def adam_round(net, optimizer, draw):
    net.zero_grad()
    for _ in range(CLIENTS):
        x, y = draw()
        (F.cross_entropy(net(x), y) / CLIENTS).backward()
    optimizer.step()


def fedavg_round(net, draw):
    start = [p.detach().clone() for p in net.parameters()]
    total = [torch.zeros_like(p) for p in start]
    for _ in range(CLIENTS):
        with torch.no_grad():
            for p, s in zip(net.parameters(), start):
                p.copy_(s)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        for _ in range(LOCAL_STEPS):
            x, y = draw()
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        for t, p in zip(total, net.parameters()):
            t += p.detach() / CLIENTS
    with torch.no_grad():
        for p, t in zip(net.parameters(), total):
            p.copy_(t)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", choices=["adam", "fedavg"], required=True)
    parser.add_argument("--model", choices=MODELS, default="mnist_cnn")
    parser.add_argument("--mnist", metavar="DIR", required=True, help="directory of the four MNIST files")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--evaluate", type=int, default=25, help="rounds between two measurements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    train_x, train_y = mnist(options.mnist, "train")
    test_x, test_y = mnist(options.mnist, "t10k")
    net = MODELS[options.model]()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    bytes_a_round = 4 * sum(p.numel() for p in net.parameters())

    def draw():
        index = torch.randint(len(train_y), (BATCH,))
        return train_x[index], train_y[index]

    print("round,accuracy,bytes_up,bytes_down")
    for t in range(1, options.rounds + 1):
        adam_round(net, optimizer, draw) if options.rule == "adam" else fedavg_round(net, draw)
        # The first rounds matter most here: what float32 reaches before signs have sent as much.
        if t % options.evaluate == 0 or t in (1, 2, 5, 10, 15, 20):
            print(f"{t},{accuracy(net, test_x, test_y):.4f},{t * bytes_a_round},{t * bytes_a_round}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
