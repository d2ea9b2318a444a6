//! A slice larger than many a card's memory through the GPU, in bounded memory:
//! `cargo run --release --example offload`

#![allow(clippy::print_stdout)]

use wgpu_activations::{
    Activation, Gpu, Offload, Result,
    offload::{Chain, Progress, Step},
    reference::softmax::{Form, MaskedRows},
};

fn main() -> Result<()> {
    let gpu = Gpu::new()?;
    let shape = [1 << 16, 1 << 10];
    let mut x: Vec<f32> = (0..shape[0] * shape[1])
        .map(|index| (index % 2001) as f32 / 200.0 - 5.0)
        .collect();

    // One activation, in place.
    Activation::GELU.apply(&gpu, &mut x)?;

    // Several operations in one trip, with a budget and a look at how far it is.
    let softmax = Step::Softmax {
        form: Form::Softmax,
        masked: MaskedRows::Nan,
    };
    let chain = Chain::from(Activation::MISH).then(softmax).axis(-1);
    let told = |progress: Progress| println!("{} of {} elements", progress.done, progress.of);
    let offload = Offload::new(&gpu).memory(256 << 20).progress(&told);

    let forecast = offload.forecast(&chain, &shape, wgpu_activations::ElementType::F32)?;
    println!("`{chain}` on {}: {forecast:?}", gpu.name());
    let summary = offload.forward_in_place(&chain, &shape, &mut x)?;

    let moved = (summary.uploaded + summary.downloaded) as f64 / 1e9;
    println!(
        "{moved:.2} GB in {:.2} s; a row sums to {}",
        summary.total.as_secs_f64(),
        x[..shape[1]].iter().sum::<f32>()
    );
    Ok(())
}
