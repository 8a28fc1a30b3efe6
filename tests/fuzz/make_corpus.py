#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets to tests/fuzz/corpus; what fuzzing found lies beside them."""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(target, name, data):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors():
    entry = '"%s":{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}'
    two = "{" + entry % ("a", "[2,3]", 0, 24) + "," + entry % ("b", "[]", 24, 28) + "}"
    write("fuzz_safetensors", "two", b"\x00\x1c" + two.encode())
    write("fuzz_safetensors", "metadata", b'\x00\x00{"__metadata__":{"run":"r","round":"1"}}')
    write("fuzz_safetensors", "empty_tensor", b"\x00\x00{" + (entry % ("e", "[0,5]", 0, 0)).encode() + b"}")
    write("fuzz_safetensors", "gap", b"\x00\x08{" + (entry % ("a", "[1]", 4, 8)).encode() + b"}")
    write("fuzz_safetensors", "huge_shape", b"\x00\x00{" + (entry % ("a", "[4294967296,4294967296]", 0, 0)).encode() + b"}")
    write("fuzz_safetensors", "raw", b"\x01" + struct.pack("<Q", 2) + b"{}")
    write("fuzz_safetensors", "lying_length", b"\x01" + struct.pack("<Q", 1 << 60) + b"{}")


