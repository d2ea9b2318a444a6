//! Every shader that can be composed, parsed, validated and written out by naga. Needs no GPU.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "wgsl/languages.rs"]
mod languages;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::Path,
};

use languages::{validate, validate_with, write_out};
use naga::valid::Capabilities;
use wgpu_activations::{
    Activation, CATALOGUE, ElementType, Math,
    activation::Definition,
    arguments,
    family::families,
    kernel,
    wgsl::{self, Fused, Lanes, ParameterSource, Vectors, Words},
};

const MATH: &str = include_str!("../shaders/math.wgsl");
const MATH_NATIVE: &str = include_str!("../shaders/math_native.wgsl");
const BITS: &str = include_str!("../shaders/bits.wgsl");

/// A composed shader.
struct Shader {
    name: String,
    source: String,
}

/// How vectors are loaded and computed with, one kind of device after another.
const KINDS: [(Words, Lanes); 4] = [
    (Words::U32, Lanes::One),
    (Words::U32, Lanes::Four),
    (Words::U64, Lanes::One),
    (Words::U64, Lanes::Four),
];

/// What each owner launches on a kind of device, each text once.
fn shaders((words, lanes): (Words, Lanes)) -> Vec<Shader> {
    let mut shaders = Vec::new();
    let mut seen = HashSet::new();
    for element in ElementType::ALL {
        let vectors = Vectors {
            element,
            words,
            lanes,
        };
        for math in Math::ALL {
            let of_families = families().flat_map(|family| family.shaders(vectors, math));
            for (name, shader) in of_families.chain(kernel::shaders(vectors)) {
                if seen.insert(shader.clone()) {
                    shaders.push(Shader {
                        name: format!("{name}, {}, {}", element.name(), math.name()),
                        source: shader.to_string(),
                    });
                }
            }
        }
    }
    shaders
}

#[test]
fn every_family_lists_its_shaders() {
    for element in ElementType::ALL {
        for family in families() {
            let name = family.entry().name;
            let shaders = family.shaders(element.into(), Math::Accurate);
            let names: HashSet<_> = shaders.iter().map(|(name, _)| name).collect();
            assert!(!names.is_empty(), "{name} has no shader");
            assert_eq!(names.len(), shaders.len(), "{name}: a name twice");
        }
    }
    // Of each type and math 27 of activations, two fused, four of Dice and three of softmax; and the others.
    let shaders = shaders(KINDS[0]);
    assert!(shaders.len() > 36 * 6, "{}", shaders.len());
}

#[test]
fn every_shader_validates_and_writes_out_in_every_language() {
    for kind in KINDS {
        let capabilities = match kind.0 {
            Words::U32 => Capabilities::empty(),
            Words::U64 => Capabilities::SHADER_INT64,
        };
        shaders(kind)
            .iter()
            .for_each(|shader| expect_sound(shader, kind.0, capabilities));
    }
}

fn expect_sound(shader: &Shader, words: Words, capabilities: Capabilities) {
    let name = &shader.name;
    let (module, info) = validate_with(capabilities, &shader.source)
        .unwrap_or_else(|error| panic!("{name}: {words:?}: {error}"));
    let found: Vec<_> = module
        .entry_points
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    // All that the text declares.
    let declared = shader.source.matches("@compute").count();
    assert!(declared > 0, "{name}: no entry point");
    assert_eq!(found.len(), declared, "{name}");
    for entry_point in found {
        write_out(&module, &info, entry_point, words)
            .unwrap_or_else(|error| panic!("{name}: {words:?}: {entry_point}: {error}"));
    }
}

#[test]
fn every_file_is_part_of_a_shader() {
    let shaders: Vec<_> = KINDS.into_iter().flat_map(shaders).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut folders = vec![root];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let used = shaders.iter().any(|shader| shader.source.contains(&text));
            assert!(used, "{} is validated nowhere", path.display());
            files += 1;
        }
    }
    assert!(files > 30, "{files} files");
}

#[test]
fn a_broken_snippet_is_refused() {
    let compose_over = |lanes, wgsl| {
        let broken = own_definition(wgsl);
        let vectors = Vectors {
            lanes,
            ..ElementType::F32.into()
        };
        wgsl::pointwise(&broken, vectors, ParameterSource::None, Math::Accurate).to_string()
    };
    let compose = |wgsl| compose_over(Lanes::One, wgsl);
    const GOOD: &str = "fn value(x: Real) -> Real { return x; }
        fn backward(x: Real, upstream: Real) -> Real { return upstream; }";
    for lanes in Lanes::ALL {
        assert!(validate(&compose_over(lanes, GOOD)).is_ok());
    }
    let one_lane = GOOD.replace("Real", "f32");
    assert!(validate(&compose_over(Lanes::Four, one_lane.leak())).is_err());
    for (broken, what) in [
        ("fn value(x: Real) -> Real { return x; }", "no backward"),
        (
            "fn value(x: Real) -> Real { return x }
             fn backward(x: Real, upstream: Real) -> Real { return upstream; }",
            "no semicolon",
        ),
        (
            "fn value(x: Real) -> Real { return 1u; }
             fn backward(x: Real, upstream: Real) -> Real { return upstream; }",
            "another type",
        ),
        (
            "fn value(x: Real) -> Real { return tanh1(x); }
             fn backward(x: Real, upstream: Real) -> Real { return upstream; }",
            "an unknown name",
        ),
        (
            "enable f16; fn value(x: Real) -> Real { return x; }
             fn backward(x: Real, upstream: Real) -> Real { return upstream; }",
            "a feature of the adapter",
        ),
    ] {
        assert!(validate(&compose(broken)).is_err(), "{what} passes");
    }
}

