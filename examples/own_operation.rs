//! An operation of your own, whose elements depend on each other: RMS normalisation of rows. It runs on tensors, in
//! chains, on host data in chunks, and is checked as the library's own are:
//! `cargo run --release --features check --example own_operation`

#![allow(clippy::print_stdout)]

use std::{error::Error, fmt};

use wgpu_activations::{
    Activation, Chain, ElementType, Family, Gpu, Math, Offload, Operation, Result, Tensor, View,
    accuracy::bound::Bound,
    arguments, check,
    family::{
        Arguments, Benchmark, Case, Cut, Default, Entry, Parameter, Pass, SHAPES, Saved, Sheet,
        Traffic, Value, everyday,
    },
    gpu::{Binding, Kernel},
    kernel::recorder::Recorder,
    wgsl::{self, Arguments as _, Shader, Vectors},
};

/// y = x / sqrt(mean(x^2) + epsilon), the mean over the row along an axis.
#[derive(Debug, Clone)]
struct RmsNorm {
    axis: i64,
    epsilon: f32,
}

const EPSILON: f32 = 1e-5;

arguments! {
    /// What the kernels take.
    struct RowArguments {
        /// Rows.
        rows: u32,
        /// Elements of a row.
        extent: u32,
        /// Elements from one of a row to the next.
        inner: u32,
        /// Elements of the tensor.
        length: u32,
        /// Added to the mean square.
        epsilon: f32,
    }
}

/// Elements that are summed before their sum is added to the row's, so that rounding errors stay few.
const BLOCK: usize = 64;

/// Two dispatches: `measure` takes a row per thread, `forward` and `backward` a vector of four elements. A tensor's
/// elements are vectors in memory, `Packed`, whatever their type.
const KERNELS: &str = "
const BLOCK: u32 = 64u;
override WORKGROUP: u32;

@group(0) @binding(0) var<storage, read> x: array<Packed>;
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec2<f32>>; // [rows]
@group(0) @binding(3) var<storage, read_write> output: array<Packed>;

struct Place {
    @builtin(global_invocation_id) thread: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
}

// Workgroups fold into two dimensions past 65,535.
fn number(place: Place) -> u32 {
    return place.thread.y * place.workgroups.x * WORKGROUP + place.thread.x;
}

// Of each row 1 / sqrt(mean(x^2) + epsilon), and mean(x upstream).
@compute @workgroup_size(WORKGROUP)
fn measure(place: Place) {
    let row = number(place);
    if row >= arguments.rows { return; }
    let first = row / arguments.inner * arguments.extent * arguments.inner + row % arguments.inner;
    var sums = vec2<f32>(0.0);
    for (var start = 0u; start < arguments.extent; start += BLOCK) {
        var part = vec2<f32>(0.0);
        for (var i = start; i < min(start + BLOCK, arguments.extent); i++) {
            let element = first + i * arguments.inner;
            let lane = unpack(x[element / 4u])[element % 4u];
            part += lane * vec2<f32>(lane, unpack(upstream[element / 4u])[element % 4u]);
        }
        sums += part;
    }
    let means = sums / f32(arguments.extent);
    statistics[row] = vec2<f32>(inverseSqrt(means.x + arguments.epsilon), means.y);
}

fn statistics_at(element: u32) -> vec2<f32> {
    let outer = element / (arguments.extent * arguments.inner);
    return statistics[outer * arguments.inner + element % arguments.inner];
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let vector = number(place);
    if vector * 4u >= arguments.length { return; }
    let lanes = unpack(x[vector]);
    // What lies behind the last element stays as it is.
    var y = unpack(output[vector]);
    for (var i = 0u; i < min(4u, arguments.length - vector * 4u); i++) {
        y[i] = lanes[i] * statistics_at(vector * 4u + i).x;
    }
    output[vector] = pack(y);
}

@compute @workgroup_size(WORKGROUP)
fn backward(place: Place) {
    let vector = number(place);
    if vector * 4u >= arguments.length { return; }
    let lanes = unpack(x[vector]);
    let g = unpack(upstream[vector]);
    var dx = unpack(output[vector]);
    for (var i = 0u; i < min(4u, arguments.length - vector * 4u); i++) {
        let row = statistics_at(vector * 4u + i);
        dx[i] = row.x * (g[i] - lanes[i] * row.x * (row.x * row.y));
    }
    output[vector] = pack(dx);
}
";

/// The tensors that they have.
const BINDINGS: &[Binding] = &[
    Binding::Read(0),
    Binding::Read(1),
    Binding::Write(2),
    Binding::Write(3),
];

fn shader(vectors: Vectors) -> Shader {
    let own = Shader::from(RowArguments::WGSL).and(KERNELS.into());
    own.and(wgsl::elements(vectors))
}

