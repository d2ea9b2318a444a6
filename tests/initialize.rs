//! Initialisers: the numbers a seed stands for, their distribution, and their way to the device.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{same_bits, trusted_devices};
use half::{bf16, f16};
use wgpu_activations::{
    Element, ElementType, Error, Gpu, Initializer,
    accuracy::ulp,
    random::{Random, Stream, threefry},
};

const LECUN: Initializer = Initializer::LecunNormal { fan_in: 7 };
const HE: Initializer = Initializer::HeNormal { fan_in: 8 };
const UNIFORM: Initializer = Initializer::XavierUniform {
    fan_in: 3,
    fan_out: 5,
};
const NORMAL: Initializer = Initializer::XavierNormal {
    fan_in: 3,
    fan_out: 5,
};

const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// What a standard normal number is below `x` with.
fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// An initialiser with its exact distribution.
struct Exact {
    initializer: Initializer,
    variance: f64,
    fourth_moment: f64,
    bound: f64,
    below: fn(f64) -> f64,
}

const EXACT: [Exact; 3] = [
    Exact {
        initializer: LECUN,
        variance: 1.0 / 7.0,
        // Of the standard normal truncated at 2, by numerical integration, over its squared variance.
        fourth_moment: 2.365_536_717_129_65 / 49.0,
        bound: 2.0 * 0.377_964_473_009_227_2 / TRUNCATED_DEVIATION,
        below: |x| {
            let z = x * 7.0f64.sqrt() * TRUNCATED_DEVIATION;
            let (low, high) = (normal_below(-2.0), normal_below(2.0));
            (normal_below(z) - low) / (high - low)
        },
    },
    Exact {
        initializer: UNIFORM,
        variance: 0.25,
        // limit^4 / 5, limit = sqrt(6 / 8).
        fourth_moment: 0.1125,
        bound: 0.866_025_403_784_438_6,
        below: |x| 0.5 + 0.5 * x / 0.75f64.sqrt(),
    },
    Exact {
        initializer: NORMAL,
        variance: 0.25,
        fourth_moment: 3.0 / 16.0,
        bound: f64::INFINITY,
        below: |x| normal_below(2.0 * x),
    },
];

/// From high-precision arithmetic over another implementation of the generator. With seed 0 the
/// seventh of the truncated ones takes a second draw.
#[test]
fn a_seed_keeps_its_meaning() {
    for (initializer, seed, expected) in [
        (
            UNIFORM,
            0,
            [
                0x3f5c_ecf9,
                0x3e14_828c,
                0xbe93_e1fc,
                0x3ea5_3f3f,
                0xbee4_9a22,
                0x3ee5_f1cc,
                0xbf43_6946,
                0x3e59_647c,
            ],
        ),
        (
            UNIFORM,
            0x0123_4567_89ab_cdef,
            [
                0xbf32_da83,
                0xbf3f_b6dd,
                0xbee2_45e2,
                0xbe2d_8b50,
                0x3e02_863b,
                0xbf2a_8c77,
                0xbf38_1ccc,
                0x3d59_9c05,
            ],
        ),
        (
            NORMAL,
            0,
            [
                0x3cb5_2941,
                0xbeef_9db4,
                0xbf0b_e0bd,
                0xbeb8_2e8b,
                0x3f14_4b7a,
                0x3ebc_6429,
                0x3f8e_08da,
                0xbd9b_a5d0,
            ],
        ),
        (
            NORMAL,
            0x0123_4567_89ab_cdef,
            [
                0xbf6b_2418,
                0xbcd8_26a0,
                0xbf36_9685,
                0x3ec3_2a23,
                0xbed9_bcd4,
                0x3f53_1008,
                0xbe8f_f3c2,
                0x3ee1_b521,
            ],
        ),
        (
            LECUN,
            0,
            [
                0x3c9b_af7d,
                0xbecd_eb92,
                0xbef0_6a53,
                0xbe9e_4808,
                0x3efe_e1c8,
                0x3ea1_e61d,
                0x3f3e_6870,
                0xbd85_c286,
            ],
        ),
        (
            LECUN,
            0x0123_4567_89ab_cdef,
            [
                0xbf4a_1310,
                0xbcb9_c13c,
                0xbf1c_e963,
                0x3ea7_b83f,
                0xbebb_1e50,
                0x3f35_61d1,
                0xbe77_6b03,
                0x3ec1_f7b3,
            ],
        ),
    ] {
        let values: Vec<f32> = initializer.values(8, seed).unwrap();
        let bits: Vec<_> = values.into_iter().map(f32::to_bits).collect();
        assert_eq!(bits, expected, "{initializer:?} {seed}");
    }
}