/// An activation of the test's own, with the name of another.
fn own_definition(wgsl: &'static str) -> Definition {
    let like = Activation::GELU.definition();
    Definition::new(like.name, wgsl, like.value, like.slope)
}

#[test]
fn activations_fuse_by_their_snippets() {
    let twice = own_definition(
        "const FACTOR: f32 = 2.0;
         fn scaled(x: Real) -> Real { return FACTOR * x; }
         fn value(x: Real) -> Real { return scaled(x); }
         fn backward(x: Real, upstream: Real) -> Real { return scaled(upstream); }",
    );
    let thrice = own_definition(
        "const FACTOR: f32 = 3.0;
         fn scaled(x: Real) -> Real { return FACTOR * x; }
         fn value(x: Real) -> Real { return scaled(x); }
         fn backward(x: Real, upstream: Real) -> Real { return scaled(upstream); }",
    );
    let again = own_definition(twice.wgsl);
    let runs = Fused::runs(&[&twice, &thrice, &again, Activation::GELU.definition()]);
    let [run] = &runs[..] else {
        panic!("{} runs", runs.len());
    };
    for lanes in Lanes::ALL {
        let vectors = Vectors {
            lanes,
            ..ElementType::F32.into()
        };
        let source = wgsl::fused(run, vectors, Math::Accurate).to_string();
        validate(&source).unwrap_or_else(|error| panic!("{error}"));
        let calls = source.matches("y = select(value_0(y), y, is_nan(y));");
        assert_eq!(calls.count(), 2);
        assert!(source.contains("return FACTOR_1 * x;") && !source.contains("scaled_2"));
    }
}

arguments! {
    /// As many as there can be.
    struct Sixteen {
        /// A number.
        a: u32,
        /// And a real one.
        b: f32,
        /// The others.
        c: u32, /** .. */ d: u32, /** .. */ e: u32, /** .. */ f: u32, /** .. */ g: u32, /** .. */ h: u32,
        /** .. */ i: u32, /** .. */ j: u32, /** .. */ k: u32, /** .. */ l: u32, /** .. */ m: u32, /** .. */ n: u32,
        /** .. */ o: u32,
        /// The last.
        p: f32,
    }
}

#[test]
fn arguments_lie_in_wgsl_as_in_rust() {
    use wgpu_activations::wgsl::{ARGUMENT_WORDS, Arguments};

    let module = naga::front::wgsl::parse_str(Sixteen::WGSL).unwrap();
    let (_, arguments) = module.global_variables.iter().next().unwrap();
    let naga::TypeInner::Struct { members, span } = &module.types[arguments.ty].inner else {
        panic!("not a struct");
    };
    assert_eq!(*span as usize, 4 * ARGUMENT_WORDS);
    for (place, member) in members.iter().enumerate() {
        assert_eq!(member.offset as usize, 4 * place, "{:?}", member.name);
    }
    let sixteen = Sixteen {
        a: 1,
        b: 2.0,
        p: -1.0,
        ..Default::default()
    };
    let words = sixteen.words();
    assert_eq!([words[0], words[1]], [1, 2.0f32.to_bits()]);
    assert_eq!(words[2..15], [0; 13]);
    assert_eq!(words[15], (-1.0f32).to_bits());
}