impl RmsNorm {
    /// Records both dispatches; `entry_point` is that of the second.
    fn record(
        &self,
        recorder: &mut Recorder<'_>,
        [x, upstream, output]: [&Tensor; 3],
        entry_point: &'static str,
    ) -> Result<()> {
        if x.is_empty() {
            return Ok(());
        }
        let gpu = x.gpu();
        let View {
            outer,
            extent,
            inner,
        } = x.view(self.axis)?;
        let rows = outer * inner;
        let arguments = RowArguments {
            rows: rows as u32,
            extent: extent as u32,
            inner: inner as u32,
            length: x.len() as u32,
            epsilon: self.epsilon,
        };
        let shader = shader(gpu.tuning().vectors(x.element()));
        let statistics = recorder.allocate(gpu, [rows, 2], ElementType::F32)?;
        let tensors = [(0, x), (1, upstream), (2, &statistics), (3, output)];
        for (entry_point, threads) in [("measure", rows), (entry_point, x.len().div_ceil(4))] {
            let kernel = Kernel::new(shader.clone(), entry_point, BINDINGS, gpu.workgroup(64));
            let groups = kernel.groups(threads as u64);
            recorder.dispatch(&kernel, &tensors, &arguments, groups)?;
        }
        recorder.done_with(statistics);
        Ok(())
    }

    /// A row's statistics in f64.
    fn statistics(&self, x: &[f64]) -> Statistics {
        let len = x.len() as f64;
        let square = x.iter().map(|x| x * x).sum::<f64>() / len;
        Statistics {
            factor: 1.0 / (square + f64::from(self.epsilon)).sqrt(),
            // A rounding for each of the additions that a square goes through at most, and some more.
            error: (BLOCK + x.len() / BLOCK + 16) as f64 * f64::from(f32::EPSILON) / 2.0,
        }
    }
}

struct Statistics {
    /// 1 / sqrt(mean(x^2) + epsilon).
    factor: f64,
    /// What it may be off by in f32, relative to itself.
    error: f64,
}

impl Operation for RmsNorm {
    fn name(&self) -> &str {
        "rms-norm"
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        View::of(shape, self.axis)?;
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder, [x[0], x[0], y], "forward")?;
        Ok(Saved::NOTHING)
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        _: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        _: bool,
    ) -> Result<Vec<Tensor>> {
        self.record(recorder, [x[0], upstream, dx[0]], "backward")?;
        Ok(Vec::new())
    }

    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    // Chunks of whole rows.
    fn cut(&self) -> Cut {
        Cut::WholeAxis
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let of_row = |x: &[f64]| -> Vec<Bound> {
            let Statistics { factor, error } = self.statistics(x);
            x.iter()
                .map(|x| bound(x * factor, error * (x * factor).abs()))
                .collect()
        };
        sheet.rows().flat_map(of_row).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let rows = sheet
            .rows()
            .zip(upstream.chunks_exact(sheet.places.len().max(1)));
        let of_row = |(x, g): (&[f64], &[f64])| -> Vec<Bound> {
            let Statistics { factor, error } = self.statistics(x);
            let len = x.len() as f64;
            let terms = || x.iter().zip(g).map(|(x, g)| x * g / len);
            let mean: f64 = terms().sum();
            let magnitude: f64 = terms().map(f64::abs).sum();
            x.iter()
                .zip(g)
                .map(|(x, g)| {
                    let through_mean = |mean: f64| x * factor.powi(3) * mean;
                    let dx = factor * g - through_mean(mean);
                    let most = (factor * g).abs() + through_mean(magnitude).abs();
                    bound(dx, 4.0 * error * most)
                })
                .collect()
        };
        vec![rows.flat_map(of_row).collect()]
    }
}

/// With room for what an adapter flushes.
fn bound(expected: f64, allowed: f64) -> Bound {
    Bound {
        expected,
        allowed: allowed + f64::from(f32::MIN_POSITIVE),
    }
}

/// What parses to it again.
impl fmt::Display for RmsNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rms-norm(epsilon={}, axis={})", self.epsilon, self.axis)
    }
}

/// The name under which it is found, and what checks and benchmarks try.
struct RmsNorms;

const PARAMETERS: &[Parameter] = &[
    Parameter::AXIS,
    Parameter {
        name: "epsilon",
        default: Default::Number(EPSILON),
        rule: "a finite number > 0",
        description: "added to the mean square",
    },
];

impl Family for RmsNorms {
    fn entry(&self) -> Entry {
        Entry {
            name: "rms-norm",
            aliases: &[],
            title: "RMS normalisation",
            formula: "x r, r = 1 / sqrt(mean(x^2) + epsilon)",
            slope_formula: "r (g - x r^2 mean(x g))",
            parameters: PARAMETERS.into(),
            special_values: &[],
            notes: &[],
            paper: None,
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let rule = "a finite number > 0";
        let epsilon = arguments.number("epsilon", rule)?.unwrap_or(EPSILON);
        if !(epsilon.is_finite() && epsilon > 0.0) {
            return Err(arguments.error(format!("epsilon={epsilon}"), rule));
        }
        let axis = arguments.axis(-1)?;
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(RmsNorm { axis, epsilon }))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        "the roundings of the row's sums".to_owned()
    }

