//! Every shader that can be composed, parsed, validated and written out by naga. Needs no GPU.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, fs, path::Path};

use naga::{
    ShaderStage, back,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};
use wgpu_activations::{
    Activation, CATALOGUE, ElementType, Math,
    activation::Definition,
    wgsl::{self, IndexType, Lanes, ParameterSource, Reduction, SoftmaxKernel, Vectors, Words},
};

const MATH: &str = include_str!("../shaders/math.wgsl");
const MATH_NATIVE: &str = include_str!("../shaders/math_native.wgsl");
const BITS: &str = include_str!("../shaders/bits.wgsl");

const POINTWISE: &[&str] = &[
    "forward",
    "forward_in_place",
    "backward_pass",
    "backward_in_place",
];
const REDUCE: &[&str] = &[
    "columns",
    "columns_joined",
    "columns_shared",
    "runs",
    "merge",
    "merge_joined",
    "accumulate",
];
const DICE: &[&str] = &[
    "from_batch",
    "from_running",
    "train",
    "through_batch",
    "alpha_of_sums",
];
const SOFTMAX_ROWS: &[&str] = &["forward_rows", "backward_rows"];
const SOFTMAX_HELD: &[&str] = &["forward_held", "backward_held"];
const SOFTMAX_SPLITS: &[&str] = &[
    "forward_splits",
    "backward_splits",
    "merge",
    "finish",
    "write_forward",
    "write_backward",
];

const MAXOUT_POOLING: &[&str] = &[
    "forward_streams",
    "forward_runs",
    "forward_groups",
    "forward_lanes",
    "backward_streams",
    "backward_groups",
    "backward_vectors",
    "backward_lanes",
];
const MAXOUT_AFFINE: &[&str] = &["forward", "backward_x", "backward_weight", "merge"];

/// A composed shader and the entry points that it must have.
struct Shader {
    name: String,
    source: String,
    entry_points: &'static [&'static str],
}

impl Shader {
    fn new(name: String, source: String, entry_points: &'static [&'static str]) -> Self {
        Self {
            name,
            source,
            entry_points,
        }
    }
}

/// How vectors are loaded and computed with, one kind of device after another.
const KINDS: [(Words, Lanes); 4] = [
    (Words::U32, Lanes::One),
    (Words::U32, Lanes::Four),
    (Words::U64, Lanes::One),
    (Words::U64, Lanes::Four),
];

/// All of them, for a kind of device.
fn shaders((words, lanes): (Words, Lanes)) -> Vec<Shader> {
    let mut shaders = vec![
        Shader::new("copy".to_owned(), wgsl::copy(words), POINTWISE),
        Shader::new(
            "read".to_owned(),
            wgsl::read(words),
            &["read_one", "read_two"],
        ),
        Shader::new("streams".to_owned(), wgsl::streams(words), &["streams"]),
        Shader::new("dice/statistics".to_owned(), wgsl::dice_statistics(), DICE),
    ];
    for element in ElementType::ALL {
        let vectors = Vectors {
            element,
            words,
            lanes,
        };
        for math in Math::ALL {
            let variant = format!("{}/{}", element.name(), math.name());
            for (kernel, entry_points) in [
                (SoftmaxKernel::Rows, SOFTMAX_ROWS),
                (SoftmaxKernel::Held, SOFTMAX_HELD),
                (SoftmaxKernel::Splits, SOFTMAX_SPLITS),
            ] {
                let softmax = wgsl::softmax(kernel, vectors, math);
                let name = format!("softmax/{variant}/{kernel:?}");
                shaders.push(Shader::new(name, softmax, entry_points));
            }
            for &definition in CATALOGUE {
                shaders.extend(of_activation(definition, vectors, math));
            }
            // All of them in a row, twice, so that no two are in each other's way.
            let fused = wgsl::fused(&[CATALOGUE, CATALOGUE].concat(), vectors, math);
            shaders.push(Shader::new(format!("fused/{variant}"), fused, POINTWISE));
            let dice = wgsl::dice(vectors, math);
            shaders.push(Shader::new(format!("dice/{variant}"), dice, POINTWISE));
            let columns = wgsl::dice_columns(vectors, math);
            let name = format!("dice/columns/{variant}");
            shaders.push(Shader::new(name, columns, POINTWISE));
            for dx in [false, true] {
                let name = format!("dice/reduce/dx={dx}/{variant}");
                let source = wgsl::reduce(Reduction::Dice, dx, None, vectors, math);
                shaders.push(Shader::new(name, source, REDUCE));
            }
        }
        let name = format!("moments/{}", element.name());
        let source = wgsl::reduce(Reduction::Moments, false, None, vectors, Math::Accurate);
        shaders.push(Shader::new(name, source, REDUCE));
        for index in IndexType::ALL {
            let variant = format!("{}/{index:?}", element.name());
            let name = format!("maxout/pooling/{variant}");
            let pooling = wgsl::maxout_pooling(vectors, index);
            shaders.push(Shader::new(name, pooling, MAXOUT_POOLING));
            let name = format!("maxout/affine/{variant}");
            let affine = wgsl::maxout_affine(vectors, index);
            shaders.push(Shader::new(name, affine, MAXOUT_AFFINE));
        }
        let name = format!("arrange/{}", element.name());
        shaders.push(Shader::new(name, wgsl::arrange(vectors), &["arrange"]));
        let name = format!("alpha_dropout/{}", element.name());
        shaders.push(Shader::new(name, wgsl::alpha_dropout(vectors), POINTWISE));
    }
    shaders
}

