//! Names chosen by pattern.

/// Whether a name fits a pattern, in which `*` stands for any characters and `?` for one.
///
/// ```
/// use wgpu_activations::io::safetensors::matches;
///
/// assert!(matches("blocks.*.weight", "blocks.0.mlp.weight"));
/// assert!(matches("blocks.?.bias", "blocks.7.bias"));
/// assert!(!matches("blocks.?.bias", "blocks.10.bias"));
/// ```
pub fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // What follows the last star, and the part of the name that it has not taken. Only the last
    // needs to be tried again: an earlier one that takes more leaves no more to the later ones.
    let mut star = None;
    loop {
        let here = name.clone();
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                name = here.clone();
                star = Some((pattern.clone(), here));
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after, rest)) = &mut star else {
                    return false;
                };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), rest.clone());
            }
        }
    }
}