#[test]
fn moments_and_bounds_are_those_of_the_distribution() {
    const LEN: usize = 100_000;
    for exact in EXACT {
        for seed in [0, 1, u64::MAX] {
            let values: Vec<f32> = exact.initializer.values(LEN, seed).unwrap();
            let moment = |power: i32| {
                let sum: f64 = values.iter().map(|&x| f64::from(x).powi(power)).sum();
                sum / LEN as f64
            };
            let deviation = |variance: f64| (variance / LEN as f64).sqrt();
            let mean = moment(1) / deviation(exact.variance);
            let spread = exact.fourth_moment - exact.variance * exact.variance;
            let variance = (moment(2) - exact.variance) / deviation(spread);
            let name = exact.initializer.name();
            assert!(mean.abs() < 4.0, "{name}: mean {mean} standard errors off");
            assert!(variance.abs() < 4.0, "{name}: variance {variance} off");
            let largest = values.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            let bound = exact.bound as f32;
            assert!(largest <= bound, "{name}: {largest} beyond {bound}");
            if bound.is_finite() {
                assert!(largest > 0.999 * bound, "{name}: {largest} within {bound}");
            } else {
                assert!(largest > 3.9 * 0.5, "{name}: {largest} at most");
            }
        }
    }
}

/// The Kolmogorov-Smirnov test: the largest distance between the share of numbers below x and what it
/// should be exceeds 1.95 / sqrt(n) once in a thousand times.
fn distance(values: &[f32], below: fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let share = |count: usize| count as f64 / sorted.len() as f64;
    sorted
        .iter()
        .enumerate()
        .map(|(index, &x)| {
            let exact = below(f64::from(x));
            (share(index + 1) - exact).max(exact - share(index))
        })
        .fold(0.0, f64::max)
}

#[test]
fn the_distribution_is_the_exact_one() {
    const LEN: usize = 100_000;
    let critical = 1.95 / (LEN as f64).sqrt();
    for exact in EXACT {
        let name = exact.initializer.name();
        for seed in [2, 3, 1 << 63] {
            let values: Vec<f32> = exact.initializer.values(LEN, seed).unwrap();
            let found = distance(&values, exact.below);
            assert!(found < critical, "{name}: {found} of {critical}");
            // The test tells a distribution that is a twenty-fifth wider.
            let wider: Vec<_> = values.iter().map(|x| 1.04 * x).collect();
            let found = distance(&wider, exact.below);
            assert!(found > critical, "{name}, wider: {found} of {critical}");
        }
    }
}

#[test]
fn neighbours_and_seeds_are_independent() {
    const LEN: usize = 100_000;
    for exact in EXACT {
        let values = |seed| exact.initializer.values::<f32>(LEN + 4, seed).unwrap();
        let (first, second) = (values(0), values(1));
        for (what, other) in [
            ("next", &first[1..]),
            ("vector", &first[4..]),
            ("seed", &second[..]),
        ] {
            let pairs = first.iter().zip(other).take(LEN);
            let sum: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let correlation = sum / exact.variance / (LEN as f64).sqrt();
            let name = exact.initializer.name();
            assert!(correlation.abs() < 5.0, "{name}, {what}: {correlation}");
        }
    }
}

/// Each is the number nearest to one that f32 holds more closely.
fn rounded<T: Element>(initializer: Initializer) {
    let close: Vec<f32> = initializer.values(1000, 5).unwrap();
    let found: Vec<T> = initializer.values(1000, 5).unwrap();
    for (close, found) in close.into_iter().zip(found) {
        let close = f64::from(close);
        let error = (f64::from(found.to_f32()) - close).abs();
        let allowed = 0.5 * ulp(close, T::TYPE) + ulp(close, ElementType::F32);
        assert!(error <= allowed, "{close} became {}", found.to_f32());
    }
}