/// Functions and structs that a piece of WGSL defines at its top level.
fn names(source: &str) -> BTreeSet<&str> {
    source
        .lines()
        .filter_map(|line| line.strip_prefix("fn ").or(line.strip_prefix("struct ")))
        .filter_map(|rest| rest.split(|c: char| !is_word(c)).next())
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The words of the code, without its comments.
fn words(source: &str) -> impl Iterator<Item = &str> {
    code(source).flat_map(|line| line.split(|c: char| !is_word(c)))
}

/// The lines, without their comments.
fn code(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// The functions that the code calls, and the structs that it builds: kernels have variables of
/// other names too.
fn calls(source: &str) -> impl Iterator<Item = &str> {
    code(source)
        .flat_map(|line| line.match_indices('(').map(move |(end, _)| &line[..end]))
        .filter_map(|before| before.rsplit(|c: char| !is_word(c)).next())
}

#[test]
fn both_maths_define_what_snippets_and_kernels_use() {
    let (accurate, native) = (names(MATH), names(MATH_NATIVE));
    assert!(accurate.contains("expm1f") && accurate.contains("Scaled"));
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let sources = |folder: &str| {
        let files = fs::read_dir(shaders.join(folder)).unwrap();
        files.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
    };
    let kernels: Vec<_> = sources("kernel").chain(sources("family")).collect();
    let used: BTreeSet<_> = CATALOGUE
        .iter()
        .flat_map(|definition| words(definition.wgsl))
        .chain(kernels.iter().flat_map(|kernel| calls(kernel)))
        .filter(|word| accurate.contains(word) || native.contains(word))
        .collect();
    assert!(used.contains("exp_shifted"), "the kernels were not read");
    for name in &used {
        assert!(accurate.contains(name), "math.wgsl lacks {name}");
        assert!(native.contains(name), "math_native.wgsl lacks {name}");
    }
    // What neither uses must serve a definition that one does, or a kernel of the accurate math alone.
    let only: Vec<_> = sources("accurate").collect();
    for (file, source, defined, kernels) in [
        ("math.wgsl", MATH, &accurate, &only[..]),
        ("math_native.wgsl", MATH_NATIVE, &native, &[]),
    ] {
        for name in defined.difference(&used) {
            let calls = kernels.iter().flat_map(|kernel| calls(kernel));
            let uses = words(source)
                .chain(calls)
                .filter(|word| word == name)
                .count();
            assert!(uses > 1, "nothing uses {name} of {file}");
        }
    }
    // A name defined in both is there for them, with one signature.
    let signature = |source: &'static str, name: &str| {
        source
            .lines()
            .find(|line| {
                line.strip_prefix("fn ")
                    .and_then(|rest| rest.strip_prefix(name))
                    .is_some_and(|rest| rest.starts_with('('))
            })
            .map(|line| line.split(" {").next().unwrap_or_default())
    };
    for name in accurate.intersection(&native) {
        assert_eq!(signature(MATH, name), signature(MATH_NATIVE, name));
    }
}

#[test]
fn snippets_define_their_functions_and_no_bindings() {
    for definition in CATALOGUE {
        let (name, wgsl) = (definition.name, definition.wgsl);
        let defined = names(wgsl);
        assert!(defined.contains("value"), "{name}: no value");
        assert!(defined.contains("backward"), "{name}: no backward");
        assert_eq!(
            defined.contains("parameter_backward"),
            !definition.parameters.is_empty(),
            "{name}: parameter_backward belongs to a parameter"
        );
        for line in code(wgsl) {
            for word in ["@", "var<", "override ", "enable ", "requires "] {
                assert!(!line.contains(word), "{name}: {line}");
            }
        }
        assert!(
            wgsl.starts_with("// "),
            "{name}: begins without its formula"
        );
        for shared in [BITS, MATH, MATH_NATIVE] {
            let clash: Vec<_> = names(shared)
                .intersection(&defined)
                .map(|name| (*name).to_owned())
                .collect();
            assert!(clash.is_empty(), "{name}: defines {clash:?} again");
        }
    }
}

#[test]
fn activations_have_a_file_in_each_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stems = |folder: &str, extension: &str| -> BTreeSet<String> {
        fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let shaders = stems("shaders/activation", "wgsl");
    let mut modules = stems("src/activation", "rs");
    for shared in ["mod", "course", "definition", "points"] {
        assert!(modules.remove(shared), "{shared}.rs");
    }
    let listed: BTreeSet<_> = CATALOGUE
        .iter()
        .map(|definition| definition.name.replace('-', "_"))
        .collect();
    assert_eq!(modules, listed);
    let mut used = BTreeSet::new();
    for definition in CATALOGUE {
        // PReLU is leaky ReLU's snippet with a parameter that is learned.
        let name = match definition.name {
            "prelu" => "leaky_relu".to_owned(),
            name => name.replace('-', "_"),
        };
        let path = format!("shaders/activation/{name}.wgsl");
        let text = fs::read_to_string(root.join(&path)).unwrap();
        // Some bring the sine along.
        let sine = include_str!("../shaders/sine.wgsl");
        let held = definition.wgsl.strip_suffix(sine);
        let held = held.unwrap_or(definition.wgsl);
        assert_eq!(text, held, "{path} is not what the entry holds");
        used.insert(name);
    }
    assert_eq!(shaders, used);
}

/// naga lets them pass; browsers do not.
#[test]
fn no_shader_uses_a_word_that_wgsl_reserves() {
    const KEYWORDS: [&str; 12] = [
        "alias", "break", "const", "else", "false", "fn", "for", "if", "let", "override", "return",
        "struct",
    ];
    let allowed = |word: &&str| KEYWORDS.contains(word) || *word == "var" || *word == "true";
    let reserved: BTreeSet<_> = naga::keywords::wgsl::RESERVED.iter().copied().collect();
    assert!(reserved.contains("typedef"));
    for shader in KINDS[..2].iter().copied().flat_map(shaders) {
        let found: BTreeSet<_> = words(&shader.source)
            .filter(|word| reserved.contains(word) && !allowed(word))
            .collect();
        assert!(found.is_empty(), "{}: {found:?}", shader.name);
    }
}
