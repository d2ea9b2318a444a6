//! The same by the f64 reference, in memory, where there is no device.

use std::time::Instant;

use wgpu_activations::{
    Chain, Element,
    check::reference,
    io::{Source, collect, count},
    offload::{Backward, HostGradient, Request, Summary},
};

use super::Result;

/// What the reference made of an array, rounded.
pub(super) fn run<T: Element>(
    chain: &Chain,
    shape: &[usize],
    request: &Request<'_>,
) -> Result<Backward> {
    let start = Instant::now();
    let read = |source: &dyn Source, shape: &[usize]| -> Result<Vec<f64>> {
        let values = collect::<T>(source, count(shape).unwrap_or(usize::MAX))?;
        Ok(values.into_iter().map(|x| f64::from(x.to_f32())).collect())
    };
    let x = request.sources.iter().map(|source| read(*source, shape));
    let x = x.collect::<Result<Vec<_>>>()?;
    let x: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
    let read_upstream = |source| read(source, &chain.result_shape(shape)?);
    let upstream = request.upstream.map(read_upstream).transpose()?;
    let found = reference(chain, shape, &x, upstream.as_deref())?;
    for (values, sink) in found.values.iter().zip(&request.sinks) {
        let values = values.iter().map(|bound| T::from_f64(bound.expected));
        let values: Vec<T> = values.collect();
        sink.write(0, bytemuck::cast_slice(&values))?;
    }
    if let (Some(sink), Some(indices)) = (request.indices, &found.indices) {
        sink.write(0, bytemuck::cast_slice(indices))?;
    }
    let mut parameters = Vec::new();
    let gradients = chain.layout(shape)?.gradients.into_iter();
    for (step, (gradients, sums)) in gradients.zip(found.sums).enumerate() {
        for (gradient, sums) in gradients.into_iter().zip(sums) {
            parameters.push(HostGradient {
                step,
                name: gradient.name,
                shape: gradient.shape,
                values: sums.iter().map(|sum| sum.value as f32).collect(),
            });
        }
    }
    let summary = Summary {
        extras: found.extras,
        total: start.elapsed(),
        ..Summary::default()
    };
    Ok(Backward {
        parameters,
        summary,
    })
}
