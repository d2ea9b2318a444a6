//! What is said of a stream, before and after.

use std::{collections::BTreeMap, path::Path};

use indicatif::BinaryBytes;
use serde_json::{Value, json};

use super::{
    Device, Done, Given, Oriented, Pass, Result, Stream,
    text::{self, time},
};
use wgpu_activations::{
    Offload,
    accuracy::Report,
    io::{StoredArray, count},
    offload::{Forecast, Rates},
};

/// What a stream will take, without doing it.
pub(crate) fn forecast(
    stream: &Stream<'_>,
    offload: &Offload<'_>,
    items: &[Oriented],
    devices: &[Device],
) -> Result {
    let names: Vec<_> = devices.iter().map(Device::name).collect();
    let mut rows = Vec::new();
    for item in items {
        let element = item.array.element;
        let (held, offload) = stream.within(offload, item, &Given::default())?;
        let prepared = offload.prepare(&item.chain, &item.shape, element, stream.purpose())?;
        let mut forecast = prepared.forecast();
        forecast.memory = forecast.memory.saturating_add(held);
        let rates = match forecast.chunks {
            0 => None,
            _ => Some(prepared.probe()?),
        };
        rows.push((&item.array, forecast, rates));
    }
    if stream.flags.json {
        let row = |(item, forecast, rates): &(&StoredArray, Forecast, Option<Rates>)| {
            let mut row = about(stream, item, &names);
            row["chunks"] = json!(forecast.chunks);
            row["chunk_elements"] = json!(forecast.chunk_elements);
            row["passes"] = json!(forecast.passes);
            row["bytes"] = json!(forecast.bytes);
            row["memory"] = json!(forecast.memory);
            row["known_memory"] = json!(forecast.known);
            if let Some(rates) = rates {
                row["seconds"] = json!(seconds(item, forecast, rates));
                row["chunk_upload_seconds"] = json!(rates.upload.as_secs_f64());
                row["chunk_kernel_seconds"] = json!(rates.kernel.as_secs_f64());
                row["chunk_download_seconds"] = json!(rates.download.as_secs_f64());
            }
            row
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        return text::print_json(&rows);
    }
    for (item, forecast, rates) in &rows {
        let name = match &*item.name {
            "" => String::new(),
            name => format!(" of {}", text::on_one_line(name)),
        };
        let passes = match forecast.passes {
            1 => "one pass".to_owned(),
            passes => format!("{passes} passes"),
        };
        let mut lines = format!(
            "{}{name}: {:?} {} on {}\n  {} of up to {} elements, {passes}, {} over the link, \
             {} of memory, {} of it for what is known of channels and rows",
            stream.chain.summary(),
            item.shape,
            item.type_name,
            names.join(" and "),
            text::several(forecast.chunks, "chunk"),
            forecast.chunk_elements,
            BinaryBytes(forecast.bytes),
            BinaryBytes(forecast.memory),
            BinaryBytes(forecast.known),
        );
        if let Some(rates) = rates {
            lines.push_str(&format!(
                "\n  a chunk takes {} up, {} of work, {} down: at best {} in all\n  \
                 the work is {:.0} % of that; several operations in one run, \"gelu | softmax\", share the trip",
                time(1e9 * rates.upload.as_secs_f64()),
                time(1e9 * rates.kernel.as_secs_f64()),
                time(1e9 * rates.download.as_secs_f64()),
                time(1e9 * seconds(item, forecast, rates)),
                100.0 * rates.kernel.as_secs_f64()
                    / (rates.upload + rates.kernel + rates.download).as_secs_f64(),
            ));
        }
        text::print(&lines)?;
    }
    Ok(())
}

/// What an array, and what is to be done to it, is.
fn about(stream: &Stream<'_>, item: &StoredArray, devices: &[&str]) -> Value {
    json!({
        "op": stream.chain.to_string(),
        "tensor": item.name,
        "shape": item.shape,
        "dtype": item.dtype,
        "devices": devices,
    })
}

fn seconds(item: &StoredArray, forecast: &Forecast, rates: &Rates) -> f64 {
    let ideal = rates.ideal((item.len() as u64).saturating_mul(forecast.passes as u64));
    ideal.as_secs_f64()
}

pub(crate) fn done(stream: &Stream<'_>, done: &[Done], devices: &[Device]) -> Result {
    let flags = stream.flags;
    let device: Vec<_> = devices.iter().map(Device::name).collect();
    let device = device.join(", ");
    for (lost, why) in done.iter().flat_map(|done| &done.summary.lost) {
        text::note(&format!("{lost}: {why}; other devices did its part"));
    }
    if flags.json {
        let outs = stream
            .outs
            .iter()
            .map(|(name, path)| (*name, path.to_string_lossy()));
        let rows = done.iter().map(|done| json_of(stream, done, &device));
        let rows: Vec<_> = rows.collect();
        let mut value = match &rows[..] {
            [row] if !stream.format.keeps_layout() => row.clone(),
            rows => json!({ "tensors": rows }),
        };
        value["output"] = json!(flags.output.to_string_lossy());
        value["outputs"] = json!(BTreeMap::from_iter(outs));
        return text::print_json(&value);
    }
    let shown = |path: &Path| text::on_one_line(&path.to_string_lossy());
    let out = |(_, path): &(_, &Path)| format!(" and {}", shown(path));
    let and: String = stream.outs.iter().map(out).collect();
    let (what, outputs) = match stream.pass {
        Pass::Forward => ("", 1),
        Pass::Backward => ("gradient of ", stream.chain.inputs()),
    };
    for done in done {
        let name = match &*done.name {
            "" => String::new(),
            name => format!(" {}", text::on_one_line(name)),
        };
        text::print(&format!(
            "{what}{} of{name} {:?} {} on {device}: {}, written to {}{and}",
            stream.chain.summary(),
            done.shape,
            done.type_name,
            verified(
                done.report.as_ref(),
                count(&done.shape)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(outputs),
            ),
            shown(&flags.output),
        ))?;
    }
    Ok(())
}

fn json_of(stream: &Stream<'_>, done: &Done, device: &str) -> Value {
    let summary = &done.summary;
    let report = done.report.as_ref();
    let mut row = json!({
        "op": stream.chain.to_string(),
        "device": device,
        "math": stream.flags.math.name(),
        "shape": done.shape,
        "dtype": done.dtype,
        "seconds": summary.total.as_secs_f64(),
        "chunks": summary.chunks,
        "bytes_up": summary.uploaded,
        "bytes_down": summary.downloaded,
        "upload_seconds": summary.upload.as_secs_f64(),
        "device_seconds": summary.device.as_secs_f64(),
        "download_seconds": summary.download.as_secs_f64(),
        "chunks_by_device": summary.devices.iter().cloned().collect::<BTreeMap<_, _>>(),
        "verified": report.map_or(0, |report| report.compared),
        "worst_ulp": report.and_then(|report| report.worst).map(|worst| worst.ulp),
    });
    if !done.name.is_empty() {
        row["tensor"] = json!(done.name);
    }
    if let Some((rates, size)) = done.rates {
        let elements = summary.uploaded / size;
        let ideal = rates.ideal(elements).as_secs_f64();
        let kernel = rates.kernel.as_secs_f64() * elements as f64 / rates.elements.max(1) as f64;
        row["kernel_seconds"] = json!(kernel);
        row["ideal_seconds"] = json!(ideal);
        row["fraction_of_ideal"] = json!(ideal / summary.total.as_secs_f64());
    }
    row
}

/// What the result was compared with: "verified 1024 of 4096 elements against the f64 reference, worst 0.50 ULP".
fn verified(report: Option<&Report>, len: usize) -> String {
    match report {
        None => "not verified".to_owned(),
        Some(_) if len == 0 => "no elements".to_owned(),
        Some(report) => format!(
            "verified {} of {len} elements against the f64 reference, worst {} ULP",
            report.compared,
            text::ulp(report.worst.map_or(0.0, |worst| worst.ulp))
        ),
    }
}
