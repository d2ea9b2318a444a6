//! What is drawn: a function and its slope, with a name.

use wgpu_activations::{
    Activation,
    activation::Smoothness,
    family::{
        alpha_dropout::reference::Transform,
        dice::reference::Dice,
        softmax::reference::{self as softmax, Form, MaskedRows},
    },
};

/// A function of one variable.
type Function = Box<dyn Fn(f64) -> f64>;

/// A function with its slope.
pub(crate) struct Curve {
    /// What the legend calls it.
    pub(crate) label: String,
    pub(crate) value: Function,
    pub(crate) slope: Function,
    /// Where the slope jumps.
    pub(crate) kinks: Vec<f64>,
}

impl Curve {
    /// An activation of the catalogue, under its name with its parameter.
    pub(crate) fn of(activation: Activation) -> Self {
        let smoothness = match activation.definition().properties {
            Some(properties) => properties.smoothness,
            None => activation.course().smoothness,
        };
        let kinks = match smoothness {
            Smoothness::Kink(at) | Smoothness::Once(at) => vec![at],
            Smoothness::Smooth => Vec::new(),
        };
        Self {
            label: label(activation),
            value: Box::new(move |x| activation.value(x)),
            slope: Box::new(move |x| activation.slope(x)),
            kinks,
        }
    }

    /// Dice of a channel with this mean and variance, as in inference.
    pub(crate) fn dice(mean: f64, variance: f64, alpha: f64) -> Self {
        let dice = || Dice {
            mean: vec![mean],
            variance: vec![variance],
            alpha: vec![alpha],
            epsilon: 1e-8,
            inner: 1,
        };
        let (value, slope) = (dice(), dice());
        Self {
            label: format!("mean {mean}, variance {variance}, alpha {alpha}"),
            value: Box::new(move |x| value.value(0, x)),
            slope: Box::new(move |x| slope.infer_backward(&[x], &[1.0]).dx[0]),
            kinks: Vec::new(),
        }
    }

    /// What softmax, or log-softmax, gives x in a row with `others`.
    pub(crate) fn softmax(others: &'static [f64], form: Form) -> Self {
        let row = move |x: f64| {
            let row: Vec<_> = std::iter::once(x).chain(others.iter().copied()).collect();
            softmax::forward(form, MaskedRows::default(), &row)
        };
        let names: Vec<_> = others.iter().map(f64::to_string).collect();
        Self {
            label: format!("x in a row with {}", names.join(", ")),
            value: Box::new(move |x| row(x)[0]),
            slope: Box::new(move |x| {
                let mut upstream = vec![0.0; others.len() + 1];
                upstream[0] = 1.0;
                softmax::backward(form, &row(x), &upstream)[0]
            }),
            kinks: Vec::new(),
        }
    }

    /// The largest of affine pieces, each its slope and its value at 0, by rising slopes.
    pub(crate) fn maxout(label: &str, pieces: &'static [(f64, f64)]) -> Self {
        let best = |x: f64| {
            let values = pieces
                .iter()
                .map(move |&(slope, at_zero)| (slope * x + at_zero, slope));
            values.fold((f64::NEG_INFINITY, 0.0), |best, piece| {
                if piece.0 > best.0 { piece } else { best }
            })
        };
        let crossings = pieces.windows(2).map(|pair| {
            let [(a, b), (c, d)] = [pair[0], pair[1]];
            (b - d) / (c - a)
        });
        Self {
            label: label.to_owned(),
            value: Box::new(move |x| best(x).0),
            slope: Box::new(move |x| best(x).1),
            kinks: crossings.collect(),
        }
    }

    /// What alpha dropout makes of x with probability `p`: where it is kept, and where it is dropped.
    pub(crate) fn alpha_dropout(p: f64) -> [Self; 2] {
        [(true, "kept"), (false, "dropped")].map(|(kept, name)| {
            let transform = Transform::new(p);
            let (value, slope) = (transform, transform);
            Self {
                label: format!("p = {p}, {name}"),
                value: Box::new(move |x| value.value(x, kept)),
                slope: Box::new(move |_| slope.backward(1.0, kept)),
                kinks: Vec::new(),
            }
        })
    }
}

/// The name, with the parameter where there is one.
fn label(activation: Activation) -> String {
    match (&activation.definition().parameter, activation.parameter()) {
        (Some(parameter), Some(value)) => {
            format!("{}, {} = {value}", activation.name(), parameter.name)
        }
        _ => activation.name().to_owned(),
    }
}
