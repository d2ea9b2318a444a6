//! What a family must have that is registered.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Chain, ElementType, Math,
    family::{Pass, Sweep, families, find, normalised},
};

use super::written;

/// Families without a benchmark, each with the reason.
const NO_BENCHMARK: [(&str, &str); 0] = [];

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("registered/names", names)];
    for family in families() {
        let name = family.entry().name;
        trials.push(Trial::test(format!("registered/{name}"), move || {
            complete(name)
        }));
        trials.push(Trial::test(format!("registered/{name}/text"), move || {
            text(name)
        }));
    }
    trials
}

/// No two families share a name, and each is found by all of its own.
fn names() -> Result<(), Failed> {
    let mut seen = Vec::new();
    for family in families() {
        let entry = family.entry();
        for name in [entry.name].iter().chain(entry.aliases) {
            assert_eq!(*name, normalised(name));
            assert!(!seen.contains(name), "{name} names two families");
            assert_eq!(find(&name.to_uppercase())?.entry().name, entry.name);
            seen.push(*name);
        }
    }
    Ok(())
}

/// Cases, a benchmark, shaders, a picture, a page, and what is said of it.
fn complete(name: &str) -> Result<(), Failed> {
    let family = find(name)?;
    let entry = family.entry();
    for (what, text) in [
        ("title", entry.title),
        ("formula", entry.formula),
        ("slope formula", entry.slope_formula),
    ] {
        assert!(!text.is_empty(), "no {what}");
    }
    for element in ElementType::ALL {
        let cases = family.cases(element);
        assert!(!cases.is_empty(), "no cases in {}", element.name());
        for case in cases {
            case.operation.output_shape(&case.shape)?;
            assert_eq!(case.inputs.len(), case.operation.inputs());
            for input in &case.inputs {
                assert_eq!(input.len(), case.shape.iter().product::<usize>());
                assert!(!input.is_empty(), "{} of nothing", case.operation);
            }
        }
        for pass in Pass::ALL {
            for math in Math::ALL {
                assert!(!family.allowed(pass, element, math).is_empty());
            }
        }
    }
    let excused = NO_BENCHMARK.iter().any(|(family, _)| *family == name);
    assert_eq!(
        family.benchmark().is_none(),
        excused,
        "a benchmark, or a reason"
    );
    assert!(
        !family
            .shaders(ElementType::F32.into(), Math::Accurate)
            .is_empty(),
        "no shaders"
    );
    let picture = family.picture(&mut Sweep::default())?;
    assert!(
        picture.is_some_and(|picture| !picture.curves.is_empty()),
        "no picture"
    );
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/activations");
    let page = docs.join(format!("{name}.md"));
    let page = std::fs::read_to_string(&page).map_err(|_| format!("no {}", page.display()))?;
    assert!(
        page.contains(entry.title),
        "the page is not about {}",
        entry.title
    );
    Ok(())
}

/// The text of an operation is what parses to it again, unless an array is part of it.
fn text(name: &str) -> Result<(), Failed> {
    let family = find(name)?;
    let mut tried = 0;
    for (shape, axis) in [(&[12, 8][..], -1), (&[12, 8], 0)] {
        for operation in written::operations(family, shape, axis, 1) {
            let text = Chain::new(operation).to_string();
            if text.contains("per channel") || text.contains("weight [") {
                continue;
            }
            tried += 1;
            assert_eq!(text.parse::<Chain>()?.to_string(), text);
            let behind = format!("tanh | {text}").parse::<Chain>()?;
            assert_eq!(behind.steps().len(), 2);
            // What takes two tensors comes first.
            let fits = behind.result_shape(shape).is_ok();
            assert!(
                fits || behind.steps()[1].inputs() > 1 || name == "dice",
                "{text}"
            );
        }
    }
    assert!(tried > 0, "{name} is never text");
    Ok(())
}
