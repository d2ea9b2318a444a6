//! What shaders take for granted, for one lane: its types, and the functions that come with them.
//!
//! Every function is inlined into a loop over lanes, which compilers make vectors of: so there are no branches, no calls
//! and nothing that looks at a lane's neighbours.

use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Shl, Shr, Sub};

pub(crate) type Real = f32;
pub(crate) type Bool = bool;

/// The bits of a number. Arithmetic wraps around, as in shaders.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Bits(pub(crate) u32);

macro_rules! operators {
    ($($trait:ident::$method:ident by $function:ident;)*) => {
        $(impl $trait for Bits {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(u32::$function(self.0, other.0))
            }
        })*
    };
}

operators! {
    Add::add by wrapping_add;
    Sub::sub by wrapping_sub;
    Mul::mul by wrapping_mul;
    Shl::shl by wrapping_shl;
    Shr::shr by wrapping_shr;
    BitAnd::bitand by bitand;
    BitOr::bitor by bitor;
    BitXor::bitxor by bitxor;
}

/// What can be made a number of.
pub(crate) trait ToReal {
    fn to_real(self) -> Real;
}

impl ToReal for Real {
    #[inline(always)]
    fn to_real(self) -> Real {
        self
    }
}

impl ToReal for Bits {
    #[inline(always)]
    fn to_real(self) -> Real {
        self.0 as Real
    }
}

macro_rules! functions {
    ($($(#[$attribute:meta])* fn $name:ident $(<$($generic:ident: $bound:ident),*>)? ($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {
        $($(#[$attribute])* #[inline(always)] pub(crate) fn $name $(<$($generic: $bound),*>)? ($($argument: $type),*) -> $result $body)*
    };
}

/// What both kinds of numbers can do.
pub(crate) trait Number: Copy + PartialOrd {}
impl Number for Real {}
impl Number for Bits {}

functions! {
    fn real<T: ToReal>(x: T) -> Real { x.to_real() }
    fn bits(x: Real) -> Bits { Bits(x.to_bits()) }
    fn of_bits(bits: Bits) -> Real { Real::from_bits(bits.0) }
    fn select<T: Copy>(reject: T, accept: T, condition: Bool) -> T {
        if condition { accept } else { reject }
    }
    fn min<T: Number>(a: T, b: T) -> T { if b < a { b } else { a } }
    fn max<T: Number>(a: T, b: T) -> T { if a < b { b } else { a } }
    fn clamp<T: Number>(x: T, low: T, high: T) -> T { min(max(x, low), high) }
    fn abs(x: Real) -> Real { x.abs() }
    fn sqrt(x: Real) -> Real { x.sqrt() }
    /// To nearest, ties to even, for numbers below 2^22 in magnitude: processors without an instruction for it do it so.
    fn round(x: Real) -> Real { (x + 12_582_912.0) - 12_582_912.0 }
    /// The shader's is for compilers that reassociate. Rust's does not.
    fn kept(x: Real) -> Real { x }
}
