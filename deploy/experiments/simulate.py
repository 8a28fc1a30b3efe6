#!/usr/bin/env python3
"""Float simulation of sign-vote training, in one process: what the algorithm reaches, to hold a real run against.

usage: simulate.py data=DIR [key=value ...]      (DIR: holds mnist/ or cifar10/; needs python3-torch, python3-numpy)
  rule=agreement|it-signsgd|majority    also central (sign of the pooled float gradient), adam (float32, pooled)
  carry=0.9 dither=2 prior=0 assume=honest|hostile floor=0.5    fraction=1 (k: one k-th of the stripes a round)
  scale=running|own                     dither by a client's running mean of |g|, or by this round's
  mode=4 partition=all|labels:2|dirichlet:0.3|groups:8:5  (the first 8 clients hold the digits below 5, the others the rest)
  attack=flip:7|half:5|copy:4|random:7  attack_from=0; half: flips every other ballot, copy: one wrong vector
  attack=last:7|lie:5|alike:6           last: flips the last layer, lie: the honest mean less one standard deviation, alike: as
                                        copy, each with other signs flipped on an eighth
  attack=labels:7|turns:7|replay:5|mimic:5  labels: trains on labels 9 - y, turns: flips 20 rounds and is honest 20,
                                        replay: its first ballot for ever, mimic: what client 14 votes
  attack=echo:7|ones:7|top:7|part:7     echo: the last decision, ones: +1, top: flips the tenth where its gradient is
                                        largest, part: all flip the same half of the coordinates
  late=0 (of 15, 1 to 4 rounds)         drift=0 (1: at half time the first and last batch change places)
  flip_probability=0 local_steps=1      (of 0.05)
  sections=1 repeats=1                  (0: one judgement for the whole model; errors that repeat count as any)
  tolerance=0                           of the fit, in units of the typical agreement; 0: 1, under hostile 0.25
  step=6e-4 schedule=cosine|constant rounds=150 seed=0 test=50
  dataset=mnist|cifar10 model=mnist_cnn|mlp|cifar_cnn hidden=128 (of mlp)
"""
import gzip, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(1)
opt = dict(rule="agreement", carry=0.9, dither=2.0, prior=0.0, fraction=1, assume="honest", floor=0.5, mode=4, partition="all", attack="", step=6e-4,
           schedule="cosine", rounds=150, seed=0, test=50, dataset="mnist", data="", model="", hidden=128, scale="running",
           sections=1, repeats=1, tolerance=0.0, attack_from=0, late=0, drift=0, flip_probability=0.0, local_steps=1, warmup=100, clip=10.0)
for arg in sys.argv[1:]:
    key, value = arg.split("=")
    opt[key] = type(opt[key])(value)
o = type("Options", (), opt)
BATCH = {1: [64] * 15, 2: [4] * 9 + [154] * 6, 3: [4] * 12 + [304] * 3, 4: [904] + [4] * 14}[o.mode]
M = len(BATCH)
torch.manual_seed(o.seed)
rng = np.random.RandomState(o.seed)


# Data and models

def mnist(name):
    read = lambda kind, skip: np.frombuffer(gzip.open(f"{o.data}/mnist/{name}-{kind}-ubyte.gz").read(), np.uint8)[skip:].copy()
    x = torch.from_numpy(read("images-idx3", 16)).view(-1, 1, 28, 28).float() / 255
    return (x - 0.1307) / 0.3081, torch.from_numpy(read("labels-idx1", 8)).long()


def cifar10(files):
    d = np.concatenate([np.fromfile(f"{o.data}/cifar10/{f}", np.uint8).reshape(-1, 3073) for f in files])
    x = torch.from_numpy(d[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
    mean, std = torch.tensor([.4914, .4822, .4465]).view(1, 3, 1, 1), torch.tensor([.247, .243, .262]).view(1, 3, 1, 1)
    return (x - mean) / std, torch.from_numpy(d[:, 0].astype(np.int64))


class MnistCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2, self.f1, self.f2 = nn.Conv2d(1, 32, 5), nn.Conv2d(32, 64, 5), nn.Linear(1024, 512), nn.Linear(512, 10)

    def forward(self, x):
        for conv in (self.c1, self.c2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.f2(F.relu(self.f1(x.flatten(1))))


class CifarCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2, self.c3 = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)
        self.f1, self.f2 = nn.Linear(1024, 128), nn.Linear(128, 10)

    def forward(self, x):
        for conv in (self.c1, self.c2, self.c3):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.f2(F.relu(self.f1(x.flatten(1))))


if o.dataset == "mnist":
    train_x, train_y, (test_x, test_y) = *mnist("train"), mnist("t10k")
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, o.hidden), nn.ReLU(), nn.Linear(o.hidden, 10)) if o.model == "mlp" else MnistCnn()
else:
    train_x, train_y = cifar10([f"data_batch_{i}.bin" for i in range(1, 6)])
    (test_x, test_y), net = cifar10(["test_batch.bin"]), CifarCnn()
