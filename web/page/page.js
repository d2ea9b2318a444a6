// The page: what a person sees and does. The work is done in a worker (worker.js).

const QUICK = [
  'relu', 'leaky-relu', 'sigmoid', 'tanh', 'gelu', 'swish', 'softplus', 'prelu', 'softmax', 'dice', 'swiglu', 'maxout',
];
/** What a result file begins with. */
const SCHEMA = 'wgpu-activations/bench/1';
const MIB = 1 << 20;

const $ = id => document.getElementById(id);

/** An element with its text and attributes. */
function element(name, text = '', attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// The worker, by questions and answers.

const source = new Blob([$('worker').textContent], { type: 'text/javascript' });
const worker = new Worker(URL.createObjectURL(source));
const waiting = new Map();
let asked = 0;
let onProgress = () => {};

worker.onmessage = ({ data: { id, result, error, progress } }) => {
  if (progress) return onProgress(progress);
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) resolve(result);
  else reject(new Error(error));
};
worker.onerror = event => {
  event.preventDefault();
  for (const { reject } of waiting.values()) reject(new Error(`the worker failed: ${event.message}`));
  waiting.clear();
};

function ask(action, given = {}, moved = []) {
  return new Promise((resolve, reject) => {
    const id = asked++;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, action, ...given }, moved);
  });
}

// Tabs: arrow keys go from one to the next.

const tabs = [...document.querySelectorAll('[role=tab]')];

function show(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute('aria-selected', String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    $(other.getAttribute('aria-controls')).hidden = !chosen;
  }
  if (tab.id === 'tab-curves') drawCurve();
}

for (const [index, tab] of tabs.entries()) {
  tab.onclick = () => show(tab);
  tab.onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    next.focus();
    show(next);
  };
}

// Runs.

let gpu;
let operations = [];
let lastRun;
/** Results: what was kept, what was dropped here, and what this page measured. */
const runs = JSON.parse($('kept').textContent).map(run => ({ run, label: `${run.devices[0].adapter}, ${run.devices[0].backend}` }));

function notice(text, where = $('notes')) {
  where.append(element('p', text, { class: 'notice' }));
}

const isPhone = () => matchMedia('(pointer: coarse)').matches && Math.min(screen.width, screen.height) < 800;

/** What a result file says of the machine. */
function host() {
  const agent = navigator.userAgent;
  const browser = /(Firefox|Edg|Chrome|Version)\/[\d.]+/.exec(agent);
  const system = /\(([^)]*)\)/.exec(agent);
  return {
    os: system ? system[1] : 'unknown',
    kernel: browser ? browser[0].replace('Version', 'Safari') : 'unknown',
    arch: 'wasm32',
    cpu: 'unknown',
    cores: navigator.hardwareConcurrency ?? 0,
    memory_bytes: (navigator.deviceMemory ?? 0) * 1024 * MIB,
  };
}

