//! Shapes, parameters and numbers by chance, the same in every run.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Chain, Element,
    accuracy::inputs::words,
    family::{everyday, families},
    with_element,
};

use super::{narrow, right, takes, written};
use crate::common::{self, Device};

/// Draws of each family.
const DRAWS: u64 = 2;

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    let trials = common::SIZES.into_iter().map(|element| {
        device.trial(
            &format!("random/{}", element.name()),
            move |device| with_element!(element, T => random::<T>(device)),
        )
    });
    trials.collect()
}

/// Numbers from a seed.
struct Chance(Box<dyn Iterator<Item = u32>>);

impl Chance {
    /// A number below `most`.
    fn below(&mut self, most: usize) -> usize {
        self.0.next().map_or(0, |word| word as usize % most)
    }

    /// Some of a list.
    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// One operation of each family, and another behind it now and then.
fn random<T: Element>(device: &Device) -> Result<(), Failed> {
    let families: Vec<_> = families().collect();
    for (index, family) in families.iter().enumerate() {
        for draw in 0..DRAWS {
            let seed = 1000 * index as u64 + draw;
            let mut chance = Chance(Box::new(words(seed)));
            let rank = 1 + chance.below(4);
            let most = [5000, 80, 20, 9][rank - 1];
            let shape: Vec<usize> = (0..rank).map(|_| 1 + chance.below(most)).collect();
            let axis = chance.below(rank) as i64;
            let operations = written::operations(*family, &shape, axis, seed);
            let mut chain = Chain::new(operations[chance.below(operations.len())].clone());
            if draw % 2 == 1 && takes(&chain, &shape)? {
                let next = chance.one_of(&families);
                let result = chain.result_shape(&shape)?;
                let operations = written::operations(next, &result, axis, seed);
                chain = chain.then(operations[chance.below(operations.len())].clone());
            }
            if !takes(&chain, &shape)? {
                continue;
            }
            let (offset, scale) = (
                chance.one_of(&[0.0, 0.0, -3.0, 100.0, -2000.0]),
                chance.one_of(&[1.0, 1.0, 1e-3, 30.0, 1000.0]),
            );
            let len = shape.iter().product();
            let x = everyday(len, seed).into_iter();
            let x: Vec<T> = narrow(&x.map(|x| offset + scale * x).collect::<Vec<_>>());
            let result = chain.result_shape(&shape)?.iter().product();
            let g: Vec<T> = narrow(&everyday(result, seed + 500));
            right(&device.gpu, &chain, &shape, &x, &g).map_err(|error| {
                let message = error.message().unwrap_or_default();
                format!("seed {seed}, {offset} + {scale} x: {message}")
            })?;
        }
    }
    Ok(())
}