params = list(net.parameters())
sizes = [p.numel() for p in params]
N = sum(sizes)
tensor_of = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))


def sections():
    """Where voters are judged by themselves: tensors, of which the smallest but the last joins its smaller neighbour until at most 8 are left, none below 512."""
    s = list(sizes)
    while len(s) > 1:
        spared = s[-1] >= 512 and len(s) > 2
        i = s.index(min(s[:-1] if spared else s))
        if s[i] >= 512 and len(s) <= 8:
            break
        j = min((j for j in (i - 1, i + 1) if 0 <= j < len(s) - spared), key=lambda j: s[j])
        s[min(i, j):max(i, j) + 1] = [s[i] + s[j]]
    return s


section_sizes = sections() if o.sections else [N]
section_of = torch.repeat_interleave(torch.arange(len(section_sizes)), torch.tensor(section_sizes))


def partition():
    y, (kind, *arg) = train_y.numpy(), o.partition.split(":")
    if kind == "labels":
        k = int(arg[0])
        return [np.where(np.isin(y, [(m * k + j) % 10 for j in range(k)]))[0] for m in range(M)]
    if kind == "groups":
        first, digit = map(int, arg)
        return [np.where(y < digit if m < first else y >= digit)[0] for m in range(M)]
    if kind == "dirichlet":
        parts = [[] for _ in range(M)]
        for c in range(10):
            index = np.where(y == c)[0]
            rng.shuffle(index)
            cuts = (np.cumsum(rng.dirichlet([float(arg[0])] * M)) * len(index)).astype(int)[:-1]
            for m, piece in enumerate(np.split(index, cuts)):
                parts[m].append(piece)
        return [np.concatenate(p) for p in parts]
    return [np.arange(len(y))] * M


# Client

def gradient(m):
    """The mean over the local steps of one client, the first on the common parameters."""
    start = [p.detach().clone() for p in params] if o.local_steps > 1 else []
    total = torch.zeros(N)
    for _ in range(o.local_steps):
        i = rng.choice(pools[m], BATCH[m], replace=True)
        net.zero_grad()
        y = 9 - train_y[i] if kind == "labels" and m < int(number) else train_y[i]
        F.cross_entropy(net(train_x[i]), y).backward()
        total += torch.cat([p.grad.flatten() for p in params])
        with torch.no_grad():
            for p in params if start else []:
                p -= 0.05 * p.grad
    with torch.no_grad():
        for p, before in zip(params, start):
            p.copy_(before)
    return total / o.local_steps


told, usual = [0] * M, [None] * M  # by client: ballots, and the running mean of their magnitudes


def vote(m, g):
    if o.dither > 0:
        scale = torch.stack([piece.abs().mean() for piece in g.split(sizes)])
        if o.scale == "running":
            magnitude = g.abs().mean()
            if usual[m] is None:
                usual[m] = magnitude
            scale = scale * usual[m] / magnitude
            told[m] += 1
            usual[m] = usual[m] + (magnitude - usual[m]) / min(told[m], 10)
        g = g + (torch.rand(N) * 2 - 1) * o.dither * scale[tensor_of]
    return g.sign()


# Server

