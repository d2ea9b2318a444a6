//! A file larger than what the device can bind goes through it in one call, chunk by chunk and within a
//! memory budget: `cargo run --release --example big_file`
//!
//! The host holds the file as a whole here; `activations run` streams files that it cannot hold, too.

#![allow(clippy::print_stdout)]

use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use wgpu_activations::{
    Activation, Chain, ElementType, Gpu, Offload, Softmax,
    accuracy::ulp_error,
    io::npy::{self, Array, Dtype, Endian, Float, Order, Values},
    offload::{Progress, Summary},
};

const COLUMNS: usize = 1024;
/// Bytes of the file at most.
const MOST: u64 = 256 << 20;
/// Bytes for chunks under way, on the host and on the device together.
const MEMORY: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    let limit = gpu.limits().max_storage_buffer_binding_size;
    println!("{} binds {} MiB at most", gpu.name(), limit >> 20);
    let bytes = limit.saturating_add(limit / 2).min(MOST);
    if bytes < limit {
        println!("the file stays below that, to spare the disk");
    }

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("x.npy");
    write(&file, bytes as usize / 4 / COLUMNS)?;
    let Array { shape, values, .. } = npy::read(&file)?;
    let Values::F32(mut x) = values else {
        return Err("the file does not hold float32".into());
    };
    println!("x.npy holds {shape:?}, {} MiB", bytes >> 20);

    let told = |_: Progress| print!(".");
    let offload = Offload::new(&gpu).memory(MEMORY).progress(&told);

    // What it will take is known before.
    let gelu = Chain::from(Activation::GELU);
    let forecast = offload.forecast(&gelu, &shape, ElementType::F32)?;
    println!(
        "{} chunks of {} elements will take {} MiB",
        forecast.chunks,
        forecast.chunk_elements,
        forecast.memory >> 20
    );

    let mut y = vec![0.0f32; x.len()];
    let summary = offload.forward(&gelu, &shape, &x, &mut y)?;
    tell(&gelu, &summary);
    for index in (0..x.len()).step_by(1009).chain([x.len() - 1]) {
        let expected = Activation::GELU.value(f64::from(x[index]));
        if ulp_error(y[index], expected) > 4.0 {
            return Err(format!("gelu({}) gave {}, not {expected}", x[index], y[index]).into());
        }
    }

    // Several operations in one trip, in place.
    let chain = gelu.then(Softmax::new(-1));
    let summary = offload.forward_in_place(&chain, &shape, &mut x)?;
    tell(&chain, &summary);
    for row in x.chunks(COLUMNS) {
        let sum: f32 = row.iter().sum();
        if (sum - 1.0).abs() > 1e-4 {
            return Err(format!("a row of softmax sums to {sum}, not 1").into());
        }
    }
    println!("all as it should be");
    Ok(())
}

/// A file of numbers from -5 to 5.
fn write(path: &Path, rows: usize) -> std::io::Result<()> {
    let values = (0..rows * COLUMNS).map(|index| (index % 2001) as f32 / 200.0 - 5.0);
    let array = Array {
        shape: vec![rows, COLUMNS],
        order: Order::C,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::Little,
        },
        values: Values::F32(values.collect()),
    };
    let mut file = BufWriter::new(File::create(path)?);
    array.write_to(&mut file)?;
    file.flush()
}

fn tell(chain: &Chain, summary: &Summary) {
    let seconds = summary.total.as_secs_f64();
    let moved = (summary.uploaded + summary.downloaded) as f64 / 1e9;
    println!(
        "\n{chain}: {} chunks, {moved:.2} GB moved in {seconds:.2} s, {:.2} GB/s",
        summary.chunks,
        moved / seconds
    );
}