#[test]
fn element_types_round_the_same_numbers() {
    for initializer in [LECUN, HE, UNIFORM, NORMAL] {
        rounded::<f16>(initializer);
        rounded::<bf16>(initializer);
        let long: Vec<f32> = initializer.values(100, 9).unwrap();
        let short: Vec<f32> = initializer.values(37, 9).unwrap();
        assert_eq!(short, long[..37]);
        assert!(initializer.values::<f32>(0, 9).unwrap().is_empty());
    }
}

#[test]
fn a_fan_of_zero_is_refused() {
    let (zero, fan_out) = (0, 4);
    for (initializer, text) in [
        (
            Initializer::LecunNormal { fan_in: zero },
            "lecun-normal: fan_in is 0 but must be at least 1",
        ),
        (
            Initializer::HeNormal { fan_in: zero },
            "he-normal: fan_in is 0 but must be at least 1",
        ),
        (
            Initializer::XavierUniform {
                fan_in: zero,
                fan_out,
            },
            "xavier-uniform: fan_in is 0 but must be at least 1",
        ),
        (
            Initializer::XavierNormal {
                fan_in: 4,
                fan_out: zero,
            },
            "xavier-normal: fan_out is 0 but must be at least 1",
        ),
    ] {
        let error = initializer.values::<f32>(4, 0).unwrap_err();
        assert_eq!(error.to_string(), text);
        for device in trusted_devices() {
            let error = initializer.tensor(&device.gpu, [0], ElementType::F32, 0);
            assert_eq!(error.unwrap_err().to_string(), text);
        }
    }
}

fn uploaded<T: Element>(gpu: &Gpu) {
    for initializer in [LECUN, HE, UNIFORM, NORMAL] {
        for shape in [&[3, 7, 19][..], &[0, 3], &[]] {
            let tensor = initializer.tensor(gpu, shape, T::TYPE, 6).unwrap();
            assert_eq!(tensor.shape(), shape);
            let found: Vec<T> = tensor.download().unwrap();
            let values: Vec<T> = initializer.values(tensor.len(), 6).unwrap();
            same_bits(initializer.name(), &found, &values).unwrap();
        }
    }
    let large = NORMAL.tensor(gpu, [usize::MAX], T::TYPE, 6).unwrap_err();
    assert!(matches!(large, Error::TooLarge { .. }));
}

#[test]
fn tensors_hold_the_values() {
    for device in trusted_devices() {
        uploaded::<f32>(&device.gpu);
        uploaded::<f16>(&device.gpu);
        uploaded::<bf16>(&device.gpu);
    }
}

#[test]
fn he_draws_from_the_normal_distribution_of_its_variance() {
    // 2 / 8, as of three inputs and five outputs by Xavier.
    let he: Vec<f32> = HE.values(1000, 5).unwrap();
    assert_eq!(he, NORMAL.values::<f32>(1000, 5).unwrap());
}

/// `kat_vectors` of the authors' Random123.
#[test]
fn threefry_gives_the_published_answers() {
    let zeros = [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8];
    assert_eq!(threefry([0; 4], [0; 4]), zeros);
    let ones = [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732];
    assert_eq!(threefry([u32::MAX; 4], [u32::MAX; 4]), ones);
    let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    let key = [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89];
    let pi = [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84];
    assert_eq!(threefry(counter, key), pi);
}

#[test]
fn seed_stream_index_and_draw_all_tell_words_apart() {
    let random = Random::new(1 << 32 | 5, Stream(1));
    assert_eq!(
        random.block(9 << 32 | 7, 3),
        threefry([7, 9, 3, 0], [5, 1, 1, 0])
    );
    let words: Vec<_> = random.words().take(11).collect();
    let by_index: Vec<_> = (0..11).map(|index| random.word(index)).collect();
    assert_eq!(words, by_index);
    let other = Random::new(1 << 32 | 5, Stream(2));
    assert_eq!(other.block(0, 0), threefry([0; 4], [5, 1, 2, 0]));
}
