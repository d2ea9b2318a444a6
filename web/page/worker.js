// What the page has done in a worker, so that it never freezes: the library, and the runs over all operations.

let activations;
let cancelled = false;
// A trap tells JavaScript nothing; the library writes the reason to the console before.
let complaint = '';
const writeError = console.error;
console.error = (...texts) => {
  complaint = String(texts[0]);
  writeError(...texts);
};

const actions = { start, run, curve, transform };

onmessage = async ({ data: { id, action, ...given } }) => {
  if (action === 'cancel') {
    cancelled = true;
    return;
  }
  try {
    postMessage({ id, result: await actions[action](given) });
  } catch (error) {
    const trapped = error instanceof WebAssembly.RuntimeError && complaint;
    postMessage({ id, error: trapped ? `the library stopped: ${complaint}; load the page again` : String(error.message ?? error) });
  }
};

/** Opens the GPU. */
async function start({ library }) {
  if (!navigator.gpu) {
    throw new Error(
      'This browser offers no WebGPU to pages. Chrome and Edge from 113 on, Safari from 26 on and Firefox from 141 on do; ' +
        'some of them want it switched on, on Linux above all (chrome://flags, "Unsafe WebGPU Support"). ' +
        'A page from a server needs https, or localhost.',
    );
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new Error(
      'This browser has WebGPU and found no GPU to use. Switch on "Use graphics acceleration" in its settings, ' +
        'or look at chrome://gpu for the reason.',
    );
  }
  const packed = await (await fetch(`data:application/octet-stream;base64,${library}`)).blob();
  const stream = packed.stream().pipeThrough(new DecompressionStream('gzip'));
  const module = await WebAssembly.compile(await new Response(stream).arrayBuffer());
  await wasm_bindgen({ module_or_path: module });
  const opened = await wasm_bindgen.Activations.create();
  activations = opened;
  const { vendor, architecture, device, description } = adapter.info;
  const words = [vendor, architecture].filter(Boolean).join(' ');
  return {
    gpu: description || words || device || 'GPU',
    software: Boolean(adapter.info.isFallbackAdapter),
    allows: JSON.parse(opened.describe()),
    operations: JSON.parse(wasm_bindgen.Activations.operations()),
  };
}

/** Milliseconds from one reading of the clock to the next that differs, at worst. */
function clockStep() {
  let step = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    step = Math.max(step, now - start);
  }
  return step;
}

const tell = (part, title, done) => postMessage({ progress: { part, title, done } });
const breathe = () => new Promise(resolve => setTimeout(resolve));

/** Checks operations against the reference, then measures them. */
async function run({ check, bench, host, gpu, memory, samples, rounds }) {
  cancelled = false;
  const checks = [];
  const all = check.ops.flatMap(op => check.dtypes.flatMap(dtype => ['forward', 'backward'].map(pass => ({ op, dtype, pass }))));
  for (const [index, { op, dtype, pass }] of all.entries()) {
    tell('check', `${op} ${pass}, ${dtype}`, index / all.length);
    await breathe();
    if (cancelled) return { checks, cancelled };
    try {
      checks.push(JSON.parse(await activations.check(op, pass, dtype)));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      checks.push({ op, dtype, pass, passed: false, compared: 0, failed: 0, worst_ulp: 0, worst_of_allowed: 0, text: error.message });
    }
  }
  const wanted = {
    ops: bench.ops,
    dtypes: bench.dtypes,
    samples,
    rounds,
    // Two hundred steps of the clock, as far as patience goes.
    min_time_ms: Math.min(50, Math.max(15, 200 * clockStep())),
    memory,
    started: new Date().toISOString().replace(/\.\d+/, ''),
    gpu,
    host,
  };
  const file = await activations.bench(JSON.stringify(wanted), (title, done) => {
    tell('bench', title, done);
    return !cancelled;
  });
  return { checks, file, cancelled };
}

/** A function and its slope at places that lie evenly. */
async function curve({ chain, from, to, count }) {
  const x = Float32Array.from({ length: count }, (_, index) => from + ((to - from) * index) / (count - 1));
  const tensors = [];
  const keep = tensor => (tensors.push(tensor), tensor);
  try {
    const input = keep(activations.upload(x));
    const y = await keep(activations.forward(chain, input)).download();
    const ones = keep(activations.upload(new Float32Array(count).fill(1)));
    const slope = await keep(activations.backward(chain, input, ones)).download();
    return { x, y, slope };
  } finally {
    for (const tensor of tensors) tensor.free();
  }
}

/** Takes elements through a chain, and holds every result against the reference. */
async function transform({ chain, elements, shape }) {
  const start = performance.now();
  const input = activations.upload(elements, Uint32Array.from(shape));
  const tensors = [input];
  try {
    const output = activations.forward(chain, input);
    tensors.push(output);
    const y = await output.download();
    const took = performance.now() - start;
    const report = JSON.parse(await activations.verify(chain, elements, Uint32Array.from(shape)));
    return { y, shape: [...output.shape], took, report };
  } finally {
    for (const tensor of tensors) tensor.free();
  }
}
