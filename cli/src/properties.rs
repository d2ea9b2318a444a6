//! `activations ops --properties`

use serde::Serialize;

use super::{
    Result, device,
    named::Named,
    text::{self, Column},
    usage,
};
use wgpu_activations::{Activation, bench::costs};

/// What `--properties` tells of an activation, computed with its parameters.
#[derive(Serialize)]
struct Compared {
    /// With its parameters.
    name: String,
    /// Infimum and supremum; infinity is null in JSON.
    range: (f64, f64),
    turning_points: Vec<f64>,
    zero_centred: bool,
    smooth: &'static str,
    /// Where the slope is below 0.01.
    flat: Vec<(f64, f64)>,
    arithmetic: &'static str,
    /// Its time as a multiple of ReLU's, where it was measured.
    time_of_relu: Option<f64>,
}

impl Compared {
    fn of(activation: Activation, time_of_relu: Option<f64>) -> Self {
        let course = activation.course();
        Self {
            name: activation.to_string(),
            range: course.range,
            turning_points: course.turning_points,
            zero_centred: course.zero_centred,
            smooth: course.smoothness.word(),
            flat: course.flat,
            arithmetic: activation
                .definition()
                .properties
                .map_or("unknown", |properties| properties.cost.description()),
            time_of_relu,
        }
    }
}

/// Compares the catalogue's activations, or tells of `op` alone, and measures them on `device`.
pub(super) fn run(op: Option<&str>, device: Option<&str>, json: bool) -> Result {
    let activations: Vec<Activation> = match op {
        None => Activation::all().collect(),
        Some(name) => match Named::parse(name)?.activation() {
            Some(activation) => vec![activation],
            None => {
                let rule = format!("`activations ops {name}` tells about it");
                return usage(format!("{name} is not of one element; {rule}"));
            }
        },
    };
    let device = device::open(device)?;
    let progress = text::spinner();
    let costs = match device.gpu() {
        None => Vec::new(),
        Some(gpu) => costs(gpu, |name| {
            progress.set_message(format!("{name} on {}", gpu.name()));
        })?,
    };
    progress.finish_and_clear();
    let row = |activation: Activation| {
        let cost = costs.iter().find(|(name, _)| *name == activation.name());
        Compared::of(activation, cost.map(|(_, time)| *time))
    };
    let rows: Vec<_> = activations.into_iter().map(row).collect();
    if json {
        return text::print_json(&rows);
    }
    text::print_table(&rows, &COLUMNS)?;
    let measured = match device.gpu() {
        Some(gpu) => format!(
            "forward pass, f32, accurate math, on {}, as a multiple of relu's",
            gpu.name()
        ),
        None => "not measured without a GPU".to_owned(),
    };
    text::print(&format!(
        "\nflat: where the slope is below 0.01; time: {measured}"
    ))
}

const COLUMNS: [Column<Compared>; 8] = [
    Column::words("name", |row| row.name.clone()),
    Column::words("range", |row| {
        format!("{} to {}", two(row.range.0), two(row.range.1))
    }),
    Column::words("monotonic", |row| match &row.turning_points[..] {
        [] => "yes".to_owned(),
        places => {
            let places: Vec<_> = places.iter().map(|at| two(*at)).collect();
            format!("turns at {}", places.join(", "))
        }
    }),
    Column::words("zero-centred", |row| {
        if row.zero_centred { "yes" } else { "-" }.to_owned()
    }),
    Column::words("smooth", |row| row.smooth.to_owned()),
    Column::words("flat", |row| {
        let interval = |&(from, to): &(f64, f64)| match (from.is_finite(), to.is_finite()) {
            (false, true) => format!("x < {}", two(to)),
            (true, false) => format!("x > {}", two(from)),
            (true, true) => format!("{} to {}", two(from), two(to)),
            (false, false) => "everywhere".to_owned(),
        };
        let intervals = row.flat.iter().map(interval);
        text::or(intervals.collect::<Vec<_>>().join(", "), "-")
    }),
    Column::words("arithmetic", |row| row.arithmetic.to_owned()),
    Column::numbers("time", |row| {
        row.time_of_relu
            .map_or("-".to_owned(), |cost| format!("{cost:.2}"))
    }),
];

/// Two decimals at most; of less the digits that there are.
fn two(value: f64) -> String {
    // Where a place is found between two numbers, it may be off by less.
    const NOTHING: f64 = 1e-12;
    match value.abs() {
        NOTHING..0.005 => format!("{value:.2e}"),
        _ => ((value * 100.0).round() / 100.0 + 0.0).to_string(),
    }
}
