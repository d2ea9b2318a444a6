//! The library for JavaScript: what the page in `page/` runs in a worker, and what the package in `package/` exports.

mod measure;
mod tensor;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use wgpu_activations::{
    Adapter, ElementType, Gpu, Math, ShaderChecks,
    accuracy::Report,
    check,
    family::{self, Pass},
    gpu,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// Says why before a trap ends the program, of which JavaScript sees `unreachable` alone.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| error(&info.to_string())));
}

/// What JavaScript gets as an exception.
type Result<T> = std::result::Result<T, JsError>;

/// The GPU that the browser offers, opened.
#[wasm_bindgen]
pub struct Activations {
    adapter: Adapter,
    gpu: Gpu,
}

/// An operation, as the page lists it.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    formula: &'static str,
    slope: &'static str,
    parameters: Vec<Named>,
    /// Whether its result depends on one element alone, so that it is a curve.
    pointwise: bool,
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    default: Option<f32>,
    rule: &'static str,
}

/// How results compared with the reference.
#[derive(Serialize)]
struct Checked {
    op: String,
    pass: &'static str,
    dtype: &'static str,
    passed: bool,
    compared: u64,
    failed: u64,
    worst_ulp: f64,
    worst_of_allowed: f64,
    /// In words.
    text: String,
}

impl Checked {
    fn new(op: &str, pass: Pass, element: ElementType, report: &Report) -> Self {
        let worst = report.worst.as_ref();
        Self {
            op: op.to_owned(),
            pass: pass.name(),
            dtype: element.name(),
            passed: report.passed(),
            compared: report.compared,
            failed: report.failed,
            worst_ulp: worst.map_or(0.0, |worst| worst.ulp),
            worst_of_allowed: worst.map_or(0.0, |worst| worst.severity),
            text: report.to_string(),
        }
    }
}

/// What the device allows and can do.
#[derive(Serialize)]
struct Described {
    features: String,
    max_buffer_bytes: u64,
    max_binding_bytes: u64,
    max_workgroup_threads: u32,
}

#[wasm_bindgen]
impl Activations {
    /// Opens the fastest GPU that the browser offers.
    pub async fn create() -> Result<Activations> {
        let adapters = gpu::usual_adapters_async(wgpu::Backends::all()).await;
        let adapter = gpu::best(&adapters)?.clone();
        let gpu = Gpu::open_async(&adapter, ShaderChecks::default()).await?;
        Ok(Self { adapter, gpu })
    }

    /// All operations, as JSON.
    pub fn operations() -> Result<String> {
        let listed = family::families().map(|family| {
            let entry = family.entry();
            let parameters = entry.parameters.iter();
            Listed {
                name: entry.name,
                title: entry.title,
                formula: entry.formula,
                slope: entry.slope_formula,
                parameters: parameters
                    .map(|parameter| Named {
                        name: parameter.name,
                        default: match parameter.default {
                            family::Default::Number(number) => Some(number),
                            _ => None,
                        },
                        rule: parameter.rule,
                    })
                    .collect(),
                pointwise: family.activation().is_some(),
            }
        });
        Ok(serde_json::to_string(&listed.collect::<Vec<_>>())?)
    }

    /// What the device allows, as JSON.
    pub fn describe(&self) -> Result<String> {
        let limits = self.gpu.limits();
        Ok(serde_json::to_string(&Described {
            features: format!("{:?}", self.gpu.device().features()),
            max_buffer_bytes: limits.max_buffer_size,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
        })?)
    }

    /// Runs the cases of an operation over inputs that find errors, `pass` being `forward` or `backward`, and gives
    /// how they compared with the f64 reference, as JSON.
    pub async fn check(&self, op: String, pass: String, dtype: String) -> Result<String> {
        let (pass, element) = (pass_of(&pass)?, element_of(&dtype)?);
        let family = family::find(&op)?;
        let report = check::check_async(&self.gpu, family, pass, element, Math::Accurate).await?;
        Ok(serde_json::to_string(&Checked::new(
            &op, pass, element, &report,
        ))?)
    }
}

fn pass_of(name: &str) -> Result<Pass> {
    let pass = Pass::ALL.into_iter().find(|pass| pass.name() == name);
    pass.ok_or_else(|| JsError::new(&format!("no direction `{name}`; take forward or backward")))
}

fn element_of(name: &str) -> Result<ElementType> {
    let element = ElementType::ALL
        .into_iter()
        .find(|element| element.name() == name);
    element.ok_or_else(|| JsError::new(&format!("no element type `{name}`; take f32, f16 or bf16")))
}