/** Seconds in words. */
function inWords(seconds) {
  if (seconds < 5) return 'a few seconds';
  return seconds < 90 ? `${Math.ceil(seconds / 5) * 5} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

async function start() {
  try {
    const found = await ask('start', { library: $('library').textContent });
    gpu = found;
    operations = found.operations;
    $('gpu').textContent = `${found.gpu}${found.software ? ', a processor that stands in for a GPU' : ''}: ${operations.length} operations`;
    $('go').disabled = false;
    fillLists();
  } catch (error) {
    $('gpu').textContent = 'No GPU to be used';
    notice(error.message);
  }
}

$('run').onsubmit = async event => {
  event.preventDefault();
  const all = new FormData($('run')).get('much') === 'all';
  const names = operations.map(({ name }) => name);
  const dtypes = all ? ['f32', 'f16', 'bf16'] : ['f32'];
  const began = performance.now();
  let wasHidden = document.hidden;
  const noteHidden = () => (wasHidden ||= document.hidden);
  document.addEventListener('visibilitychange', noteHidden);
  $('notes').replaceChildren();
  $('verdict').textContent = '';
  setBusy(true);
  onProgress = ({ part, title, done }) => {
    // About as long for either part.
    const share = part === 'check' ? done / 2 : 0.5 + done / 2;
    $('bar').value = share;
    const left = ((performance.now() - began) / 1000) * (1 / share - 1);
    const rest = share > 0.03 ? `; about ${inWords(left)} left` : '';
    $('doing').textContent = `${part === 'check' ? 'Checking' : 'Measuring'} ${title}${rest}`;
  };
  try {
    const result = await ask('run', {
      check: { ops: names, dtypes },
      bench: { ops: all ? [] : QUICK, dtypes },
      host: host(),
      gpu: gpu.gpu,
      memory: (isPhone() || gpu.software ? 256 : 512) * MIB,
      samples: all ? 12 : 6,
      rounds: all ? 4 : 2,
    });
    if (wasHidden) notice('The page was hidden for a part of the run, when browsers slow pages down: times may be too long.');
    finish(result);
  } catch (error) {
    notice(error.message);
    $('verdict').textContent = 'The run ended early.';
  } finally {
    document.removeEventListener('visibilitychange', noteHidden);
    setBusy(false);
  }
};

$('cancel').onclick = () => {
  worker.postMessage({ action: 'cancel' });
  $('doing').textContent = 'Ending…';
};

function setBusy(busy) {
  $('go').hidden = busy;
  $('cancel').hidden = !busy;
  $('working').hidden = !busy;
  $('bar').value = 0;
  if (busy) $('cancel').focus();
}

function finish({ checks, file, cancelled }) {
  showChecks(checks);
  if (cancelled && !file) {
    $('verdict').textContent = `Cancelled: ${verdict(checks)}`;
    return;
  }
  lastRun = { run: JSON.parse(file), file, checks };
  const before = runs.findIndex(({ here }) => here);
  if (before >= 0) runs.splice(before, 1);
  runs.unshift({ run: lastRun.run, label: `${gpu.gpu}, here`, here: true });
  const words = verdict(checks, lastRun.run);
  $('verdict').textContent = cancelled ? `Cancelled: ${words}` : words;
  $('verdict').className = `verdict ${isRight(lastRun) ? 'good' : 'bad'}`;
  const failed = lastRun.run.rows.filter(({ status }) => !['ok', 'unsupported'].includes(status));
  for (const { op, pass, message } of failed) notice(`${op} ${pass}: ${message}`);
  $('results').hidden = false;
  drawSpeeds();
  drawBeside();
}

const isRight = ({ checks, run }) => checks.every(({ passed }) => passed) && run.rows.every(({ status }) => status === 'ok' || status === 'unsupported');

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : undefined;
}

/** What came out, in a sentence. */
function verdict(checks, run) {
  const ops = new Set(checks.map(({ op }) => op));
  const wrong = new Set(checks.filter(({ passed }) => !passed).map(({ op }) => op));
  const right = `${ops.size - wrong.size} of ${ops.size} operations right`;
  const fractions = (run?.rows ?? []).map(({ measurement }) => measurement?.summary.fraction).filter(Number.isFinite);
  const half = median(fractions);
  const speed = half === undefined ? '' : `; ${half.toFixed(2)} of this GPU's memory speed, in the median`;
  return `${right}${wrong.size ? ` (wrong: ${[...wrong].join(', ')})` : ''}${speed}.`;
}

/** A number; JSON has none that is infinite. */
const shown = (number, digits) => (number === null ? '∞' : number.toPrecision(digits));

function showChecks(checks) {
  const head = element('tr');
  for (const [name, isNumber] of [['Operation'], ['Direction'], ['Type'], ['Worst, ULP', 1], ['Of allowed', 1], ['Compared', 1]]) {
    head.append(element('th', name, { scope: 'col', class: isNumber ? 'number' : '' }));
  }
  const rows = checks.map(check => {
    const row = element('tr', '', { class: check.passed ? '' : 'bad' });
    row.append(element('th', check.op, { scope: 'row' }), element('td', check.pass), element('td', check.dtype));
    const numbers = check.compared
      ? [shown(check.worst_ulp, 3), shown(check.worst_of_allowed, 2), check.compared.toLocaleString('en')]
      : ['failed', check.text, ''];
    for (const number of numbers) row.append(element('td', number, { class: 'number' }));
    return row;
  });
  const [thead, tbody] = [element('thead'), element('tbody')];
  thead.append(head);
  tbody.append(...rows);
  $('checks').replaceChildren(thead, tbody);
  $('accuracy').hidden = false;
  $('accuracy').open = checks.some(({ passed }) => !passed);
}

// Bars.

/** A list of bars: name, number, its text, and whether it is of this page. */
function bars(rows) {
  const most = Math.max(...rows.map(({ value }) => value));
  const list = element('dl', '', { class: 'bars' });
  for (const { name, value, text, here } of rows) {
    const fill = element('span', '', { class: here ? 'fill here' : 'fill' });
    fill.style.width = `${(100 * value) / most}%`;
    const track = element('span', '', { class: 'track', 'aria-hidden': 'true' });
    track.append(fill);
    const bar = element('dd');
    bar.append(track, element('span', text));
    list.append(element('dt', name), bar);
  }
  return list;
}