/// Those of an activation of the catalogue.
fn of_activation(definition: &'static Definition, vectors: Vectors, math: Math) -> Vec<Shader> {
    let mut shaders = Vec::new();
    let element = vectors.element.name();
    let variant = format!("{}/{element}/{}", definition.name, math.name());
    for &parameter in ParameterSource::of(definition) {
        shaders.push(Shader::new(
            format!("pointwise/{variant}/{parameter:?}"),
            wgsl::pointwise(definition, vectors, parameter, math),
            POINTWISE,
        ));
    }
    if definition.parameter.is_some() {
        shaders.push(Shader::new(
            format!("columns/{variant}"),
            wgsl::columns(definition, vectors, math),
            POINTWISE,
        ));
        for dx in [false, true] {
            shaders.push(Shader::new(
                format!("reduce/dx={dx}/{variant}"),
                wgsl::reduce(Reduction::Parameter, dx, Some(definition), vectors, math),
                REDUCE,
            ));
        }
    }
    shaders
}

/// Parses and validates with core WGSL, no extra capability.
fn validate(source: &str) -> Result<(naga::Module, ModuleInfo), String> {
    validate_with(Capabilities::empty(), source)
}

fn validate_with(
    capabilities: Capabilities,
    source: &str,
) -> Result<(naga::Module, ModuleInfo), String> {
    let module =
        naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(source))?;
    Ok((module, info))
}

/// Overridable constants that shape the code, with a value that is not their default.
const SHAPING: [(&str, f64); 13] = [
    ("REMAINDER", 1.0),
    ("ONE", 1.0),
    ("LOG", 1.0),
    ("ZEROS", 1.0),
    ("BACKWARD", 1.0),
    ("THREADS", 64.0),
    ("VECTORS", 3.0),
    ("ROWS", 4.0),
    ("WIDTH", 32.0),
    ("BLOCKS", 3.0),
    ("PIECES", 2.0),
    ("PIECES", 4.0),
    ("CONTINUED", 1.0),
];

/// Writes `entry_point` in every language that wgpu hands to drivers, GLSL only where it has the words, for
/// every kind of pipeline that is built from it; the error says which failed.
fn write_out(
    module: &naga::Module,
    info: &ModuleInfo,
    entry_point: &str,
    words: Words,
) -> Result<(), String> {
    let threads = back::PipelineConstants::from_iter([("WORKGROUP".to_owned(), 64.0)]);
    write_out_with(module, info, entry_point, words, &threads)?;
    let defines = |name: &str| {
        let mut overrides = module.overrides.iter();
        overrides.any(|(_, found)| found.name.as_deref() == Some(name))
    };
    for (name, value) in SHAPING.into_iter().filter(|(name, _)| defines(name)) {
        let mut constants = threads.clone();
        constants.insert(name.to_owned(), value);
        write_out_with(module, info, entry_point, words, &constants)?;
    }
    Ok(())
}