    /// Rows of every kind of length, along every axis: of everyday numbers, of large ones, of zeros.
    fn cases(&self, _: ElementType) -> Vec<Case> {
        let case = |(shape, axis): (&[usize], i64)| {
            let mut x = everyday(shape.iter().product(), 1);
            let len = x.len();
            x[len / 3..len / 2].iter_mut().for_each(|x| *x *= 1000.0);
            x[len / 2..].iter_mut().skip(len / 4).for_each(|x| *x = 0.0);
            let norm = RmsNorm {
                axis,
                epsilon: EPSILON,
            };
            Case::new(norm, shape, x)
        };
        SHAPES.into_iter().map(case).collect()
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Box::new(RmsNorm {
                axis: -1,
                epsilon: EPSILON,
            }),
            columns: Some(1024),
            forward: Traffic::COPY,
            backward: Traffic::ADD,
            parameters: false,
            takes_math: false,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, _: Math) -> Vec<(String, Shader)> {
        vec![("rms-norm".to_owned(), shader(vectors))]
    }
}

const ROWS: usize = 300;
const COLUMNS: usize = 130;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    let mut given = Arguments::new("rms-norm");
    given.add("epsilon", Value::Text("0.001".to_owned()))?;
    let norm = Chain::new(RmsNorms.parse(given)?);
    let host: Vec<f32> = (0..ROWS * COLUMNS)
        .map(|index| (index % 2001) as f32 / 200.0 - 5.0)
        .collect();
    let x: Vec<f64> = host.iter().map(|&x| f64::from(x)).collect();
    let shape = [ROWS, COLUMNS];
    let tensor = gpu.upload(&host, shape)?;

    // On tensors. The upstream gradient is x.
    let y = norm.forward(&tensor)?.download()?;
    expect(&y, x.chunks(COLUMNS).flat_map(normalised))?;
    let dx = norm.backward(&tensor, &tensor)?.dx.download()?;
    expect(&dx, x.chunks(COLUMNS).flat_map(gradient))?;
    println!("{norm} forward and backward");

    // In a chain with others.
    let chain = Chain::from(Activation::RELU).then(norm.steps()[0].clone());
    let rectified: Vec<f64> = x.iter().map(|x| x.max(0.0)).collect();
    let y = chain.forward(&tensor)?.download()?;
    expect(&y, rectified.chunks(COLUMNS).flat_map(normalised))?;
    println!("{chain}");

    // Host data in chunks.
    let mut streamed = vec![0.0f32; host.len()];
    let offload = Offload::new(&gpu).memory(256 << 10);
    let summary = offload.forward(&chain, &shape, &host, &mut streamed)?;
    expect(&streamed, rectified.chunks(COLUMNS).flat_map(normalised))?;
    let mut dx = vec![0.0f32; host.len()];
    offload.backward(&norm, &shape, &host, &host, &mut dx)?;
    expect(&dx, x.chunks(COLUMNS).flat_map(gradient))?;
    println!("streamed in {} chunks", summary.chunks);
    if summary.chunks < 2 {
        return Err("all went in one chunk".into());
    }

    // Over the cases of the family, with the library's own machinery.
    for element in ElementType::ALL {
        for pass in Pass::ALL {
            let report = check::check(&gpu, &RmsNorms, pass, element, Math::Accurate)?;
            println!("{} {}: {report}", element.name(), pass.name());
            if !report.passed() {
                return Err("RMS normalisation is not what it should be".into());
            }
        }
    }
    Ok(())
}

/// A row in plain f64.
fn normalised(row: &[f64]) -> Vec<f64> {
    let square = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
    row.iter().map(|x| x / (square + 1e-3).sqrt()).collect()
}

/// The gradient of sum(g y) with respect to x at g = x, from the differences of the function itself.
fn gradient(row: &[f64]) -> Vec<f64> {
    const STEP: f64 = 1e-4;
    let loss = |moved: &[f64]| -> f64 {
        let y = normalised(moved);
        row.iter().zip(y).map(|(g, y)| g * y).sum()
    };
    let mut moved = row.to_vec();
    let slope = |index: usize| {
        moved[index] = row[index] + STEP;
        let above = loss(&moved);
        moved[index] = row[index] - STEP;
        let below = loss(&moved);
        moved[index] = row[index];
        (above - below) / (2.0 * STEP)
    };
    (0..row.len()).map(slope).collect()
}

/// Fails unless each number is what it should be, but for roundings.
fn expect(found: &[f32], expected: impl Iterator<Item = f64>) -> std::result::Result<(), String> {
    let expected: Vec<f64> = expected.collect();
    if found.len() != expected.len() {
        return Err(format!("{} numbers, not {}", found.len(), expected.len()));
    }
    for (index, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
        // Written so that NaN fails.
        let fits = (f64::from(found) - expected).abs() <= 1e-5 * (1.0 + expected.abs());
        if !fits {
            return Err(format!("element {index} is {found}, expected {expected}"));
        }
    }
    Ok(())
}