function drawSpeeds() {
  if (!lastRun) return;
  const pass = $('direction').value;
  const rows = lastRun.run.rows.filter(row => row.kind === 'kernel' && row.pass === pass && row.dtype === 'f32' && row.measurement);
  const shown = rows.map(({ op, measurement: { summary } }) => ({
    name: op,
    value: summary.fraction,
    text: `${summary.fraction.toFixed(2)}, ${rounded(summary.gb_per_s)} GB/s`,
    here: true,
  }));
  shown.sort((a, b) => b.value - a.value);
  $('speeds').replaceChildren(shown.length ? bars(shown) : element('p', 'Nothing was measured.'));
}

$('direction').onchange = drawSpeeds;

const rounded = number => (number < 10 ? number.toFixed(1) : Math.round(number).toLocaleString('en'));

/** The operation that is chosen, on all devices. */
function drawBeside() {
  const [op, pass] = $('op').value.split(' ');
  const rows = runs.flatMap(({ run, label, here }) => {
    const row = run.rows.find(
      row => row.op === op && row.pass === pass && row.dtype === 'f32' && row.math !== 'native' && row.measurement,
    );
    const value = row?.measurement.summary.gb_per_s;
    return row ? [{ name: label, value, text: `${rounded(value)} GB/s`, here }] : [];
  });
  rows.sort((a, b) => b.value - a.value);
  $('beside').replaceChildren(rows.length ? bars(rows) : element('p', 'No device has measured it yet.'));
}

$('op').onchange = drawBeside;

// Files of results, in and out.