fn write_out_with(
    module: &naga::Module,
    info: &ModuleInfo,
    entry_point: &str,
    words: Words,
    constants: &back::PipelineConstants,
) -> Result<(), String> {
    let stage = (ShaderStage::Compute, entry_point);
    let owned = || Some((ShaderStage::Compute, entry_point.to_owned()));
    let (module, info) =
        back::pipeline_constants::process_overrides(module, info, Some(stage), constants)
            .map_err(|error| format!("overrides: {error}"))?;
    let size = module.entry_points[0].workgroup_size;
    if size != [64, 1, 1] {
        return Err(format!("overrides: the workgroup size is {size:?}"));
    }

    let spirv = back::spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: entry_point.to_owned(),
    };
    let spirv = back::spv::write_vec(&module, &info, &Default::default(), Some(&spirv))
        .map_err(|error| format!("SPIR-V: {error}"))?;
    let msl = back::msl::PipelineOptions {
        entry_point: owned(),
        ..Default::default()
    };
    let (msl, _) = back::msl::write_string(&module, &info, &Default::default(), &msl)
        .map_err(|error| format!("MSL: {error}"))?;
    let mut hlsl = String::new();
    let options = back::hlsl::Options::default();
    let pipeline = back::hlsl::PipelineOptions {
        entry_point: owned(),
    };
    back::hlsl::Writer::new(&mut hlsl, &options, &pipeline)
        .write(&module, &info, None)
        .map_err(|error| format!("HLSL: {error}"))?;
    if spirv.len() < 100 || [msl, hlsl].iter().any(|text| text.len() < 400) {
        return Err("an output is empty".to_owned());
    }
    match words {
        Words::U32 => write_glsl(&module, &info, entry_point),
        Words::U64 => Ok(()),
    }
}

fn write_glsl(module: &naga::Module, info: &ModuleInfo, entry_point: &str) -> Result<(), String> {
    let mut glsl = String::new();
    let options = back::glsl::Options {
        version: back::glsl::Version::Embedded {
            version: 310,
            is_webgl: false,
        },
        ..Default::default()
    };
    let pipeline = back::glsl::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: entry_point.to_owned(),
        multiview: None,
    };
    back::glsl::Writer::new(
        &mut glsl,
        module,
        info,
        &options,
        &pipeline,
        Default::default(),
    )
    .and_then(|mut writer| writer.write())
    .map_err(|error| format!("GLSL: {error}"))?;
    if glsl.len() < 400 {
        return Err("an output is empty".to_owned());
    }
    Ok(())
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
    assert_eq!(found, shader.entry_points, "{name}");
    for entry_point in shader.entry_points {
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
    let definition = Activation::GELU.definition();
    let compose_over = |lanes, wgsl| {
        let broken = Definition::new(definition.name, wgsl, definition.value, definition.slope);
        let vectors = Vectors {
            lanes,
            ..ElementType::F32.into()
        };
        wgsl::pointwise(&broken, vectors, ParameterSource::None, Math::Accurate)
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
    let kernels: Vec<_> = fs::read_dir(shaders.join("kernel"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .chain([shaders.join("dice.wgsl")])
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
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
    // What neither uses must serve a definition that one does.
    for (file, source, defined) in [
        ("math.wgsl", MATH, &accurate),
        ("math_native.wgsl", MATH_NATIVE, &native),
    ] {
        for name in defined.difference(&used) {
            let uses = words(source).filter(|word| word == name).count();
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
            definition.parameter.is_some(),
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
    for shared in ["mod", "course", "definition", "family"] {
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
        assert_eq!(text, definition.wgsl, "{path} is not what the entry holds");
        used.insert(name);
    }
    assert_eq!(shaders, used);
}

/// naga lets them pass; browsers do not.
#[test]
fn no_shader_uses_a_word_that_wgsl_reserves() {
    const KEYWORDS: [&str; 11] = [
        "alias", "const", "else", "false", "fn", "for", "if", "let", "override", "return", "struct",
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
