//! Alpha dropout on every adapter, against the host's mask and the formula in f64.

use half::f16;
use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    AlphaDropout, Element, ElementType, Error, Gpu,
    accuracy::inputs::{grid, words},
    check::check_chain,
    family::alpha_dropout::reference::Mask,
    random::threefry,
    wgsl,
};

use crate::{
    common::{self, Device, inputs, run_kernel, same_bits, upstream},
    with_element,
};

/// About a vector, a tile of a full workgroup and one of a small one.
const LENGTHS: [usize; 11] = [0, 1, 3, 4, 5, 345, 1757, 2047, 2048, 2049, 40_001];

/// The probabilities that papers use, and ones that make a and b large.
const PROBABILITIES: [f32; 5] = [0.05, 0.1, 0.5, 0.9, 0.9999];

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("known-answers", known_answers),
        device.trial("wrong-use", wrong_use),
    ];
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("{name}/{}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add("passes", |device, element| {
            with_element!(element, passes(&device.gpu))
        });
        add("identity", |device, element| {
            with_element!(element, identity(&device.gpu))
        });
        add("special", |device, element| {
            with_element!(element, special(&device.gpu))
        });
        if device.trusted() && common::SIZES.contains(&element) {
            add("pieces", |device, element| {
                with_element!(element, pieces(device))
            });
        }
    }
    if device.trusted() {
        trials.push(device.trial("workgroups>65535", many_workgroups));
        trials.push(device.trial("share-of-dropped", share_of_dropped));
        trials.push(device.trial("mean-and-variance", mean_and_variance));
    }
    trials
}

/// Results of a pass against the definition: the chain gives the bits that the calls give.
fn right<T: Element>(
    gpu: &Gpu,
    op: AlphaDropout,
    x: &[T],
    upstream: Option<&[T]>,
) -> Result<(), Failed> {
    let upstream = upstream.map(<[T]>::to_vec);
    let report = check_chain(gpu, &op.into(), &[x.len()], vec![x.to_vec()], upstream)?;
    if report.failed > 0 || report.compared != x.len() as u64 {
        return Err(format!("{op}: {report}").into());
    }
    Ok(())
}

/// Every pass, into a tensor, in place and again: the same bits, within the tolerance, the elements
/// of the host's mask dropped.
fn passes<T: Element>(gpu: &Gpu) -> Result<(), Failed> {
    for (index, len) in LENGTHS.into_iter().enumerate() {
        let p = PROBABILITIES[index % PROBABILITIES.len()];
        let seed = [0, 1, u64::MAX, 0x0123_4567_89ab_cdef][index % 4];
        every_pass::<T>(gpu, AlphaDropout::new(p, seed)?, len)?;
    }
    for p in PROBABILITIES {
        let op = AlphaDropout::new(p, 7)?;
        let kept = op.kept(3001);
        if p < 0.95 && ![true, false].iter().all(|both| kept.contains(both)) {
            return Err(format!("p = {p} keeps all or nothing").into());
        }
        every_pass::<T>(gpu, op, 3001)?;
    }
    Ok(())
}

fn every_pass<T: Element>(gpu: &Gpu, op: AlphaDropout, len: usize) -> Result<(), Failed> {
    let (x, g) = (inputs::<T>(len), upstream::<T>(len));
    let shape = [len];
    let tensor = gpu.upload(&x, shape)?;
    let y: Vec<T> = op.forward(&tensor)?.download()?;
    right(gpu, op, &x, None)?;
    let again: Vec<T> = op.forward(&tensor)?.download()?;
    same_bits("again", &again, &y)?;
    let gradient = gpu.upload(&g, shape)?;
    let dx: Vec<T> = op.backward(&tensor, &gradient)?.download()?;
    right(gpu, op, &x, Some(&g))?;
    op.forward_in_place(&tensor)?;
    same_bits("in place", &tensor.download::<T>()?, &y)?;
    // What x holds does not count.
    op.backward_in_place(&tensor, &gradient)?;
    same_bits("backward in place", &gradient.download::<T>()?, &dx)?;

    // Gradients from all over the format.
    right(gpu, op, &g, Some(&x))?;

    // The mask itself: the gradient of a dropped element is 0, of a kept one a.
    let ones = gpu.upload(&vec![T::from_f64(1.0); len], shape)?;
    let mask: Vec<T> = op.backward(&ones, &ones)?.download()?;
    let found: Vec<_> = mask.iter().map(|slope| slope.to_f32() != 0.0).collect();
    let kept = op.kept(len);
    if found != kept {
        let place = found.iter().zip(&kept).position(|(a, b)| a != b);
        return Err(format!("{op:?}: another mask from {place:?} of {len} on").into());
    }
    Ok(())
}

