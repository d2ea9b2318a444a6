//! In chunks, before the eyes of the reference, through one device and through two.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Element, Family, Offload,
    check::{Share, Verifier},
    family::{Cut, of_many_elements},
    io::Slice,
    offload::{Backward, Purpose, Request},
};

use super::{at, numbers, takes, written};
use crate::common::{Device, Memory, same_bits, smallest};

/// Chunks that have rows whole and chunks that have parts, elements apart and together.
const SHAPES: [(&[usize], i64); 7] = [
    (&[90, 40], 1),
    (&[90, 40], 0),
    (&[2, 4007], 1),
    (&[4007, 2], 0),
    (&[1, 1500, 3], 1),
    (&[0, 5], 1),
    (&[1, 2], 0),
];

/// Operations of a family, each alone.
pub(super) fn alone<T: Element>(device: &Device, family: &dyn Family) -> Result<(), Failed> {
    for (index, (shape, axis)) in SHAPES.into_iter().enumerate() {
        for operation in written::operations(family, shape, axis, index as u64) {
            streamed::<T>(device, &operation.into(), shape)?;
        }
    }
    Ok(())
}

/// In chunks of 1,024 elements, or the smallest that go, and in one: right, and to the bit as on the whole tensor where elements do not
/// depend on each other.
pub(super) fn streamed<T: Element>(
    device: &Device,
    chain: &Chain,
    shape: &[usize],
) -> Result<(), Failed> {
    if !takes(chain, shape)? {
        return Ok(());
    }
    let whole = Offload::new(&device.gpu);
    for is_small in [true, false] {
        let of = |purpose| match is_small {
            true => smallest(&whole, chain, shape, T::TYPE, purpose),
            false => whole.clone(),
        };
        let compare = || -> Result<(), Failed> {
            let (y, dx) = through::<T>(&of, chain, shape)?;
            let (x, g) = numbers::<T>(chain, shape)?;
            let offload = of(Purpose::Forward);
            let unobserved = Memory::<T>::new(y.len());
            let sources: Vec<_> = x.iter().map(|x| Slice(x)).collect();
            let prepared = offload.prepare(chain, shape, T::TYPE, Purpose::Forward)?;
            prepared.run(&Request {
                sources: sources.iter().map(|source| source as _).collect(),
                ..Request::new(&sources[0], &unobserved)
            })?;
            same_bits("y unobserved", &unobserved.into_inner(), &y)?;
            if let ([x], true) = (&x[..], y.len() == x[0].len()) {
                let mut in_place = x.clone();
                offload.forward_in_place(chain, shape, &mut in_place)?;
                same_bits("y in place", &in_place, &y)?;
            }
            let apart = matches!(chain.layout(shape)?.cut, Cut::Anywhere | Cut::FourSlabs);
            let forecast = offload.forecast(chain, shape, T::TYPE)?;
            if apart && forecast.passes == 1 {
                let tensors = x.iter().map(|x| device.gpu.upload(x, shape));
                let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
                let tensors: Vec<_> = tensors.iter().collect();
                let upstream = device.gpu.upload(&g, chain.result_shape(shape)?)?;
                same_bits("y", &y, &chain.forward(&tensors[..])?.download::<T>()?)?;
                let gradients = chain.backward(&tensors[..], &upstream)?;
                for (dx, found) in dx
                    .iter()
                    .zip([gradients.dx].iter().chain(&gradients.others))
                {
                    same_bits("dx", dx, &found.download::<T>()?)?;
                }
            }
            Ok(())
        };
        compare().map_err(|error| at(chain, shape, &error))?;
    }
    Ok(())
}

/// y and the gradients of the inputs, compared with the reference on their way, the gradients of the parameters, too.
fn through<T: Element>(
    of: &dyn Fn(Purpose) -> Offload<'static>,
    chain: &Chain,
    shape: &[usize],
) -> Result<(Vec<T>, Vec<Vec<T>>), Failed> {
    let (x, g) = numbers::<T>(chain, shape)?;
    let sources: Vec<_> = x.iter().map(|x| Slice(x)).collect();
    let upstream = Slice(&g);
    let y = vec![Memory::<T>::new(g.len())];
    let dx: Vec<_> = x.iter().map(|x| Memory::new(x.len())).collect();
    let ways = [Purpose::ForwardObserved, Purpose::Backward];
    for (way, outputs) in ways.into_iter().zip([&y, &dx]) {
        let backward = way == Purpose::Backward;
        let offload = of(way);
        let prepared = offload.prepare(chain, shape, T::TYPE, way)?;
        let layout = prepared.layout().clone();
        let mut verifier = Verifier::new(chain, layout, T::TYPE, Share::All);
        if backward {
            verifier = verifier.of_gradients(true);
        }
        let Backward {
            parameters,
            summary,
            ..
        } = prepared.run(&Request {
            sources: sources.iter().map(|source| source as _).collect(),
            upstream: if backward { Some(&upstream) } else { None },
            sinks: outputs.iter().map(|output| output as _).collect(),
            indices: None,
            observer: Some(&verifier),
        })?;
        verifier.finish(&summary.extras, &parameters)?;
    }
    let mut all = y.into_iter().chain(dx).map(Memory::into_inner);
    Ok((all.next().unwrap(), all.collect()))
}

/// Two adapters share each job.
pub(super) fn together(devices: &[Device]) -> Vec<Trial> {
    let trusted: Vec<_> = devices.iter().filter(|device| device.trusted()).collect();
    let pairs = trusted.windows(2);
    pairs
        .map(|pair| {
            let (one, other) = (pair[0].clone(), pair[1].clone());
            let name = format!("together/{}+{}", one.name, other.name);
            Trial::test(name, move || shared(&one, &other))
        })
        .collect()
}

fn shared(one: &Device, other: &Device) -> Result<(), Failed> {
    const SHAPE: [usize; 2] = [3000, 40];
    let both = Offload::new(&one.gpu).and(&other.gpu).memory(1 << 20);
    let families = of_many_elements().chain([&Activation::PRELU as &dyn Family]);
    for family in families {
        for operation in written::operations(family, &SHAPE, 1, 1) {
            let chain = operation.into();
            through::<f32>(&|_| both.clone(), &chain, &SHAPE)
                .map_err(|error| at(&chain, &SHAPE, &error))?;
        }
    }
    Ok(())
}
