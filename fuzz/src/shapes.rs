//! Chains over shapes of any extents, zeros and huge ones among them, are worked on or refused: nothing panics, and no
//! memory is taken for what a shape claims. On a device, too, where there is one.

use std::sync::OnceLock;

use wgpu_activations::{
    Array, Chain, ElementType, Gpu, Offload, View,
    check::{reference, reference_memory},
    family::Pass,
    io::count,
    offload::Purpose,
};

const EXTENTS: [usize; 12] = [
    0,
    0,
    1,
    2,
    3,
    8,
    1 << 12,
    1 << 27,
    1 << 44,
    usize::MAX / 20 + 2,
    usize::MAX / 2,
    usize::MAX,
];

const CHAINS: [&str; 16] = [
    "gelu",
    "prelu",
    "prelu(alpha=@a)",
    "dice",
    "dice(alpha=@a)",
    "dice(mode=infer, mean=0, variance=1)",
    "softmax",
    "log-softmax",
    "logsumexp",
    "maxout(pieces=2)",
    "maxout(pieces=3, layout=strided)",
    "maxout(weight=@w, bias=@b)",
    "maxout(weight=@v)",
    "alpha-dropout(p=0.5, seed=1)",
    "elu | dice | softmax",
    "softmax | dice(axis=0)",
];

/// Elements that are worked on.
const FEW: usize = 1 << 10;

/// Panics where that does not hold.
pub(crate) fn run(bytes: &[u8]) {
    let [chain, axis, extents @ ..] = bytes else {
        return;
    };
    let text = CHAINS[*chain as usize % CHAINS.len()];
    let extents = extents.iter().take(5);
    let extent = |byte: &u8| EXTENTS[*byte as usize % EXTENTS.len()];
    let shape: Vec<_> = extents.map(extent).collect();
    let arrays = |name: &str| match name {
        "w" => Array::new(Vec::new(), [2, 0, 4]),
        "v" => Array::new(Vec::new(), [usize::MAX, 0, 3]),
        "b" => Array::new(vec![0.5; 8], [2, 4]),
        _ => Array::new(vec![0.5; 8], [8]),
    };
    let chain = Chain::parse(text, &arrays).expect("the texts are right");
    let axis = i64::from(*axis as i8 % 6);
    let chain = match text.contains('|') {
        true => chain,
        false => chain.axis(axis),
    };
    let _ = View::of(&shape, axis).map(|view| view.elements());
    let result = chain.result_shape(&shape);
    let layout = chain.layout(&shape);
    assert_eq!(result.is_ok(), layout.is_ok(), "{text} {shape:?}");
    for pass in [Pass::Forward, Pass::Backward] {
        assert_eq!(
            result.is_ok(),
            reference_memory(&chain, &shape, pass).is_ok()
        );
    }
    let few = |shape: &[usize]| count(shape).filter(|elements| *elements <= FEW);
    let counts = result.ok().and_then(|result| few(&shape).zip(few(&result)));
    let (x, g) = match counts {
        Some((x, g)) => (vec![0.5; x], vec![1.0; g]),
        None => (Vec::new(), Vec::new()),
    };
    if counts.is_some() {
        for upstream in [None, Some(&g[..])] {
            let Ok(found) = reference(&chain, &shape, &[&x], upstream) else {
                continue;
            };
            let expected = if upstream.is_some() { x.len() } else { g.len() };
            assert_eq!(found.values[0].len(), expected, "{text} {shape:?}");
        }
    }
    let Some(gpu) = gpu() else {
        return;
    };
    for offload in [Offload::new(gpu), Offload::new(gpu).result_only()] {
        for purpose in [
            Purpose::Forward,
            Purpose::ForwardObserved,
            Purpose::Backward,
        ] {
            if let Ok(prepared) = offload.prepare(&chain, &shape, ElementType::F32, purpose) {
                prepared.forecast();
            }
        }
        if counts.is_some() {
            let narrow =
                |values: &[f64]| -> Vec<f32> { values.iter().map(|&x| x as f32).collect() };
            let (x, g) = (narrow(&x), narrow(&g));
            let (mut y, mut dx) = (vec![0.0; g.len()], vec![0.0; x.len()]);
            let _ = offload.forward(&chain, &shape, &x, &mut y);
            let _ = offload.backward(&chain, &shape, &x, &g, &mut dx);
        }
    }
}

/// The device, opened once.
fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| Gpu::new().ok()).as_ref()
}