class Agreement:
    """Pairwise agreement of voters, and mu fitted to it: see docs/algorithm.md."""

    def __init__(self):
        self.sum, self.rounds = torch.zeros(M, M), 0.0
        self.again, self.before = torch.zeros(M), None

    def add(self, votes):
        again = 0 if self.before is None else (votes * self.before).mean(1)
        self.again, self.before = 0.97 * self.again + again, votes
        self.sum = 0.97 * self.sum + votes @ votes.t() / votes.shape[1]
        self.rounds = 0.97 * self.rounds + 1

    def copies(self, mu, trust):
        """How many err as each voter does, itself included: by the correlation of errors that mu leaves."""
        near, spread = 0.3 if o.assume == "honest" else 0.85 - 0.8 * trust, (1 - mu * mu).sqrt()
        rho = ((self.sum / self.rounds - torch.outer(mu, mu)) / torch.outer(spread, spread)).fill_diagonal_(0)
        return 1 + torch.where(rho < -0.9, 1.0, ((rho - near) / (0.9 - near)).clamp(0, 1)).sum(1, keepdim=True)

    def repeated(self, mu):
        """How many times more the errors of each voter come to in carried evidence than if each round drew others."""
        if o.repeats == 0:
            return torch.ones(M, 1)
        a = ((self.again / self.rounds - mu * mu) / (1 - mu * mu)).clamp(min=0)
        usual = 0.3 if o.assume == "honest" else max(0.05, 2 * a.median().item())
        return (1 + (a - usual).clamp(min=0) * 2 * o.carry / (1 - o.carry))[:, None]

    def settle(self, c, off, mu, least):
        """Reweighted least squares from mu; `least`: the scale of a misfit is at least this. Returns mu and what pairs count."""
        mu = mu.clone()
        for _ in range(40):
            before, e = mu.clone(), c - torch.outer(mu, mu)
            s = max(1.4826 * e[off].abs().median(), least) + 0.003
            w = ((1 + (e / (2 * s)) ** 2) ** -2).fill_diagonal_(0)
            for _ in range(5):
                for i in range(M):
                    mu[i] = (w[i] * c[i]) @ mu / (w[i] * mu * mu).sum().clamp(min=1e-9)
                mu = mu.clamp(-.98, .98)
            if (mu - before).abs().max() < 1e-4:
                break
        return mu, w

    def fit(self, block=None, borrowed=0.0):
        """Returns mu, which voters are different, and the trust. As if `borrowed` rounds had been as on the whole block."""
        c, off = self.sum / self.rounds, ~torch.eye(M, dtype=bool)
        if block is not None:
            c = (self.sum + borrowed * block.sum / block.rounds) / (self.rounds + borrowed)
        c.fill_diagonal_(0)
        typical = c[off].abs().median()
        start = torch.linalg.eigh(c.clamp(-typical, typical))[1][:, -1] * (typical * M).sqrt()
        tolerance = o.tolerance or (1 if o.assume == "honest" else 0.25)
        mu, w = self.settle(c, off, start, tolerance * typical)
        if tolerance < 1 and ((w < 0.05) & off).any(1).float().mean() > 0.5:
            mu, w = self.settle(c, off, self.settle(c, off, start, typical)[0], tolerance * typical)
        mu = -mu if mu.sum() < 0 else mu
        e = c - torch.outer(mu, mu)
        r2 = 1 - ((w * e * e).sum() / (w * c * c).sum().clamp(min=1e-9)).item()
        different = ((w < 0.05) & off).any(1)
        if o.assume == "honest":
            different |= mu < -0.25 * mu.abs().median()
        many = different.float().mean() > (0.3 if o.assume == "honest" else 0.5)
        return mu, different, 0.0 if many else min(1.0, max(0.0, (r2 - 0.5) / 0.3))


def weights(t):
    """(M, 1) or (M, N) weights of round t."""
    if o.rule == "it-signsgd" and o.prior == 0:
        if t < o.warmup:
            return torch.ones(M, 1)
        p = (errors + 1e-5) / (t + 2e-5)
        return torch.log((1 - p) / p).clamp(-o.clip, o.clip)
    if o.rule == "majority":
        return torch.ones(M, 1)
    if t == 0:
        return torch.full((M, 1), 3.0 / M)
    if len(section_sizes) == 1:
        return weights_of(agreement, agreement.fit(), errors)
    by_section = [weights_of(part, part.fit(agreement, 1024 / size), e)
                  for part, size, e in zip(parts, section_sizes, errors.split(section_sizes, 1) if counts else [errors] * len(parts))]
    return torch.cat(by_section, 1) if counts else torch.cat(by_section, 1)[:, section_of]


def weights_of(agreement, fit, errors):
    """(M, 1) or (M, n) of one section."""
    mu, different, trust = fit
    q = ((1 - mu) / 2)[:, None]
    w = torch.log((1 - q) / q) if o.rule == "agreement" else torch.log((t - errors + o.prior * (1 - q)) / (errors + o.prior * q))
    w = trust * w + (1 - trust) * w.mean(0, keepdim=True).clamp(min=0.05)
    if o.assume == "honest" and trust > 0:
        mean = w[~different].mean(0, keepdim=True).clamp(min=0.05)
        w = torch.maximum(w, o.floor * mean)
        w[different] = mean.expand_as(w[different])
    w = w / agreement.copies(mu, trust) / agreement.repeated(mu)
    others = w.abs().sum(0, keepdim=True) - w.abs()
    w = torch.where(w.abs() > others, w.sign() * others, w)
    return w * (3.0 / w.abs().sum(0, keepdim=True))


