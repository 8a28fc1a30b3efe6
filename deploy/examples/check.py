"""usage: check.py TASK DIRECTORY

Loads what was trained (DIRECTORY/export) into the Python model, and compares with what the observer measured there.
Exits with 1 when the two differ.
"""

import json
import struct
import sys

import numpy
import torch

from tasks import TASKS


def read_safetensors(path):
    """{name: array}; the package `safetensors` does the same."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors


def main():
    task, directory = sys.argv[1:]
    model_class, _, read, loss_of, _, (test_file, _) = TASKS[task]
    model = model_class()
    tensors = read_safetensors(f"{directory}/export/params.safetensors")
    missing, unexpected = model.load_state_dict({k: torch.tensor(v) for k, v in tensors.items()}, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        sys.exit(f"{task}: missing {missing}, unexpected {unexpected}")
    model.eval()
    inputs, targets = read(f"{directory}/{test_file}")
    with torch.no_grad():
        outputs = model(inputs)
        loss = loss_of(outputs, targets).item()
    observed = numpy.load(f"{directory}/export/predictions.npy")
    difference = numpy.abs(outputs.numpy()[: len(observed)] - observed).max()
    with open(f"{directory}/export/evaluation.json") as file:
        evaluation = json.load(file)
    print(f"{task}: round {evaluation['round']}, loss {evaluation['loss']:.5f} by the observer, {loss:.5f} in Python; "
          f"{len(observed)} predictions differ by at most {difference:.2g}")
    if difference > 1e-3 or abs(loss - evaluation["loss"]) > 1e-4 * max(1, abs(loss)):
        sys.exit(f"{task}: Python and the observer do not agree")


main()