def signs():
    def seed(coordinates, how, rest, signs_coding=0, zeros_coding=0):
        previous = bytes(8 * ((coordinates + 63) // 64)) if how & 1 else b""
        return struct.pack("<HB", coordinates - 1, how) + previous + bytes([signs_coding, zeros_coding]) + rest

    write("fuzz_signs", "plain", seed(64, 2, b"\xff" * 8))
    write("fuzz_signs", "short_word", seed(70, 2, b"\xff" * 8 + b"\x3f" + bytes(7)))
    write("fuzz_signs", "beyond_the_end", seed(70, 2, b"\xff" * 16))
    write("fuzz_signs", "zeros", seed(64, 6, bytes(4) + b"\xff" * 4 + b"\xff" * 4 + bytes(4)))
    write("fuzz_signs", "sign_under_zero", seed(64, 6, b"\xff" * 16))
    write("fuzz_signs", "zstd", seed(640, 2 + 4 + 8 + 16, bytes(160), 1, 1))
    write("fuzz_signs", "difference", seed(640, 1 + 2 + 8, bytes(80), 2, 0))
    write("fuzz_signs", "difference_from_nothing", seed(640, 2 + 8, bytes(80), 2, 0))
    write("fuzz_signs", "wrong_length", seed(64, 0, b"\x03abc"))


def config():
    server = "model: m\ndirectory: d\n"
    write("fuzz_config", "server", b"\x00" + server.encode())
    write("fuzz_config", "server_all", b"\x00" + (server + "rule: it-signsgd\ncarry: 0.5\nfraction: 1/4\n"
          "it-signsgd:\n  counter_bits: 8\n  forget: 0.99\nstep: {size: 1e-3, schedule: cosine}\n"
          "rounds: {total: 9, quorum: 2, deadline: 1m30s}\nlabels: {mode: 4}\n").encode())
    write("fuzz_config", "override", b"\x02\x10rounds.total=100" + server.encode())
    write("fuzz_config", "client", b"\x01server: localhost:7400\nname: a\nbatch: 4\ndata: {format: digits, partition: iid}\n")
    write("fuzz_config", "alias_in_itself", b"\x00model: &a [*a]\n")
    write("fuzz_config", "deep", b"\x00" + b"[" * 400)
    write("fuzz_config", "twice", b"\x00model: a\nmodel: b\n")
    write("fuzz_config", "stray_comma", b"\x00,,,")
    write("fuzz_config", "no_yaml", b"\x00model: [\n\t- }")


def journal():
    def damaged(fixed, file, *edits):
        return bytes([0, fixed, file, len(edits) - 1]) + b"".join(
            struct.pack("<IB", at, len(text)) + text + bytes([kind]) for at, text, kind in edits)

    for file in range(5):
        write("fuzz_journal", f"flip_{file}", damaged(0, file, (40, b"\xff", 0)))
        write("fuzz_journal", f"cut_{file}", damaged(0, file, (100, b"", 2)))
    write("fuzz_journal", "noise_behind_checksums", damaged(1, 0, (60, b"\xff\xff", 0), (5000, b"\x08", 0)))
    write("fuzz_journal", "segment", b"\x02" + struct.pack("<H", 9000) + b"\x00" * 64)
    write("fuzz_journal", "learnt", b"\x03\x00\x01\x00" + struct.pack("<IB", 9, 2) + b"\xff\xff\x00")
    write("fuzz_journal", "clients", b"\x03\x01\x01\x00" + struct.pack("<IB", 3, 1) + b"\x7f\x00")
    write("fuzz_journal", "learnt_raw", b"\x03\x00\x00" + b"\xff" * 40)


# The draws of FederationDriver, in its order.
def options(rule=0, carry=0, total=5, quorum=0, stale=0, electorate=(1,), early=1, fraction=0, checkpoints=0, size=0):
    return bytes([rule, carry, 0, 0, total, quorum, stale, *electorate, early, fraction, checkpoints, size])


def join(name, role=1):  # of the step that opens and joins
    return bytes([0, 1]) + fields(name, role)


def fields(name, role=1):
    return bytes([name, 0, 0, role - 1, 4, 0, 0, 0, 0])


def federation():
    work, tick, later, all_vote = b"\x00\x07\x00", b"\x00\x05", b"\x00\x06\x0a", b"\x00\x09"
    read = b"\x00\x03\x00\x00\x03\x01"
    two = join(0) + join(1)
    write("fuzz_federation", "rounds", options() + two + (all_vote + b"\x01\x01" + work + read) * 5)
    write("fuzz_federation", "agreement", options(rule=1, carry=1) + two + join(2) + join(3) +
          (all_vote + b"\x01\x00\x01\x00" + work) * 4 + read)
    write("fuzz_federation", "it_signsgd", options(rule=2, fraction=3) + two + (all_vote + b"\x01\x00" + work) * 3 + read)
    write("fuzz_federation", "observer", options() + join(0) + join(1, 2) + all_vote + b"\x01\x01" + work + read)
    write("fuzz_federation", "disk_full", options() + two + b"\x00\x08" + all_vote + b"\x01\x01" + work + tick +
          b"\x00\x08" + later + work + read)
    write("fuzz_federation", "takeover", options() + join(0) + join(0) + all_vote + b"\x01\x01" + work + read)
    write("fuzz_federation", "late", options(stale=2, quorum=0) + two + later + (all_vote + b"\x01\x01" + work) * 3 + read)
    write("fuzz_federation", "raw_message", options() + join(0) + b"\x00\x0b\x00\x04\x04\x12\x02\x08\x01\x00")
    write("fuzz_federation", "evicted", options() + two + b"\x07\x03\x01\x01" + all_vote + b"\x01\x01" + work + read)
    write("fuzz_federation", "readmitted_votes_again", options(quorum=1) + join(0) + all_vote + b"\x01" + work +
          b"\x07\x03\x00\x01" + b"\x00\x02\x00" + b"\x07\x03\x00\x00" + join(0) + all_vote + b"\x00" + work +
          join(1) + all_vote + b"\x00\x00" + work)
    write("fuzz_federation", "checkpoints", options(checkpoints=1) + two + (all_vote + b"\x01\x01" + b"\x00\x07\x01") * 3)
    write("fuzz_federation", "two_blocks", options(size=7) + two + b"\x00\x0b\x00\x07" * 4 + work + read)
    write("fuzz_admin", "all", options() + two + b"".join(bytes([call, 0]) for call in range(9)))
    write("fuzz_admin", "step", options() + b"\x05\x05\x0d" + struct.pack("<f", 0.5) + b"\x05\x05\x0d" + struct.pack("<f", -1))
    write("fuzz_admin", "evict", options() + b"\x0b\x01" + fields(0) + b"\x06\x03\x0a\x01a\x02\x03\x0a\x01a\x07\x03\x0a\x01a")


if __name__ == "__main__":
    for make in (safetensors, signs, config, journal, federation):
        make()
