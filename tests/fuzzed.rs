//! What the targets in `fuzz/` do, over their seeds and what a generator of random numbers makes of them.
// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

#[path = "../fuzz/src/npy.rs"]
mod npy;
#[path = "../fuzz/src/npz.rs"]
mod npz;
#[path = "../fuzz/src/safetensors.rs"]
mod of_safetensors;
#[path = "../fuzz/src/results.rs"]
mod results;
#[path = "../fuzz/src/shapes.rs"]
mod shapes;

use wgpu_activations::accuracy::inputs::words;

/// Runs a target over its seeds, and over seeds with some bytes changed, cut off or doubled.
fn mutated(name: &str, run: fn(&[u8]), times: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let seeds = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap());
    let mut seeds: Vec<_> = seeds.collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| run(seed));
    let mut words = words(1 << 40);
    let mut below = |limit: usize| words.next().unwrap() as usize % limit.max(1);
    for time in 0..times {
        let mut bytes = seeds[time % seeds.len()].clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(5) {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_within(at..),
                2 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(8)
                    .for_each(|byte| *byte = 0xff),
                _ => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte = below(256) as u8),
            }
        }
        run(&bytes);
    }
}

#[test]
fn npy_files() {
    mutated("npy", npy::run, 5000);
}

#[test]
fn npz_files() {
    mutated("npz", npz::run, 5000);
}

#[test]
fn safetensors_files() {
    mutated("safetensors", of_safetensors::run, 5000);
}

#[test]
fn result_files() {
    mutated("results", results::run, 1000);
}

#[test]
fn shapes_with_zeros_and_huge_extents() {
    let mut words = words(1 << 40);
    for time in 0..1000 {
        let mut bytes: Vec<_> = words
            .by_ref()
            .take(2 + time % 6)
            .map(|word| (word >> 9) as u8)
            .collect();
        bytes[0] = time as u8;
        shapes::run(&bytes);
    }
}
