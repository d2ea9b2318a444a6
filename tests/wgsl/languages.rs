//! What naga makes of a shader.

use naga::{
    ShaderStage, back,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};
use wgpu_activations::wgsl::Words;

/// Parses and validates with core WGSL, no extra capability.
pub(super) fn validate(source: &str) -> Result<(naga::Module, ModuleInfo), String> {
    validate_with(Capabilities::empty(), source)
}

pub(super) fn validate_with(
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
pub(super) fn write_out(
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