/// p = 0 changes no bit, of NaN and subnormal numbers neither.
fn identity<T: Element>(gpu: &Gpu) -> Result<(), Failed> {
    let bytes: Vec<u8> = grid()
        .into_iter()
        .map(f32::to_bits)
        .chain(words(3).take(5000))
        .flat_map(u32::to_le_bytes)
        .collect();
    let x: Vec<T> = bytemuck::pod_collect_to_vec(&bytes[..bytes.len() - size_of::<T>()]);
    for p in [0.0, -0.0] {
        let op = AlphaDropout::new(p, 99)?;
        if op.kept(x.len()) != vec![true; x.len()] {
            return Err("p = 0 drops".into());
        }
        let tensor = gpu.upload(&x, [x.len()])?;
        same_bits("forward", &op.forward(&tensor)?.download::<T>()?, &x)?;
        let dx: Vec<T> = op.backward(&tensor, &tensor)?.download()?;
        same_bits("backward", &dx, &x)?;
        op.forward_in_place(&tensor)?;
        same_bits("in place", &tensor.download::<T>()?, &x)?;
    }
    Ok(())
}

/// A dropped element does not depend on what it held; a kept NaN or infinity stays.
fn special<T: Element>(gpu: &Gpu) -> Result<(), Failed> {
    const LEN: usize = 100;
    let op = AlphaDropout::new(0.5, 3)?;
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = vec![T::from_f64(value); LEN];
        let tensor = gpu.upload(&x, [LEN])?;
        let y: Vec<T> = op.forward(&tensor)?.download()?;
        let dx: Vec<T> = op.backward(&tensor, &tensor)?.download()?;
        for (index, kept) in op.kept(LEN).iter().enumerate() {
            let stays = |found: T| {
                let found = f64::from(found.to_f32());
                found == value || found.is_nan() && value.is_nan()
            };
            if stays(y[index]) != *kept || stays(dx[index]) != *kept {
                return Err(format!("{value} at {index}, kept: {kept}").into());
            }
        }
    }
    Ok(())
}

/// A device whose bindings hold little: every tensor takes several pieces, through which the counter
/// of the random words runs on.
fn pieces<T: Element>(device: &Device) -> Result<(), Failed> {
    const BINDING: u64 = 16 << 10;
    let small = device.with_limits(|limits| {
        limits.max_storage_buffer_binding_size = BINDING;
        limits.max_compute_invocations_per_workgroup = 64;
        limits.max_compute_workgroup_size_x = 64;
    });
    let whole = BINDING as usize / size_of::<T>();
    for len in [whole, whole + 1, 3 * whole + 1757] {
        every_pass::<T>(&small.gpu, AlphaDropout::new(0.2, 5)?, len)?;
    }
    Ok(())
}

