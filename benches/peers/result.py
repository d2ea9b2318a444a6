"""What the Python peers share: the cases, their f64 references, the clock's rounds, the result file.

The file follows the schema that `activations compare` and `activations report` read.
"""

import argparse
import dataclasses
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    sys.exit("error: numpy is missing; pip install -r requirements.txt")

SCHEMA = "wgpu-activations/bench/1"
CHANNELS = 1024
COLUMNS = 4096
PIECES = 4
EPSILON = 1e-8
SELU = (1.0507009873554805, 1.6732632423543772)
STRIDE = 17  # every so many elements or rows are compared
MOST_REPEATS = 10_000


class Unsupported(Exception):
    """The peer has no such operation."""


# Cases


@dataclasses.dataclass(frozen=True)
class Case:
    """An operation, its pass and the size of its input."""

    op: str
    pass_name: str
    elements: int

    @property
    def shape(self):
        if self.op in ("prelu", "dice", "maxout"):
            return (self.elements // CHANNELS, CHANNELS)
        if self.op in ("softmax", "log-softmax"):
            return (self.elements // COLUMNS, COLUMNS)
        return (self.elements,)

    @property
    def y_shape(self):
        if self.op == "maxout":
            return (self.elements // CHANNELS, CHANNELS // PIECES)
        return self.shape

    @property
    def moved_bytes(self):
        """Bytes that count: those that the operation must read and write."""
        tensor, y = 4 * self.elements, 4 * math.prod(self.y_shape)
        if self.op == "maxout":
            return tensor + y
        if self.op == "dice":
            return (5 if self.backward else 3) * tensor
        return (3 if self.backward else 2) * tensor

    @property
    def backward(self):
        return self.pass_name == "backward"

    @property
    def working_bytes(self):
        """Bytes of the tensors of one execution."""
        return 4 * (self.elements + math.prod(self.y_shape)) + self.backward * 4 * self.elements


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def gelu_tanh_inner(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def mish_slope(x):
    t = np.tanh(softplus(x))
    return t + x * (1 - t * t) * sigmoid(x)


def gelu_tanh_slope(x):
    t = np.tanh(gelu_tanh_inner(x))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner


def swish_slope(x):
    s = sigmoid(x)
    return s + x * s * (1 - s)


def gelu_slope(x):
    return 0.5 * (1 + erf(x / math.sqrt(2))) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


# Value and slope, in f64.
POINTWISE = {
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "tanh": (np.tanh, lambda x: np.cosh(x) ** -2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
    "leaky-relu": (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01)),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1, np.exp(x))),
    "selu": (
        lambda x: SELU[0] * np.where(x > 0, x, SELU[1] * np.expm1(x)),
        lambda x: SELU[0] * np.where(x > 0, 1, SELU[1] * np.exp(x)),
    ),
    "gelu": (lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), gelu_slope),
    "gelu-tanh": (lambda x: 0.5 * x * (1 + np.tanh(gelu_tanh_inner(x))), gelu_tanh_slope),
    "swish": (lambda x: x * sigmoid(x), swish_slope),
    "softplus": (softplus, sigmoid),
    "mish": (lambda x: x * np.tanh(softplus(x)), mish_slope),
}
OPS = [*POINTWISE, "prelu", "softmax", "log-softmax", "dice", "maxout"]


def numbers(count, seed):
    """f32 in [-8, 8)."""
    words = np.random.default_rng(seed).integers(0, 1 << 24, count, dtype=np.uint32)
    return (words.astype(np.float64) / (1 << 20) - 8).astype(np.float32)


def slopes():
    """The slopes of the channels of prelu and Dice."""
    return ((np.arange(CHANNELS) % 9) / 8).astype(np.float32)


def reference(case, x, upstream):
    """What some of the elements should be, and how far from it they may be: a peer is held to what
    builtin functions are allowed in wgpu-activations."""
    channel_statistics = None
    if case.op == "dice":
        wide = x.astype(np.float64)
        mean, variance = wide.mean(0), wide.var(0)
        channel_statistics = mean, np.sqrt(variance + EPSILON), wide
    x, g = x[::STRIDE].astype(np.float64), upstream[::STRIDE].astype(np.float64)
    if case.op in POINTWISE:
        value, slope = POINTWISE[case.op]
        expected = slope(x) * g if case.backward else value(x)
    elif case.op == "prelu":
        alpha = slopes().astype(np.float64)
        expected = np.where(x > 0, 1, alpha) * g if case.backward else np.where(x > 0, x, alpha * x)
    elif case.op in ("softmax", "log-softmax"):
        log = x - x.max(1, keepdims=True)
        log = log - np.log(np.exp(log).sum(1, keepdims=True))
        y = np.exp(log)
        if case.op == "softmax":
            expected = y * (g - (g * y).sum(1, keepdims=True)) if case.backward else y
        else:
            expected = g - y * g.sum(1, keepdims=True) if case.backward else log
            # Each of the terms of the sum is rounded.
            g = np.abs(g) + y * np.abs(g).sum(1, keepdims=True)
    elif case.op == "dice":
        return dice(case, x, upstream, channel_statistics)
    else:
        groups = x.reshape(len(x), -1, PIECES)
        expected = groups.max(2)
        if case.backward:
            won = np.arange(PIECES) == groups.argmax(2)[..., None]
            expected = (won * g[..., None]).reshape(x.shape)
        return expected, np.zeros_like(expected)
    scale = np.abs(g) if case.backward else 1
    return expected, 1e-5 * scale + 1e-4 * np.abs(expected)


def dice(case, x, upstream, channel_statistics):
    mean, sigma, wide = channel_statistics
    alpha = slopes().astype(np.float64)
    conditioning = 1 + np.abs(mean) / sigma

    def parts(x):
        z = (x - mean) / sigma
        return z, sigmoid(z)

    z, p = parts(x)
    share = p + (1 - p) * alpha
    if not case.backward:
        expected = x * share
        return expected, 1e-5 * conditioning * (1 + np.abs(expected))
    z_all, p_all = parts(wide)
    k_all = upstream * wide * (1 - alpha) * p_all * (1 - p_all)
    g = upstream[::STRIDE].astype(np.float64)
    through = k_all[::STRIDE] - k_all.mean(0) - z * (k_all * z_all).mean(0)
    expected = g * share + through / sigma
    steepest = np.abs(upstream).max()
    return expected, 1e-5 * conditioning**2 * (steepest + np.abs(expected))


def verify(case, x, upstream, found):
    """The comparison of a result with the reference, as the file has it."""
    expected, allowed = reference(case, x, upstream)
    shape = case.shape if case.backward else case.y_shape
    found = np.asarray(found).reshape(shape)[::STRIDE].astype(np.float64)
    error = np.abs(found - expected)
    ulp = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        severity = np.where(error == 0, 0, error / allowed)
    # NaN fails.
    severity = np.nan_to_num(severity, nan=math.inf)
    finite = lambda number: float(number) if math.isfinite(number) else 1e308
    return {
        "compared": int(found.size),
        "failed": int((severity > 1).sum()),
        "worst_ulp": finite(np.nan_to_num(error / ulp, nan=math.inf).max()),
        "worst_of_allowed": finite(severity.max()),
    }


# Times


class Timer:
    """Something that takes so many seconds for so many executions, and what it took so far."""

    def __init__(self, run, clock, least):
        self.run, self.clock, self.repeats, self.rounds_ns = run, clock, 1, []
        for _ in range(3):
            run(1)
        while (taken := run(self.repeats)) < least and self.repeats < MOST_REPEATS:
            # A little more than enough, at most tenfold at once.
            factor = min(10.0, 1.1 * least / max(taken, 1e-9))
            self.repeats = min(MOST_REPEATS, max(self.repeats + 1, math.ceil(self.repeats * factor)))

    def sample(self):
        if self.clock != "host-slope":
            return self.run(self.repeats) / self.repeats * 1e9
        for _ in range(5):
            slope = self.run(2 * self.repeats) - self.run(self.repeats)
            if slope > 0:
                return slope / self.repeats * 1e9
        raise RuntimeError("twice the work took no longer: the clock is too coarse")


def summary(moved_bytes, rounds_ns):
    times = sorted(sum(rounds_ns, []))

    def percentile(share):
        place = share * (len(times) - 1)
        low, high = times[int(place)], times[math.ceil(place)]
        return low + (high - low) * (place % 1)

    median = statistics.median(times)
    return {
        "median_ns": median,
        "p10_ns": percentile(0.1),
        "p90_ns": percentile(0.9),
        "gb_per_s": moved_bytes / median,
        "fraction": None,
    }


# The file


def first_field(path, name, separator):
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return ""
    pairs = (line.partition(separator) for line in lines)
    return next((value.strip().strip('"') for key, _, value in pairs if key.strip() == name), "")


def host():
    memory = first_field("/proc/meminfo", "MemTotal", ":").removesuffix(" kB")
    return {
        "os": first_field("/etc/os-release", "PRETTY_NAME", "=") or platform.system(),
        "kernel": platform.release(),
        "arch": platform.machine(),
        "cpu": first_field("/proc/cpuinfo", "model name", ":") or platform.processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": int(memory or 0) * 1024,
    }


def device(name, adapter, kind, backend, driver, **more):
    """A device of the file."""
    return {
        "name": name,
        "adapter": adapter,
        "type": kind,
        "backend": backend,
        "driver": driver,
        "vendor_id": 0,
        "device_id": 0,
        "pci_bus_id": None,
        "limits": None,
        "features": [],
        "timestamp_period_ns": None,
        **more,
    }


def cpu():
    """The processor as a device."""
    return device("cpu", host()["cpu"], "other", "cpu", f"{os.cpu_count()} threads")


def write(path, run):
    """Writes the file, whole or not at all, with a line per row."""
    rows = ",\n".join(json.dumps(row) for row in run["rows"])
    head = [f"{json.dumps(key)}: {json.dumps(run[key])}" for key in run if key != "rows"]
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write("{\n" + ",\n".join(head) + f',\n"rows": [\n{rows}\n]\n}}\n')
    os.replace(file.name, path)


# The run


def size(text):
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    unit = next((unit for unit in units if text.endswith(unit)), "")
    number = text.removesuffix(unit)
    if not number.isdigit():
        raise argparse.ArgumentTypeError(f"`{text}` is no size; write 64MiB")
    return int(number) * units.get(unit, 1)


def count(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of at least 1")
    return int(text)


def parser(description):
    """The arguments that every peer takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("-o", "--output", required=True, help="result file to write")
    parser.add_argument("--op", action="append", choices=OPS, help="operation, as often as wanted")
    parser.add_argument("--size", type=size, default="64MiB", help="size of the input")
    parser.add_argument("--samples", type=count, default=30, help="samples of each row")
    parser.add_argument("--rounds", type=count, default=5, help="rounds that they are spread over")
    parser.add_argument("--min-time", type=count, default=20, help="ms that a sample should last")
    parser.add_argument(
        "--working-set", type=size, default="256MiB", help="what tensors taken in turn hold at least"
    )
    return parser


def fail(message):
    """Ends the program with one line."""
    sys.exit(f"error: {message}")


class Runner:
    """Prepares, verifies and times every case of a peer.

    The peer has `name`, `version`, `implementation`, `clock`, `device` (see `device`), `passes`, and
    `prepare(case, x, upstream, copies)`, which gives the result's numbers and a function from a
    number of executions to seconds.
    """

    def __init__(self, arguments, peer):
        self.arguments, self.peer = arguments, peer
        if arguments.size == 0 or arguments.size % (4 * COLUMNS):
            fail(f"--size must be a multiple of {4 * COLUMNS // 1024}KiB, a row of softmax")
        elements = arguments.size // 4
        self.x, self.upstream = numbers(elements, 7), numbers(elements, 8)
        self.run = {
            "schema": SCHEMA,
            "program": {"name": peer.name, "version": peer.version, "commit": None},
            "started": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "complete": False,
            "host": host(),
            "settings": {
                "preset": "custom",
                "samples": arguments.samples,
                "rounds": arguments.rounds,
                "min_time_ms": float(arguments.min_time),
                "working_set_bytes": arguments.working_set,
            },
            "devices": [peer.device],
            "rows": [],
        }
        self.timers = []

    def case_list(self):
        for op in self.arguments.op or OPS:
            for name in self.peer.passes:
                yield Case(op, name, self.arguments.size // 4)

    def go(self):
        for case in self.case_list():
            row = self.row(case)
            self.run["rows"].append(row)
            self.timers.append(self.guarded(row, lambda: self.prepare(case, row)))
            print(f"{case.op:12} {case.pass_name:9} {row['status']}", row["message"] or "", file=sys.stderr)
            write(self.arguments.output, self.run)
        per_round = -(-self.arguments.samples // self.arguments.rounds)
        for number in range(1, self.arguments.rounds + 1):
            print(f"round {number} of {self.arguments.rounds}", file=sys.stderr)
            for index, (row, timer) in enumerate(zip(self.run["rows"], self.timers)):
                if timer and not self.guarded(row, lambda: self.sample(row, timer, per_round)):
                    self.timers[index] = None
            self.run["complete"] = number == self.arguments.rounds
            write(self.arguments.output, self.run)
        self.timers.clear()
        self.print()

    def row(self, case):
        return {
            "implementation": self.peer.implementation,
            "device": self.peer.device["name"],
            "kind": "kernel",
            "op": case.op,
            "pass": case.pass_name,
            "dtype": "f32",
            "math": None,
            "shape": list(case.shape),
            "input_bytes": 4 * case.elements,
            "moved_bytes": case.moved_bytes,
            "status": "ok",
            "message": None,
            "accuracy": None,
            "measurement": None,
        }

    def guarded(self, row, work):
        try:
            return work()
        except Unsupported as error:
            row.update(status="unsupported", message=str(error), measurement=None)
        except Exception as error:  # whatever the peer raises ends its row, not the run
            lines = str(error).strip().splitlines() or [type(error).__name__]
            row.update(status="failed", message=lines[0][:500], measurement=None)
        return None

    def prepare(self, case, row):
        copies = max(2, -(-self.arguments.working_set // case.working_bytes))
        x = self.x.reshape(case.shape)
        upstream = self.upstream[: math.prod(case.y_shape)].reshape(case.y_shape)
        found, run = self.peer.prepare(case, x, upstream, copies)
        row["accuracy"] = verify(case, x, upstream, found)
        if row["accuracy"]["failed"]:
            failed, compared = row["accuracy"]["failed"], row["accuracy"]["compared"]
            row.update(status="wrong", message=f"{failed} of {compared} elements outside the tolerance")
            return None
        timer = Timer(run, self.peer.clock, self.arguments.min_time / 1e3)
        timer.working_set_bytes = copies * case.working_bytes
        return timer

    def sample(self, row, timer, samples):
        timer.rounds_ns.append([timer.sample() for _ in range(samples)])
        row["measurement"] = {
            "clock": timer.clock,
            "repeats": timer.repeats,
            "working_set_bytes": timer.working_set_bytes,
            "rounds_ns": timer.rounds_ns,
            "baseline": None,
            "summary": summary(row["moved_bytes"], timer.rounds_ns),
        }
        return True

    def print(self):
        print(f"| op | pass | {self.peer.implementation}, ms | GB/s |\n|---|---|---|---|")
        for row in self.run["rows"]:
            if row["measurement"]:
                numbers = row["measurement"]["summary"]
                cells = f"{numbers['median_ns'] / 1e6:.3f} | {numbers['gb_per_s']:.2f}"
            else:
                cells = f"{row['status']} | -"
            print(f"| {row['op']} | {row['pass']} | {cells} |")