function saveAs(name, content, type) {
  const link = element('a', '', { download: name, href: URL.createObjectURL(new Blob([content], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

$('save').onclick = () => saveAs(`${lastRun.run.devices[0].name}.json`, lastRun.file, 'application/json');

$('copy').onclick = async () => {
  const summary = `${gpu.gpu} (${host().kernel}): ${verdict(lastRun.checks, lastRun.run)}`;
  try {
    await navigator.clipboard.writeText(summary);
    $('copy').textContent = 'Copied';
  } catch {
    notice(summary);
  }
};

async function addResults(files) {
  for (const file of files) {
    try {
      const run = JSON.parse(await file.text());
      if (run.schema !== SCHEMA) throw new Error(`it is no result file of this version (${SCHEMA})`);
      const label = `${run.devices[0]?.adapter ?? 'device'}, ${file.name}`;
      runs.push({ run, label });
    } catch (error) {
      notice(`${file.name} was not added: ${error.message}`);
    }
  }
  fillBeside();
}

$('add').onchange = () => addResults($('add').files);

document.addEventListener('dragover', event => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
document.addEventListener('dragleave', () => document.body.classList.remove('dropping'));
document.addEventListener('drop', event => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const files = [...event.dataTransfer.files];
  const [results, arrays] = [files.filter(({ name }) => name.endsWith('.json')), files.filter(({ name }) => !name.endsWith('.json'))];
  if (results.length) addResults(results);
  if (arrays.length) {
    show($('tab-files'));
    transform(arrays[0]);
  }
});

function options(list, names) {
  const chosen = list.value;
  list.replaceChildren(...names.map(name => element('option', name)));
  if (names.includes(chosen)) list.value = chosen;
}

/** All that was measured anywhere. */
function fillBeside() {
  const rows = runs.flatMap(({ run }) => run.rows).filter(({ kind, dtype }) => dtype === 'f32' && (kind === 'kernel' || kind === 'baseline'));
  options($('op'), [...new Set(rows.map(({ op, pass }) => (pass === '-' ? `${op} -` : `${op} ${pass}`)))]);
  drawBeside();
}

function fillLists() {
  options($('activation'), operations.filter(({ pointwise }) => pointwise).map(({ name }) => name));
  $('activation').value = 'gelu';
  fillParameters();
}

// Curves.

function fillParameters() {
  const { parameters } = operations.find(({ name }) => name === $('activation').value);
  // An axis is for parameters per channel, which a curve has none of.
  const inputs = parameters.filter(({ name }) => name !== 'axis').map(({ name, default: value, rule }) => {
    const label = element('label', `${name} `, { title: rule });
    const input = element('input', '', { type: 'number', step: 'any', name, value: value ?? '' });
    input.oninput = drawCurve;
    label.append(input);
    return label;
  });
  $('parameters').replaceChildren(...inputs);
}

$('activation').onchange = () => {
  fillParameters();
  drawCurve();
};

const [WIDTH, HEIGHT, FROM, TO] = [480, 300, -5, 5];

function svg(name, attributes, text = '') {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

async function drawCurve() {
  if (!operations.length) return;
  const operation = operations.find(({ name }) => name === $('activation').value);
  const given = [...$('parameters').querySelectorAll('input')].filter(({ value }) => value !== '');
  const text = given.map(({ name, value }) => `${name}=${value}`).join(', ');
  const chain = text ? `${operation.name}(${text})` : operation.name;
  $('formula').textContent = `${operation.title}: ${operation.formula}; its slope: ${operation.slope}`;
  try {
    const { x, y, slope } = await ask('curve', { chain, from: FROM, to: TO, count: 801 });
    $('curve-error').textContent = '';
    $('curve').replaceChildren(curvePicture(chain, x, [['b', slope], ['a', y]]));
  } catch (error) {
    $('curve-error').textContent = error.message;
  }
}

function curvePicture(name, x, curves) {
  const all = curves.flatMap(([, values]) => [...values]).filter(Number.isFinite);
  const low = Math.max(-6, Math.min(-1, ...all));
  const high = Math.min(6, Math.max(1, ...all));
  const across = value => 36 + ((value - FROM) / (TO - FROM)) * (WIDTH - 48);
  const down = value => 12 + ((high - value) / (high - low)) * (HEIGHT - 40);
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${name} and its slope from ${FROM} to ${TO}` });
  for (let tick = FROM; tick <= TO; tick++) {
    picture.append(svg('line', { class: tick ? 'grid' : 'axis', x1: across(tick), x2: across(tick), y1: down(high), y2: down(low) }));
    picture.append(svg('text', { x: across(tick), y: HEIGHT - 6, 'text-anchor': 'middle' }, String(tick)));
  }
  for (let tick = Math.ceil(low); tick <= high; tick++) {
    picture.append(svg('line', { class: tick ? 'grid' : 'axis', x1: across(FROM), x2: across(TO), y1: down(tick), y2: down(tick) }));
    picture.append(svg('text', { x: 28, y: down(tick) + 4, 'text-anchor': 'end' }, String(tick)));
  }
  for (const [kind, values] of curves) {
    let path = '';
    values.forEach((value, index) => {
      const isShown = value >= low - 1e-6 && value <= high + 1e-6;
      // A jump is no line.
      const follows = path && !path.endsWith('|') && Math.abs(value - values[index - 1]) < 0.25;
      if (!isShown) path += path && !path.endsWith('|') ? '|' : '';
      else path += `${follows ? 'L' : 'M'}${across(x[index]).toFixed(1)} ${down(value).toFixed(1)}`;
    });
    picture.append(svg('path', { class: kind, d: path.replaceAll('|', '') }));
  }
  return picture;
}

// Arrays in files.

/** The array of a .npy file: shape and elements. */
function readNpy(buffer) {
  const view = new DataView(buffer);
  const isLong = view.getUint8(6) > 1;
  const start = isLong ? 12 : 10;
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder().decode(new Uint8Array(buffer, start, length));
  if (!/'descr':\s*'<f4'/.test(header)) throw new Error('its elements are not f32, little-endian');
  if (!/'fortran_order':\s*False/.test(header)) throw new Error('it is in Fortran order');
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)[1].split(',').filter(axis => axis.trim()).map(Number);
  return { shape, elements: new Float32Array(buffer.slice(start + length)) };
}

/** The first f32 tensor of a .safetensors file. */
function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const tensors = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const found = Object.entries(tensors).find(([name, { dtype }]) => name !== '__metadata__' && dtype === 'F32');
  if (!found) throw new Error('it holds no f32 tensor');
  const [, { shape, data_offsets: [from, to] }] = found;
  return { shape, elements: new Float32Array(buffer.slice(8 + length + from, 8 + length + to)) };
}

function writeNpy(shape, elements) {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${axes}), }`;
  header += ' '.repeat(63 - ((10 + header.length) % 64)) + '\n';
  const start = new Uint8Array([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return new Blob([start, header, elements]);
}

async function transform(file) {
  const said = $('transformed');
  said.className = '';
  said.textContent = `Reading ${file.name}…`;
  try {
    const buffer = await file.arrayBuffer();
    const { shape, elements } = file.name.endsWith('.npy') ? readNpy(buffer) : readSafetensors(buffer);
    const chain = $('chain').value;
    const done = await ask('transform', { chain, elements, shape });
    const { compared, passed, text } = done.report;
    if (!passed) throw new Error(`the result is wrong: ${text}`);
    said.textContent = `${compared.toLocaleString('en')} results in ${done.took.toFixed(0)} ms, each compared with the reference and right. `;
    const save = element('button', 'Save the result');
    const name = file.name.replace(/\.\w+$/, '');
    save.onclick = () => saveAs(`${name}-result.npy`, writeNpy(done.shape, done.y), 'application/octet-stream');
    said.append(save);
  } catch (error) {
    said.className = 'bad';
    said.textContent = `${file.name}: ${error.message}`;
  }
}

$('array').onchange = () => {
  const [file] = $('array').files;
  if (file) transform(file);
};

fillBeside();
start();
