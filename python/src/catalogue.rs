//! What there is: the library's list of families, for Python to make its functions of.

use pyo3::{prelude::*, types::PyDict};
use wgpu_activations::family::{Default, Parameter, families};

/// Every operation, by the fields of its entry.
#[pyfunction]
pub(crate) fn catalogue(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let entry = |family: &dyn wgpu_activations::Family| {
        let entry = family.entry();
        let parameters = entry.parameters.iter().map(|parameter| {
            let told = PyDict::new(py);
            told.set_item("name", parameter.name)?;
            match parameter.default {
                Default::Required => told.set_item("required", true)?,
                Default::Number(number) if parameter.name == Parameter::AXIS.name => {
                    told.set_item("default", number as i64)?;
                }
                Default::Number(number) => told.set_item("default", plain(number))?,
                Default::Choice(choice) => told.set_item("default", choice)?,
            }
            told.set_item("rule", parameter.rule)?;
            told.set_item("description", parameter.description)?;
            Ok(told)
        });
        let told = PyDict::new(py);
        told.set_item("name", entry.name)?;
        told.set_item("aliases", entry.aliases.to_vec())?;
        told.set_item("title", entry.title)?;
        told.set_item("formula", entry.formula)?;
        told.set_item("slope", entry.slope_formula)?;
        told.set_item("parameters", parameters.collect::<PyResult<Vec<_>>>()?)?;
        told.set_item("notes", entry.notes.to_vec())?;
        told.set_item("special_values", entry.special_values.to_vec())?;
        let paper = entry.paper.map(|paper| {
            let (authors, title) = (paper.authors, paper.title);
            format!("{authors}: {title}, {}, {}", paper.year, paper.url)
        });
        told.set_item("paper", paper)?;
        told.set_item("elementwise", family.activation().is_some())?;
        Ok(told)
    };
    families().map(entry).collect()
}

/// A number as people wrote it: not 0.10000000149011612.
fn plain(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}