/// More workgroups than one dimension holds.
fn many_workgroups(device: &Device) -> Result<(), Failed> {
    const THREADS: u32 = 64;
    const TILE: usize = 8 * THREADS as usize;
    const LEN: usize = 65_535 * TILE + 3 * TILE + 77;
    let small = device.with_limits(|limits| {
        limits.max_compute_invocations_per_workgroup = THREADS;
        limits.max_compute_workgroup_size_x = THREADS;
    });
    let op = AlphaDropout::new(0.5, 17)?;
    let mask = Mask::new(0.5, 17);
    let mut slopes = vec![f16::ONE; LEN];
    let tensor = small.gpu.upload(&slopes, [LEN])?;
    op.backward(&tensor, &tensor)?.download_into(&mut slopes)?;
    let seams = [0, 65_535 * TILE, LEN]
        .into_iter()
        .flat_map(|seam: usize| seam.saturating_sub(5000)..(seam + 5000).min(LEN));
    for place in seams.chain((0..LEN).step_by(1009)) {
        if mask.keeps(place as u64) != (slopes[place].to_f32() != 0.0) {
            return Err(format!("another mask at {place}").into());
        }
    }
    Ok(())
}

/// The generator as the shaders have it: the published answers (`kat_vectors` of Random123), and
/// counters that carry into their high word.
fn known_answers(device: &Device) -> Result<(), Failed> {
    const KERNEL: &str = "
        @group(0) @binding(0) var<storage, read_write> blocks: array<vec4<u32>>;
        @compute @workgroup_size(1) fn answers() {
            for (var i = 0u; i < arrayLength(&blocks); i += 3u) {
                let counter = blocks[i];
                let key = blocks[i + 1u];
                blocks[i] = threefry(counter, key);
                blocks[i + 1u] = counter_after(counter.xy, key.x);
                blocks[i + 2u] = threefry(counter_after(counter.xy, key.x), key);
            }
        }";
    const PI: ([u32; 4], [u32; 4]) = (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89],
    );
    let cases = [([0; 4], [0; 4]), ([u32::MAX; 4], [u32::MAX; 4]), PI];
    let published = [
        [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8],
        [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732],
        [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84],
    ];
    let mut blocks = Vec::new();
    let mut expected = Vec::new();
    for ((counter, key), answer) in cases.into_iter().zip(published) {
        let start = u64::from(counter[1]) << 32 | u64::from(counter[0]);
        let after = start.wrapping_add(u64::from(key[0]));
        let after = [after as u32, (after >> 32) as u32, 0, 0];
        blocks.extend([counter, key, [0; 4]].concat());
        expected.extend([answer, after, threefry(after, key)].concat());
    }
    let bits: Vec<f32> = blocks.into_iter().map(f32::from_bits).collect();
    let tensor = device.gpu.upload(&bits, [bits.len()])?;
    run_kernel(&tensor, &[KERNEL, wgsl::RANDOM].concat(), 1);
    let found: Vec<f32> = tensor.download()?;
    let found: Vec<_> = found.into_iter().map(f32::to_bits).collect();
    if found != expected {
        return Err(format!("{found:08x?} is not {expected:08x?}").into());
    }
    Ok(())
}

/// Within 5 standard deviations of p for each seed, and independent from seed to seed and from each
/// element to the next.
fn share_of_dropped(device: &Device) -> Result<(), Failed> {
    const LEN: usize = 200_000;
    let ones = device.gpu.upload(&vec![1.0f32; LEN], [LEN])?;
    let expect = |what: &str, count: usize, of: usize, share: f64| {
        let deviation = (of as f64 * share * (1.0 - share)).sqrt();
        let sigmas = (count as f64 - of as f64 * share) / deviation;
        if sigmas.abs() > 5.0 {
            return Err(Failed::from(format!("{what}: {sigmas} sigma off {share}")));
        }
        Ok(())
    };
    for p in [0.001, 0.05, 0.5, 0.9] {
        let share = f64::from(p);
        let mut before: Option<Vec<bool>> = None;
        for seed in [0, 1, 1 << 32] {
            let dx: Vec<f32> = AlphaDropout::new(p, seed)?
                .backward(&ones, &ones)?
                .download()?;
            let dropped: Vec<_> = dx.iter().map(|&slope| slope == 0.0).collect();
            let count = dropped.iter().filter(|&&dropped| dropped).count();
            expect(&format!("p {p}, seed {seed}"), count, LEN, share)?;
            for step in [1, 2, 4, 8192] {
                let pairs = dropped.iter().zip(&dropped[step..]);
                let both = pairs.filter(|&(&a, &b)| a && b).count();
                expect(&format!("{step} apart"), both, LEN - step, share * share)?;
            }
            if let Some(before) = before.replace(dropped.clone()) {
                let pairs = dropped.iter().zip(&before);
                let both = pairs.filter(|&(&a, &b)| a && b).count();
                expect("the seed before", both, LEN, share * share)?;
            }
        }
    }
    Ok(())
}

