//! A kernel's arguments: one struct in Rust, from which its text in WGSL is made.

/// Words of the uniform buffer that holds a kernel's arguments, whichever the kernel: whole vectors of four, as
/// GLSL wants them.
pub const ARGUMENT_WORDS: usize = 16;

/// Numbers that a kernel gets with each dispatch; [`arguments!`](crate::arguments) makes the struct.
pub trait Arguments {
    /// The struct `Arguments` in WGSL, and the uniform `arguments` in group 1.
    const WGSL: &'static str;

    /// The fields in their order, then zeros.
    fn words(&self) -> [u32; ARGUMENT_WORDS];
}

/// A type of an argument: u32 or f32.
pub trait Word: sealed::Sealed {
    /// Its bits.
    fn word(self) -> u32;
}

impl Word for u32 {
    fn word(self) -> u32 {
        self
    }
}

impl Word for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for f32 {}
}

/// Defines a struct of u32 and f32 fields, at most [`ARGUMENT_WORDS`](crate::wgsl::ARGUMENT_WORDS), that is a kernel's
/// [`Arguments`](trait@crate::wgsl::Arguments). Every field has a comment, which WGSL gets, too.
///
/// ```
/// use wgpu_activations::{arguments, wgsl::Arguments};
///
/// arguments! {
///     /// What the kernel `scale` takes.
///     pub struct Scale {
///         /// Elements.
///         length: u32,
///         /// What each is multiplied by.
///         factor: f32,
///     }
/// }
/// assert!(Scale::WGSL.contains("    // Elements.\n    length: u32,\n"));
/// assert!(Scale::WGSL.ends_with("@group(1) @binding(0) var<uniform> arguments: Arguments;\n"));
/// let words = Scale { length: 3, factor: 1.0 }.words();
/// assert_eq!(words[..3], [3, 0x3f80_0000, 0]);
/// ```
#[macro_export]
macro_rules! arguments {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ident),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        $visibility struct $name {
            $($(#[doc = $doc])+ $visibility $field: $type,)+
        }

        impl $crate::wgsl::Arguments for $name {
            const WGSL: &'static str = concat!(
                "struct Arguments {\n",
                $(
                    $("    //", $doc, "\n",)+
                    "    ", stringify!($field), ": ", stringify!($type), ",\n",
                )+
                "}\n\n@group(1) @binding(0) var<uniform> arguments: Arguments;\n",
            );

            fn words(&self) -> [u32; $crate::wgsl::ARGUMENT_WORDS] {
                let fields = [$($crate::wgsl::Word::word(self.$field)),+];
                const {
                    assert!([$(stringify!($field)),+].len() <= $crate::wgsl::ARGUMENT_WORDS);
                }
                let mut words = [0; $crate::wgsl::ARGUMENT_WORDS];
                words[..fields.len()].copy_from_slice(&fields);
                words
            }
        }
    };
}
