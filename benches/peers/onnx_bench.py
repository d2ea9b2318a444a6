"""ONNX Runtime's activations as a result file: on its CPU provider, or on its WebGPU provider."""

import os
import platform
import sys
import time

import result
from result import np

try:
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    result.fail(f"ONNX Runtime cannot be loaded; pip install -r requirements.txt ({error})")

PROVIDERS = {"cpu": "CPUExecutionProvider", "webgpu": "WebGpuExecutionProvider"}
OPSET = 20
node = helper.make_node

SINGLE = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky-relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "gelu-tanh": ("Gelu", {"approximate": "tanh"}),
    "softplus": ("Softplus", {}),
    "mish": ("Mish", {}),
    "softmax": ("Softmax", {"axis": 1}),
    "log-softmax": ("LogSoftmax", {"axis": 1}),
}


def dice():
    """Dice in training, of the operations that ONNX has; running statistics are left out."""
    nodes = [
        node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        node("Sub", ["x", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["square"]),
        node("ReduceMean", ["square", "axes"], ["variance"], keepdims=1),
        node("Add", ["variance", "epsilon"], ["shifted"]),
        node("Sqrt", ["shifted"], ["sigma"]),
        node("Div", ["centred", "sigma"], ["z"]),
        node("Sigmoid", ["z"], ["p"]),
        node("Sub", ["one", "p"], ["off"]),
        node("Mul", ["off", "alpha"], ["slope"]),
        node("Add", ["p", "slope"], ["share"]),
        node("Mul", ["x", "share"], ["y"]),
    ]
    constants = {
        "axes": np.array([0], np.int64),
        "epsilon": np.float32(result.EPSILON),
        "one": np.float32(1),
        "alpha": result.slopes(),
    }
    return nodes, constants


def graph(case):
    """The nodes from x to y, and their constants."""
    if case.op in SINGLE:
        name, attributes = SINGLE[case.op]
        return [node(name, ["x"], ["y"], **attributes)], {}
    if case.op == "prelu":
        return [node("PRelu", ["x", "slope"], ["y"])], {"slope": result.slopes()}
    if case.op == "swish":
        return [node("Sigmoid", ["x"], ["p"]), node("Mul", ["x", "p"], ["y"])], {}
    if case.op == "maxout":
        nodes = [
            node("Reshape", ["x", "shape"], ["groups"]),
            node("ReduceMax", ["groups", "axes"], ["y"], keepdims=0),
        ]
        shape = np.array([*case.y_shape, result.PIECES], np.int64)
        return nodes, {"shape": shape, "axes": np.array([2], np.int64)}
    return dice()


def model(nodes, constants, shape, y_shape):
    value = helper.make_tensor_value_info
    constants = [numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()]
    body = helper.make_graph(
        nodes,
        "case",
        [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, y_shape)],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    # Runtimes refuse models of a newer format than theirs; this one has all that is used.
    made = helper.make_model(body, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


class OnnxRuntime:
    name, version, passes = "onnxruntime", ort.__version__, ("forward",)

    def __init__(self, provider, device):
        self.provider, self.device = provider, device
        self.webgpu = provider == "webgpu"
        self.implementation = f"onnxruntime {self.version} ({provider})"
        # A call returns before a GPU is done, and only a read-back waits: its cost falls out.
        self.clock = "host-slope" if self.webgpu else "host"
        self.inputs, self.outputs = {}, {}
        if self.webgpu:
            few = np.zeros(4, np.float32)
            self.marker = self.session([node("Relu", ["x"], ["y"])], {}, few.shape, few.shape)
            self.few = {"x": few}

    def session(self, nodes, constants, shape, y_shape):
        options = ort.SessionOptions()
        options.log_severity_level = 4  # errors are told by exceptions
        # A node that the provider lacks must fail rather than run on the processor.
        if self.webgpu:
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        text = model(nodes, constants, shape, y_shape)
        providers = [PROVIDERS[self.provider]]
        try:
            return ort.InferenceSession(text, options, providers=providers, enable_fallback=0)
        except Exception as error:
            if "assigned to the default CPU EP" in str(error):
                raise result.Unsupported("the WebGPU provider has no such node") from error
            raise

    def wait(self):
        """Reads back what a GPU computes after all that came before."""
        if self.webgpu:
            self.marker.run(None, self.few)

    def prepare(self, case, x, upstream, copies):
        nodes, constants = graph(case)
        session = self.session(nodes, constants, case.shape, case.y_shape)
        bindings = [self.binding(session, case, x, slot) for slot in range(copies)]
        session.run_with_iobinding(bindings[0])
        found = bindings[0].copy_outputs_to_cpu()[0].copy()
        turn = 0

        def run(repeats):
            nonlocal turn
            start = time.perf_counter()
            for _ in range(repeats):
                session.run_with_iobinding(bindings[turn])
                turn = (turn + 1) % copies
            self.wait()
            return time.perf_counter() - start

        return found, run

    def binding(self, session, case, x, slot):
        """Input and output where the provider works, so that no copy is timed; cases of one shape share
        them."""
        binding = session.io_binding()
        key = case.shape, case.y_shape, slot
        if self.webgpu:
            if key not in self.inputs:
                self.inputs[key] = self.on_device(x)
            binding.bind_output("y", "webgpu")
        else:
            if key not in self.inputs:
                self.inputs[key] = ort.OrtValue.ortvalue_from_numpy(x.copy())
                y = ort.OrtValue.ortvalue_from_shape_and_type(list(case.y_shape), np.float32)
                self.outputs[key] = y
            binding.bind_ortvalue_output("y", self.outputs[key])
        binding.bind_ortvalue_input("x", self.inputs[key])
        return binding

    def on_device(self, x):
        """x in the device's memory: the output of a graph that does nothing."""
        identity = self.session([node("Identity", ["x"], ["y"])], {}, x.shape, x.shape)
        binding = identity.io_binding()
        binding.bind_cpu_input("x", x)
        binding.bind_output("y", "webgpu")
        identity.run_with_iobinding(binding)
        return binding.get_outputs()[0]


def webgpu_device(name):
    backend = {"Darwin": "metal", "Windows": "dx12"}.get(platform.system(), "vulkan")
    return result.device(name, "as ONNX Runtime chose", "other", backend, "Dawn")


def main():
    parser = result.parser(__doc__)
    parser.add_argument("--provider", choices=PROVIDERS, default="cpu", help="execution provider")
    parser.add_argument(
        "--device",
        help="with webgpu: what the file calls the device, by its name in `activations devices`; ONNX "
        "Runtime takes the adapter that it likes and does not say which",
    )
    arguments = parser.parse_args()
    wanted = PROVIDERS[arguments.provider]
    if wanted not in ort.get_available_providers():
        result.fail(f"this ONNX Runtime has no {wanted}; pip install onnxruntime-webgpu in its place")
    if arguments.provider == "webgpu" and not arguments.device:
        result.fail("webgpu needs --device NAME: ONNX Runtime does not say which adapter it takes")
    device = webgpu_device(arguments.device) if arguments.device else result.cpu()
    if arguments.provider == "cpu":
        device = result.cpu()
    try:
        peer = OnnxRuntime(arguments.provider, device)
    except Exception as error:
        result.fail(f"{wanted} does not start: {str(error).strip().splitlines()[0]}")
    result.Runner(arguments, peer).go()
    if peer.webgpu:
        # The provider crashes while it is unloaded; everything is written by now.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