pools, agreement, evidence = partition(), Agreement(), torch.zeros(N)
parts = [Agreement() for _ in section_sizes]
counts = o.rule == "it-signsgd"
errors = torch.zeros(M, N if counts else 1)
kind, number = (o.attack.split(":") + ["0"])[:2]
wrong, half, adam, start = torch.randn(N).sign(), torch.rand(N, generator=torch.Generator().manual_seed(o.seed)) < 0.5, torch.optim.Adam(params, lr=o.step), time.time()
past = []  # the votes of the last rounds
for t in range(o.rounds):
    if o.drift and t == o.rounds // 2:
        BATCH[0], BATCH[-1] = BATCH[-1], BATCH[0]
    grads = [gradient(m) for m in range(M)]
    pooled = sum(b * g for b, g in zip(BATCH, grads)) / sum(BATCH)
    if o.rule == "adam":
        for p, piece in zip(params, pooled.split(sizes)):
            p.grad = piece.view_as(p).clone()
        adam.step()
    else:
        votes = torch.stack([vote(m, g) for m, g in enumerate(grads)])
        if o.fraction > 1:
            votes *= torch.stack([(torch.rand(N // 512 + 1) < 1 / o.fraction).float()[torch.arange(N) // 512] for _ in range(M)])
        if o.flip_probability > 0:
            votes *= torch.where(torch.rand(M, N) < o.flip_probability, -1.0, 1.0)
        for m in range(int(number) if t >= o.attack_from else 0):
            if kind == "flip" or (kind == "half" and rng.rand() < 0.5) or (kind == "turns" and t // 20 % 2): votes[m].neg_()
            if kind == "replay" and past: votes[m] = first[m]
            if kind == "mimic": votes[m] = votes[14]
            if kind == "echo" and past: votes[m] = decision
            if kind == "ones": votes[m] = 1
            if kind == "top": votes[m, grads[m].abs() > grads[m].abs().kthvalue(int(N * 0.9)).values] *= -1
            if kind == "part": votes[m, half] *= -1
            if kind == "last": votes[m, -sum(sizes[-2:]):] *= -1
            if kind == "lie": votes[m] = vote(m, torch.stack(grads[int(number):]).mean(0) - torch.stack(grads[int(number):]).std(0))
            if kind == "alike": votes[M - 1 - m] = wrong * torch.where(torch.rand(N) < 0.125, -1.0, 1.0)
            if kind == "copy": votes[M - 1 - m] = wrong
            if kind == "random": votes[M - 1 - m] = torch.randn(N).sign()
        if not past:
            first = votes.clone()
        past = [votes.clone()] + past[:4]
        for m in range(o.late):
            votes[m] = past[min(m % 4 + 1, len(past) - 1)][m]
        age = torch.tensor([min(m % 4 + 1, len(past) - 1) if m < o.late else 0 for m in range(M)])[:, None]
        late = 0.5 ** age if o.rule == "agreement" else 1.0
        evidence = o.carry * evidence + (pooled if o.rule == "central" else (weights(t) * late * votes).sum(0))
        decision = evidence.sign()
        agreement.add(votes * o.fraction)
        for part, piece in zip(parts, votes.split(section_sizes, 1)):
            part.add(piece * o.fraction)
        if counts:
            errors += ((votes * decision) < 0).float() + 0.5 * ((votes * decision) == 0).float()
        step = o.step * (0.5 * (1 + np.cos(np.pi * t / o.rounds)) if o.schedule == "cosine" else 1)
        with torch.no_grad():
            for p, piece in zip(params, decision.split(sizes)):
                p -= step * piece.view_as(p)
    if t == 0 or (t + 1) % o.test == 0:
        with torch.no_grad():
            right = sum((net(x).argmax(1) == y).sum().item() for x, y in zip(test_x.split(500), test_y.split(500)))
        line = f"round {t + 1}  accuracy {right / len(test_y):.4f}  {time.time() - start:.0f} s"
        if o.rule in ("agreement", "it-signsgd"):
            mu, different, trust = agreement.fit()
            line += f"  trust {trust:.2f}  different {different.sum().item()}  crossover " + " ".join("%.2f" % v for v in (1 - mu) / 2)
        print(line, flush=True)
