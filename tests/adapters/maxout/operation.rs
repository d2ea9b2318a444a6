//! As operations: the indices beside the result, and the texts.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Array, Chain, ElementType, Maxout, Offload,
    family::{everyday, maxout::reference::Layout},
    io::Slice,
    offload::{Purpose, Request},
};

use crate::common::{Device, Memory, smallest};

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    vec![device.trial("operation/winners", winners)]
}

/// Of no device.
pub(super) fn once() -> Vec<Trial> {
    vec![Trial::test("operation/text", text)]
}

/// What a forward pass saves comes out beside the result.
fn winners(device: &Device) -> Result<(), Failed> {
    let x: Vec<f32> = everyday(3000 * 8, 5).iter().map(|&x| x as f32).collect();
    let shape = [3000, 8];
    let maxout = Maxout::new(4, Layout::Strided, 1);
    let (_, winners) = maxout.forward(&device.gpu.upload(&x, shape)?)?;
    // Words that hold indices.
    let (indices, y) = (Memory::<f32>::new(6000), Memory::<f32>::new(6000));
    let chain = Chain::new(maxout);
    let offload = Offload::new(&device.gpu);
    let offload = smallest(&offload, &chain, &shape, ElementType::F32, Purpose::Forward);
    let prepared = offload.prepare(&chain, &shape, ElementType::F32, Purpose::Forward)?;
    prepared.run(&Request {
        indices: Some(&indices),
        ..Request::new(&Slice(&x), &y)
    })?;
    let indices = indices.into_inner().into_iter().map(f32::to_bits);
    assert_eq!(indices.collect::<Vec<_>>(), winners.download()?);
    Ok(())
}

/// What parses, what is printed, and what is refused.
fn text() -> Result<(), Failed> {
    let arrays = |name: &str| match name {
        "w" => Array::new(vec![0.5; 12], [2, 3, 2]),
        "b" => Array::new(vec![0.5; 4], [2, 2]),
        _ => Array::new(vec![0.5; 4], [4]),
    };
    for (text, printed) in [
        ("maxout(pieces=2)", "maxout(pieces=2, layout=adjacent)"),
        (
            "Maxout(layout=Strided, axis=0, pieces=3)",
            "maxout(pieces=3, layout=strided, axis=0)",
        ),
        ("maxout(weight=@w, pieces=2)", "maxout(weight [2, 3, 2])"),
        ("maxout(weight=@w, bias=@b)", "maxout(weight [2, 3, 2])"),
    ] {
        assert_eq!(Chain::parse(text, &arrays)?.to_string(), printed);
    }
    for (text, error) in [
        (
            "maxout",
            "maxout: pieces: it must be given: pieces=VALUE, a whole number >= 1",
        ),
        (
            "maxout(pieces=2, bias=@b)",
            "maxout: bias: a bias belongs to weights; give weight=@FILE, too",
        ),
        (
            "maxout(weight=@w, pieces=3)",
            "maxout: pieces=3: weight has shape [2, 3, 2], so 2 pieces",
        ),
        (
            "maxout(weight=@w, axis=0)",
            "maxout: axis: it has no effect with weights, whose inputs lie along the last axis",
        ),
        (
            "maxout(weight=@w, layout=strided)",
            "maxout: layout: it has no effect with weights, whose inputs lie along the last axis",
        ),
        (
            "maxout(weight=@v)",
            "maxout: weight has shape [4]; it must be [pieces, d, m] with 1 piece or more",
        ),
        (
            "maxout(weight=@w, bias=@v)",
            "maxout: bias has shape [4] but weight has shape [2, 3, 2]; it must be [pieces, m] of weight's [pieces, d, m]",
        ),
    ] {
        match Chain::parse(text, &arrays) {
            Err(found) if found.to_string() == error => {}
            found => return Err(format!("{text}: {found:?}, expected {error}").into()),
        }
    }
    Ok(())
}
