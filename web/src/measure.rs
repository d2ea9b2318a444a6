//! Measures operations and writes the result file.

use js_sys::Function;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use wgpu_activations::bench::{
    About, Event, Plan, Target, Worker, operations,
    record::{Host, Program},
    run_async,
};

use super::{Activations, Result, element_of};

/// What is to be measured, and where.
#[derive(Deserialize)]
struct Wanted {
    /// Operations; all if there are none.
    ops: Vec<String>,
    dtypes: Vec<String>,
    samples: u32,
    rounds: u32,
    /// What a sample lasts at least, milliseconds.
    min_time_ms: f64,
    /// Bytes that all tensors together may hold.
    memory: u64,
    /// When the run begins: RFC 3339, UTC.
    started: String,
    /// The GPU, by what the browser says of it.
    gpu: String,
    /// What a file of results says of the browser and its machine.
    host: Host,
}

#[wasm_bindgen]
impl Activations {
    /// Measures what `wanted` says, as JSON, and gives the text of a result file. `progress` is called with what comes
    /// next and the share that is done; once it returns false, the run ends with what it has.
    pub async fn bench(&self, wanted: String, progress: Function) -> Result<String> {
        let wanted: Wanted = serde_json::from_str(&wanted)?;
        let mut plan = Plan {
            samples: wanted.samples,
            rounds: wanted.rounds,
            elements: wanted
                .dtypes
                .iter()
                .map(|name| element_of(name))
                .collect::<Result<_>>()?,
            ..Plan::browser(wanted.memory, wanted.min_time_ms)
        };
        if !wanted.ops.is_empty() {
            let known = operations().into_iter();
            plan.ops = known
                .filter(|op| wanted.ops.iter().any(|it| it == op))
                .collect();
        }
        let target = Target {
            adapter: &self.adapter,
            measurer: Worker::new(&self.gpu),
            tuning: None,
        };
        let about = About {
            program: Program {
                name: "wgpu-activations".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                commit: option_env!("ACTIVATIONS_COMMIT").map(str::to_owned),
            },
            started: wanted.started,
            host: wanted.host,
        };
        let told = std::cell::RefCell::new((String::new(), 0.0));
        let go_on = || {
            let (title, done) = &*told.borrow();
            let answer = progress.call2(&JsValue::NULL, &title.into(), &(*done).into());
            !answer.is_ok_and(|answer| answer == JsValue::FALSE)
        };
        let watch = |event: Event<'_>| {
            if let Event::Case { case, done, .. } = event {
                *told.borrow_mut() = (case.title(), done);
            }
            Ok(())
        };
        let mut run = run_async(&plan, about, vec![target], watch, go_on).await?;
        // A browser gives no name but to those who ask in JavaScript.
        for device in &mut run.devices {
            device.name = device_name(&wanted.gpu);
            device.adapter.clone_from(&wanted.gpu);
        }
        for row in &mut run.rows {
            row.device = device_name(&wanted.gpu);
        }
        let mut text = Vec::new();
        run.write_to(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

/// `Apple M2` gives `apple-m2-webgpu`, as names of devices are made elsewhere.
fn device_name(gpu: &str) -> String {
    let words = gpu.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    format!("{}-webgpu", words.join("-").to_ascii_lowercase())
}