/// Standard normal input stays of mean 0 and variance 1: within 5 standard errors.
fn mean_and_variance(device: &Device) -> Result<(), Failed> {
    const LEN: usize = 400_000;
    // Box and Muller, from words that have nothing to do with the crate's own generator.
    let uniform: Vec<f64> = words(21)
        .take(2 * LEN)
        .map(|word| (f64::from(word) + 0.5) / f64::powi(2.0, 32))
        .collect();
    let normal: Vec<f32> = uniform
        .chunks(2)
        .map(|u| ((-2.0 * u[0].ln()).sqrt() * (std::f64::consts::TAU * u[1]).cos()) as f32)
        .collect();
    let x = device.gpu.upload(&normal, [LEN])?;
    for p in [0.05, 0.2, 0.5] {
        let y: Vec<f32> = AlphaDropout::new(p, 4)?.forward(&x)?.download()?;
        let moment = |power: i32| {
            let sum: f64 = y.iter().map(|&y| f64::from(y).powi(power)).sum();
            sum / LEN as f64
        };
        let (mean, second, fourth) = (moment(1), moment(2), moment(4));
        let error = (LEN as f64).sqrt().recip();
        // The variance of y^2 is the fourth moment less the squared second.
        let sigmas = [
            mean / error,
            (second - 1.0) / ((fourth - second * second).sqrt() * error),
        ];
        if !sigmas.iter().all(|sigmas| sigmas.abs() < 5.0) {
            return Err(format!("p = {p}: mean {mean}, second moment {second}").into());
        }
    }
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    for (p, told) in [
        (1.0, "1"),
        (-0.1, "-0.1"),
        (1.5, "1.5"),
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (-f32::MIN_POSITIVE, "-1.1754944e-38"),
    ] {
        let error = AlphaDropout::new(p, 0).unwrap_err();
        let text = format!("alpha-dropout: p is {told} but must be at least 0 and less than 1");
        assert_eq!(error.to_string(), text);
    }
    let gpu = &device.gpu;
    let op = AlphaDropout::new(0.5, 0)?;
    let x = gpu.upload(&[1.0f32; 6], [2, 3])?;
    let turned = gpu.upload(&[1.0f32; 6], [3, 2])?;
    let y = op.forward(&x)?;
    let half = gpu.upload(&[f16::ONE; 6], [2, 3])?;
    let errors = [
        op.forward_into(&x, &turned),
        op.backward_into(&x, &x, &half),
        op.forward_into(&x, &x),
        op.backward_into(&x, &y, &y),
    ]
    .map(|result| result.unwrap_err());
    assert!(matches!(errors[0], Error::ShapeMismatch { .. }));
    assert!(matches!(errors[1], Error::ElementMismatch { .. }));
    assert_eq!(
        errors[2].to_string(),
        "alpha-dropout: x and y lie in the same buffer; use forward_in_place or another buffer"
    );
    assert_eq!(
        errors[3].to_string(),
        "alpha-dropout: upstream and dx lie in the same buffer; use backward_in_place or another \
         buffer"
    );
    let other = Gpu::open(&device.adapter, device.checks)?;
    let foreign = other.upload(&[1.0f32; 6], [2, 3])?;
    let error = op.forward_into(&x, &foreign).unwrap_err();
    assert!(matches!(error, Error::ForeignTensor { .. }));
    same_bits("x", &x.download::<f32>()?, &[1.0; 6])
}
