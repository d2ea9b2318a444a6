//! What a family looks like as a function of one element.

use crate::error::{Error, Result};

/// A function of one variable.
pub type Function = Box<dyn Fn(f64) -> f64>;

/// A function with its slope.
pub struct Curve {
    /// What a legend calls it.
    pub label: String,
    /// The function.
    pub value: Function,
    /// Its slope.
    pub slope: Function,
    /// Where the slope jumps.
    pub kinks: Vec<f64>,
}

impl Curve {
    /// A function whose slope jumps nowhere.
    pub fn new(
        label: impl Into<String>,
        value: impl Fn(f64) -> f64 + 'static,
        slope: impl Fn(f64) -> f64 + 'static,
    ) -> Self {
        Self {
            label: label.into(),
            value: Box::new(value),
            slope: Box::new(slope),
            kinks: Vec::new(),
        }
    }

    /// What becomes of x in a row with `others`: `value` and `slope` of the row, x first.
    pub(super) fn in_row(
        others: &'static [f64],
        value: impl Fn(&[f64]) -> f64 + 'static,
        slope: impl Fn(&[f64]) -> f64 + 'static,
    ) -> Self {
        let row = move |x: f64| [&[x], others].concat();
        let names: Vec<_> = others.iter().map(f64::to_string).collect();
        let label = format!("x in a row with {}", names.join(", "));
        Self::new(label, move |x| value(&row(x)), move |x| slope(&row(x)))
    }
}

/// Curves that belong together.
pub struct Picture {
    /// What they show, in a few words.
    pub subject: &'static str,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// Values that parameters take in turn, by name: a curve for each.
///
/// ```
/// use wgpu_activations::{Activation, Family, family::Sweep};
///
/// let mut sweep = Sweep::default();
/// sweep.add("alpha", vec![0.5, 2.0]);
/// let picture = Activation::ELU.picture(&mut sweep)?;
/// assert_eq!(picture.map(|picture| picture.curves.len()), Some(2));
/// assert_eq!(sweep.untaken(), None);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    swept: Vec<(String, Vec<f64>)>,
    asked: Vec<&'static str>,
}

impl Sweep {
    /// One more parameter; the last of a name counts.
    pub fn add(&mut self, name: impl Into<String>, values: Vec<f64>) {
        let name = name.into();
        self.swept.retain(|(swept, _)| *swept != name);
        self.swept.push((name, values));
    }

    /// The values of `name`, if they are given.
    pub fn take(&mut self, name: &'static str) -> Option<Vec<f64>> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        let swept = self.swept.iter().find(|(swept, _)| swept == name)?;
        Some(swept.1.clone())
    }

    /// The values of `name` of the operation `op`, or `default`.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] with `rule` where one is not what `holds`.
    pub fn values(
        &mut self,
        op: &str,
        name: &'static str,
        default: &[f64],
        rule: &'static str,
        holds: impl Fn(f64) -> bool,
    ) -> Result<Vec<f64>> {
        let Some(values) = self.take(name) else {
            return Ok(default.to_vec());
        };
        match values.iter().find(|value| !holds(**value)) {
            None => Ok(values),
            Some(&value) => Err(Error::ParameterOutOfRange {
                op: op.to_owned(),
                parameter: name,
                value: value as f32,
                rule,
            }),
        }
    }

    /// A parameter that no picture took.
    pub fn untaken(&self) -> Option<&str> {
        let mut names = self.swept.iter().map(|(name, _)| &**name);
        names.find(|name| !self.asked.contains(name))
    }

    /// The parameters that pictures asked for.
    pub fn asked(&self) -> &[&'static str] {
        &self.asked
    }
}
