//! Every shader that can be composed, parsed, validated and written out by naga. Needs no GPU.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, fs, path::Path};

use naga::{
    ShaderStage, back,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};
use wgpu_activations::{
    Activation, CATALOGUE, ElementType, Math,
    wgsl::{self, ParameterSource},
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
const PARAMETER_GRADIENT: &[&str] = &["columns_of_terms", "columns_of_sums", "channels_of_sums"];

/// A composed shader and the entry points that it must have.
struct Shader {
    name: String,
    source: String,
    entry_points: &'static [&'static str],
}

/// All of them.
fn shaders() -> Vec<Shader> {
    let mut shaders = vec![Shader {
        name: "copy".to_owned(),
        source: wgsl::copy(),
        entry_points: POINTWISE,
    }];
    for &definition in CATALOGUE {
        for element in ElementType::ALL {
            for math in Math::ALL {
                let variant = format!("{}/{}/{}", definition.name, element.name(), math.name());
                for &parameter in ParameterSource::of(definition) {
                    shaders.push(Shader {
                        name: format!("pointwise/{variant}/{parameter:?}"),
                        source: wgsl::pointwise(definition, element, parameter, math),
                        entry_points: POINTWISE,
                    });
                }
                if definition.parameter.is_some() {
                    shaders.push(Shader {
                        name: format!("parameter_gradient/{variant}"),
                        source: wgsl::parameter_gradient(definition, element, math),
                        entry_points: PARAMETER_GRADIENT,
                    });
                }
            }
        }
    }
    shaders
}

/// Parses and validates with core WGSL, no extra capability.
fn validate(source: &str) -> Result<(naga::Module, ModuleInfo), String> {
    let module =
        naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|error| error.emit_to_string(source))?;
    Ok((module, info))
}

/// Writes `entry_point` in every language that wgpu hands to drivers, for every kind of pipeline
/// that is built from it; the error says which failed.
fn write_out(module: &naga::Module, info: &ModuleInfo, entry_point: &str) -> Result<(), String> {
    let mut constants = back::PipelineConstants::from_iter([("WORKGROUP".to_owned(), 64.0)]);
    write_out_with(module, info, entry_point, &constants)?;
    let remainder = |name: &Option<String>| name.as_deref() == Some("REMAINDER");
    if module
        .overrides
        .iter()
        .any(|(_, found)| remainder(&found.name))
    {
        constants.insert("REMAINDER".to_owned(), 1.0);
        write_out_with(module, info, entry_point, &constants)?;
    }
    Ok(())
}

fn write_out_with(
    module: &naga::Module,
    info: &ModuleInfo,
    entry_point: &str,
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
    let words = back::spv::write_vec(&module, &info, &Default::default(), Some(&spirv))
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
        &module,
        &info,
        &options,
        &pipeline,
        Default::default(),
    )
    .and_then(|mut writer| writer.write())
    .map_err(|error| format!("GLSL: {error}"))?;
    if words.len() < 100 || [msl, hlsl, glsl].iter().any(|text| text.len() < 400) {
        return Err("an output is empty".to_owned());
    }
    Ok(())
}

#[test]
fn every_shader_validates_and_writes_out_in_every_language() {
    let shaders = shaders();
    let parameters = CATALOGUE
        .iter()
        .filter(|definition| definition.parameter.is_some())
        .count();
    assert_eq!(
        shaders.len(),
        1 + (CATALOGUE.len() + 2 * parameters) * ElementType::ALL.len() * Math::ALL.len()
    );
    for shader in shaders {
        let name = &shader.name;
        let (module, info) =
            validate(&shader.source).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<_> = module
            .entry_points
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(found, shader.entry_points, "{name}");
        for entry_point in shader.entry_points {
            write_out(&module, &info, entry_point)
                .unwrap_or_else(|error| panic!("{name}: {entry_point}: {error}"));
        }
    }
}

#[test]
fn a_broken_snippet_is_refused() {
    let definition = Activation::GELU.definition();
    let compose = |wgsl| {
        let broken = wgpu_activations::activation::Definition {
            wgsl,
            aliases: definition.aliases,
            name: definition.name,
            title: definition.title,
            formula: definition.formula,
            slope_formula: definition.slope_formula,
            parameter: None,
            properties: definition.properties,
            paper: definition.paper,
            value: definition.value,
            slope: definition.slope,
        };
        wgsl::pointwise(
            &broken,
            ElementType::F32,
            ParameterSource::None,
            Math::Accurate,
        )
    };
    const GOOD: &str = "fn value(x: f32) -> f32 { return x; }
        fn backward(x: f32, upstream: f32) -> f32 { return upstream; }";
    assert!(validate(&compose(GOOD)).is_ok());
    for (broken, what) in [
        ("fn value(x: f32) -> f32 { return x; }", "no backward"),
        (
            "fn value(x: f32) -> f32 { return x }
             fn backward(x: f32, upstream: f32) -> f32 { return upstream; }",
            "no semicolon",
        ),
        (
            "fn value(x: f32) -> f32 { return 1u; }
             fn backward(x: f32, upstream: f32) -> f32 { return upstream; }",
            "another type",
        ),
        (
            "fn value(x: f32) -> f32 { return tanh1(x); }
             fn backward(x: f32, upstream: f32) -> f32 { return upstream; }",
            "an unknown name",
        ),
        (
            "enable f16; fn value(x: f32) -> f32 { return x; }
             fn backward(x: f32, upstream: f32) -> f32 { return upstream; }",
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

#[test]
fn both_maths_define_what_snippets_use() {
    let (accurate, native) = (names(MATH), names(MATH_NATIVE));
    assert!(accurate.contains("expm1f") && accurate.contains("Scaled"));
    let used: BTreeSet<_> = CATALOGUE
        .iter()
        .flat_map(|definition| words(definition.wgsl))
        .filter(|word| accurate.contains(word) || native.contains(word))
        .collect();
    for name in &used {
        assert!(accurate.contains(name), "math.wgsl lacks {name}");
        assert!(native.contains(name), "math_native.wgsl lacks {name}");
    }
    // What no snippet uses must serve a definition that one does.
    for (file, source, defined) in [
        ("math.wgsl", MATH, &accurate),
        ("math_native.wgsl", MATH_NATIVE, &native),
    ] {
        for name in defined.difference(&used) {
            let uses = words(source).filter(|word| word == name).count();
            assert!(uses > 1, "nothing uses {name} of {file}");
        }
    }
    // A name defined in both is there for snippets, with one signature.
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
    for shared in ["mod", "definition"] {
        assert!(modules.remove(shared), "{shared}.rs");
    }
    let listed: BTreeSet<_> = CATALOGUE
        .iter()
        .map(|definition| definition.name.replace('-', "_"))
        .collect();
    assert_eq!(shaders, modules);
    assert_eq!(shaders, listed);
    for definition in CATALOGUE {
        let path = format!("shaders/activation/{}.wgsl", definition.name).replace('-', "_");
        let text = fs::read_to_string(root.join(&path)).unwrap();
        assert_eq!(text, definition.wgsl, "{path} is not what the entry holds");
    }
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
    for shader in shaders() {
        let found: BTreeSet<_> = words(&shader.source)
            .filter(|word| reserved.contains(word) && !allowed(word))
            .collect();
        assert!(found.is_empty(), "{}: {found:?}", shader.name);
    }
}
