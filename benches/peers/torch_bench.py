"""PyTorch's activations, forward and backward, as a result file: on CUDA where there is a device, else
on the processor."""

import re
import time

import result

try:
    import torch
    import torch.nn.functional as F
except (ImportError, OSError, ValueError) as error:
    result.fail(f"PyTorch cannot be loaded; pip install -r requirements.txt ({str(error).strip()})")

ALPHA = {}


def alpha(x):
    """The slopes of the channels, on the device of x."""
    if x.device not in ALPHA:
        ALPHA[x.device] = torch.from_numpy(result.slopes()).to(x.device).requires_grad_()
    return ALPHA[x.device]


def dice(x):
    """Dice in training, as a module would compute it; running statistics are left out."""
    variance, mean = torch.var_mean(x, dim=0, correction=0)
    p = torch.sigmoid((x - mean) / torch.sqrt(variance + result.EPSILON))
    return x * (p + (1 - p) * alpha(x))


def groups(x):
    return x.view(x.shape[0], -1, result.PIECES)


FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky-relu": lambda x: F.leaky_relu(x, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "swish": F.silu,
    "softplus": F.softplus,
    "mish": F.mish,
    "prelu": lambda x: F.prelu(x, alpha(x)),
    "softmax": lambda x: F.softmax(x, dim=1),
    "log-softmax": lambda x: F.log_softmax(x, dim=1),
    "dice": dice,
    "maxout": lambda x: groups(x).amax(dim=2),
}
# Of equal elements amax shares the gradient out; max gives it to one, as maxout is defined.
BACKWARD = {"maxout": lambda x: groups(x).max(dim=2).values}
WITH_ALPHA = ("prelu", "dice")


class Torch:
    name, version, passes = "torch", torch.__version__, ("forward", "backward")

    def __init__(self, place, compiled):
        self.place, self.compiled = place, compiled
        self.implementation = f"torch {self.version}" + (" (compiled)" if compiled else "")
        cuda = place.type == "cuda"
        self.flat = []  # inputs, which cases share
        self.clock = "device" if cuda else "host"
        self.device = cuda_device(place) if cuda else result.cpu()

    def prepare(self, case, x, upstream, copies):
        function = FUNCTIONS[case.op]
        if case.backward:
            function = BACKWARD.get(case.op, function)
        if self.compiled:
            function = torch.compile(function)
        while len(self.flat) < copies:
            self.flat.append(torch.from_numpy(x.ravel()).to(self.place, copy=True))
        inputs = [flat.view(case.shape) for flat in self.flat[:copies]]
        if case.backward:
            execute = self.gradients(case, function, inputs, upstream)
        else:
            execute = lambda slot: function(inputs[slot])
        with torch.set_grad_enabled(case.backward):
            found = execute(0).detach().cpu().numpy()
        turn = 0

        def run(repeats):
            nonlocal turn
            with torch.set_grad_enabled(case.backward), Clock(self.place) as clock:
                for _ in range(repeats):
                    execute(turn)
                    turn = (turn + 1) % copies
            return clock.seconds

        return found, run

    def gradients(self, case, function, inputs, upstream):
        """The backward pass alone, on graphs that are kept."""
        upstream = torch.from_numpy(upstream).to(self.place)
        parameters = [alpha(inputs[0])] if case.op in WITH_ALPHA else []
        leaves = [x.detach().requires_grad_() for x in inputs]
        graphs = [(function(x), x) for x in leaves]

        def execute(slot):
            y, x = graphs[slot]
            return torch.autograd.grad(y, [x, *parameters], upstream, retain_graph=True)[0]

        return execute


class Clock:
    """CUDA's events on CUDA, else the host's clock."""

    def __init__(self, place):
        self.cuda = place.type == "cuda"

    def __enter__(self):
        if self.cuda:
            self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            torch.cuda.synchronize()
            self.events[0].record()
        else:
            self.start = time.perf_counter()
        return self

    def __exit__(self, *_):
        if self.cuda:
            self.events[1].record()
            torch.cuda.synchronize()
            self.seconds = self.events[0].elapsed_time(self.events[1]) / 1e3
        else:
            self.seconds = time.perf_counter() - self.start


def cuda_device(place):
    facts = torch.cuda.get_device_properties(place)
    slug = "-".join(re.findall(r"[a-z0-9]+", facts.name.lower()))
    bus = [getattr(facts, f"pci_{part}_id", None) for part in ("domain", "bus", "device")]
    return result.device(
        f"{slug}-cuda",
        facts.name,
        "integrated" if getattr(facts, "is_integrated", False) else "discrete",
        "cuda",
        f"CUDA {torch.version.cuda}",
        vendor_id=0x10DE,
        pci_bus_id=None if None in bus else "{:04x}:{:02x}:{:02x}.0".format(*bus),
    )


def main():
    parser = result.parser(__doc__)
    parser.add_argument("--device", help="cpu, cuda or cuda:N; CUDA where there is a device")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    arguments = parser.parse_args()
    wanted = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(wanted)
        torch.zeros(1, device=place)
    except Exception as error:
        result.fail(f"PyTorch has no device {wanted}: {str(error).splitlines()[0]}")
    if place.type not in ("cpu", "cuda"):
        result.fail(f"{wanted} is neither cpu nor cuda")
    result.Runner(arguments, Torch(place, arguments.compile)).go()


if __name__ == "__main__":
    main()
